#pragma once
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/device.h"
#include "harness/core/dtype.h"

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

/// What autocast does to the operands of an operator: aten/src/ATen/autocast_mode.{h,cpp}.
/// Casts touch floating operands other than float64, nothing else.
enum class AutocastPolicy : uint8_t {
  leave,            ///< not in the device's lists
  lower_precision,  ///< to the region's dtype
  float32,          ///< to float32
  promote,          ///< to the widest floating dtype among them
  refused,          ///< an error by design (binary_cross_entropy on CUDA)
  unspecified,      ///< several operators with policies of their own: no promise is made inside a region
};

/// The dtype of one output.
struct OutputRule {
  enum Kind : uint8_t {
    kSameAs,       ///< that operand's, as the operator sees it
    kPromoted,     ///< torch::result_type of the contract's `promotes` operands
    kFixed,        ///< always this
    kFloatOf,      ///< that operand's; integral and bool give the default dtype
    kSameFloat,    ///< that operand's; documentation is silent about integral and bool
    kUnspecified,  ///< documentation is silent
  } kind = kUnspecified;
  std::string_view operand = {};
  Dtype dtype = Dtype::Undefined;
};
constexpr OutputRule same_as(std::string_view operand) {
  return {OutputRule::kSameAs, operand};
}
constexpr OutputRule promoted() {
  return {OutputRule::kPromoted};
}
constexpr OutputRule always(Dtype dtype) {
  return {OutputRule::kFixed, {}, dtype};
}
constexpr OutputRule float_of(std::string_view operand) {
  return {OutputRule::kFloatOf, operand};
}
constexpr OutputRule same_float_as(std::string_view operand) {
  return {OutputRule::kSameFloat, operand};
}
constexpr OutputRule unspecified_output() {
  return {};
}

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

/// Which categories an operand takes; others must be refused by naming the operand or its dtype.
struct CategoryRule {
  std::string_view operand;
  Categories takes;
  std::string_view source;
  std::vector<Dtype> only = {};  ///< where not all dtypes of these categories are taken: those that are
  bool has(Dtype) const;
};

/// What documentation says about some dtypes apart from the rules below: a mix that it allows although the
/// operands should share a dtype, or a combination about which it says nothing. Asked before every other
/// rule.
struct SpecialCase {
  bool (*applies)(const Received& effective);  ///< judged after autocast's casts
  OutputRule output;                           ///< where it is accepted
  std::string_view source;                     ///< where that is said; for `kUnspecified` the reason
  enum Says : uint8_t { kAccepted, kUnspecified } says = kAccepted;
};
/// Nothing is promised where this applies, for that reason.
constexpr SpecialCase unspecified_where(bool (*applies)(const Received&), std::string_view reason) {
  return {applies, {}, reason, SpecialCase::kUnspecified};
}

/// The promise of one module. Operands are named as the module's forward and `named_parameters` name them;
/// `*` stands for all floating and complex parameters and buffers.
struct Contract {
  std::string_view source;  ///< where this is specified
  /// Contracted or normalized together, so they must agree. The first operand of a group is the reference.
  std::vector<std::vector<std::string_view>> share_a_dtype = {};
  /// Combined element by element, so they promise torch::result_type of them.
  std::vector<std::string_view> promotes = {};
  std::vector<CategoryRule> takes = {};
  OutputRule output = same_as("input");
  /// Rules of the second and later outputs; where shorter than the outputs, `output` serves the rest.
  std::vector<OutputRule> more_outputs = {};
  AutocastPolicy autocast_cpu = AutocastPolicy::leave;
  AutocastPolicy autocast_cuda = AutocastPolicy::leave;
  std::vector<SpecialCase> special = {};
  /// Where non-empty, no mix of the operands' dtypes is promised or refused: the reason.
  std::string_view mixes_unspecified = {};
  /// Gradients flow from the outputs to `input` (not through indices).
  bool carries_gradient = true;
  /// The output depends on random numbers in train.
  bool random = false;
};

/// The batches that a norm has counted: the one buffer that is no contract's operand, int64 whatever a module
/// is converted to.
constexpr std::string_view kBatchCounter = "num_batches_tracked";

/// Whether autocast casts this dtype: floating and not float64 (at::autocast::is_autocast_eligible).
bool autocast_casts(Dtype);
/// torch::result_type of tensors with these dtypes and ranks, zero-dimensional rule included; nothing where
/// LibTorch defines none (float8).  Source:
/// https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
std::optional<Dtype> result_type_of(std::span<const OperandFacts> operands);

}  // namespace dtypefuzz
