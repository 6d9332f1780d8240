#pragma once
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "harness/search/sweep_cells.h"

namespace dtypefuzz {

/// As an axis's name: each question about the dtype of one operand, one after another round the other axes.
constexpr std::string_view kEachOperand = "operand";

/// The cells of one kind: the product of the axes, or what a function makes.
struct Block {
  std::string_view name;
  /// Where it begins, made of the case in which everything is simplest; nothing: it has no cells there.
  std::optional<Case> (*start)(const Case& simplest, const Part&);
  std::vector<Axis> axes;
  bool (*cells)(const Case&, const Part&, Cells&) = nullptr;
};

/// All that is swept of a module as the only layer, in order.
std::span<const Block> blocks_of_a_module();
/// And of a loss behind a module.
std::span<const Block> blocks_of_a_loss();

}  // namespace dtypefuzz
