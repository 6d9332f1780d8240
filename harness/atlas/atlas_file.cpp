#include "harness/atlas/atlas_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "dtypefuzz/error.h"
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
  field("schema", 4);
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
    Json fields = {r.outcome, r.phase, r.family, r.grade, r.output_dtype};
    if (r.exception != "-" || r.judged != "-" || r.derived) fields.push_back(r.exception);
    if (r.judged != "-" || r.derived) fields.push_back(r.judged);
    if (r.derived) fields.push_back("derived");
    text += text_of(fields);
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

/// A row without cells is still gone through.
size_t work_in(const Layout& layout, size_t axis) {
  return layout.cell_count(axis) + layout.row_count(axis);
}

Json json_of_atlas(std::string_view text) {
  if (text.size() > kMostBytes) fail("{} bytes, an atlas has at most {}", text.size(), kMostBytes);
  Json json = [&] {
    try {
      return parse_json(text);
    } catch (const Error& e) {
      throw e.at("not an atlas");
    }
  }();
  if (!json.is_object() || !json.contains("format") || json["format"] != kFormat)
    fail("not an atlas: expected \"format\": \"{}\"", kFormat);
  const JsonAt file{json, ""};
  // Of the earlier schemas is what was written when results had no class yet, or not what judged them, or all
  // were run.
  const JsonAt schema = file.field("schema");
  if (!schema.json.is_number_unsigned() || schema.json < 1 || schema.json > 4)
    schema.refuse("1, 2, 3 or 4, which this version reads");
  return json;
}

void read_dtypes(const JsonAt& file, Atlas& atlas) {
  const JsonAt dtypes = file.field("dtypes");
  for (size_t i = 0; i < dtypes.size(kMostDtypes); ++i) {
    atlas.dtypes.push_back(dtypes[i].text());
    if (std::find(atlas.dtypes.begin(), atlas.dtypes.end() - 1, atlas.dtypes.back()) !=
        atlas.dtypes.end() - 1)
      fail("{}: '{}' stands twice", dtypes[i].path, atlas.dtypes.back());
  }
  atlas.axis = file.field("axis").below(atlas.dtypes.size() + 1, "numbers of dtypes");
  if (atlas.axis == 0) file.field("axis").refuse("a dtype at least");
}

void read_layouts(const JsonAt& layouts, Atlas& atlas) {
  for (size_t i = 0; i < layouts.size(); ++i) {
    const JsonAt operands = layouts[i].field("operands"), grids = layouts[i].field("grids");
    Layout layout;
    for (size_t k = 0; k < operands.size(kMostOperands); ++k) layout.operands.push_back(operands[k].text());
    for (size_t k = 0; k < grids.size(kMostGrids); ++k)
      layout.grids.push_back(grid_in(grids[k], layout.operands.size(), atlas.dtypes.size(), atlas.axis));
    if (const size_t size = work_in(layout, atlas.axis); size > kMostOfALayout)
      fail("{}: {} cells, at most {} are possible", layouts[i].path, size, kMostOfALayout);
    atlas.layouts.push_back(std::move(layout));
  }
}

void read_results(const JsonAt& results, Atlas& atlas) {
  for (size_t i = 0; i < results.size(); ++i) {
    const size_t size = results[i].size();
    if (size < 5 || size > 8)
      results[i].refuse(
          "outcome, phase, family, grade, output dtype, and perhaps the exception, what judged it and "
          "derived");
    const auto text_at = [&](size_t k) { return results[i][k].text(); };
    atlas.results.push_back({text_at(0), text_at(1), text_at(2), text_at(3), text_at(4)});
    if (size > 5) atlas.results.back().exception = text_at(5);
    if (size > 6) atlas.results.back().judged = text_at(6);
    if (size > 7 && text_at(7) != "derived") results[i][7].refuse("derived");
    atlas.results.back().derived = size > 7;
  }
}

void read_tables(const JsonAt& rows, const JsonAt& tables, Atlas& atlas) {
  for (size_t i = 0; i < rows.size(); ++i)
    atlas.rows.push_back(runs_in(rows[i], atlas.results.size(), "results", atlas.axis));
  uint64_t most_rows = 0;
  for (const Layout& layout : atlas.layouts)
    most_rows = std::max<uint64_t>(most_rows, layout.row_count(atlas.axis));
  for (size_t i = 0; i < tables.size(); ++i)
    atlas.tables.push_back(runs_in(tables[i], atlas.rows.size(), "rows", most_rows));
}

Section section_in(const JsonAt& at, const Atlas& atlas) {
  if (at.size() != 7) at.refuse("module, variant, device, autocast, mode, layout and table");
  Section section{at[0].text(), at[1].text(), at[2].text(), at[3].text(), at[4].text()};
  section.layout = at[5].below(atlas.layouts.size(), "layouts");
  section.table = at[6].below(atlas.tables.size(), "tables");
  return section;
}

void read_sections(const JsonAt& sections, Atlas& atlas) {
  uint64_t cells = 0;
  std::set<std::pair<uint32_t, uint32_t>> fitting;
  std::set<std::tuple<std::string, std::string, std::string, std::string, std::string>> met;
  for (size_t i = 0; i < sections.size(); ++i) {
    const JsonAt at = sections[i];
    Section section = section_in(at, atlas);
    const Layout& layout = atlas.layouts[section.layout];
    cells += work_in(layout, atlas.axis);
    if (cells > kMostCells)
      fail("{}: with it there are {} cells, at most {} are possible", at.path, cells, kMostCells);
    if (!fitting.contains({section.layout, section.table})) {
      if (!fits(atlas, layout, atlas.tables[section.table]))
        fail("{}: table {} has not the rows of layout {}", at.path, section.table, section.layout);
      fitting.emplace(section.layout, section.table);
    }
    if (!met.insert(section.key()).second)
      fail("{}: stands twice: {} {}, {}, autocast {}, {}", at.path, section.module, section.variant,
           section.device, section.autocast, section.mode);
    atlas.sections.push_back(std::move(section));
  }
}

}  // namespace

Atlas parse_atlas(std::string_view text) {
  const Json json = json_of_atlas(text);
  const JsonAt file{json, ""};
  Atlas atlas;
  atlas.libtorch = file.field("libtorch").text();
  atlas.cpu_capability = file.field("cpu_capability").text();
  read_dtypes(file, atlas);
  read_layouts(file.field("layouts"), atlas);
  read_results(file.field("results"), atlas);
  read_tables(file.field("rows"), file.field("tables"), atlas);
  read_sections(file.field("sections"), atlas);
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

}  // namespace dtypefuzz
