#pragma once
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "harness/atlas/layout.h"

namespace dtypefuzz {

/// What one cell came to. `-` stands for none.
struct CellResult {
  std::string outcome;  ///< see `Outcome` in cell.h, or `violated:` and a property
  std::string phase;    ///< that threw, or the last one that was reached
  std::string
      family;  ///< of the message; `accepted` where none came, `unrecognized`, or how the process ended
  std::string grade;  ///< of a refusal that was promised: `exact`, `vague`, `blames bias`
  std::string output_dtype;
  std::string exception = "-";  ///< the class that was thrown: `c10::TypeError`; none in a file of schema 1
  /// What the cell was held against while it ran: `promise` of its contract, `words` of its refusal,
  /// `numbers` of float64; none in a file of schema 1 or 2.
  std::string judged = "-";
  /// It was not run: others like it say what it comes to. Never in a file before schema 4.
  bool derived = false;
  auto operator<=>(const CellResult&) const = default;
};

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

}  // namespace dtypefuzz
