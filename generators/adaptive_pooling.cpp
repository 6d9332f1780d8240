#include <algorithm>
#include <array>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostSize = 7;  // that an output size may be, over one and two dimensions

template <int dimensions>
Shape draw_pooled(Draw& draw, const Site& site) {
  return draw_image(draw, site, draw_image_channels(draw, dimensions), dimensions, 3, true);
}

/// The output has up to kMostSize elements in each dimension or keeps what the input has.
template <int dimensions>
bool adapts(const Shape& in, const Site&) {
  if (!is_image(in, dimensions, true)) return false;
  int64_t adapted = 1;
  for (size_t i = 0; i < in.size(); ++i) {
    const bool pooled = i >= in.size() - dimensions;
    adapted *= pooled ? std::max(kMostSize, in[i]) : in[i];
  }
  return adapted <= kMostElements;
}

// Of these CPU's list of operators that run in float32 has adaptive_avg_pool3d, adaptive_max_pool3d and
// both fractional ones, CUDA's lists have none. Source: aten/src/ATen/autocast_mode.{h,cpp}.
constexpr AutocastPolicy policy_over(int dimensions) {
  return dimensions == 3 ? AutocastPolicy::float32 : AutocastPolicy::leave;
}

/// Options with this size in every dimension, and where `keeps_width` the input's own in the last ("None").
template <template <class> class Options, int dimensions>
auto adaptive_options(int64_t size, bool keeps_width) {
  if constexpr (dimensions == 1) {
    return Options<torch::ExpandingArray<1>>(size);
  } else {
    std::array<std::optional<int64_t>, dimensions> sizes;
    sizes.fill(size);
    if (keeps_width) sizes.back() = std::nullopt;
    return Options<torch::ExpandingArrayWithOptionalElem<dimensions>>(
        torch::ExpandingArrayWithOptionalElem<dimensions>(sizes));
  }
}

template <class Module, template <class> class Options, int dimensions>
Drawn draw_adaptive(Draw& draw, const Shape& in, const Site&) {
  // 1 is a kernel of its own for averages (`mean`); more than the input has is legal and repeats it.
  const auto size = draw.size("output_size", {2, 1, 3, kMostSize});
  const bool keeps_width = dimensions > 1 && draw.flag("keeps_width", false);
  Shape out = in;
  std::fill(out.end() - dimensions, out.end() - (keeps_width ? 1 : 0), size);
  return {.make = make<Module>(adaptive_options<Options, dimensions>(size, keeps_width)), .out = out};
}

template <class Module, int dimensions>
Row adaptive_avg_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = {.source = documentation, .autocast_cpu = policy_over(dimensions)},
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pooled<dimensions>,
      .accepts = adapts<dimensions>,
      .draw = draw_adaptive<Module, nn::AdaptiveAvgPoolOptions, dimensions>,
  };
}

template <class Module, int dimensions>
Row adaptive_max_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = {.source = documentation,
                   .more_outputs = {always(Dtype::Long)},
                   .autocast_cpu = policy_over(dimensions)},
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pooled<dimensions>,
      .accepts = adapts<dimensions>,
      .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
        Drawn drawn = draw_adaptive<Module, nn::AdaptiveMaxPoolOptions, dimensions>(draw, in, site);
        if (draw.flag("return_indices", false))
          drawn.forward = with_indices_out<typename Module::ContainedType>;
        return drawn;
      },
  };
}

/// Whether a window of `kernel` elements finds `output` places: "pool width too large relative to input
/// width", where three dimensions want one element more. Source:
/// aten/src/ATen/native/FractionalMaxPool{2,3}d.cpp.
bool fits_into(int64_t in, int dimensions, int64_t kernel, int64_t output) {
  const int64_t reach = output + kernel - 1;
  return output > 0 && (dimensions == 3 ? reach < in : reach <= in);
}

