#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dtypefuzz/device.h"
#include "dtypefuzz/dtype.h"

namespace dtypefuzz {

enum class Role : uint8_t { input, parameter, buffer };

/// One tensor that a layer got or holds: `input`, `hx`, `weight`, `running_mean`.
struct OperandFacts {
  std::string name;
  Dtype dtype = Dtype::Undefined;
  int rank = 0;
  Role role = Role::input;
  bool operator==(const OperandFacts&) const = default;
};

/// What a layer received, in full: the argument of every contract.
struct Received {
  std::span<const OperandFacts> operands;
  std::optional<Dtype> autocast;  ///< the region's dtype, nothing outside of one
  Device device = kCpu;
  Dtype default_dtype = Dtype::Float;
  bool train = true;
  const OperandFacts* find(std::string_view name) const;
  /// The operand's dtype; Undefined where it is absent.
  Dtype dtype_of(std::string_view name) const;
};

}  // namespace dtypefuzz
