// The libFuzzer target. Inputs are case files, mutated as cases; feedback is what a case reached: outcomes,
// and functions of LibTorch entered for the first time. On its own it ends at the first cause that the
// baseline beside it (dtype_fuzzer.baseline, see harness/blame/known.h) does not name; as a campaign's worker
// it tells and goes on.
#include <fmt/format.h>
#include <unistd.h>
#include <xxhash.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

#include "dtypefuzz/error.h"
#include "generators/optimizers.h"
#include "harness/blame/inspect.h"
#include "harness/blame/known.h"
#include "harness/campaign/inquiry.h"
#include "harness/campaign/worker.h"
#include "harness/engines/function_coverage.h"
#include "harness/isolate/crash.h"
#include "harness/run/prepare.h"
#include "harness/run/stages.h"
#include "harness/search/draw_case.h"
#include "harness/search/mutate.h"
#include "properties/messages.h"
#include "properties/promise.h"

extern "C" {
// The linker's names for the section's bounds, which libFuzzer reads too.
extern uint8_t __start___libfuzzer_extra_counters[] __attribute__((weak));
extern uint8_t __stop___libfuzzer_extra_counters[] __attribute__((weak));
}

namespace dtypefuzz {
namespace {

/// libFuzzer takes every non-zero byte of this section after an input as a feature, and keeps every input
/// that has a new one: so these tell outcomes apart and no more. `used`: a static that is only written would
/// be removed.
struct Counters {
  uint8_t outcomes[4096];  // how a module ended, in which kind of dtype, in a region or not
  uint8_t wholes[1024];    // how a stack ended, and what was done with it beside forward and backward
  uint8_t functions[4096];
};
__attribute__((used, section("__libfuzzer_extra_counters"))) Counters counters;

/// Every so many functions that were entered for the first time are one feature: an input seldom reaches
/// none.
constexpr uint32_t kFunctionsAFeature = 16;
std::atomic<uint32_t> functions_reached{0};
void on_function() {
  constexpr uint8_t kBuckets[] = {1, 2, 3, 4, 8, 16, 32, 128};  // values that libFuzzer tells apart
  const uint32_t reached = functions_reached.fetch_add(1, std::memory_order_relaxed);
  if (reached % kFunctionsAFeature != 0) return;
  const uint32_t n = reached / kFunctionsAFeature;
  counters.functions[n % sizeof counters.functions] =
      kBuckets[n / sizeof counters.functions % std::size(kBuckets)];
}

template <size_t size, size_t parts>
void set_feature(uint8_t (&features)[size], const uint64_t (&of)[parts]) {
  features[XXH3_64bits(of, sizeof of) % size] = 1;
}

void count(const Plan& plan, const Observation& seen) {
  uint64_t outcome = 0;
  if (seen.error) {
    const auto known = recognize(seen.error->message);
    outcome = 1 + static_cast<uint64_t>(seen.error->phase) +
              16 * (known ? static_cast<uint64_t>(known->family - message_families().data()) + 1 : 0);
  }
  for (const CallFacts& call : seen.calls) {
    const LayerPlan* layer = layer_of(plan, call.culprit);
    if (!layer) continue;
    const bool agree = std::ranges::all_of(call.received, [&](const OperandFacts& operand) {
      return operand.dtype == call.received.front().dtype;
    });
    set_feature(counters.outcomes, {XXH3_64bits(layer->module.data(), layer->module.size()), agree ? 1u : 0u,
                                    static_cast<uint64_t>(category_of(call.received.front().dtype)),
                                    call.autocast ? 1u : 0u, call.threw ? outcome : 0});
  }
  set_feature(counters.wholes,
              {outcome, static_cast<uint64_t>(plan.load), static_cast<uint64_t>(plan.convert),
               place_of(plan.optimizer), static_cast<uint64_t>(plan.scaler), index_of(plan.device)});
}

/// ClusterFuzz tells findings apart by the frames of a stack: a cause gets frames of its own. Lines are cut
/// at 80 characters there, hence the second frame.
[[noreturn]] void end_with(const Finding& finding) {
  const std::string cause = to_string(cause_of(finding));
  uint64_t hash = XXH3_64bits(cause.data(), cause.size());
  std::string letters;
  for (int i = 0; i < 12; ++i, hash >>= 4) letters += static_cast<char>('a' + (hash & 15));
  const auto& property = finding.violation.signature.property;
  fmt::print(stderr,
             "{}cause:     {}\nsignature: {}\npromised:  {}\nseen:      {}\n"
             "ASSERTION FAILED: {}\n"
             "    #0 0x000000000000 in {} /src/dtypefuzz/properties/{}.cpp:42:1\n"
             "    #1 0x000000000000 in FuzzerHash={} /src/dtypefuzz/properties/{}.cpp:42:1\n"
             "DEDUP_TOKEN: {}\n",
             print_case({finding.body, {}, {}, {}}), sentence_of(cause_of(finding)),
             to_string(finding.violation.signature), finding.violation.promised, finding.violation.seen,
             cause, cause, property, letters, property, cause);
  std::fflush(stderr);
  std::abort();
}

KnownFaults baseline_beside_the_binary() {
  std::ifstream in(std::filesystem::read_symlink("/proc/self/exe").string() + ".baseline");
  return parse_known({std::istreambuf_iterator<char>(in), {}});
}

/// What takes cases where no campaign does. It ends at the first cause that the baseline does not know.
class Alone {
 public:
  Checked work_on(Reading&& reading) {
    Checked checked = check_guarded(checker_, std::move(reading.plan), Siblings::sampled, nullptr);
    for (const Violation& v : checked.violations) {
      if (!met_.insert(to_string(v.signature)).second) continue;
      Finding finding{.violation = v, .body = reading.body};
      if (standing_of(finding) != Standing::fresh) continue;
      auto small = minimized(finding, whole_space(), [&](const Reading& step) {
        return check_guarded(checker_, Plan(step.plan), Siblings::always, nullptr).violations;
      });
      if (small && standing_of(*small) == Standing::fresh) end_with(*small);
    }
    return checked;
  }

