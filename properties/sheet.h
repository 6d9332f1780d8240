#pragma once
#include <algorithm>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <vector>

#include "properties/property.h"

// For tests: facts written by hand, of no run.
namespace dtypefuzz {

inline OperandFacts input(std::string name, Dtype dtype, int rank = 2) {
  return {std::move(name), dtype, rank, Role::input};
}
inline OperandFacts parameter(std::string name, Dtype dtype, int rank = 2) {
  return {std::move(name), dtype, rank, Role::parameter};
}
inline OperandFacts buffer(std::string name, Dtype dtype, int rank = 1) {
  return {std::move(name), dtype, rank, Role::buffer};
}

/// A product of input, weight and bias, which autocast runs in lower precision.
inline const Contract kProduct{.source = "a test",
                               .share_a_dtype = {{"input", "weight", "bias"}},
                               .autocast_cpu = AutocastPolicy::lower_precision};

/// Facts of one layer, a Linear in float32 that gave float32. A test changes what it is about.
struct Sheet {
  Plan plan;
  Expectation promised;
  Observation seen;
  Strictness strictness;
  std::vector<Sibling> siblings;
  std::vector<ValueFacts> values;
  bool sound = true;
  std::optional<Ending> ending;

  explicit Sheet(const Contract& contract = kProduct) {
    plan.layers.emplace_back();
    plan.layers.front().module = "Linear";
    plan.layers.front().contract = &contract;
    plan.layers.front().path = "layers[0]";
    plan.input_shape = {2, 4};
    seen.calls.push_back({.culprit = {Culprit::kLayer, 0},
                          .received = {input("input", Dtype::Float), parameter("weight", Dtype::Float),
                                       parameter("bias", Dtype::Float, 1)},
                          .given = {Dtype::Float}});
    expect();
  }

  CallFacts& call() { return seen.calls.front(); }
  Promise& promise() { return promised.calls.front(); }

  /// What the contracts promise for the calls as they are now.
  void expect() {
    promised.calls.clear();
    for (const CallFacts& each : seen.calls) promised.calls.push_back(promise_for(plan, each));
    promised.regions = regions_of(plan, seen);
  }
  /// Gives the input another dtype than the parameters have: a mismatch, where neither is unsupported.
  void disagree(Dtype dtype = Dtype::Double) {
    call().received.front().dtype = dtype;
    expect();
    promised.supported = {{dtype, true}, {Dtype::Float, true}};
  }
  /// Ends the run in this phase; in forward it is the layer's call that throws.
  void refuse(std::string message, Phase phase = Phase::forward, Culprit culprit = {Culprit::kLayer, 0}) {
    seen.error = ErrorFacts{phase, culprit, 0, "c10::Error", std::move(message)};
    if (phase != Phase::forward) return;
    call().threw = true;
    call().given.clear();
  }
  /// A sibling that did as the layer did.
  Sibling& add_sibling(Sibling::Kind kind) {
    siblings.push_back({kind, plan, seen, promise()});
    return siblings.back();
  }

  Facts facts() const {
    Facts facts(plan, promised, seen, strictness);
    facts.siblings = siblings;
    facts.values = values;
    facts.sound = sound;
    if (ending) facts.ending = &*ending;
    return facts;
  }
  Verdict verdict(std::string_view property) const {
    const auto all = all_properties();
    const auto at = std::ranges::find(all, property, &Property::name);
    return judge_all(facts()).at(static_cast<size_t>(at - all.begin()));
  }
  std::vector<std::string> signatures() const {
    std::vector<std::string> texts;
    for (const Violation& v : judge(facts())) texts.push_back(to_string(v.signature));
    return texts;
  }
};

inline std::ostream& operator<<(std::ostream& out, const Verdict& verdict) {
  return out << to_string(verdict.kind) << ": " << verdict.why;
}

constexpr std::string_view kMismatch = "mat1 and mat2 must have the same dtype, but got Double and Float";
constexpr std::string_view kUnsupported = "\"addmm_impl_cpu_\" not implemented for 'Float'";
constexpr std::string_view kUnknown = "flux capacitor unplugged";

}  // namespace dtypefuzz
