#include <algorithm>

#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostElements = 100'000;  // of any tensor, so that no stack is slow
constexpr int64_t kMostSize = 7;            // that an output size may be

int64_t draw_channels(Draw& draw) {
  const Draw::AtRoot root(draw);
  return draw.size("input.channels", {2, 1, 3, 4, 8, 17});
}

Shape draw_two_dimensional(Draw& draw, const Site& site) {
  return draw_image(draw, site, draw_channels(draw), 2, 3, true);
}

/// [batch, channels, size...] or, unbatched, [channels, size...]. The batch alone may be empty: "Expected ...
/// tensor with optional 0 dim batch size", aten/src/ATen/native/Pool.h.
bool is_image(const Shape& in, size_t dimensions, bool may_be_unbatched) {
  const bool batched = in.size() == dimensions + 2;
  if (!batched && !(may_be_unbatched && in.size() == dimensions + 1)) return false;
  return std::all_of(in.begin() + (batched ? 1 : 0), in.end(), [](int64_t size) { return size > 0; });
}

/// A window with padding at most doubles each size; AdaptiveAvgPool2d gives kMostSize rows of any width.
bool pools(const Shape& in, const Site&) {
  if (!is_image(in, 2, true)) return false;
  const int64_t planes = numel(in) / (in.back() * in[in.size() - 2]);
  const int64_t adapted = planes * kMostSize * std::max(kMostSize, in.back());
  return 4 * numel(in) <= kMostElements && adapted <= kMostElements;
}

/// How a window slides, the same in height and width.
struct Window {
  int64_t kernel_size = 1, stride = 1, padding = 0, dilation = 1;
  bool ceil_mode = false;
};

/// With ceil_mode a last window may hang over the edge, if it starts inside of the input or its left padding:
/// pooling_output_shape_pad_lr, aten/src/ATen/native/Pool.h.
int64_t windows(int64_t in, const Window& window) {
  const int64_t whole = slide(in, window.kernel_size, window.stride, window.padding, window.dilation);
  if (!window.ceil_mode) return whole;
  const int64_t reach = in + 2 * window.padding - window.dilation * (window.kernel_size - 1) - 1;
  const bool overhangs = reach % window.stride != 0 && whole * window.stride < in + window.padding;
  return overhangs ? whole + 1 : whole;
}

Window draw_window(Draw& draw, const Shape& in, bool may_dilate) {
  const auto fits = std::min(in.back(), in[in.size() - 2]);
  std::vector<int64_t> kernels;
  for (const int64_t kernel : {2, 1, 3})
    if (kernel <= fits) kernels.push_back(kernel);
  Window window;
  window.kernel_size = draw.pick<int64_t>(Ask::size, "kernel_size", kernels);
  window.stride = draw.size("stride", {2, 1, 3});
  // "pad should be at most half of effective kernel size": aten/src/ATen/native/Pool.h.
  if (window.kernel_size > 1) window.padding = draw.size("padding", {0, 1});
  if (may_dilate && 2 * (window.kernel_size - 1) + 1 <= fits) window.dilation = draw.size("dilation", {1, 2});
  window.ceil_mode = draw.flag("ceil_mode", false);
  return window;
}

Shape after(const Shape& in, const Window& window) {
  Shape out = in;
  for (size_t i = in.size() - 2; i < in.size(); ++i) out[i] = windows(in[i], window);
  return out;
}

/// One operand, one output of its dtype.
Contract pools_alone(std::string_view documentation) {
  // CPU's lists have avg_pool3d, max_pool3d and adaptive_avg_pool3d, CUDA's none at all: the pools over two
  // dimensions are left alone. Source: aten/src/ATen/autocast_mode.{h,cpp}.
  return {.source = documentation};
}

/// The modes that take an input with this many sizes: F::interpolate.
std::vector<std::string_view> modes_over(int64_t dimensions) {
  if (dimensions == 1) return {"nearest", "linear"};
  if (dimensions == 2) return {"nearest", "bilinear", "bicubic"};
  return {"nearest", "trilinear"};
}

/// A factor for every dimension that keeps the output small; 1 always does.
int64_t draw_scale(Draw& draw, const Shape& in) {
  std::vector<int64_t> scales;
  for (const int64_t scale : {2, 1, 3}) {
    int64_t elements = numel(in);
    for (size_t i = 2; i < in.size(); ++i) elements *= scale;
    if (scale == 1 || elements <= kMostElements) scales.push_back(scale);
  }
  return draw.pick<int64_t>(Ask::size, "scale_factor", scales);
}

nn::UpsampleOptions upsample_options(std::string_view mode) {
  nn::UpsampleOptions options;  // nearest
  if (mode == "linear") options.mode(torch::kLinear);
  if (mode == "bilinear") options.mode(torch::kBilinear);
  if (mode == "bicubic") options.mode(torch::kBicubic);
  if (mode == "trilinear") options.mode(torch::kTrilinear);
  return options;
}

