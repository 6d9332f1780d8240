#pragma once
#include <string>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {

// Options
inline bool draw_unreduced_or(Draw& draw, std::string_view& reduction) {
  reduction = draw.word("reduction", {"mean", "sum", "none"});
  return reduction == "none";
}

template <class Options>
Options reduced(Options options, std::string_view reduction) {
  if (reduction == "sum") return options.reduction(torch::kSum);
  if (reduction == "none") return options.reduction(torch::kNone);
  return options.reduction(torch::kMean);
}

/// A loss with these options and further inputs. Reduced it is a scalar, otherwise of the shape `unreduced`.
template <class Module, class Options>
Drawn reduces(Draw& draw, Options options, const Shape& unreduced, std::vector<InputSpec> inputs) {
  std::string_view reduction;
  const bool is_unreduced = draw_unreduced_or(draw, reduction);
  return {.make = make<Module>(reduced(options, reduction)),
          .out = is_unreduced ? unreduced : Shape{},
          .inputs = std::move(inputs)};
}

template <class Module, class Options>
Drawn compares(Draw& draw, const Shape& in, Options options, Content target = Content::values) {
  return reduces<Module>(draw, options, in, {{.name = "target", .shape = in, .content = target}});
}

/// An option of the module that is set anew for each call, so that it can be an operand like the others.
inline InputSpec class_weight(Draw& draw, int64_t classes) {
  const bool present = draw.flag("weighted", false);
  return {.name = "weight", .shape = {classes}, .content = Content::positive, .present = present};
}

// Shapes
/// [batch, features] or [features].
inline bool is_row_or_rows(const Shape& in, const Site&) {
  return (in.size() == 1 || in.size() == 2) && in.back() > 0;
}

inline Shape draw_row_or_rows(Draw& draw, const Site& site) {
  const auto features = draw_features(draw, "features");
  const Draw::AtRoot root(draw);
  return draw.rank({2, 1}) == 1 ? Shape{features} : Shape{site.batch, features};
}

/// The shape without its last dimension.
inline Shape without_last(const Shape& in) {
  return Shape(in.begin(), in.end() - 1);
}

// What contracts of losses share
/// A sum of integers is int64 and its terms are not, so the reduction decides.
inline SpecialCase any_output_of_an_integral_result() {
  return accepts_with_any_output_where({ResultIs{{"input", "target"}, kWhole}},
                                       "https://pytorch.org/docs/stable/generated/torch.sum.html");
}

/// A distance or an exponential of integers is of the default dtype before it meets the others.
inline SpecialCase any_output_of_integers_among(Operands distances) {
  return accepts_with_any_output_where({some(std::move(distances), kWhole)},
                                       "documentation does not say what integers give");
}

/// Operands that are combined element by element, in the float32 lists of CPU and CUDA as most losses are:
/// aten/src/ATen/autocast_mode.{h,cpp}.
inline Contract combines(std::string_view source, std::vector<std::string_view> operands,
                         std::vector<SpecialCase> special) {
  return {.source = source,
          .promotes = std::move(operands),
          .output = promoted(),
          .autocast_cpu = AutocastPolicy::float32,
          .autocast_cuda = AutocastPolicy::float32,
          .special = std::move(special)};
}

}  // namespace dtypefuzz
