#include "harness/atlas/survey.h"

#include <sys/wait.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/atlas/piece_run.h"
#include "harness/files/seen.h"
#include "harness/isolate/pool.h"

namespace dtypefuzz {
namespace {

/// In a worker: first what the one before it was at, then what nobody has taken.
void work_on(const Work& work, Sheet& sheet, CellSlot& slot) {
  for (;;) {
    if (slot.piece == CellSlot::kNone) {
      const uint64_t beginning = sheet.totals->next++;
      if (beginning >= work.beginnings.size()) return;
      slot.piece = work.beginnings[beginning];
    }
    const size_t at = slot.piece;
    const Piece& piece = work.pieces[at];
    PieceRun(work, piece, sheet, slot).go();
    sheet.done[at] = true;
    const bool goes_on = at + 1 < work.pieces.size() && work.pieces[at + 1].like == piece.like;
    slot.piece = goes_on ? at + 1 : CellSlot::kNone;
  }
}

/// In the parent: a worker has ended, and why. Whether another one goes on where it was; `crashes` counts the
/// cells that were the reason.
bool takes_over(const Work& work, Sheet& sheet, CellSlot& slot, int status, uint64_t& crashes) {
  const uint64_t cell = slot.cell;
  slot.taken_over = true;
  const bool served = slot.served.exchange(0) > 0;
  if (cell == CellSlot::kNone) {
    const bool asks_for_another = WIFEXITED(status) && WEXITSTATUS(status) == kReplaceMe;
    if (asks_for_another && served) return true;
    if (status != 0) fail_environment("a worker ended with status {} outside of any cell", status);
    return false;
  }
  if (slot.judging && slot.unasked != cell) {
    slot.unasked = cell;
  } else {
    ++crashes;
    const Subject& subject = work.subjects[work.pieces[slot.piece].subject];
    sheet.words[cell] = word_of_crash(subject.plan, slot.remains, status);
    ++sheet.totals->cells;
  }
  slot.cell = CellSlot::kNone;
  return true;
}

Atlas header_of(const DtypeNumbers& dtypes) {
  const std::string version(build_info::kLibTorchVersion);
  Atlas header;
  header.libtorch = version.substr(0, version.find('+'));
  header.cpu_capability = cpu_capability();
  for (const Dtype dtype : dtypes.all()) header.dtypes.emplace_back(name_of(dtype));
  header.axis = static_cast<uint32_t>(dtypes.axis());
  return header;
}

/// Writes the sections in their order, as far as they are done.
class Sections {
 public:
  Sections(const Work& work, const Sheet& sheet, const OnSection& on_section)
      : work_(work), sheet_(sheet), on_section_(on_section), writer_(header_of(work.dtypes)) {}

  void write_finished() {
    for (; written_ < work_.pieces.size() && sheet_.done[written_]; ++written_) write(work_.pieces[written_]);
  }
  Atlas finish() && {
    write_finished();
    return std::move(writer_).finish();
  }

 private:
  void write(const Piece& piece) {
    const Layout& layout = work_.subjects[piece.subject].layout;
    std::vector<uint32_t> cells(layout.cell_count(work_.dtypes.axis()));
    for (size_t i = 0; i < cells.size(); ++i) {
      const Word word = sheet_.words[piece.first + i];
      uint64_t bits;
      std::memcpy(&bits, &word, sizeof bits);
      const auto [at, is_new] = numbers_.try_emplace({bits, &layout}, 0);
      if (is_new) at->second = writer_.result(result_of(word, layout, sheet_.totals->exceptions));
      cells[i] = at->second;
    }
    writer_.add(piece.section, layout, cells);
    if (on_section_) on_section_(piece.section, layout, cells, writer_.so_far());
  }

  const Work& work_;
  const Sheet& sheet_;
  const OnSection& on_section_;
  AtlasWriter writer_;
  size_t written_ = 0;
  std::map<std::pair<uint64_t, const Layout*>, uint32_t> numbers_;  ///< of results, by word
};

}  // namespace

Atlas run_atlas(const AtlasSettings& settings, const OnSection& on_section,
                const std::function<void(const AtlasProgress&)>& tick, const std::atomic<int>& interrupted,
                AtlasProgress& progress) {
  require_words_to_suffice();
  Work work = work_of(settings.space, settings.whole);
  work.derives = settings.derives;
  const size_t jobs = std::min(static_cast<size_t>(settings.jobs), std::max<size_t>(work.pieces.size(), 1));
  Sheet sheet(jobs, work.pieces.size(), work.cells);
  Sections sections(work, sheet, on_section);
  progress = {.all_cells = work.cells};

  Pool workers({.jobs = jobs,
                .limits = {.seconds = settings.cell_seconds},
                .remains = [&](size_t job) -> Remains& { return sheet.slots[job].remains; },
                .work = [&](size_t job, uint64_t, int) { work_on(work, sheet, sheet.slots[job]); },
                .heard = {},
                .ended =
                    [&](size_t job, int status) {
                      return takes_over(work, sheet, sheet.slots[job], status, progress.crashes);
                    }});
  double last_tick = 0;
  while (workers.running() && !progress.interrupted) {
    workers.wait(5);
    workers.look_after();
    progress.interrupted = interrupted > 0;
    progress.cells = sheet.totals->cells, progress.runs = sheet.totals->runs;
    sections.write_finished();
    if (now() - last_tick >= 0.2) {
      tick(progress);
      last_tick = now();
    }
  }
  return std::move(sections).finish();
}

}  // namespace dtypefuzz
