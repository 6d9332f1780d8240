#include "harness/corpus/baseline.h"

#include "harness/files/seen.h"

namespace dtypefuzz {

std::map<std::string, Known> load_baseline(const std::string& directory, const Space& space) {
  std::map<std::string, Known> known;
  if (directory == "none") return known;
  for (const auto& path : case_files({directory})) {
    const CaseFile file = load_case(path, space);
    const Seen* here = seen_here(file);
    for (const Seen& seen : file.seen) {
      if (seen.key != seen_key() && !seen.key.starts_with(seen_key() + "-")) continue;
      if (seen.verdicts.front() == "holds") continue;
      Known& entry = known[seen.verdicts.front()];
      if (entry.path.empty() || &seen == here) entry = {path, file.title(), entry.here || &seen == here};
    }
  }
  return known;
}

}  // namespace dtypefuzz
