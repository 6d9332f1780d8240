#include <algorithm>
#include <cstdlib>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

using Names = std::vector<std::string_view>;
const Names kParameters = {"weight", "bias"};
const Names kStatistics = {"running_mean", "running_var"};
const Names kParametersAndStatistics = {"weight", "bias", "running_mean", "running_var"};

/// bfloat16 or float16 input with all that the norm holds in float32.
When low_input_and_float32(const Names& held) {
  return is_low("input") & When{each({held, false}, Dtype::Float)};
}

SpecialCase accepts_low_input() {
  return accepts_where(low_input_and_float32(kParametersAndStatistics), same_as("input"),
                       "aten/src/ATen/native/cpu/mixed_data_type.h, check_mixed_data_type, and on CUDA "
                       "aten/src/ATen/native/cuda/Normalization.cu, is_mixed_type");
}

/// Meta stands for any device, so what one accepts it does.
SpecialCase accepts_low_input_not_on_cuda() {
  return accepts_where(low_input_and_float32(kParameters) & When{not_on(kCuda)}, same_as("input"),
                       "aten/src/ATen/native/cpu/mixed_data_type.h, check_mixed_data_type");
}

/// Statistics of another floating dtype, where input, weight and bias agree.
When floating_statistics() {
  return {some({"input"}, kFloating), each({kParameters, false}, dtype_of("input")),
          each({kStatistics, false}, kFloating)};
}

/// That the CPU refused this was reported as a bug (issue 139140), and mended with a test of such mixes.
SpecialCase accepts_floating_statistics() {
  return accepts_where(floating_statistics(), same_as("input"),
                       "https://github.com/pytorch/pytorch/pull/164069");
}

SpecialCase silent_on_statistics_that_differ() {
  return asked_first(
      promises_nothing_where(
          floating_statistics() & When{some({"running_mean"}, other_than(dtype_of("running_var")))},
          "pull request 164069 says nothing of two statistics that differ"),
      "statistics of any floating dtype are accepted where both are of one");
}

SpecialCase silent_on_a_bool_counter() {
  return asked_first(
      promises_nothing_where(
          {some({kBatchCounter}, Dtype::Bool)},
          "to(bool) has made a counter of batches that cannot count, and that is to()'s doing"),
      "forward fails on the counter, whatever dtypes the others have");
}

/// No norm is in the CPU's autocast lists; CUDA's float32 list has `layer_norm` and `group_norm` only.
Contract normalizes(std::string_view source, std::vector<SpecialCase> special) {
  return {.source = source,
          .share_a_dtype = {{"input", "weight", "bias"}},
          .autocast_cuda = AutocastPolicy::float32,
          .special = std::move(special)};
}
Contract normalizes_with_statistics(std::string_view source, std::vector<SpecialCase> special) {
  return {.source = source,
          .share_a_dtype = {{"input", "weight", "bias", "running_mean", "running_var"}},
          .special = std::move(special),
          .statistics = kStatistics,
          .counter = kBatchCounter};
}

/// More than one value a channel: F::batch_norm refuses one ("Expected more than 1 value per channel when
/// training"), and without statistics of its own the module trains in eval too.
bool has_statistics(const Shape& in) {
  return in.size() >= 2 && numel(in) > 0 && numel(in) / in[1] > 1;
}

/// Norms over a batch need a value, so an empty one becomes one sample.
Site filled(Site site) {
  site.batch = std::max<int64_t>(site.batch, 1);
  return site;
}

std::vector<std::string> names_of(bool affine, bool statistics = false) {
  std::vector<std::string> names;
  if (affine) names = {"weight", "bias"};
  if (statistics) names.insert(names.end(), {"running_mean", "running_var"});
  return names;
}

