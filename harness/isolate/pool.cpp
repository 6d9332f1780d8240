#include "harness/isolate/pool.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

namespace dtypefuzz {

Pool::Pool(Terms terms) : terms_(std::move(terms)), starts_(terms_.starts), workers_(terms_.jobs) {
  for (size_t job = 0; job < workers_.size(); ++job) start(job);
}

Pool::~Pool() {
  for (Child& worker : workers_) worker.end();
}

bool Pool::running() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Child& worker) { return worker.running(); });
}

void Pool::wait(int milliseconds, std::vector<pollfd> others) const {
  for (const Child& worker : workers_)
    if (worker.running()) others.push_back({worker.pipe, POLLIN, 0});
  poll(others.data(), others.size(), milliseconds);
}

void Pool::start(size_t job) {
  Remains& remains = terms_.remains(job);
  remains.end();
  const uint64_t start = starts_++;
  workers_[job] = forked([&](int pipe) {
    begin_cases(remains, terms_.limits);
    terms_.work(job, start, pipe);
  });
}

void Pool::look_after() {
  for (size_t job = 0; job < workers_.size(); ++job) {
    Child& worker = workers_[job];
    if (!worker.running()) continue;
    const bool open = worker.read();
    size_t begin = 0;
    for (size_t end; (end = worker.text.find('\n', begin)) != std::string::npos; begin = end + 1)
      terms_.heard(job, worker.text.substr(begin, end - begin));
    worker.text.erase(0, begin);
    if (open) {
      Remains& remains = terms_.remains(job);
      const double since = remains.since;
      if (since > 0 && now() - since > terms_.limits.seconds + terms_.grace) {
        remains.cause = EndedBy::hang;
        kill(worker.pid, SIGKILL);
      }
    } else if (terms_.ended(job, worker.wait())) {
      start(job);
    }
  }
}

void make_way_if_large() {
  if (grown_large()) _exit(kReplaceMe);
}

}  // namespace dtypefuzz
