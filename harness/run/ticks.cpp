#include "harness/run/ticks.h"

#include <chrono>

namespace dtypefuzz {
namespace {

uint64_t* ticks_inside = nullptr;
int depth_inside = 0;

}  // namespace

uint64_t ticks() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}

void count_ticks_inside(uint64_t* sum) {
  ticks_inside = sum;
}

InsideLibTorch::InsideLibTorch() : begin_(ticks_inside && depth_inside++ == 0 ? ticks() : 0) {}
InsideLibTorch::~InsideLibTorch() {
  if (ticks_inside && --depth_inside == 0) *ticks_inside += ticks() - begin_;
}

}  // namespace dtypefuzz
