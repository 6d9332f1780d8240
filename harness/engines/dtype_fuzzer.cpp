// The libFuzzer target. Inputs are case files, mutated as cases; feedback is what a case reached: semantic
// cells, pairs of neighbours, and functions of LibTorch entered for the first time. On its own it ends at the
// first cause that the baseline beside it (dtype_fuzzer.baseline, see harness/blame/known.h) does not name;
// as a campaign's worker it tells and goes on.
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
#include "harness/search/draw_case.h"
#include "harness/search/mutate.h"
#include "properties/messages.h"

extern "C" {
// The linker's names for the section's bounds, which libFuzzer reads too.
extern uint8_t __start___libfuzzer_extra_counters[] __attribute__((weak));
extern uint8_t __stop___libfuzzer_extra_counters[] __attribute__((weak));
}

namespace dtypefuzz {
namespace {

/// libFuzzer takes every non-zero byte of this section after an input as a feature. `used`: a static that is
/// only written would be removed.
struct Counters {
  uint8_t cells[16384];       // module, which operands agree, autocast, mode, outcome
  uint8_t neighbours[16384];  // two modules in a row, outcome
  uint8_t functions[8192];
};
__attribute__((used, section("__libfuzzer_extra_counters"))) Counters counters;

/// The n-th function reached in this process: a counter and value that no earlier one had, up to 65,536 of
/// them.
std::atomic<uint32_t> functions_reached{0};
void on_function() {
  constexpr uint8_t kBuckets[] = {1, 2, 3, 4, 8, 16, 32, 128};  // values that libFuzzer tells apart
  const uint32_t n = functions_reached.fetch_add(1, std::memory_order_relaxed);
  counters.functions[n % sizeof counters.functions] =
      kBuckets[n / sizeof counters.functions % std::size(kBuckets)];
}

void count(const Plan& plan, const Observation& seen) {
  uint64_t outcome = 0;
  if (seen.error) {
    const auto known = recognize(seen.error->message);
    outcome = 1 + static_cast<uint64_t>(seen.error->phase) +
              16 * (known ? static_cast<uint64_t>(known->family - message_families().data()) + 1 : 0);
  }
  uint64_t before = 0;
  for (const CallFacts& call : seen.calls) {
    const LayerPlan* layer = call.culprit.kind == Culprit::kLoss ? &*plan.loss
                             : call.culprit.kind == Culprit::kLayer
                                 ? &plan.layers[static_cast<size_t>(call.culprit.layer)]
                                 : nullptr;
    if (!layer) continue;
    const uint64_t module = XXH3_64bits(layer->module.data(), layer->module.size());
    uint64_t agree = 0;
    for (const OperandFacts& operand : call.received)
      agree = agree * 2 + (operand.dtype == call.received.front().dtype);
    const uint64_t parts[] = {module,
                              agree,
                              static_cast<uint64_t>(category_of(call.received.front().dtype)),
                              call.autocast ? static_cast<uint64_t>(category_of(*call.autocast)) + 1 : 0,
                              static_cast<uint64_t>(plan.mode),
                              call.threw || call.iteration > 0 ? outcome : 0,
                              index_of(plan.device)};
    ++counters.cells[XXH3_64bits(parts, sizeof parts) % sizeof counters.cells];
    const uint64_t pair[] = {before, module, call.threw ? outcome : 0, call.autocast ? 1u : 0u};
    ++counters.neighbours[XXH3_64bits(pair, sizeof pair) % sizeof counters.neighbours];
    before = module;
  }
  const uint64_t whole[] = {outcome,
                            static_cast<uint64_t>(plan.load),
                            static_cast<uint64_t>(plan.convert),
                            place_of(plan.optimizer),
                            static_cast<uint64_t>(plan.scaler),
                            static_cast<uint64_t>(category_of(plan.params_dtype))};
  ++counters.cells[XXH3_64bits(whole, sizeof whole) % sizeof counters.cells];
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
  std::optional<Reading> made;  ///< and what it means, until it is used up
};
Target& target = *new Target;

size_t give(Reading&& made, uint8_t* data, size_t max_size) {
  target.text = print_case({made.body, {}, {}, {}});
  target.made = std::move(made);
  if (target.text.size() > max_size) return 0;
  std::memcpy(data, target.text.data(), target.text.size());
  return target.text.size();
}

std::optional<Case> parsed(const uint8_t* data, size_t size) {
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
  if (!target.made || size != target.text.size() || std::memcmp(data, target.text.data(), size) != 0) {
    const auto c = parsed(data, size);
    if (!c) return -1;
    target.made = reading_of(*c, *target.space);
  }
  if (target.worker && !target.worker->claim()) _exit(0);
  Reading made = *std::exchange(target.made, std::nullopt);
  const Checked checked =
      target.worker ? target.worker->work_on(std::move(made)) : target.alone->work_on(std::move(made));
  count(checked.plan, checked.seen);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size, unsigned seed) {
  const auto c = parsed(data, size);
  return give(c ? mutated(*c, Rng(seed), *target.space, target.bias)
                : draw_case(Rng(seed), *target.space, target.bias),
              data, max_size);
}

extern "C" size_t LLVMFuzzerCustomCrossOver(const uint8_t* data1, size_t size1, const uint8_t* data2,
                                            size_t size2, uint8_t* out, size_t max_size, unsigned seed) {
  const auto a = parsed(data1, size1), b = parsed(data2, size2);
  if (!a || !b) return 0;
  return give(crossed(*a, *b, Rng(seed), *target.space, target.bias), out, max_size);
}