template <class Module, class Impl, int dimensions>
Row batch_norm(std::string_view name, std::string_view documentation) {
  return {.name = name,
          .source = "nn/modules/batchnorm.h",
          .contract =
              normalizes_with_statistics(documentation, {silent_on_a_bool_counter(), accepts_low_input()}),
          .forward = one_tensor_in_one_out<Impl>,
          .input = [](Draw& draw, const Site& site) -> Shape {
            const auto features = draw_features(draw, "num_features");
            if (dimensions == 1 && site.batch > 1) {
              Draw::AtRoot root(draw);
              if (draw.rank({2, 3}) == 2) return {site.batch, features};
            }
            return draw_image(draw, filled(site), features, dimensions,
                              dimensions == 1 ? 2 : 1 + (site.batch < 2), false);
          },
          .accepts =
              [](const Shape& in, const Site&) {
                return (in.size() == dimensions + 2 || (dimensions == 1 && in.size() == 2)) &&
                       has_statistics(in);
              },
          .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
            const bool affine = draw.flag("affine", true);
            const bool statistics = draw.flag("track_running_stats", true);
            auto options = nn::BatchNormOptions(in[1]).affine(affine).track_running_stats(statistics);
            // None: a cumulative average, whose weight is read from `num_batches_tracked`.
            const auto momentum = statistics ? draw.word("momentum", {"0.1", "none", "1"}) : "0.1";
            if (momentum == "none")
              options.momentum(std::nullopt);
            else
              options.momentum(std::strtod(std::string(momentum).c_str(), nullptr));
            return {.make = make<Module>(options), .out = in, .parameters = names_of(affine, statistics)};
          }};
}

template <class Module, class Impl, int dimensions>
Row instance_norm(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/instancenorm.h",
      .contract = normalizes_with_statistics(
          documentation,
          {accepts_low_input(), silent_on_statistics_that_differ(), accepts_floating_statistics()}),
      .forward = one_tensor_in_one_out<Impl>,
      .input =
          [](Draw& draw, const Site& site) {
            return draw_image(draw, filled(site), draw_features(draw, "num_features"), dimensions, 2, true);
          },
      // [batch, channels, sizes...] or [channels, sizes...], and sizes to take statistics over.
      .accepts =
          [](const Shape& in, const Site&) {
            return (in.size() == dimensions + 2 || in.size() == dimensions + 1) && numel(in) > 0 &&
                   numel(Shape(in.end() - dimensions, in.end())) > 1;
          },
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const bool affine = draw.flag("affine", false);
        const bool statistics = draw.flag("track_running_stats", false);
        const auto channels = in[in.size() - dimensions - 1];
        const auto options = nn::InstanceNormOptions(channels).affine(affine).track_running_stats(statistics);
        return {.make = make<Module>(options), .out = in, .parameters = names_of(affine, statistics)};
      }};
}

