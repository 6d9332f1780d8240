#pragma once
#include <ATen/CPUGeneratorImpl.h>

#include <optional>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// What the outcome of a run depends on beside its plan: while a slate lives it is as the plan says, whatever
/// ran before, and afterwards as it was. One thread, autocast off, gradients on, the plan's default dtype,
/// the CPU's random numbers from the plan's seed.
class CleanSlate {
 public:
  explicit CleanSlate(const Plan&);
  ~CleanSlate();
  CleanSlate(const CleanSlate&) = delete;
  CleanSlate& operator=(const CleanSlate&) = delete;

 private:
  Device device_;
  int threads_;
  AutocastFacts autocast_;
  bool grad_mode_;
  Dtype default_dtype_;
  struct RandomNumbers {
    at::mt19937 engine;
    std::optional<float> next_float;
    std::optional<double> next_double;
  } random_numbers_;
  static RandomNumbers random_numbers_now();
};

/// Of the CPU: dropout and random pooling take numbers, and so do the initial values of parameters.
void seed_random_numbers(uint64_t seed);

}  // namespace dtypefuzz
