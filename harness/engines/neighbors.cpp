#include "harness/search/neighbors.h"

#include "dtypefuzz/error.h"
#include "harness/engines/makers.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {

Engine neighbors_engine(const EngineOptions& options, const Space& whole) {
  std::vector<Case> starts;
  for (const auto& file : case_files(options.corpus.empty() ? options.known : std::vector{options.corpus}))
    starts.push_back(load_case(file, whole).body);
  if (starts.empty())
    fail("--engine neighbors: no case to start from; give a --baseline with findings or a --corpus of cases");
  return [starts = std::move(starts)](Worker& worker) {
    const Neighbors neighbors(starts, worker.settings().space);
    while (const auto index = worker.claim()) worker.work_on(neighbors.at(worker.settings().seed, *index));
  };
}

}  // namespace dtypefuzz
