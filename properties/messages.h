#pragma once
#include <c10/core/ScalarType.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dtypefuzz {

/// What an error message is about.
enum class MessageKind : uint8_t {
  mismatch,     ///< says that operands' dtypes disagree
  unsupported,  ///< names a dtype or its category as not implemented or not taken
  cast,         ///< tells of a result type that cannot be cast
  range,        ///< about values
  device,       ///< about devices, sometimes in a dtype's clothes
  no_meta,      ///< no meta kernel
  autograd,     ///< a documented autograd restriction
  other,        ///< known, and unrelated to dtypes
};
std::string_view to_string(MessageKind);

/// A dtype that a message names, and the operand that it says has it (empty where it does not say).
struct NamedDtype {
  std::string operand;
  std::optional<c10::ScalarType> dtype;
};

/// One spelling. In a pattern `{name}` and `{}` capture a dtype, `{*}` anything; the rest is literal. A pattern
/// matches anywhere in a message; a dtype capture that is no dtype makes it not match.
struct Family {
  std::string_view name;  ///< stable: part of signatures
  MessageKind kind;
  std::string_view pattern;
};

struct Recognized {
  const Family* family = nullptr;
  std::vector<NamedDtype> named;
};

/// The first family of the table that matches; nothing for a message that no family knows.
std::optional<Recognized> recognize(std::string_view message);
std::span<const Family> message_families();
/// A dtype in any of LibTorch's spellings: `double`, `Double`, `c10::Half`, `CPUBFloat16Type`, `torch.FloatTensor`.
std::optional<c10::ScalarType> dtype_named(std::string_view spelling);

}  // namespace dtypefuzz
