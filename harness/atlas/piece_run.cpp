#include "harness/atlas/piece_run.h"

#include <bit>

#include "dtypefuzz/rng.h"
#include "harness/isolate/pool.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

/// What LibTorch treats alike, finer than a category is.
uint64_t kind_of(Dtype dtype) {
  const Category category = category_of(dtype);
  if (category != Category::other) return static_cast<uint64_t>(category);
  const auto kinds = static_cast<uint64_t>(Category::other);
  if (c10::isQIntType(dtype)) return kinds + 1;
  if (c10::isBitsType(dtype)) return kinds + 2;
  if (c10::isBarebonesUnsignedType(dtype)) return kinds + 3;
  return kinds;
}

}  // namespace

PieceRun::PieceRun(const Work& work, const Piece& piece, Sheet& sheet, CellSlot& slot)
    : work_(work),
      piece_(piece),
      subject_(work.subjects[piece.subject]),
      dtypes_(work.dtypes),
      sheet_(sheet),
      slot_(slot),
      early_(static_cast<size_t>(Dtype::NumOptions)),
      refused_(work.dtypes.all().size()) {
  subject_.plan.autocast = piece.autocast;
  const Piece& first = work.pieces[piece.like];
  if (first.first != piece.first && work.subjects[first.subject].layout == subject_.layout)
    first_mode_ = sheet.words + first.first;
}

/// Where a worker takes over: what the one before it knew of the parameters' dtypes, so that the same cells
/// follow.
void PieceRun::recall_early_ends() {
  each_cell(subject_.layout, dtypes_.axis(), [&](size_t cell, const Grid& grid, auto dtype_of) {
    const Word word = sheet_.words[piece_.first + cell];
    if (!word.threw() || word.derived || static_cast<Phase>(word.phase) > Phase::convert) return;
    set_dtypes(subject_, grid, dtype_of, dtypes_.all());
    if (subject_.parameters > 0 && subject_.module().operand_dtypes.empty())
      early_[static_cast<size_t>(subject_.plan.params_dtype)] = word;
  });
}

void PieceRun::go() {
  if (slot_.taken_over.exchange(false)) recall_early_ends();
  run_those_of_one_dtype();
  const Grid* grid = nullptr;
  size_t left = 0;  // of the cells in this row
  each_cell(subject_.layout, dtypes_.axis(), [&](size_t cell, const Grid& at, auto dtype_of) {
    if (left == 0) grid = &at, left = at.row_length(dtypes_.axis());
    const uint32_t column = dtype_of[at.column];
    if (!work_.derives || !refused_[column]) {
      result_of(cell, at, dtype_of);
    } else {
      const Dtype dtype = dtypes_.all()[column];
      const uint64_t first = refused_in_first_mode(cell);
      // What came to the same in one mode is of one kind, but for quantized dtypes: they have a backend of
      // their own.
      const uint64_t kind = first == 0 ? kind_of(dtype) : c10::isQIntType(dtype);
      alike_[{first, kind}].push_back({cell, {dtype_of.begin(), dtype_of.end()}});
    }
    if (--left == 0) settle_row(*grid);
  });
}

uint64_t PieceRun::refused_in_first_mode(size_t cell) const {
  if (!first_mode_) return 0;
  Word word = first_mode_[cell];
  word.derived = 0;
  const bool in_forward = word.threw() && static_cast<Phase>(word.phase) < Phase::backward;
  return in_forward ? std::bit_cast<uint64_t>(word) : 0;
}

void PieceRun::run_those_of_one_dtype() {
  each_cell(subject_.layout, dtypes_.axis(), [&](size_t cell, const Grid& grid, auto dtype_of) {
    if (&grid != &subject_.layout.grids.front()) return;
    const uint32_t column = dtype_of[grid.column];
    for (const uint32_t operand : grid.rows)
      if (dtype_of[operand] != column) return;
    refused_[column] = result_of(cell, grid, dtype_of).threw();
  });
}

void PieceRun::settle_row(const Grid& grid) {
  for (const auto& [alike, cells] : alike_) {
    const auto wanted = alike.first != 0 ? std::optional(std::bit_cast<Word>(alike.first)) : std::nullopt;
    if (!follow(grid, cells, wanted)) run_all(grid, cells);
  }
  alike_.clear();
}

/// Runs a few of these, and has the others come to what is wanted if those do; else nothing follows.
bool PieceRun::follow(const Grid& grid, const std::vector<Cell>& cells, std::optional<Word> wanted) {
  constexpr size_t kSamples = 3;  // the first, the last and the one in the middle
  if (cells.size() <= kSamples) return false;
  const auto comes_to_it = [&](const Cell& c) {
    Word word = result_of(c.cell, grid, c.dtype_of);
    word.derived = 0;
    if (!wanted) wanted = word;
    return word.threw() && word == *wanted;
  };
  for (const size_t at : {size_t{0}, cells.size() - 1, cells.size() / 2})
    if (!comes_to_it(cells[at])) return false;
  for (const Cell& c : cells)
    if (is_checked(c, grid) && !comes_to_it(c)) return false;
  wanted->derived = 1;
  for (const Cell& c : cells) {
    Word& word = sheet_.words[piece_.first + c.cell];
    if (word.is_set()) continue;
    word = *wanted;
    sheet_.totals->cells.fetch_add(1, std::memory_order_relaxed);
  }
  return true;
}

void PieceRun::run_all(const Grid& grid, const std::vector<Cell>& cells) {
  for (const Cell& c : cells) result_of(c.cell, grid, c.dtype_of);
}

/// The same columns in each row of a module, so that rows stay alike in the file.
bool PieceRun::is_checked(const Cell& c, const Grid& grid) const {
  constexpr uint64_t kOneOf = 16;
  uint64_t seed = c.dtype_of[grid.column];
  for (const char letter : piece_.section.module) seed = seed * 131 + static_cast<unsigned char>(letter);
  return Rng(seed).below(kOneOf) == 0;
}

Word PieceRun::result_of(size_t cell, const Grid& grid, std::span<const uint32_t> dtype_of) {
  Word& word = sheet_.words[piece_.first + cell];
  if (word.is_set()) return word;
  set_dtypes(subject_, grid, dtype_of, dtypes_.all());
  // Where making the module and giving it its dtype fails, nothing else has come into play.
  Word* const early = work_.derives && subject_.parameters > 0 && subject_.module().operand_dtypes.empty()
                          ? &early_[static_cast<size_t>(subject_.plan.params_dtype)]
                          : nullptr;
  if (early && early->is_set()) {
    word = *early;
    word.derived = 1;
  } else {
    make_way_if_large();
    word = run_one(piece_.first + cell);
    const auto phase = static_cast<Phase>(word.phase);
    if (early && word.threw() && (phase == Phase::construct || phase == Phase::convert)) *early = word;
  }
  sheet_.totals->cells.fetch_add(1, std::memory_order_relaxed);
  return word;
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
  slot_.judging = true;
  checker_.assume_unsupported(slot_.unasked == cell);
  Checked checked = checker_.judged(std::move(subject_.plan), std::move(seen));
  const Word word = word_of(checked, subject_.layout, sheet_.totals->exceptions);
  subject_.plan = std::move(checked.plan);
  return word;
}

}  // namespace dtypefuzz
