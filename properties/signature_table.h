#pragma once
#include <optional>
#include <span>
#include <string_view>

#include "properties/signature.h"

namespace dtypefuzz {

/// Where the parts of a signature are taken from.
struct From {
  enum class Culprit : uint8_t { call, error, owner, stage } culprit;  ///< stage: what the phase stands for
  enum class Operands : uint8_t { none, disagreeing, disagreeing_after_casts, first, thing } operands;
  enum class Category : uint8_t { operands, given } category;
  enum class Phase : uint8_t { call, error, given } phase;
  enum class Family : uint8_t { message, sibling, given } family;
  enum class Autocast : uint8_t { off, call, call_or_plan, plan, given } autocast;
};

/// One row of the table of names: how a breach is named, where `when` holds.
struct Naming {
  Broken what;
  bool (*when)(const Facts&, const Breach&);  ///< null: always
  Severity severity;
  From from;
  /// What stands in the signature instead: where a breach has one such part only, and where breaches are one
  /// finding whatever they would say there.
  struct Words {
    std::string_view operands = {}, category = {}, family = {};
    std::optional<Phase> phase = {};
  } words = {};
  std::string_view because = {};  ///< the reason of a row that says less than it could
};

/// The rows, in the order in which they are tried.
std::span<const Naming> namings();
const Naming& naming_of(const Facts&, const Breach&);

}  // namespace dtypefuzz
