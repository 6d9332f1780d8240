#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

namespace dtypefuzz {

/// What one cell came to. `-` stands for none.
struct CellResult {
  std::string outcome;  ///< see `Outcome` in atlas.h, or `violated:` and a property
  std::string phase;    ///< that threw, or the last one that was reached
  std::string
      family;  ///< of the message; `accepted` where none came, `unrecognized`, or how the process ended
  std::string grade;  ///< of a refusal that was promised: `exact`, `vague`, `blames bias`
  std::string output_dtype;
  auto operator<=>(const CellResult&) const = default;
};

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

/// One module's variant under one setting.
struct Section {
  std::string module, variant, device, autocast, mode;
  uint32_t layout = 0;
  uint32_t table = 0;
  auto key() const { return std::tie(module, variant, device, autocast, mode); }
  bool operator==(const Section&) const = default;
};

/// The whole table as the file has it, coded by dictionaries: most rows of a grid are alike, and so are most
/// tables. A run is (what, how often).
struct Atlas {
  using Runs = std::vector<std::pair<uint32_t, uint32_t>>;
  std::string libtorch, cpu_capability;
  std::vector<std::string> dtypes;
  uint32_t axis = 0;  ///< the axes of all grids run over this many of the dtypes, the others are only fixed
  std::vector<Layout> layouts;
  std::vector<CellResult> results;
  std::vector<Runs> rows;    ///< each: results along one row of a grid
  std::vector<Runs> tables;  ///< each: rows of all grids of a layout
  std::vector<Section> sections;
  bool operator==(const Atlas&) const = default;

  uint64_t cell_count() const;
  /// The section's results, cell by cell, as indices into `results`.
  std::vector<uint32_t> results_of(const Section&) const;
};

/// Puts an Atlas together, section by section; each dictionary keeps the order in which things first came.
class AtlasWriter {
 public:
  explicit AtlasWriter(Atlas header) : atlas_(std::move(header)) {}
  uint32_t result(const CellResult&);
  const Atlas& so_far() const { return atlas_; }
  /// `cells`: indices that `result` gave, in the order of the layout's cells.
  void add(Section, const Layout&, std::span<const uint32_t> cells);
  Atlas finish() && { return std::move(atlas_); }

 private:
  Atlas atlas_;
  std::map<CellResult, uint32_t> results_;
  std::map<Atlas::Runs, uint32_t> rows_, tables_;
};

/// The text of the file: JSON, one element of each list a line.
std::string print_atlas(const Atlas&);
/// Throws Error that says what is wrong and where (`sections[3].layout: 9, but there are 4`) for any text
/// that `print_atlas` could not have written.
Atlas parse_atlas(std::string_view text);
Atlas load_atlas(const std::filesystem::path&);

/// Cells of one module that changed alike.
struct Change {
  std::string module;
  std::string operand;  ///< that runs along the row
  CellResult before, after;
  uint64_t cells = 0;
  std::string example;  ///< the first of them: `weight float32, input float64, cpu, autocast off, train`
};
struct Difference {
  uint64_t same = 0, changed = 0;
  std::map<std::string, uint64_t> only_before, only_after;  ///< cells by module
  std::vector<Change> changes;                              ///< by module and operand, the most cells first
  bool none() const { return changed == 0 && only_before.empty() && only_after.empty(); }
};
Difference compare(const Atlas& before, const Atlas& after);

}  // namespace dtypefuzz
