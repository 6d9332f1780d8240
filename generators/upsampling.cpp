#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostUpsampled = 7;  // that an output size may be

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

const Row kUpsamplingRows[] = {
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
            rank = draw.rank({4, 3, 5});
          }
          const auto channels = draw_image_channels(draw, static_cast<int>(rank) - 2);
          return draw_image(draw, site, channels, static_cast<int>(rank) - 2, 1, false);
        },
        .accepts =
            [](const Shape& in, const Site&) {
              // "Input Error: Only 3D, 4D and 5D input Tensors supported": F::interpolate. None is unbatched.
              if (in.size() < 3 || in.size() > 5 || !is_image(in, static_cast<int>(in.size()) - 2, false))
                return false;
              int64_t by_size = in[0] * in[1];
              for (size_t i = 2; i < in.size(); ++i) by_size *= kMostUpsampled;
              return std::max(numel(in), by_size) <= kMostElements;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const size_t dimensions = in.size() - 2;
          const auto mode =
              draw.pick<std::string_view>(Ask::setting, "mode", modes_over(static_cast<int64_t>(dimensions)));
          auto options = upsample_options(mode);
          Shape out = in;
          if (draw.flag("by_size", false)) {
            const auto size = draw.size("size", {4, 1, kMostUpsampled});
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
        .other_operators =
            {{"mode", "nearest copies numbers, each of the others weighs them by a kernel of its own"}},
    },
};

}  // namespace

std::span<const Row> upsampling_rows() {
  return kUpsamplingRows;
}

}  // namespace dtypefuzz
