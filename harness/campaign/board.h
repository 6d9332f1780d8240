#pragma once
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "dtypefuzz/error.h"
#include "harness/isolate/guard.h"
#include "harness/isolate/in_flight.h"
#include "harness/run/stages.h"

namespace dtypefuzz {

/// What one worker tells its parent without a word: the case that it is at is known before it runs.
struct Slot {
  Remains remains;
  InFlight in_flight;
  std::atomic<uint64_t> index{0};    ///< of the case that the worker has claimed
  std::atomic<bool> claimed{false};  ///< the claimed case is not judged yet
  std::atomic<uint64_t> served{0};   ///< cases that this worker process has judged
  StageTimes times;                  ///< of this job's workers, where somebody asks
};

/// What all processes of a campaign share; one slot a job follows.
struct Board {
  /// How far workers may be ahead of the slowest case: 10 s of a case that hangs at 100,000 cases/s.
  static constexpr uint64_t kLedger = uint64_t{1} << 20;
  enum Entry : uint8_t { kOpen, kJudged, kFinished };

  std::atomic<uint64_t> next{0};     ///< index to claim
  std::atomic<uint64_t> settled{0};  ///< all cases below are judged and counted
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> done{0};  ///< engines that came to their end
  std::atomic<Entry> ledger[kLedger];

  void mark(uint64_t index, Entry entry) {
    if (index >= settled) ledger[index % kLedger].store(entry, std::memory_order_release);
  }
  Slot& slot(size_t job) { return reinterpret_cast<Slot*>(this + 1)[job]; }
  static size_t bytes(int jobs) { return sizeof(Board) + static_cast<size_t>(jobs) * sizeof(Slot); }
  static Board* mapped(int file, int jobs) {
    void* memory = mmap(nullptr, bytes(jobs), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
      fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
    return static_cast<Board*>(memory);
  }
};

/// The board of a campaign, which goes with it.
class OwnBoard {
 public:
  explicit OwnBoard(int jobs) : jobs_(jobs), file_(memfd_create("dtypefuzz", 0)) {
    if (file_ < 0 || ftruncate(file_, static_cast<off_t>(Board::bytes(jobs))) != 0)
      fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
    board_ = Board::mapped(file_, jobs);
  }
  ~OwnBoard() {
    munmap(board_, Board::bytes(jobs_));
    close(file_);
  }
  OwnBoard(const OwnBoard&) = delete;
  OwnBoard& operator=(const OwnBoard&) = delete;
  Board* operator->() const { return board_; }
  int file() const { return file_; }

 private:
  int jobs_, file_;
  Board* board_ = nullptr;
};

}  // namespace dtypefuzz
