#pragma once
#include <vector>

#include "harness/atlas/sheet.h"
#include "harness/atlas/work.h"
#include "harness/check/check.h"
#include "harness/run/model.h"

namespace dtypefuzz {

/// Runs the cells of a piece that have no result yet.
class PieceRun {
 public:
  PieceRun(const Piece&, Subject, const DtypeNumbers&, Sheet&, CellSlot&);
  void go();

 private:
  Word run_one(size_t cell);
  Word judged_word(size_t cell);

  const Piece& piece_;
  Subject subject_;
  const DtypeNumbers& dtypes_;
  Sheet& sheet_;
  CellSlot& slot_;
  Checker checker_;
  Stock stock_;
  std::vector<Word> early_;  ///< by the parameters' dtype: how it ended before an input was made
  bool ran_into_error_ = false;
};

}  // namespace dtypefuzz