/// `_random_samples`, which says where the windows lie, is a buffer if it is given, else drawn in the input's
/// dtype. "Expect _random_samples to have the same dtype as input": aten/src/ATen/native/Pool.h.
template <class Module, int dimensions>
Row fractional_max_pool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = {.source = documentation,
                   .share_a_dtype = {{"input", "_random_samples"}},
                   .more_outputs = {always(Dtype::Long)},
                   .autocast_cpu = AutocastPolicy::float32,
                   .random = Random::always},
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_pooled<dimensions>,
      .accepts =
          [](const Shape& in, const Site&) {
            return is_image(in, dimensions, true) && numel(in) <= kMostElements &&
                   fits_into(*std::min_element(in.end() - dimensions, in.end()), dimensions, 1, 1);
          },
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const auto least = *std::min_element(in.end() - dimensions, in.end());
        const auto those = [](auto&& fit) {
          std::vector<int64_t> sizes;
          for (const int64_t size : {2, 1, 3})
            if (fit(size)) sizes.push_back(size);
          return sizes;
        };
        const auto kernel = draw.pick<int64_t>(
            Ask::size, "kernel_size", those([&](int64_t k) { return fits_into(least, dimensions, k, 1); }));
        auto options = nn::FractionalMaxPoolOptions<dimensions>(kernel);
        Shape out = in;
        const bool half_fits = std::all_of(in.end() - dimensions, in.end(), [&](int64_t size) {
          return fits_into(size, dimensions, kernel, size / 2);
        });
        if (half_fits && draw.flag("by_ratio", false)) {
          options.output_ratio(0.5);
          for (auto size = out.end() - dimensions; size != out.end(); ++size) *size /= 2;
        } else {
          const auto size = draw.pick<int64_t>(Ask::size, "output_size", those([&](int64_t output) {
                                                 return fits_into(least, dimensions, kernel, output);
                                               }));
          options.output_size(size);
          std::fill(out.end() - dimensions, out.end(), size);
        }
        const bool given = draw.flag("random_samples", false), batched = in.size() == dimensions + 2;
        const std::vector<int64_t> samples = {batched ? in.front() : 1, in[batched ? 1 : 0], dimensions};
        Drawn drawn = {.make =
                           [=] {
                             auto all = options;
                             if (given) all._random_samples(torch::rand(samples));
                             return nn::AnyModule(Module(all));
                           },
                       .out = out};
        if (given) drawn.parameters.push_back("_random_samples");
        if (draw.flag("return_indices", false))
          drawn.forward = with_indices_out<typename Module::ContainedType>;
        return drawn;
      },
  };
}

const Row kAdaptivePoolingRows[] = {
    adaptive_avg_pool<nn::AdaptiveAvgPool2d, 2>(
        "AdaptiveAvgPool2d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html"),
    adaptive_avg_pool<nn::AdaptiveAvgPool1d, 1>(
        "AdaptiveAvgPool1d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool1d.html"),
    adaptive_avg_pool<nn::AdaptiveAvgPool3d, 3>(
        "AdaptiveAvgPool3d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool3d.html"),
    adaptive_max_pool<nn::AdaptiveMaxPool1d, 1>(
        "AdaptiveMaxPool1d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool1d.html"),
    adaptive_max_pool<nn::AdaptiveMaxPool2d, 2>(
        "AdaptiveMaxPool2d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool2d.html"),
    adaptive_max_pool<nn::AdaptiveMaxPool3d, 3>(
        "AdaptiveMaxPool3d", "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveMaxPool3d.html"),
    fractional_max_pool<nn::FractionalMaxPool2d, 2>(
        "FractionalMaxPool2d", "https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html"),
    fractional_max_pool<nn::FractionalMaxPool3d, 3>(
        "FractionalMaxPool3d", "https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool3d.html"),
};

}  // namespace

std::span<const Row> adaptive_pooling_rows() {
  return kAdaptivePoolingRows;
}

}  // namespace dtypefuzz
