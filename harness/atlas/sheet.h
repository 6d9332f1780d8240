#pragma once
#include <sys/mman.h>

#include <atomic>
#include <cstdint>
#include <new>

#include "dtypefuzz/error.h"
#include "harness/atlas/cell.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// What a worker and its parent share: the cell in flight is known before it runs.
struct CellSlot {
  static constexpr uint64_t kNone = UINT64_MAX;
  Remains remains;
  std::atomic<uint64_t> piece{kNone}, cell{kNone};
  std::atomic<bool> judging{false};      ///< the cell itself has ended; a consistent case is run to judge it
  std::atomic<uint64_t> unasked{kNone};  ///< the cell for which that ended the process
  std::atomic<uint64_t> served{0};       ///< cells that this worker process has run
  std::atomic<bool> taken_over{false};   ///< the one before it has begun the piece
};
struct Totals {
  std::atomic<uint64_t> next{0};  ///< of the beginnings, to claim
  std::atomic<uint64_t> cells{0}, runs{0};
  Exceptions exceptions;
};

/// The whole table while it is made, in memory that all processes see.
class Sheet {
 public:
  Sheet(size_t jobs, size_t pieces, size_t cells)
      : bytes_(sizeof(Totals) + jobs * sizeof(CellSlot) + cells * sizeof(Word) + pieces) {
    memory_ =
        mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory_ == MAP_FAILED) fail_environment("no {} bytes of shared memory for {} cells", bytes_, cells);
    totals = new (memory_) Totals;
    slots = reinterpret_cast<CellSlot*>(totals + 1);
    for (size_t i = 0; i < jobs; ++i) new (slots + i) CellSlot;
    words = reinterpret_cast<Word*>(slots + jobs);
    done = reinterpret_cast<std::atomic<bool>*>(words + cells);
  }
  ~Sheet() { munmap(memory_, bytes_); }
  Sheet(const Sheet&) = delete;
  Sheet& operator=(const Sheet&) = delete;

  Totals* totals;
  CellSlot* slots;          ///< a job each
  Word* words;              ///< all cells; those of zero are still to be run
  std::atomic<bool>* done;  ///< beside the pieces
 private:
  size_t bytes_;
  void* memory_;
};

}  // namespace dtypefuzz