 private:
  /// What it is blamed on, and whether that is new.
  Standing standing_of(Finding& finding) const {
    const auto seen = inspect(
        finding.body, whole_space(), {}, [&](const Signature& s) { return s == finding.violation.signature; },
        [](const Cause&) { return false; }, 1);
    if (!seen.empty()) finding.cause = seen.front().cause;
    return known_.standing_of(finding.violation.signature, finding.cause);
  }

  Checker checker_;
  const KnownFaults known_ = baseline_beside_the_binary();
  std::set<std::string> met_;
};

/// All that lives from one input to the next.
struct Target {
  std::optional<Worker> worker;  ///< of a campaign
  std::optional<Alone> alone;    ///< where there is none
  const Space* space = &whole_space();
  Bias bias;
  std::string text;             ///< what the mutator gave last,
  std::optional<Reading> made;  ///< and what it means, until it is used up,
  std::optional<Case> ran;      ///< and then the case that it was: it is often what is mutated next
  bool gave(const uint8_t* data, size_t size) const {
    return size == text.size() && std::memcmp(data, text.data(), size) == 0;
  }
};
Target& target = *new Target;

size_t give(Reading&& made, uint8_t* data, size_t max_size) {
  target.text = print_case({made.body, {}, {}, {}});
  target.made = std::move(made);
  target.ran.reset();
  if (target.text.size() > max_size) return 0;
  std::memcpy(data, target.text.data(), target.text.size());
  return target.text.size();
}

std::optional<Case> parsed(const uint8_t* data, size_t size) {
  if (target.ran && target.gave(data, size)) return target.ran;
  try {
    return parse_case({reinterpret_cast<const char*>(data), size}).body;
  } catch (const Error&) {
    return std::nullopt;  // bytes that are no case are data, not an error
  }
}

}  // namespace
}  // namespace dtypefuzz

using namespace dtypefuzz;

extern "C" int LLVMFuzzerInitialize(int*, char***) {
  prepare_process();
  if (__stop___libfuzzer_extra_counters - __start___libfuzzer_extra_counters <
      static_cast<ptrdiff_t>(sizeof counters)) {
    fmt::print(stderr, "dtype_fuzzer: the linker dropped the section __libfuzzer_extra_counters\n");
    _exit(3);
  }
  if (const char* ticket = std::getenv("DTYPEFUZZ_WORKER")) {
    target.worker.emplace(Worker::attached(ticket, whole_space()));
    target.space = &target.worker->settings().space;
  } else {
    target.alone.emplace();
  }
  const size_t watched = watch_functions("libtorch_cpu.so", on_function);
  if (watched == 0) fmt::print(stderr, "dtype_fuzzer: no function coverage here, cells alone guide\n");
  return 0;
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const InStage stage(Stage::make);
  if (!target.made || !target.gave(data, size)) {
    const auto c = parsed(data, size);
    if (!c) return -1;
    target.made = reading_of(*c, *target.space);
    target.text.assign(reinterpret_cast<const char*>(data), size);
  }
  if (target.worker && !target.worker->claim()) _exit(0);
  Reading made = *std::exchange(target.made, std::nullopt);
  const Checked checked =
      target.worker ? target.worker->work_on(std::move(made)) : target.alone->work_on(std::move(made));
  count(checked.plan, checked.seen);
  target.ran = std::move(made.body);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const InStage stage(Stage::make);
  const auto c = parsed(data, size);
  return give(c ? mutated(*c, Rng(seed), *target.space, target.bias)
                : draw_case(Rng(seed), *target.space, target.bias),
              data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                            size_t size2, uint8_t* out, size_t max_size, unsigned seed) {
  const InStage stage(Stage::make);
  const auto a = parsed(data1, size1), b = parsed(data2, size2);
  if (!a || !b) return 0;
  return give(crossed(*a, *b, Rng(seed), *target.space, target.bias), out, max_size);
}
