#pragma once
#include <atomic>

#include "harness/files/case_file.h"

namespace dtypefuzz {

/// A case in memory that another process sees: it knows what ran, whatever becomes of the one that runs it.
struct InFlight {
  std::atomic<uint32_t> length{0};
  char text[kMaxCaseBytes];

  /// Allocates nothing: every case goes through here before it runs.
  void enter(const Case&);
  Case body() const;
};

}  // namespace dtypefuzz
