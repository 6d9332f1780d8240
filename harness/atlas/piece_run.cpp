#include "harness/atlas/piece_run.h"

#include "harness/isolate/pool.h"
#include "harness/run/run.h"

namespace dtypefuzz {

PieceRun::PieceRun(const Piece& piece, Subject subject, const DtypeNumbers& dtypes, Sheet& sheet,
                   CellSlot& slot)
    : piece_(piece),
      subject_(std::move(subject)),
      dtypes_(dtypes),
      sheet_(sheet),
      slot_(slot),
      early_(static_cast<size_t>(Dtype::NumOptions)) {
  subject_.plan.autocast = piece.autocast;
}

void PieceRun::go() {
  each_cell(subject_.layout, dtypes_.axis(), [&](size_t cell, const Grid& grid, auto dtype_of) {
    Word& word = sheet_.words[piece_.first + cell];
    if (word.is_set()) return;
    set_dtypes(subject_, grid, dtype_of, dtypes_.all());
    // Where making the module and giving it its dtype fails, nothing else has come into play.
    Word* const early = subject_.parameters > 0 && subject_.module().operand_dtypes.empty()
                            ? &early_[static_cast<size_t>(subject_.plan.params_dtype)]
                            : nullptr;
    if (early && early->is_set()) {
      word = *early;
    } else {
      make_way_if_large();
      word = run_one(piece_.first + cell);
      const auto phase = static_cast<Phase>(word.phase);
      if (early && ran_into_error_ && (phase == Phase::construct || phase == Phase::convert)) *early = word;
    }
    sheet_.totals->cells.fetch_add(1, std::memory_order_relaxed);
  });
}

Word PieceRun::run_one(size_t cell) {
  slot_.judging = false;
  slot_.cell = cell;
  slot_.remains.begin();
  Word word;
  outermost([&] { word = judged_word(cell); });
  slot_.remains.end();
  slot_.cell = CellSlot::kNone;
  ++slot_.served;
  sheet_.totals->runs.fetch_add(1, std::memory_order_relaxed);
  return word;
}

Word PieceRun::judged_word(size_t cell) {
  Observation seen = run(subject_.plan, &stock_);
  ran_into_error_ = seen.error.has_value();
  slot_.judging = true;
  checker_.assume_unsupported(slot_.unasked == cell);
  Checked checked = checker_.judged(std::move(subject_.plan), std::move(seen));
  const Word word = word_of(checked, subject_.layout, sheet_.totals->exceptions);
  subject_.plan = std::move(checked.plan);
  return word;
}

}  // namespace dtypefuzz
