#include "harness/atlas/atlas_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "harness/core/error.h"
#include "harness/core/text.h"
#include "harness/files/files.h"
#include "harness/files/json_file.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kFormat = "dtypefuzz atlas";
// A file of today has 46 dtypes, 40 operands, 10,000 cells a layout and 14 million cells; beyond these it is
// no atlas. They bound what `compare` takes as well: a few words of text can claim very many cells.
constexpr size_t kMostBytes = 64 << 20;
constexpr size_t kMostDtypes = 255, kMostOperands = 200, kMostGrids = 10'000;
constexpr size_t kMostOfALayout = 1'000'000, kMostCells = 500'000'000;

template <class T>
void add_run(Atlas::Runs& runs, T what) {
  if (runs.empty() || runs.back().first != what) runs.emplace_back(what, 0);
  ++runs.back().second;
}

uint64_t length_of(const Atlas::Runs& runs) {
  uint64_t n = 0;
  for (const auto& [what, count] : runs) n += count;
  return n;
}

/// Each grid's row, whether its length fits, in the order of the table.
bool fits(const Atlas& atlas, const Layout& layout, const Atlas::Runs& table) {
  if (length_of(table) != layout.row_count(atlas.axis)) return false;
  size_t grid = 0, left = layout.grids.empty() ? 0 : layout.grids[0].row_count(atlas.axis);
  for (const auto& [row, count] : table) {
    const uint64_t length = length_of(atlas.rows[row]);
    for (uint32_t i = 0; i < count; ++i) {
      while (left == 0) left = layout.grids[++grid].row_count(atlas.axis);
      if (layout.grids[grid].row_length(atlas.axis) != length) return false;
      --left;
    }
  }
  return true;
}

}  // namespace

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

// Writing
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

std::string print_atlas(const Atlas& atlas) {
  const auto text_of = [](const Json& json) {
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  };
  std::string text = "{\n";
  const auto field = [&](std::string_view name, const Json& json) {
    text += fmt::format("\"{}\": {},\n", name, text_of(json));
  };
  const auto list = [&](std::string_view name, const auto& elements, const auto& element, bool last = false) {
    text += fmt::format("\"{}\": [", name);
    bool first = true;
    for (const auto& e : elements) {
      text += first ? "\n" : ",\n";
      first = false;
      element(e);
    }
    text += last ? "\n]\n" : "\n],\n";
  };
  const auto runs = [&](const Atlas::Runs& all) {
    char separator = '[';
    for (const auto& [what, count] : all) {
      fmt::format_to(std::back_inserter(text), "{}{},{}", separator, what, count);
      separator = ',';
    }
    text += ']';
  };
  field("format", kFormat);
  field("schema", 1);
  field("libtorch", atlas.libtorch);
  field("cpu_capability", atlas.cpu_capability);
  field("dtypes", atlas.dtypes);
  field("axis", atlas.axis);
  list("layouts", atlas.layouts, [&](const Layout& layout) {
    Json grids = Json::array();
    for (const Grid& grid : layout.grids)
      grids.push_back({{"rows", grid.rows},
                       {"column", grid.column},
                       {"fixed", grid.fixed},
                       {"leaves_out", grid.leaves_out}});
    text += text_of({{"operands", layout.operands}, {"grids", grids}});
  });
  list("results", atlas.results, [&](const CellResult& r) {
    text += text_of({r.outcome, r.phase, r.family, r.grade, r.output_dtype});
  });
  list("rows", atlas.rows, runs);
  list("tables", atlas.tables, runs);
  list(
      "sections", atlas.sections,
      [&](const Section& s) {
        text += text_of({s.module, s.variant, s.device, s.autocast, s.mode, s.layout, s.table});
      },
      /*last=*/true);
  return text + "}\n";
}

