#include "harness/engines/engines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dtypefuzz/error.h"
#include "harness/core/words.h"
#include "harness/engines/makers.h"

namespace dtypefuzz {
namespace {

constexpr NamedEngine kEngines[] = {
    // First, as it finds more in the time that a person waits. From nothing, one seed each, LibTorch 2.13.0:
    // on two cores in 60 s 56 causes of 180,313 cases, libfuzzer 49 of 86,208; on one core in 10 min 77 and,
    // the version before, libfuzzer 61.
    {"rapidcheck", "random cases, case i from the seed and i alone", rapidcheck_engine},
    {"libfuzzer", "guided by what cases reach: build/dtype_fuzzer", libfuzzer_engine},
    {"sweep", "the finite part of the space, cell by cell, then the end", sweep_engine},
    {"neighbors",
     "the known findings, or the cases in --corpus, with one answer changed, then with two or three at "
     "random",
     neighbors_engine},
};

}  // namespace

std::span<const NamedEngine> engines() {
  return kEngines;
}

const NamedEngine& engine_named(std::string_view name) {
  std::vector<std::string> names;
  for (const auto& engine : kEngines) {
    if (engine.name == name) return engine;
    names.emplace_back(engine.name);
  }
  fail("--engine '{}': expected {}{}", name, fmt::join(names, ", "), did_you_mean(name, names));
}

}  // namespace dtypefuzz
