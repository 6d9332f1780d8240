#include "harness/core/explain.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dtypefuzz {
namespace {

std::string words(const OutputRule& rule, const std::vector<std::string_view>& promotes) {
  switch (rule.kind) {
    case OutputRule::kSameAs:
      return fmt::format("has the dtype of {}", rule.operand);
    case OutputRule::kPromoted:
      return fmt::format("has torch::result_type of {}", fmt::join(promotes, ", "));
    case OutputRule::kFixed:
      return fmt::format("is {}", name_of(rule.dtype));
    case OutputRule::kFloatOf:
      return fmt::format("has the dtype of {}; of integers and bool it has the default dtype", rule.operand);
    case OutputRule::kSameFloat:
      return fmt::format("has the dtype of {}; of integers and bool it may have any", rule.operand);
    case OutputRule::kUnspecified:
      break;
  }
  return "may have any dtype";
}

std::string_view words(AutocastPolicy policy) {
  switch (policy) {
    case AutocastPolicy::leave:
      return "a region changes nothing";
    case AutocastPolicy::lower_precision:
      return "a region casts floating operands, float64 aside, to the region's dtype";
    case AutocastPolicy::float32:
      return "a region casts floating operands, float64 aside, to float32";
    case AutocastPolicy::promote:
      return "a region casts floating operands, float64 aside, to float32 where one of them is float32 or "
             "float64, else to the region's dtype";
    case AutocastPolicy::refused:
      return "nothing is promised in a region: it refuses this module by design";
    case AutocastPolicy::by_parts:
      return "a region does to each of the operators inside what its own policy says: what is taken without "
             "one is taken, and any dtype may come out";
    case AutocastPolicy::unspecified:
      break;
  }
  return "nothing is promised in a region: several operators, each with a policy of its own";
}

std::string names(const std::vector<std::string_view>& operands) {
  std::vector<std::string_view> all;
  for (const auto name : operands)
    all.push_back(name == "*" ? "all floating and complex parameters and buffers" : name);
  return fmt::format("{}", fmt::join(all, ", "));
}

std::string words(const CategoryRule& rule) {
  if (rule.only.empty())
    return fmt::format("{} must be {}, else the refusal names it", rule.operand, words(rule.takes));
  std::vector<std::string_view> dtypes;
  for (const Dtype dtype : rule.only) dtypes.push_back(name_of(dtype));
  return fmt::format("{} must be one of {}, else the refusal names it", rule.operand,
                     fmt::join(dtypes, ", "));
}

std::string words(const SpecialCase& special, const std::vector<std::string_view>& promotes) {
  if (special.says == SpecialCase::kNothingPromised)
    return fmt::format("nothing is promised and any refusal will do where {}", special.applies.words());
  return fmt::format("a mismatch is no reason to refuse, and the output {}, where {}",
                     words(special.output, promotes), special.applies.words());
}

}  // namespace

std::vector<Sentence> explain(const Contract& contract) {
  std::vector<Sentence> said;
  const std::string autocast = "aten/src/ATen/autocast_mode.h, autocast_mode.cpp";
  said.push_back({"autocast", fmt::format("on the CPU {}", words(contract.autocast_cpu)), autocast});
  said.push_back({"autocast", fmt::format("on CUDA {}", words(contract.autocast_cuda)), autocast});
  for (const SpecialCase& special : contract.special) {
    std::string text = words(special, contract.promotes);
    if (!special.goes_first.empty()) text += fmt::format(" (asked first: {})", special.goes_first);
    said.push_back({"special", text, std::string(special.source)});
  }
  for (const CategoryRule& rule : contract.takes)
    said.push_back({"takes", words(rule), std::string(rule.source)});
  for (const auto& group : contract.share_a_dtype)
    said.push_back(
        {"shares",
         fmt::format("{} must have one dtype, else the refusal names two that differ", names(group)),
         {}});
  if (!contract.promotes.empty())
    said.push_back(
        {"promotes",
         fmt::format("{} may differ: they promote to torch::result_type", fmt::join(contract.promotes, ", ")),
         "https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc"});
  if (!contract.mixes_unspecified.empty())
    said.push_back(
        {"open", "nothing is promised where their dtypes differ", std::string(contract.mixes_unspecified)});
  said.push_back({"output", fmt::format("the output {}", words(contract.output, contract.promotes)), {}});
  for (size_t i = 0; i < contract.more_outputs.size(); ++i)
    said.push_back({"output",
                    fmt::format("output {}{} {}", i + 2,
                                i + 1 == contract.more_outputs.size() ? " and any that follows" : "",
                                words(contract.more_outputs[i], contract.promotes)),
                    {}});
  if (!contract.carries_gradient) said.push_back({"state", "no gradient flows to the input", {}});
  if (contract.random != Random::never)
    said.push_back({"state",
                    fmt::format("{}the output is random, and its numbers are not compared",
                                contract.random == Random::in_train ? "in train " : ""),
                    {}});
  if (!contract.statistics.empty())
    said.push_back(
        {"state",
         fmt::format("forward brings {} up to date in train", fmt::join(contract.statistics, ", ")),
         {}});
  if (!contract.counter.empty())
    said.push_back(
        {"state", fmt::format("{} counts batches and stays int64 in conversions", contract.counter), {}});
  said.push_back({"open",
                  "a dtype that a kernel does not have may be refused wherever success is promised, if the "
                  "refusal says so; of quantized, packed and sub-byte dtypes nothing is said",
                  "https://pytorch.org/docs/stable/tensor_attributes.html#torch-dtype"});
  return said;
}

}  // namespace dtypefuzz
