#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/dtype.h"

// The messages of LibTorch that tell of dtypes, as one table of literal patterns: messages/families.h.
namespace dtypefuzz {

/// What a message is about.
enum class MessageKind : uint8_t {
  mismatch,     ///< operands' dtypes disagree
  unsupported,  ///< a dtype or a category is not implemented, not supported or refused
  cast,         ///< a result type that can't be cast
  range,        ///< values, not dtypes
  device,       ///< devices
  no_meta,      ///< no fake implementation or Meta kernel
  autograd,     ///< documented restrictions of autograd
  other,        ///< known, but unrelated to dtypes
};

/// A dtype that a message names, and for which operand, as the message says it; may be empty.
struct NamedDtype {
  std::string operand;
  Dtype dtype;
  bool wanted = false;  ///< what an operand should have, not what it has
};

/// One complaint in one wording.
struct Family {
  std::string_view name;
  MessageKind kind;
  /// Literal text with captures, matched anywhere in a message: `{name}` a dtype of operand `name`, `{}` a
  /// dtype, `{expected}` a dtype that is wanted, `{*}` anything.
  std::string_view pattern;
  /// What sets it apart from others of its kind.
  enum Mark : uint8_t {
    kPlain,
    kNoOperand,          ///< tells of a tensor that is not there, so of no category
    kRestrictsAutograd,  ///< a restriction of autograd, although it says that a dtype is not supported
    kOutOfMemory,        ///< an allocation was refused
    kFromInside,         ///< of a backend, or of a CPU that lacks something: says nothing to a caller
  } mark = kPlain;
};

/// A message as its family and the dtypes that it names.
struct Recognized {
  const Family* family;
  std::vector<NamedDtype> named;
};

/// The first family of the table that matches; nothing when none does.
std::optional<Recognized> recognize(std::string_view message);

/// Whether the message is about what autograd documents not to do, whatever the operands.
bool restricts_autograd(const Recognized&);
/// Refusals that say nothing about dtypes' consistency: values, devices, missing kernels of meta, autograd's
/// rules.
bool not_about_dtypes(const Recognized&);

/// The table, in the order in which its rows are tried.
std::span<const Family> message_families();

/// A dtype in any spelling that LibTorch's messages use; nothing when it is none.
std::optional<Dtype> dtype_named(std::string_view spelling);

}  // namespace dtypefuzz