const Row kNormalizationRows[] = {
    {.name = "LayerNorm",
     .source = "nn/modules/normalization.h",
     .contract = normalizes("https://pytorch.org/docs/stable/generated/torch.nn.LayerNorm.html",
                            {accepts_low_input_not_on_cuda()}),
     .forward = one_tensor_in_one_out<nn::LayerNormImpl>,
     .input = draw_any_input,
     .accepts = [](const Shape& in, const Site&) { return !in.empty() && in.back() > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       // Two dimensions where both have elements: the parameters have their shape.
       const bool two =
           in.size() > 1 && in[in.size() - 2] > 0 && draw.size("normalized_dimensions", {1, 2}) == 2;
       const std::vector<int64_t> normalized(in.end() - (two ? 2 : 1), in.end());
       const bool affine = draw.flag("elementwise_affine", true);
       return {.make = make<nn::LayerNorm>(nn::LayerNormOptions(normalized).elementwise_affine(affine)),
               .out = in,
               .parameters = names_of(affine)};
     }},
    batch_norm<nn::BatchNorm1d, nn::BatchNorm1dImpl, 1>(
        "BatchNorm1d", "https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm1d.html"),
    batch_norm<nn::BatchNorm2d, nn::BatchNorm2dImpl, 2>(
        "BatchNorm2d", "https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html"),
    batch_norm<nn::BatchNorm3d, nn::BatchNorm3dImpl, 3>(
        "BatchNorm3d", "https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm3d.html"),
    instance_norm<nn::InstanceNorm1d, nn::InstanceNorm1dImpl, 1>(
        "InstanceNorm1d", "https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm1d.html"),
    instance_norm<nn::InstanceNorm2d, nn::InstanceNorm2dImpl, 2>(
        "InstanceNorm2d", "https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm2d.html"),
    instance_norm<nn::InstanceNorm3d, nn::InstanceNorm3dImpl, 3>(
        "InstanceNorm3d", "https://pytorch.org/docs/stable/generated/torch.nn.InstanceNorm3d.html"),
    {.name = "LocalResponseNorm",
     .source = "nn/modules/normalization.h",
     // Several operators: `avg_pool3d` alone (from four dimensions on) is in the CPU's float32 list, `pow` in
     // CUDA's.  Source: nn/functional/normalization.h, aten/src/ATen/autocast_mode.{h,cpp}.
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.LocalResponseNorm.html",
                  .autocast_cpu = AutocastPolicy::by_parts,
                  .autocast_cuda = AutocastPolicy::by_parts,
                  .special = {promises_nothing_where(
                      is_whole("input"),
                      "torch.nn.LocalResponseNorm does not say what a quotient of "
                      "whole numbers is")}},
     .forward = one_tensor_in_one_out<nn::LocalResponseNormImpl>,
     .input = [](Draw& draw, const Site& site) -> Shape {
       const auto channels = draw.size("num_channels", {4, 1, 2, 6, 17});
       int64_t rank;
       {
         Draw::AtRoot root(draw);
         rank = draw.rank({4, 3, 5});
       }
       return draw_image(draw, filled(site), channels, static_cast<int>(rank) - 2, 1, false);
     },
     // Of an empty tensor `view` cannot tell the size that it leaves open.
     .accepts = [](const Shape& in, const Site&) { return in.size() >= 3 && numel(in) > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto size = draw.size("size", {2, 1, 3, 5});
       const double beta = draw_number(draw, "beta", {"0.75", "1"});
       return {.make = make<nn::LocalResponseNorm>(nn::LocalResponseNormOptions(size).beta(beta)), .out = in};
     }},
    {.name = "CrossMapLRN2d",
     .source = "nn/modules/_functions.h",
     // Written in operators with `out` and in place, which are in no autocast list.
     .contract = {.source = "https://github.com/pytorch/pytorch/blob/v2.13.0/torch/csrc/api/src/nn/modules/"
                            "_functions.cpp",
                  .special = {promises_nothing_where(is_whole("input"),
                                                     "CrossMapLRN2d is not documented, and a power "
                                                     "of whole numbers is none")}},
     .forward = one_tensor_in_one_out<nn::CrossMapLRN2dImpl>,
     .input = [](Draw& draw, const Site& site) -> Shape {
       return draw_image(draw, site, draw.size("num_channels", {4, 1, 2, 6, 17}), 2, 1, false);
     },
     .accepts = [](const Shape& in,
                   const Site&) { return in.size() == 4 && in[1] > 0 && in[0] * in[1] <= 1024; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       // Below 3 its backward narrows a buffer to more than that has.
       const auto size = draw.size("size", {3, 4, 5});
       const double beta = draw_number(draw, "beta", {"0.75", "1"});
       return {.make = make<nn::CrossMapLRN2d>(nn::CrossMapLRN2dOptions(size).beta(beta)), .out = in};
     }},
    {.name = "GroupNorm",
     .source = "nn/modules/normalization.h",
     .contract = normalizes("https://pytorch.org/docs/stable/generated/torch.nn.GroupNorm.html",
                            {accepts_low_input_not_on_cuda()}),
     .forward = one_tensor_in_one_out<nn::GroupNormImpl>,
     .input = [](Draw& draw, const Site& site) -> Shape {
       const auto channels = draw.size("num_channels", {4, 2, 6, 16, 17, 33});
       int64_t rank;
       {
         Draw::AtRoot root(draw);
         rank = draw.rank({3, 4, 2});
       }
       if (rank == 2) return {std::max<int64_t>(site.batch, 2), channels};
       return draw_image(draw, filled(site), channels, static_cast<int>(rank) - 2, 2, false);
     },
     // F::group_norm refuses one value a group when it counts channels of all samples, as batch_norm does.
     .accepts = [](const Shape& in, const Site&) { return has_statistics(in); },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto channels = in[1];
       int64_t groups = 1;
       if (channels > 2 && channels % 2 == 0)
         groups = draw.size("num_groups", {1, 2, channels});
       else if (channels > 1)
         groups = draw.size("num_groups", {1, channels});
       const bool affine = draw.flag("affine", true);
       return {.make = make<nn::GroupNorm>(nn::GroupNormOptions(groups, channels).affine(affine)),
               .out = in,
               .parameters = names_of(affine)};
     }},
};

}  // namespace

std::span<const Row> normalization_rows() {
  return kNormalizationRows;
}

}  // namespace dtypefuzz
