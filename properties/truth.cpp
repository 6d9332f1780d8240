#include "properties/truth.h"

#include <algorithm>
#include <vector>

#include "properties/facts.h"

namespace dtypefuzz {
namespace {

class Dtypes {
 public:
  void add(Dtype dtype) {
    all_.push_back(dtype);
    if (c10::isComplexType(dtype)) all_.push_back(c10::toRealValueType(dtype));
  }
  void add(std::optional<Dtype> dtype) {
    if (dtype) add(*dtype);
  }
  void add_region(std::optional<Dtype> dtype) {
    if (!dtype) return;
    add(*dtype);
    add(Dtype::Float);  // of the operators in its float32 list, which may go on with a complex operand
    const std::vector<Dtype> before = all_;
    for (const Dtype other : before)
      if (c10::isComplexType(other)) add(c10::promoteTypes(other, Dtype::Float));
  }
  void add(const CallFacts& call) {
    for (const OperandFacts& operand : call.received) add(operand.dtype);
    add(result_type_of(call.received));  // what operators that promote go on with
    for (const Dtype given : call.given) add(given);
    add_region(call.autocast);
  }
  void add_those_with_gradients(const CallFacts& call) {
    for (const OperandFacts& operand : call.received)
      if (!is_whole(operand.dtype)) add(operand.dtype);
    for (const Dtype given : call.given)
      if (!is_whole(given)) add(given);
    add_region(call.autocast);
  }
  bool has(Dtype dtype) const { return std::ranges::find(all_, dtype) != all_.end(); }
  template <class Is>
  bool some(const Is& is) const {
    return std::ranges::any_of(all_, is);
  }

 private:
  std::vector<Dtype> all_;
};

/// What an error may be about.
Dtypes dtypes_before(const Plan& plan, const Observation& seen) {
  Dtypes dtypes;
  const bool in_call = !seen.calls.empty() && seen.calls.back().threw;
  if (in_call) {
    dtypes.add(seen.calls.back());
  } else if (seen.error->phase == Phase::backward) {
    // Only what has a gradient may have none here: forward should have refused the others.
    for (const CallFacts& call : seen.calls) dtypes.add_those_with_gradients(call);
  } else {
    for (const CallFacts& call : seen.calls) dtypes.add(call);
    dtypes.add(plan.params_dtype), dtypes.add(plan.input_dtype), dtypes.add(plan.default_dtype);
    const auto add_own = [&](const LayerPlan& layer) {
      for (const auto& [operand, dtype] : layer.operand_dtypes) dtypes.add(dtype);
    };
    std::ranges::for_each(plan.layers, add_own);
    if (plan.loss) add_own(*plan.loss);
    if (plan.convert != Convert::none) dtypes.add(plan.convert_dtype);
    if (plan.load != Load::none) dtypes.add(plan.load_dtype);
    dtypes.add_region(plan.autocast);
  }
  // Whole numbers become the default dtype in many operators.
  if (dtypes.some(is_whole)) dtypes.add(plan.default_dtype);
  return dtypes;
}

bool is_plain(Dtype dtype) {
  return dtype == Dtype::Float || dtype == Dtype::Double;
}

/// Whether a text that names no dtype tells of a category that is there.
bool tells_of(std::string_view pattern, const Dtypes& dtypes) {
  const auto says = [&](std::string_view word) { return pattern.find(word) != std::string_view::npos; };
  if (says("Bool") || says("bool")) return dtypes.has(Dtype::Bool);
  const bool wants_complex = says("or complex") || says("non-complex") || says("for complex tensors");
  if (says("omplex") && !wants_complex)
    return dtypes.some([](Dtype dtype) { return c10::isComplexType(dtype); });
  return dtypes.some([](Dtype dtype) { return !is_plain(dtype); });
}

}  // namespace

std::string_view untruth_of(const Plan& plan, const Observation& seen, const Recognized& message) {
  if (!seen.error->type.starts_with("c10::")) return "it is no exception of LibTorch's";
  if (message.family->mark == Family::kFromInside) return "it comes from the inside of a backend";
  const Dtypes dtypes = dtypes_before(plan, seen);
  const auto is_had = [&](const NamedDtype& named) { return !named.wanted; };
  if (std::ranges::none_of(message.named, is_had))
    return tells_of(message.family->pattern, dtypes) ? "" : "it tells of a category that nothing has";
  const bool true_of_some = std::ranges::any_of(
      message.named, [&](const NamedDtype& named) { return !named.wanted && dtypes.has(named.dtype); });
  return true_of_some ? "" : "it names a dtype that nothing has";
}

std::string_view untruth_in_silence(const Facts& facts, const CallFacts& call) {
  const bool exotic = std::ranges::any_of(
      call.received, [](const OperandFacts& o) { return category_of(o.dtype) == Category::other; });
  if (exotic) return "";
  if (!facts.message) return "no known message";
  switch (facts.message->family->kind) {
    case MessageKind::mismatch:
    case MessageKind::cast:
      return agreeing_dtype(facts.plan, call) ? "a mismatch of operands that agree" : "";
    case MessageKind::unsupported:
      return facts.untruth;
    case MessageKind::other:
      return facts.message->family->mark == Family::kOutOfMemory ? "" : "a message that is not about dtypes";
    default:
      return "";
  }
}

}  // namespace dtypefuzz
