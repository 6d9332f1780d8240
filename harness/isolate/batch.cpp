#include "harness/isolate/batch.h"

#include <algorithm>
#include <charconv>

#include "harness/isolate/pool.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostJobs = 256;

/// What the workers and their owner share.
struct Shared {
  std::atomic<size_t> next{0};
  Remains remains[kMostJobs];
};

}  // namespace

std::vector<std::optional<std::string>> in_batches(size_t count, const BatchTerms& terms,
                                                   const std::function<std::string(size_t)>& work) {
  std::vector<std::optional<std::string>> given(count);
  if (count == 0) return given;
  const SharedMemory<Shared> shared;
  Pool workers(
      {.jobs = std::clamp<size_t>(terms.jobs, 1, std::min(count, kMostJobs)),
       .limits = terms.limits,
       .remains = [&](size_t job) -> Remains& { return shared->remains[job]; },
       .work =
           [&](size_t job, uint64_t, int pipe) {
             Remains& remains = shared->remains[job];
             for (size_t i; make_way_if_large(), (i = shared->next++) < count;) {
               remains.begin();
               std::string line;
               outermost([&] { line = work(i); });
               remains.end();
               write_line(pipe, std::to_string(i) + " " + line + "\n");
             }
           },
       .heard =
           [&](size_t, const std::string& line) {
             size_t i = count;
             const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), i);
             if (error == std::errc() && i < count)
               given[i] = std::string(end + 1, line.data() + line.size());
           },
       // Whoever ended on an item has had it; another one goes on behind it.
       .ended = [&](size_t, int) { return shared->next < count && !(terms.stops && terms.stops()); }});
  while (workers.running() && !(terms.stops && terms.stops())) {
    workers.wait(200);
    workers.look_after();
    if (terms.tick) terms.tick(std::min<size_t>(shared->next, count));
  }
  return given;
}

}  // namespace dtypefuzz
