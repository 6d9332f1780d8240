#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/space.h"
#include "harness/atlas/atlas.h"

// What an atlas shows by itself: cells that disagree with their neighbours, whatever was promised of them,
// and how many of its cells anything judges.
namespace dtypefuzz {

/// One rule that is read off cells.
struct CellRule {
  std::string_view name, sentence;
};
/// `region`, `option`, `documented`, `mismatch`, `unsupported`, `modes`, `dimensions`
std::span<const CellRule> cell_rules();

/// Cells in realistic dtypes that break one rule in the same way.
struct FlaggedGroup {
  std::string rule;
  std::string module, variant, device, autocast, family;  ///< `family` of the refusal's message
  uint64_t cells = 0;
  std::string example;  ///< the first one: dtypes and mode
};

/// How many cells of one kind there are, and what judged them.
struct Share {
  uint64_t cells = 0, judged = 0;
  std::map<std::string, uint64_t> by;    ///< what judged them, the first that did
  std::map<std::string, uint64_t> left;  ///< why nothing did
};

struct Judgement {
  std::vector<FlaggedGroup> groups;  ///< by rule, those of most cells first
  std::map<std::string, uint64_t> flagged;
  /// Of cells on the CPU all of whose operands have a dtype that people compute with (realistic_dtypes).
  Share realistic;
  /// And of those, where all operands that have no dtype by nature are of one floating dtype.
  Share consistent_floating;
};

/// float64, float32, float16, bfloat16, int64, int32, int8, uint8, bool, complex64
std::span<const std::string_view> realistic_dtypes();

/// A cell counts as judged where what happened in it was held against something that could have made it a
/// finding: a promise of its contract, the truth of its refusal's words, float64's numbers, or a neighbour
/// that the refusal takes a dtype away from. That modes agree is not counted: all cells have that neighbour.
/// `space`: the rows that say which dtypes operands have by nature; modules that it lacks are left out.
Judgement judge_atlas(const Atlas&, const Space& space);

}  // namespace dtypefuzz
