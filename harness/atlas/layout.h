#pragma once
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace dtypefuzz {

/// A rectangle of cells: the operands `rows` share one dtype, all dtypes one row each (a single row where
/// there are none); `column` runs over all dtypes within a row; the others have the dtype that `fixed` says.
/// Operands and dtypes are indices into the lists of the layout and the file.
struct Grid {
  /// The cell of a row that stands in an earlier grid, and is left out here.
  static constexpr int64_t kNothing = -1, kDtypeOfTheRow = -2;
  std::vector<uint32_t> rows;
  uint32_t column = 0;
  std::vector<std::pair<uint32_t, uint32_t>> fixed;
  int64_t leaves_out = kNothing;  ///< one of these, or a dtype
  bool operator==(const Grid&) const = default;

  /// `axis`: the number of dtypes along an axis.
  size_t row_count(size_t axis) const { return rows.empty() ? 1 : axis; }
  size_t row_length(size_t axis) const { return axis - (leaves_out == kNothing ? 0 : 1); }
};

/// The operands of a module's variant in some mode and device, and the cells there are: no two of all grids
/// give every operand the same dtype.
struct Layout {
  std::vector<std::string> operands;
  std::vector<Grid> grids;
  bool operator==(const Layout&) const = default;
  size_t cell_count(size_t axis) const;
  size_t row_count(size_t axis) const;
};

/// Visits a layout's cells in order: the cell's index, its grid, and beside the operands each one's dtype.
void each_cell(const Layout&, size_t axis,
               const std::function<void(size_t cell, const Grid&, std::span<const uint32_t> dtype_of)>&);

}  // namespace dtypefuzz
