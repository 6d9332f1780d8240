#pragma once
#include <compare>
#include <string>
#include <string_view>

#include "dtypefuzz/observation.h"

namespace dtypefuzz {

/// One fault of LibTorch, however many modules, operands, dtypes, devices and regions show it: what is broken
/// and the operator to blame. It has no line, no dtype, no CPU and no release, so that it stays the same over
/// all.
struct Cause {
  std::string property = {};   ///< that is violated
  std::string deed = {};       ///< takes, throws, gives, writes, ends, ...
  std::string operation = {};  ///< `add_`, `AddmmBackward0`, `torch::load`; where none was found, the module
  std::string caller = {};     ///< the operator that called it, where that tells faults apart
  std::string operand = {};    ///< the part that the operand plays, where that tells faults apart: `bias`
  std::string function = {};   ///< that threw
  auto operator<=>(const Cause&) const = default;
};
/// `property:deed:operation:caller:operand:function`, `-` for what it does not have.
std::string to_string(const Cause&);
/// Throws Error for a text that is no cause.
Cause parse_cause(std::string_view text);
/// In one line, as a person would say it: `add_ takes bias of another dtype`.
std::string sentence_of(const Cause&);

/// What is known of a cause beside its name: where in LibTorch it is. It may change with a release.
struct Whereabouts {
  ThrowSite thrown = {};       ///< where LibTorch threw; empty: it did not, or does not say
  std::string exception = {};  ///< the class that was thrown: `c10::TypeError`
  std::string stack = {};      ///< LibTorch's functions that called the operator, the innermost first
  bool operator==(const Whereabouts&) const = default;
};

}  // namespace dtypefuzz
