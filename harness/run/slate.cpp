#include "harness/run/slate.h"

#include <torch/torch.h>

#include "harness/run/autocast.h"

namespace dtypefuzz {
namespace {

void set_threads(int threads) {
  if (at::get_num_threads() != threads) at::set_num_threads(threads);
}

void set_default_dtype(Dtype dtype) {
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(dtype));
}

at::CPUGeneratorImpl& generator_of_the_cpu() {
  return *at::check_generator<at::CPUGeneratorImpl>(at::detail::getDefaultCPUGenerator());
}

}  // namespace

void seed_random_numbers(uint64_t seed) {
  at::CPUGeneratorImpl& generator = generator_of_the_cpu();
  const std::lock_guard lock(generator.mutex_);
  generator.set_current_seed(seed);
}

CleanSlate::RandomNumbers CleanSlate::random_numbers_now() {
  at::CPUGeneratorImpl& generator = generator_of_the_cpu();
  const std::lock_guard lock(generator.mutex_);
  return {generator.engine(), generator.next_float_normal_sample(), generator.next_double_normal_sample()};
}

CleanSlate::CleanSlate(const Plan& plan)
    : device_(plan.device),
      threads_(at::get_num_threads()),
      autocast_(autocast_now(plan.device)),
      grad_mode_(at::GradMode::is_enabled()),
      default_dtype_(c10::get_default_dtype_as_scalartype()),
      random_numbers_(random_numbers_now()) {
  set_threads(1);
  // The dtype is what autocast begins with in a new process; a device of its own keeps its own.
  set_autocast({.dtype = autocast_.dtype, .cpu_dtype = Dtype::BFloat16}, plan.device);
  at::autocast::clear_cache();
  at::GradMode::set_enabled(true);
  set_default_dtype(plan.default_dtype);
  seed_random_numbers(plan.seed);
}

CleanSlate::~CleanSlate() {
  set_threads(threads_);
  set_autocast(autocast_, device_);
  at::GradMode::set_enabled(grad_mode_);
  set_default_dtype(default_dtype_);
  at::CPUGeneratorImpl& generator = generator_of_the_cpu();
  const std::lock_guard lock(generator.mutex_);
  generator.set_engine(random_numbers_.engine);
  generator.set_next_float_normal_sample(random_numbers_.next_float);
  generator.set_next_double_normal_sample(random_numbers_.next_double);
}

}  // namespace dtypefuzz
