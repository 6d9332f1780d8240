#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

template <int dimensions>
Shape draw_pool(Draw& draw, const Site& site) {
  return draw_image(draw, site, draw_image_channels(draw, dimensions), dimensions, 3, true);
}

/// A window with padding at most doubles each size. "Expected ... tensor with optional 0 dim batch size":
/// aten/src/ATen/native/Pool.h.
template <int dimensions>
bool pools(const Shape& in, const Site&) {
  return is_image(in, dimensions, true) && (numel(in) << dimensions) <= kMostElements;
}

/// How a window slides, the same in every dimension.
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

/// What a window may have beside its kernel and stride.
struct May {
  bool pad = false, dilate = false;
};

Window draw_window(Draw& draw, const Shape& in, int dimensions, const May& may) {
  const auto fits = *std::min_element(in.end() - dimensions, in.end());
  std::vector<int64_t> kernels;
  for (const int64_t kernel : {2, 1, 3})
    if (kernel <= fits) kernels.push_back(kernel);
  Window window;
  window.kernel_size = draw.pick<int64_t>(Ask::size, "kernel_size", kernels);
  window.stride = draw.size("stride", {2, 1, 3});
  // "pad should be at most half of effective kernel size": aten/src/ATen/native/Pool.h.
  if (may.pad && window.kernel_size > 1) window.padding = draw.size("padding", {0, 1});
  if (may.dilate && 2 * (window.kernel_size - 1) + 1 <= fits) window.dilation = draw.size("dilation", {1, 2});
  window.ceil_mode = draw.flag("ceil_mode", false);
  return window;
}

Shape after(const Shape& in, int dimensions, const Window& window) {
  Shape out = in;
  for (auto size = out.end() - dimensions; size != out.end(); ++size) *size = windows(*size, window);
  return out;
}

// CPU's list of operators that run in float32 has avg_pool3d and max_pool3d, CUDA's lists have none: the
// pools over one and two dimensions are left alone. Source: aten/src/ATen/autocast_mode.{h,cpp}.
constexpr AutocastPolicy pool_over(int dimensions) {
  return dimensions == 3 ? AutocastPolicy::float32 : AutocastPolicy::leave;
}

/// One operand, one output of its dtype.
Contract pools_alone(std::string_view documentation, AutocastPolicy autocast_cpu) {
  return {.source = documentation, .autocast_cpu = autocast_cpu};
}

/// The indices are int64: aten/src/ATen/native/DilatedMaxPool{2,3}d.cpp.
Contract pools_with_indices(std::string_view documentation, AutocastPolicy autocast_cpu) {
  return {.source = documentation, .more_outputs = {always(Dtype::Long)}, .autocast_cpu = autocast_cpu};
}

template <class Module, int dimensions>
Row max_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = pools_with_indices(documentation, pool_over(dimensions)),
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pool<dimensions>,
      .accepts = pools<dimensions>,
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const Window window = draw_window(draw, in, dimensions, {.pad = true, .dilate = true});
        Drawn drawn = {.make = make<Module>(nn::MaxPoolOptions<dimensions>(window.kernel_size)
                                                .stride(window.stride)
                                                .padding(window.padding)
                                                .dilation(window.dilation)
                                                .ceil_mode(window.ceil_mode)),
                       .out = after(in, dimensions, window)};
        if (!draw.flag("return_indices", false)) return drawn;
        // This is max_pool3d_with_indices, which is in none of autocast's lists.
        static const Contract contract = pools_with_indices(
            "https://pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html",
            AutocastPolicy::leave);
        drawn.forward = with_indices_out<typename Module::ContainedType>;
        if (dimensions == 3) drawn.contract = &contract;
        return drawn;
      },
  };
}

template <class Module, int dimensions>
Row avg_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = pools_alone(documentation, pool_over(dimensions)),
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pool<dimensions>,
      .accepts = pools<dimensions>,
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const Window window = draw_window(draw, in, dimensions, {.pad = true});
        auto options = nn::AvgPoolOptions<dimensions>(window.kernel_size)
                           .stride(window.stride)
                           .padding(window.padding)
                           .ceil_mode(window.ceil_mode);
        if (window.padding > 0) options.count_include_pad(draw.flag("count_include_pad", true));
        // AvgPool1d has this option of the common struct and does not look at it.
        if (dimensions > 1 && draw.flag("divisor_override", false)) options.divisor_override(3);
        return {.make = make<Module>(options), .out = after(in, dimensions, window)};
      },
  };
}

/// Integers to the power of a floating exponent have the default dtype, and a low one is cast by avg_pool3d.
std::vector<SpecialCase> cast_powers(int dimensions) {
  if (dimensions < 3) return {};
  const Condition cast = DefaultDtypeIs{other_than(Dtype::Double)};
  return {accepts_where(is_whole("input") & When{InRegion{}, on(kCpu), cast}, always(Dtype::Float),
                        "aten/src/ATen/autocast_mode.cpp, avg_pool3d")};
}

/// `pow`, the average pool of as many dimensions, `sign`, `relu`, `abs`, `mul` and `pow`:
/// nn/functional/pooling.h. A power with a floating exponent makes integers floating:
/// https://pytorch.org/docs/stable/generated/torch.pow.html. `pow` is in CUDA's float32 list.
template <class Module, int dimensions>
Row lp_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = {.source = documentation,
                   .output = float_of("input"),
                   .autocast_cpu = pool_over(dimensions),
                   .autocast_cuda = AutocastPolicy::float32,
                   .special = cast_powers(dimensions)},
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pool<dimensions>,
      .accepts = pools<dimensions>,
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const auto norm_type = static_cast<double>(draw.size("norm_type", {2, 1, 3}));
        const Window window = draw_window(draw, in, dimensions, {});
        return {.make = make<Module>(nn::LPPoolOptions<dimensions>(norm_type, window.kernel_size)
                                         .stride(window.stride)
                                         .ceil_mode(window.ceil_mode)),
                .out = after(in, dimensions, window)};
      },
  };
}

const Row kPoolingRows[] = {
    max_pool<nn::MaxPool2d, 2>("MaxPool2d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html"),
    max_pool<nn::MaxPool1d, 1>("MaxPool1d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.MaxPool1d.html"),
    max_pool<nn::MaxPool3d, 3>("MaxPool3d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.MaxPool3d.html"),
    avg_pool<nn::AvgPool2d, 2>("AvgPool2d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html"),
    avg_pool<nn::AvgPool1d, 1>("AvgPool1d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.AvgPool1d.html"),
    avg_pool<nn::AvgPool3d, 3>("AvgPool3d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.AvgPool3d.html"),
    lp_pool<nn::LPPool1d, 1>("LPPool1d", "https://pytorch.org/docs/stable/generated/torch.nn.LPPool1d.html"),
    lp_pool<nn::LPPool2d, 2>("LPPool2d", "https://pytorch.org/docs/stable/generated/torch.nn.LPPool2d.html"),
    lp_pool<nn::LPPool3d, 3>("LPPool3d", "https://pytorch.org/docs/stable/generated/torch.nn.LPPool3d.html"),
};

}  // namespace

std::span<const Row> pooling_rows() {
  return kPoolingRows;
}

}  // namespace dtypefuzz
