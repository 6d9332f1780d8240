// The dtype-relevant messages of LibTorch, as one table of literal patterns.
#pragma once

#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace dtypefuzz {

enum class MessageKind : uint8_t {
  mismatch,     // operands' dtypes disagree
  unsupported,  // a dtype or a category is not implemented, not supported or refused
  cast,         // a result type that can't be cast
  range,        // about values, not dtypes
  device,       // about devices
  no_meta,      // no fake implementation or Meta kernel
  autograd,     // documented restrictions of autograd
  other,        // known, but unrelated to dtypes
};

// One dtype a message names, and for which operand (as the message says it; may be empty).
struct NamedDtype {
  std::string operand;
  std::optional<c10::ScalarType> dtype;
};

// `pattern` is literal text with captures: `{name}` a dtype of operand `name`, `{}` a dtype,
// `{*}` anything. It is matched anywhere in the message.
struct Family {
  std::string_view name;
  MessageKind kind;
  std::string_view pattern;
};

struct Recognized {
  const Family* family;
  std::vector<NamedDtype> named;
};

// The first family of the table that matches; nullopt when none does.
std::optional<Recognized> recognize(std::string_view message);

/// Whether the message is about what autograd documents not to do, whatever the operands.
bool restricts_autograd(const Recognized&);

std::span<const Family> message_families();

// A dtype in any spelling LibTorch's messages use; nullopt when it is none.
std::optional<c10::ScalarType> dtype_named(std::string_view spelling);

}  // namespace dtypefuzz
