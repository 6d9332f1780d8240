#pragma once
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "dtypefuzz/received.h"

// Where a special case of a contract applies, as a value: it can be asked, told in words and compared.

namespace dtypefuzz {

/// A set of dtypes: those of some categories, some by name, and that of another operand.
struct DtypeSet {
  Categories categories = {};
  std::vector<Dtype> dtypes = {};
  std::string_view like = {};  ///< an operand, whose dtype is one of the set
  bool inverted = false;       ///< all others

  DtypeSet() = default;
  DtypeSet(Categories all_of) : categories(all_of) {}  // NOLINT: a category is a set of dtypes
  DtypeSet(Dtype dtype) : dtypes({dtype}) {}           // NOLINT: so is a dtype
  DtypeSet(std::initializer_list<Dtype> these) : dtypes(these) {}

  bool has(Dtype, const Received&) const;
  /// What is said of an operand: `is float32`, `is not integral`, `is bool or has the dtype of input`.
  std::string words() const;
  bool operator==(const DtypeSet&) const = default;
};
DtypeSet operator|(DtypeSet, const DtypeSet&);
DtypeSet dtype_of(std::string_view operand);
DtypeSet other_than(DtypeSet);

/// Operands by name, where a `*` stands for any text; or all but those.
struct Operands {
  std::vector<std::string_view> names;
  bool all_but = false;

  Operands(std::initializer_list<std::string_view> these) : names(these) {}
  Operands(std::vector<std::string_view> these, bool but) : names(std::move(these)), all_but(but) {}
  bool has(std::string_view operand) const;
  bool operator==(const Operands&) const = default;
};
Operands all_operands();
Operands all_but(std::vector<std::string_view>);

// The conditions. Each `holds` or not, and says in `words` what it asks.

/// Each of the operands that are there is of the set, or, for `kSome`, one of them at least.
struct OperandsAre {
  enum Count : uint8_t { kEach, kSome } count = kEach;
  Operands operands;
  DtypeSet dtypes;
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const OperandsAre&) const = default;
};
/// torch::result_type of the operands is of the set.
struct ResultIs {
  Operands operands;
  DtypeSet dtypes;
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const ResultIs&) const = default;
};
/// Operands of one module, those whose names differ after the last dot alone, have one dtype.
struct ModulesAgree {
  Operands operands;
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const ModulesAgree&) const = default;
};
struct IsGiven {
  std::string_view operand;
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const IsGiven&) const = default;
};
struct InTrain {
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const InTrain&) const = default;
};
struct InRegion {
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const InRegion&) const = default;
};
struct OnDevice {
  Device device;
  bool is_it = true;  ///< false: on any other
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const OnDevice&) const = default;
};
struct DefaultDtypeIs {
  DtypeSet dtypes;
  bool holds(const Received&) const;
  std::string words() const;
  bool operator==(const DefaultDtypeIs&) const = default;
};

using Condition =
    std::variant<OperandsAre, ResultIs, ModulesAgree, IsGiven, InTrain, InRegion, OnDevice, DefaultDtypeIs>;

Condition each(Operands, DtypeSet);
Condition some(Operands, DtypeSet);
inline Condition on(Device device) {
  return OnDevice{device};
}
inline Condition not_on(Device device) {
  return OnDevice{device, false};
}

/// All of these conditions hold. Built once with the row; asking allocates nothing.
class When {
 public:
  When(std::initializer_list<Condition> all) : all_(all) {}
  explicit When(std::vector<Condition> all) : all_(std::move(all)) {}
  bool operator()(const Received&) const;
  std::string words() const;
  std::span<const Condition> conditions() const { return all_; }
  bool operator==(const When&) const = default;

 private:
  std::vector<Condition> all_;
};
/// Both hold.
When operator&(const When&, const When&);

}  // namespace dtypefuzz
