#include "harness/atlas/layout.h"

namespace dtypefuzz {

size_t Layout::cell_count(size_t axis) const {
  size_t n = 0;
  for (const Grid& grid : grids) n += grid.row_count(axis) * grid.row_length(axis);
  return n;
}

size_t Layout::row_count(size_t axis) const {
  size_t n = 0;
  for (const Grid& grid : grids) n += grid.row_count(axis);
  return n;
}

void each_cell(const Layout& layout, size_t axis,
               const std::function<void(size_t, const Grid&, std::span<const uint32_t>)>& visit) {
  std::vector<uint32_t> dtype_of(layout.operands.size());
  size_t cell = 0;
  for (const Grid& grid : layout.grids) {
    for (const auto& [operand, dtype] : grid.fixed) dtype_of[operand] = dtype;
    for (uint32_t row = 0; row < grid.row_count(axis); ++row) {
      for (const uint32_t operand : grid.rows) dtype_of[operand] = row;
      const int64_t without = grid.leaves_out == Grid::kDtypeOfTheRow ? row : grid.leaves_out;
      for (uint32_t dtype = 0; dtype < axis; ++dtype) {
        if (dtype == without) continue;
        dtype_of[grid.column] = dtype;
        visit(cell++, grid, dtype_of);
      }
    }
  }
}

}  // namespace dtypefuzz
