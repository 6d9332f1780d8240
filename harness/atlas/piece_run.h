#pragma once
#include <map>
#include <optional>
#include <vector>

#include "harness/atlas/sheet.h"
#include "harness/atlas/work.h"
#include "harness/check/check.h"
#include "harness/run/model.h"

namespace dtypefuzz {

/// Finds the results of a piece's cells that have none yet. Most need no run:
///
/// Where making the module and giving its parameters their dtype fails, the whole row of cells is that.
///
/// A dtype that the module refuses by itself, all operands having it, it refuses beside any other: those of
/// one kind (float8, quantized, bits, sub-byte integers) alike, and in one mode as in another. Of such cells
/// in a row a few are run, and where they agree the others come to that. One of sixteen of these is run all
/// the same; where it says something else, all are.
class PieceRun {
 public:
  PieceRun(const Work&, const Piece&, Sheet&, CellSlot&);
  void go();

 private:
  struct Cell {
    size_t cell;
    std::vector<uint32_t> dtype_of;
  };
  /// Cells of one row that should come to the same: by what they came to in the first mode, as bits (0: this
  /// is that mode, or it was no refusal in forward), and the kind of their column's dtype.
  using Alike = std::map<std::pair<uint64_t, uint64_t>, std::vector<Cell>>;

  void recall_early_ends();
  void run_those_of_one_dtype();
  void settle_row(const Grid&);
  /// `wanted`: what they should come to; nothing: what the first one does.
  bool follow(const Grid&, const std::vector<Cell>&, std::optional<Word> wanted);
  void run_all(const Grid&, const std::vector<Cell>&);
  uint64_t refused_in_first_mode(size_t cell) const;
  bool is_checked(const Cell&, const Grid&) const;
  /// The cell's result, run or as the parameters' dtype alone says.
  Word result_of(size_t cell, const Grid&, std::span<const uint32_t> dtype_of);
  Word run_one(size_t cell);
  Word judged_word(size_t cell);

  const Work& work_;
  const Piece& piece_;
  Subject subject_;
  const DtypeNumbers& dtypes_;
  Sheet& sheet_;
  CellSlot& slot_;
  Checker checker_;
  Stock stock_;
  std::vector<Word> early_;           ///< by the parameters' dtype: how it ended before an input was made
  std::vector<bool> refused_;         ///< by number of the dtype: whether the module refuses it alone
  const Word* first_mode_ = nullptr;  ///< the same cells in the first mode; null: this is it
  Alike alike_;  ///< of the row that is gone through, those whose columns the module refuses alone
};

}  // namespace dtypefuzz
