#pragma once
#include <cstdint>

namespace dtypefuzz {

/// Nanoseconds of the steady clock.
uint64_t ticks();

/// From now on every InsideLibTorch adds its lifetime to `sum`; null: to nothing.
void count_ticks_inside(uint64_t* sum);

/// Stands round calls into LibTorch, so that a benchmark can tell LibTorch's time from ours. Inside of
/// another one it counts nothing.
class InsideLibTorch {
 public:
  InsideLibTorch();
  ~InsideLibTorch();
  InsideLibTorch(const InsideLibTorch&) = delete;
  InsideLibTorch& operator=(const InsideLibTorch&) = delete;

 private:
  uint64_t begin_;
};

}  // namespace dtypefuzz
