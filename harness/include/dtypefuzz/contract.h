#pragma once
#include <string_view>
#include <vector>

#include "dtypefuzz/promotion.h"
#include "dtypefuzz/when.h"

namespace dtypefuzz {

/// What autocast does to the operands of an operator: aten/src/ATen/autocast_mode.{h,cpp}.
/// Casts touch floating operands other than float64, nothing else.
enum class AutocastPolicy : uint8_t {
  leave,            ///< not in the device's lists
  lower_precision,  ///< to the region's dtype
  float32,          ///< to float32
  promote,          ///< to the widest floating dtype among them
  refused,          ///< an error by design (binary_cross_entropy on CUDA)
  /// Several operators with policies of their own, some of which cast. Whatever is taken without a region is
  /// taken in one, since each of those operators takes what the ones before it give; which dtype comes out is
  /// left open, and so are mixes that are not taken without.
  by_parts,
  unspecified,  ///< nothing is known of the operators' policies: no promise is made inside a region
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
/// rule, after autocast's casts, and the first that applies decides.
struct SpecialCase {
  When applies;
  OutputRule output;        ///< where it is accepted
  std::string_view source;  ///< where that is said; where nothing is promised, the reason
  enum Says : uint8_t { kAccepted, kNothingPromised } says = kAccepted;
  /// Where a later special case may apply too and says something else: why this one goes first.
  std::string_view goes_first = {};
};
/// The call must not be refused as a mismatch, and the output is as said.
SpecialCase accepts_where(When, OutputRule, std::string_view source);
/// The call must not be refused as a mismatch; documentation leaves the output's dtype open.
SpecialCase accepts_with_any_output_where(When, std::string_view source);
/// Whatever happens is right: the call may be refused in any words, and give any dtype.
SpecialCase promises_nothing_where(When, std::string_view reason);
/// The same, and why it is asked before those that come after it in the row.
SpecialCase asked_first(SpecialCase, std::string_view because);

/// When the output depends on random numbers.
enum class Random : uint8_t { never, in_train, always };

/// What the documentation says an operand's numbers mean in some dtypes, as another operand that means the
/// same: where both are taken, the module gives the same numbers for both.
struct Equivalence {
  enum Meaning : uint8_t {
    kLeftOut,  ///< what is not zero may not be attended: as a floating mask of 0 and -inf, which is added
  } meaning = kLeftOut;
  std::string_view operand;
  DtypeSet dtypes;
  std::string_view source;
};

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
  /// Rules of the second and later outputs. Of more outputs than rules the last rule, `output` if it is
  /// alone, serves the rest.
  std::vector<OutputRule> more_outputs = {};
  AutocastPolicy autocast_cpu = AutocastPolicy::leave;
  AutocastPolicy autocast_cuda = AutocastPolicy::leave;
  std::vector<SpecialCase> special = {};
  std::vector<Equivalence> equivalents = {};
  /// Where non-empty, no mix of the operands' dtypes is promised or refused: the reason.
  std::string_view mixes_unspecified = {};
  /// Gradients flow from the outputs to `input` (not through indices).
  bool carries_gradient = true;
  Random random = Random::never;
  /// Buffers that forward brings up to date in train.
  std::vector<std::string_view> statistics = {};
  /// The buffer that counts batches, no operand: int64 whatever the module is converted to.
  std::string_view counter = {};
};

/// The batches that a norm has counted: the one buffer that is no contract's operand, int64 whatever a module
/// is converted to.
constexpr std::string_view kBatchCounter = "num_batches_tracked";

/// Whether autocast casts this dtype: floating and not float64 (at::autocast::is_autocast_eligible).
bool autocast_casts(Dtype);

}  // namespace dtypefuzz