// Reading: nothing in a file is believed
namespace {

Atlas::Runs runs_in(const JsonAt& place, size_t limit, std::string_view what, uint64_t longest) {
  Atlas::Runs runs;
  if (place.size() % 2 != 0) place.refuse("pairs of an index and a count");
  uint64_t length = 0;
  for (size_t i = 0; i < place.json.size(); i += 2) {
    const Json& count = place.json[i + 1];
    if (!count.is_number_unsigned() || count.get<uint64_t>() == 0 || count.get<uint64_t>() > longest)
      place[i + 1].refuse(fmt::format("a count from 1 to {}", longest));
    const Json& index = place.json[i];
    if (!index.is_number_unsigned() || index.get<uint64_t>() >= limit) place[i].below(limit, what);
    runs.emplace_back(index.get<uint32_t>(), count.get<uint32_t>());
    length += runs.back().second;
    if (length > longest) fail("{}: is longer than {}, the most that is possible", place.path, longest);
  }
  return runs;
}

Grid grid_in(const JsonAt& place, size_t operands, size_t dtypes, size_t axis) {
  Grid grid;
  std::vector<bool> met(operands);
  const auto operand = [&](const JsonAt& at) {
    const uint32_t i = at.below(operands, "operands");
    if (met[i]) fail("{}: operand {} stands twice in this grid", at.path, i);
    met[i] = true;
    return i;
  };
  const JsonAt rows = place.field("rows"), fixed = place.field("fixed"),
               leaves_out = place.field("leaves_out");
  for (size_t i = 0; i < rows.size(operands); ++i) grid.rows.push_back(operand(rows[i]));
  grid.column = operand(place.field("column"));
  for (size_t i = 0; i < fixed.size(operands); ++i) {
    if (fixed[i].size() != 2) fixed[i].refuse("an operand and a dtype");
    grid.fixed.emplace_back(operand(fixed[i][0]), fixed[i][1].below(dtypes, "dtypes"));
  }
  if (std::find(met.begin(), met.end(), false) != met.end())
    fail("{}: operand {} has no dtype in this grid", place.path,
         std::find(met.begin(), met.end(), false) - met.begin());
  const int64_t least = grid.rows.empty() ? Grid::kNothing : Grid::kDtypeOfTheRow;
  if (!leaves_out.json.is_number_integer() || leaves_out.json.get<int64_t>() < least ||
      leaves_out.json.get<int64_t>() >= static_cast<int64_t>(axis))
    leaves_out.refuse(fmt::format("a whole number from {} to {}", least, axis - 1));
  grid.leaves_out = leaves_out.json.get<int64_t>();
  return grid;
}

}  // namespace

