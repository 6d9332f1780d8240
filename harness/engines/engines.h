#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/campaign/campaign.h"

namespace dtypefuzz {

/// What an engine may be told from outside.
struct EngineOptions {
  std::string corpus;  ///< where libFuzzer keeps its inputs, empty: `inputs` in the folder; where the cases
                       ///< are whose neighbors are run, empty: those of `known`
  std::vector<std::string> seeds;       ///< folders of cases to begin with
  std::string target;                   ///< libFuzzer's binary; empty: dtype_fuzzer beside this one
  std::vector<std::string> known = {};  ///< files of known findings
  std::string folder = {};              ///< for what an engine writes; empty: one that goes with the run
};

struct NamedEngine {
  std::string_view name;
  std::string_view sentence;
  /// The engine, ready to run; an Error where it cannot run here. Files of cases are read in `whole`.
  Engine (*make)(const EngineOptions&, const Space& whole);
};

/// All engines, the best one first. Each is a different way to answer the generator's questions.
std::span<const NamedEngine> engines();
/// An Error for an unknown name.
const NamedEngine& engine_named(std::string_view name);

/// The case of the engine rapidcheck for this seed and index.
Reading rapidcheck_case(uint64_t seed, uint64_t index, const Space&, const Bias&);

}  // namespace dtypefuzz
