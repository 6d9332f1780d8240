#include "harness/atlas/atlas.h"

#include <algorithm>

namespace dtypefuzz {
namespace {

template <class T>
void add_run(Atlas::Runs& runs, T what) {
  if (runs.empty() || runs.back().first != what) runs.emplace_back(what, 0);
  ++runs.back().second;
}

}  // namespace

uint64_t Atlas::cell_count() const {
  uint64_t n = 0;
  for (const Section& section : sections) n += layouts[section.layout].cell_count(axis);
  return n;
}

std::vector<uint32_t> Atlas::results_of(const Section& section) const {
  std::vector<uint32_t> cells;
  cells.reserve(layouts[section.layout].cell_count(axis));
  for (const auto& [row, times] : tables[section.table])
    for (uint32_t i = 0; i < times; ++i)
      for (const auto& [result, count] : rows[row]) cells.insert(cells.end(), count, result);
  return cells;
}

uint32_t AtlasWriter::result(const CellResult& result) {
  const auto [at, is_new] = results_.try_emplace(result, static_cast<uint32_t>(atlas_.results.size()));
  if (is_new) atlas_.results.push_back(result);
  return at->second;
}

void AtlasWriter::add(Section section, const Layout& layout, std::span<const uint32_t> cells) {
  const auto known = [](auto& index, auto& list, auto& value) {
    const auto [at, is_new] = index.try_emplace(value, static_cast<uint32_t>(list.size()));
    if (is_new) list.push_back(value);
    return at->second;
  };
  Atlas::Runs table;
  for (const Grid& grid : layout.grids)
    for (size_t row = 0; row < grid.row_count(atlas_.axis); ++row) {
      Atlas::Runs runs;
      const size_t length = grid.row_length(atlas_.axis);
      for (const uint32_t cell : cells.first(length)) add_run(runs, cell);
      cells = cells.subspan(length);
      add_run(table, known(rows_, atlas_.rows, runs));
    }
  section.table = known(tables_, atlas_.tables, table);
  const auto at = std::find(atlas_.layouts.begin(), atlas_.layouts.end(), layout);
  section.layout = static_cast<uint32_t>(at - atlas_.layouts.begin());
  if (at == atlas_.layouts.end()) atlas_.layouts.push_back(layout);
  atlas_.sections.push_back(std::move(section));
}

}  // namespace dtypefuzz