Atlas parse_atlas(std::string_view text) {
  // A row without cells is still gone through.
  const auto size_of = [](const Layout& layout, size_t axis) {
    return layout.cell_count(axis) + layout.row_count(axis);
  };
  if (text.size() > kMostBytes) fail("{} bytes, an atlas has at most {}", text.size(), kMostBytes);
  const Json json = [&] {
    try {
      return parse_json(text);
    } catch (const Error& e) {
      throw e.at("not an atlas");
    }
  }();
  const JsonAt file{json, ""};
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat)
    fail("not an atlas: expected \"format\": \"{}\"", kFormat);
  if (file.field("schema").json != 1) file.field("schema").refuse("1, which this version reads");
  Atlas atlas;
  atlas.libtorch = file.field("libtorch").text();
  atlas.cpu_capability = file.field("cpu_capability").text();

  const JsonAt dtypes = file.field("dtypes"), layouts = file.field("layouts"),
               results = file.field("results"), rows = file.field("rows"), tables = file.field("tables"),
               sections = file.field("sections");
  for (size_t i = 0; i < dtypes.size(kMostDtypes); ++i) {
    atlas.dtypes.push_back(dtypes[i].text());
    if (std::find(atlas.dtypes.begin(), atlas.dtypes.end() - 1, atlas.dtypes.back()) !=
        atlas.dtypes.end() - 1)
      fail("{}: '{}' stands twice", dtypes[i].path, atlas.dtypes.back());
  }
  atlas.axis = file.field("axis").below(atlas.dtypes.size() + 1, "numbers of dtypes");
  if (atlas.axis == 0) file.field("axis").refuse("a dtype at least");
  const size_t n = atlas.axis;
  uint64_t most_rows = 0;
  for (size_t i = 0; i < layouts.size(); ++i) {
    const JsonAt operands = layouts[i].field("operands"), grids = layouts[i].field("grids");
    Layout layout;
    for (size_t k = 0; k < operands.size(kMostOperands); ++k) layout.operands.push_back(operands[k].text());
    for (size_t k = 0; k < grids.size(kMostGrids); ++k)
      layout.grids.push_back(grid_in(grids[k], layout.operands.size(), atlas.dtypes.size(), n));
    if (const size_t size = size_of(layout, n); size > kMostOfALayout)
      fail("{}: {} cells, at most {} are possible", layouts[i].path, size, kMostOfALayout);
    most_rows = std::max<uint64_t>(most_rows, layout.row_count(n));
    atlas.layouts.push_back(std::move(layout));
  }
  for (size_t i = 0; i < results.size(); ++i) {
    if (results[i].size() != 5) results[i].refuse("outcome, phase, family, grade and output dtype");
    const auto text_at = [&](size_t k) { return results[i][k].text(); };
    atlas.results.push_back({text_at(0), text_at(1), text_at(2), text_at(3), text_at(4)});
  }
  for (size_t i = 0; i < rows.size(); ++i)
    atlas.rows.push_back(runs_in(rows[i], atlas.results.size(), "results", n));
  for (size_t i = 0; i < tables.size(); ++i)
    atlas.tables.push_back(runs_in(tables[i], atlas.rows.size(), "rows", most_rows));
  uint64_t cells = 0;
  std::set<std::pair<uint32_t, uint32_t>> fitting;
  std::set<std::tuple<std::string, std::string, std::string, std::string, std::string>> met;
  for (size_t i = 0; i < sections.size(); ++i) {
    const JsonAt at = sections[i];
    if (at.size() != 7) at.refuse("module, variant, device, autocast, mode, layout and table");
    Section section{at[0].text(), at[1].text(), at[2].text(), at[3].text(), at[4].text()};
    section.layout = at[5].below(atlas.layouts.size(), "layouts");
    section.table = at[6].below(atlas.tables.size(), "tables");
    cells += size_of(atlas.layouts[section.layout], n);
    if (cells > kMostCells)
      fail("{}: with it there are {} cells, at most {} are possible", at.path, cells, kMostCells);
    if (!fitting.contains({section.layout, section.table})) {
      if (!fits(atlas, atlas.layouts[section.layout], atlas.tables[section.table]))
        fail("{}: table {} has not the rows of layout {}", at.path, section.table, section.layout);
      fitting.emplace(section.layout, section.table);
    }
    if (!met.insert(section.key()).second)
      fail("{}: stands twice: {} {}, {}, autocast {}, {}", at.path, section.module, section.variant,
           section.device, section.autocast, section.mode);
    atlas.sections.push_back(std::move(section));
  }
  return atlas;
}

Atlas load_atlas(const std::filesystem::path& path) {
  const std::string text = read_file(path, kMostBytes);
  try {
    return parse_atlas(text);
  } catch (const Error& e) {
    throw e.at(as_text(path.string()));
  }
}

// Comparing
namespace {

/// Both atlases' results under one numbering.
struct Numbering {
  std::map<CellResult, uint32_t> number;
  std::vector<CellResult> results;
  std::vector<uint32_t> of(const Atlas& atlas) {
    std::vector<uint32_t> numbers;
    for (const CellResult& result : atlas.results) {
      const auto [at, is_new] = number.try_emplace(result, static_cast<uint32_t>(results.size()));
      if (is_new) results.push_back(result);
      numbers.push_back(at->second);
    }
    return numbers;
  }
};

std::string described(const Atlas& atlas, const Layout& layout, std::span<const uint32_t> dtype_of) {
  std::string text;
  for (size_t i = 0; i < layout.operands.size(); ++i)
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", layout.operands[i], atlas.dtypes[dtype_of[i]]);
  return text;
}

/// Both atlases' dtypes under one numbering, and a cell in it.
std::vector<char16_t> numbered(const std::vector<std::string>& dtypes,
                               std::map<std::string, char16_t>& number) {
  std::vector<char16_t> numbers;
  for (const auto& dtype : dtypes)
    numbers.push_back(number.try_emplace(dtype, static_cast<char16_t>(number.size())).first->second);
  return numbers;
}
std::u16string coded(std::span<const uint32_t> dtype_of, const std::vector<char16_t>& numbers) {
  std::u16string code;
  for (const uint32_t dtype : dtype_of) code += numbers[dtype];
  return code;
}

/// In words, for a person: the dtype that most operands have stands for them all.
std::string in_short(const Atlas& atlas, const Layout& layout, std::span<const uint32_t> dtype_of) {
  if (layout.operands.size() <= 3) return described(atlas, layout, dtype_of);
  std::map<uint32_t, size_t> times;
  for (const uint32_t dtype : dtype_of) ++times[dtype];
  const auto usual =
      std::max_element(times.begin(), times.end(), [](auto& a, auto& b) { return a.second < b.second; });
  std::string text;
  for (size_t i = 0; i < layout.operands.size(); ++i)
    if (dtype_of[i] != usual->first)
      text += fmt::format("{} {}, ", layout.operands[i], atlas.dtypes[dtype_of[i]]);
  return text + fmt::format("all {}{}", text.empty() ? "" : "others ", atlas.dtypes[usual->first]);
}

}  // namespace