const Row kRows[] = {
    {
        .name = "MaxPool2d",
        .source = "nn/modules/pooling.h",
        .contract = pools_alone("https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html"),
        .forward = one_tensor_in_one_out<nn::MaxPool2dImpl>,
        .input = draw_two_dimensional,
        .accepts = pools,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const Window window = draw_window(draw, in, true);
          return {.make = make<nn::MaxPool2d>(nn::MaxPool2dOptions(window.kernel_size)
                                                  .stride(window.stride)
                                                  .padding(window.padding)
                                                  .dilation(window.dilation)
                                                  .ceil_mode(window.ceil_mode)),
                  .out = after(in, window)};
        },
    },
    {
        .name = "AvgPool2d",
        .source = "nn/modules/pooling.h",
        .contract = pools_alone("https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html"),
        .forward = one_tensor_in_one_out<nn::AvgPool2dImpl>,
        .input = draw_two_dimensional,
        .accepts = pools,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const Window window = draw_window(draw, in, false);
          auto options = nn::AvgPool2dOptions(window.kernel_size)
                             .stride(window.stride)
                             .padding(window.padding)
                             .ceil_mode(window.ceil_mode);
          if (window.padding > 0) options.count_include_pad(draw.flag("count_include_pad", true));
          if (draw.flag("divisor_override", false)) options.divisor_override(3);
          return {.make = make<nn::AvgPool2d>(options), .out = after(in, window)};
        },
    },
    {
        .name = "AdaptiveAvgPool2d",
        .source = "nn/modules/pooling.h",
        .contract = pools_alone("https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html"),
        .forward = one_tensor_in_one_out<nn::AdaptiveAvgPool2dImpl>,
        .input = draw_two_dimensional,
        .accepts = pools,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          // 1 is a kernel of its own (`mean`); more than the input has is legal and repeats it.
          const auto size = draw.size("output_size", {2, 1, 3, kMostSize});
          Shape out = in;
          out[in.size() - 2] = size;
          if (draw.flag("keeps_width", false))  // an output width of "None"
            return {.make = make<nn::AdaptiveAvgPool2d>(nn::AdaptiveAvgPool2dOptions({size, std::nullopt})),
                    .out = out};
          out.back() = size;
          return {.make = make<nn::AdaptiveAvgPool2d>(nn::AdaptiveAvgPool2dOptions({size, size})),
                  .out = out};
        },
    },
    {
        .name = "Upsample",
        .source = "nn/modules/upsampling.h",
        // All upsample_* operators are in CUDA's float32 list and in none of CPU's.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html",
                     .autocast_cuda = AutocastPolicy::float32},
        .forward = one_tensor_in_one_out<nn::UpsampleImpl>,
        .input = [](Draw& draw, const Site& site) -> Shape {
          int64_t rank = 0;
          {
            const Draw::AtRoot root(draw);
            rank = draw.size("input.rank", {4, 3, 5});
          }
          const auto channels = rank == 5 ? 2 : draw_channels(draw);
          return draw_image(draw, site, channels, static_cast<int>(rank) - 2, 1, false);
        },
        .accepts =
            [](const Shape& in, const Site&) {
              // "Input Error: Only 3D, 4D and 5D input Tensors supported": F::interpolate. None is unbatched.
              if (in.size() < 3 || in.size() > 5 || !is_image(in, in.size() - 2, false)) return false;
              int64_t by_size = in[0] * in[1];
              for (size_t i = 2; i < in.size(); ++i) by_size *= kMostSize;
              return std::max(numel(in), by_size) <= kMostElements;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const size_t dimensions = in.size() - 2;
          const auto mode =
              draw.pick<std::string_view>(Ask::setting, "mode", modes_over(static_cast<int64_t>(dimensions)));
          auto options = upsample_options(mode);
          Shape out = in;
          if (draw.flag("by_size", false)) {
            const auto size = draw.size("size", {4, 1, kMostSize});
            options.size(std::vector<int64_t>(dimensions, size));
            std::fill(out.begin() + 2, out.end(), size);
          } else {
            const auto scale = draw_scale(draw, in);
            options.scale_factor(std::vector<double>(dimensions, static_cast<double>(scale)));
            for (size_t i = 2; i < in.size(); ++i) out[i] *= scale;
          }
          // Only the interpolating modes take it: F::interpolate.
          if (mode != "nearest") options.align_corners(draw.flag("align_corners", false));
          return {.make = make<nn::Upsample>(options), .out = out};
        },
    },
};

}  // namespace

std::span<const Row> pooling_rows() {
  return kRows;
}

}  // namespace dtypefuzz