Difference compare(const Atlas& before, const Atlas& after) {
  Difference difference;
  Numbering numbering;
  const auto from = numbering.of(before), to = numbering.of(after);
  std::map<std::string, char16_t> dtype_numbers;
  const auto before_dtypes = numbered(before.dtypes, dtype_numbers),
             after_dtypes = numbered(after.dtypes, dtype_numbers);
  std::map<decltype(std::declval<Section>().key()), const Section*> partners;
  for (const Section& section : after.sections) partners.emplace(section.key(), &section);
  std::map<std::tuple<std::string_view, std::string_view, uint32_t, uint32_t>, Change> changes;

  for (const Section& section : before.sections) {
    const Layout& layout = before.layouts[section.layout];
    const auto found = partners.find(section.key());
    if (found == partners.end()) {
      difference.only_before[section.module] += layout.cell_count(before.axis);
      continue;
    }
    const Section& partner = *found->second;
    partners.erase(found);
    const Layout& other = after.layouts[partner.layout];
    const auto was = before.results_of(section), is = after.results_of(partner);
    const auto compared = [&](const Grid& grid, std::span<const uint32_t> dtype_of, uint32_t a, uint32_t b) {
      if (from[a] == to[b]) {
        ++difference.same;
        return;
      }
      ++difference.changed;
      auto& change = changes[{section.module, layout.operands[grid.column], from[a], to[b]}];
      if (change.cells++ == 0)
        change.example = fmt::format("{}; {}, {}, autocast {}, {}", in_short(before, layout, dtype_of),
                                     section.variant, section.device, section.autocast, section.mode);
    };
    if (layout == other && before.dtypes == after.dtypes && before.axis == after.axis) {
      each_cell(layout, before.axis, [&](size_t cell, const Grid& grid, auto dtype_of) {
        compared(grid, dtype_of, was[cell], is[cell]);
      });
      continue;
    }
    if (layout.operands != other.operands) {
      difference.only_before[section.module] += layout.cell_count(before.axis);
      difference.only_after[section.module] += other.cell_count(after.axis);
      continue;
    }
    // Dtypes or grids came or went: cells meet where they give the operands the same dtypes.
    std::unordered_map<std::u16string, uint32_t> cells;
    each_cell(other, after.axis, [&](size_t cell, const Grid&, auto dtype_of) {
      cells.emplace(coded(dtype_of, after_dtypes), is[cell]);
    });
    each_cell(layout, before.axis, [&](size_t cell, const Grid& grid, auto dtype_of) {
      const auto at = cells.find(coded(dtype_of, before_dtypes));
      if (at == cells.end()) {
        ++difference.only_before[section.module];
        return;
      }
      compared(grid, dtype_of, was[cell], at->second);
      cells.erase(at);
    });
    if (!cells.empty()) difference.only_after[section.module] += cells.size();
  }
  for (const auto& [key, section] : partners)
    difference.only_after[section->module] += after.layouts[section->layout].cell_count(after.axis);
  for (auto& [key, change] : changes) {
    change.module = std::get<0>(key), change.operand = std::get<1>(key);
    change.before = numbering.results[std::get<2>(key)], change.after = numbering.results[std::get<3>(key)];
    difference.changes.push_back(std::move(change));
  }
  std::stable_sort(difference.changes.begin(), difference.changes.end(),
                   [](const Change& a, const Change& b) {
                     return std::tie(a.module, a.operand, b.cells) < std::tie(b.module, b.operand, a.cells);
                   });
  return difference;
}

}  // namespace dtypefuzz
