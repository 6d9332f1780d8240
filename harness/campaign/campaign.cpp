#include "harness/campaign/campaign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <list>

#include "dtypefuzz/check.h"
#include "dtypefuzz/error.h"
#include "harness/campaign/inquiry.h"
#include "harness/files/finding_json.h"
#include "harness/isolate/crash.h"
#include "harness/isolate/native_stack.h"
#include "harness/isolate/pool.h"
#include "harness/search/minimize.h"

namespace dtypefuzz {

namespace {

/// Between two saves of the state: where there is something new to tell, and where cases went by.
constexpr double kSecondsOfNews = 0.1, kSecondsOfCases = 1;

}  // namespace

/// The parent of the workers. It never runs a case and never waits for one: what names, minimizes and runs
/// again is a process of its own, too.
class Campaign {
 public:
  Campaign(const Settings& settings, const Listener& listener, Snapshot from)
      : settings_(settings),
        listener_(listener),
        state_(std::move(from)),
        seconds_before_(state_.seconds),
        board_(settings.jobs) {
    board_->next = board_->settled = state_.next;
  }
  ~Campaign() {
    for (auto& [place, inquiry] : inquiries_) inquiry.process.end();
    for (Naming& naming : unnamed_) naming.process.end();
  }
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;

  Progress run(const std::atomic<int>& interrupted) {
    Pool workers({.jobs = static_cast<size_t>(settings_.jobs),
                  .limits = settings_.limits,
                  .remains = [&](size_t job) -> Remains& { return board_->slot(job).remains; },
                  .work = [&](size_t job, uint64_t start, int pipe) { work(job, start, pipe); },
                  .heard = [&](size_t, const std::string& line) { hear(line); },
                  .ended = [&](size_t job, int status) { return ended(job, status); },
                  .starts = state_.starts});
    double last_tick = 0;
    for (;;) {
      state_.starts = workers.starts();
      const bool workers_run = workers.running();
      if (!workers_run && unnamed_.empty()) end_of_cases_ = true;
      if (end_of_cases_ && inquiries_.empty() &&
          (state_.waiting.empty() || interrupted > 0 || !settings_.inquires))
        break;
      workers.wait(200, pipes_of_others());
      settle();  // before the pipes are read: what a settled case has to tell is then in them
      workers.look_after();
      hear_namings();
      if (interrupted > 0 || (settings_.seconds > 0 && seconds() >= settings_.seconds)) board_->stop = true;
      hear_inquiries(interrupted > 0);
      if (interrupted == 0 && settings_.inquires) start_inquiries();
      save(false);
      if (now() - last_tick >= 0.2) {
        if (listener_.tick) listener_.tick(progress(interrupted > 0));
        last_tick = now();
      }
    }
    settle();
    save(true);
    return progress(interrupted > 0);
  }

 private:
  /// A case that ended its worker, and the process that finds out what to call it.
  struct Naming {
    Candidate candidate;
    Frames stack;
    Child process = {};
  };
  struct Inquiry {
    Child process;
    std::string of;  ///< what minimizing keeps of the signature
  };

  double seconds() const { return seconds_before_ + now() - begin_; }
  Progress progress(bool interrupted) const {
    return {state_.next, state_.finished, seconds(), state_.waiting.size(), interrupted};
  }

  /// In a worker's process.
  void work(size_t job, uint64_t start, int pipe) {
    fcntl(pipe, F_SETFD, 0);  // an engine may be another program
    Worker worker(settings_, static_cast<int>(job), start, board_.file(), pipe);
    settings_.engine(worker);
    ++board_->done;
  }

  std::vector<pollfd> pipes_of_others() const {
    std::vector<pollfd> pipes;
    for (const Naming& naming : unnamed_)
      if (naming.process.running()) pipes.push_back({naming.process.pipe, POLLIN, 0});
    for (const auto& [place, inquiry] : inquiries_) pipes.push_back({inquiry.process.pipe, POLLIN, 0});
    return pipes;
  }

  /// Counts what is judged, up to the first case that is not.
  void settle() {
    for (;; ++state_.next) {
      auto& entry = board_->ledger[state_.next % Board::kLedger];
      const auto judged = entry.load(std::memory_order_acquire);
      if (judged == Board::kOpen) break;
      entry = Board::kOpen;
      state_.finished += judged == Board::kFinished;
    }
    board_->settled = state_.next;
  }

  /// A worker is gone: its case in flight, if there is one, is its verdict. Whether another one is needed.
  bool ended(size_t job, int status) {
    Slot& slot = board_->slot(job);
    const bool in_a_case = slot.remains.since > 0;
    if (in_a_case) {
      auto [body, answers, plan] = reading_of(slot.in_flight.body(), settings_.whole);
      Finding finding{.violation = crash_of(plan, slot.remains, status), .body = std::move(body)};
      crashed({{slot.index, 0}, std::move(finding)}, slot.remains);
      slot.claimed = false;
    } else if (status != 0 && slot.served == 0) {
      if (WIFEXITED(status) && WEXITSTATUS(status) == kReplaceMe)
        fail("--memory: {} MiB are too few, a worker takes half of them before its first case",
             settings_.limits.bytes >> 20);
      fail_environment(
          "a worker ended with status {} outside of any case; with --engine libfuzzer, try "
          "build/dtype_fuzzer by itself",
          status);
    }
    const bool owes_a_case = status != 0 && slot.claimed;
    slot.served = 0;
    return owes_a_case || ((in_a_case || status != 0) && !board_->stop && board_->done == 0);
  }

  /// What is known as it is counts at once. Of anything else a process of its own finds out whose backward it
  /// was and what the frames of the stack are called; until then the case stays in flight.
  void crashed(Candidate candidate, const Remains& remains) {
    const Signature& signature = candidate.finding.violation.signature;
    const bool in_backward = signature.phase == to_string(Phase::backward);
    if (!in_backward && (is_known(signature) || state_.met.contains(to_string(signature))))
      return judged(std::move(candidate));
    unnamed_.push_back({.candidate = std::move(candidate), .stack = frames_of(remains)});
    start_namings();
  }

  void judged(Candidate candidate) {
    const uint64_t index = candidate.place.index;
    meet(std::move(candidate));
    board_->mark(index, Board::kJudged);
  }

  void start_namings() {
    int running = 0;
    for (Naming& naming : unnamed_) {
      if (++running > settings_.jobs) return;
      if (naming.process.running()) continue;
      naming.process = forked([&](int pipe) {
        Finding finding = naming.candidate.finding;
        if (finding.violation.signature.phase == to_string(Phase::backward))
          for (const Violation& v :
               check_isolated(finding.body, settings_.whole, settings_.limits, settings_.strictness)
                   .violations)
            if (v.severity == Severity::crash) finding.violation = v;
        if (!is_known(finding.violation.signature)) finding.stack = stack_of(naming.stack);
        write_line(pipe, line_of(to_json(finding)));
      });
    }
  }

  void hear_namings() {
    for (auto it = unnamed_.begin(); it != unnamed_.end();) {
      Child& process = it->process;
      if (!process.running() || process.read()) {
        ++it;
        continue;
      }
      Candidate candidate = std::move(it->candidate);
      if (process.wait() == 0 && !process.text.empty()) {
        const auto json = parse_json(process.text);
        candidate.finding = finding_at({json, ""});
      }
      it = unnamed_.erase(it);
      judged(std::move(candidate));
    }
    start_namings();
  }

  bool is_known(const Signature& signature) const { return settings_.known.contains(to_string(signature)); }

  void hear(const std::string& line) {
    const auto json = parse_json(line);
    meet(candidate_at({json, ""}));
  }

  void meet(Candidate candidate) {
    const std::string signature = to_string(candidate.finding.violation.signature);
    if (settings_.known.contains(signature)) return tell(candidate.finding, Standing::known);
    const auto [it, is_new] = state_.met.emplace(signature, candidate.place);
    if (!is_new) {
      if (!(candidate.place < it->second) || !state_.waiting.contains(it->second) ||
          inquiries_.contains(it->second))
        return;
      state_.waiting.erase(it->second);
      it->second = candidate.place;
    }
    state_.waiting.insert_or_assign(candidate.place, std::move(candidate));
    changed_ = true;
  }

  void tell(const Finding& finding, Standing standing) {
    const auto [it, is_new] = state_.told.try_emplace(to_string(finding.violation.signature),
                                                      Snapshot::Told{standing, finding.violation.severity});
    if (!is_new) return;
    listener_.report(finding, standing);
    changed_ = changed_ || standing != Standing::known;
  }

  /// In the order of their places where two may turn out to be one finding, so that the first of them names
  /// its case whatever the number of jobs.
  void start_inquiries() {
    std::set<std::string> busy;
    for (const auto& [place, inquiry] : inquiries_) busy.insert(inquiry.of);
    for (auto it = state_.waiting.begin(); it != state_.waiting.end();) {
      const Candidate& candidate = it->second;
      if (inquiries_.size() >= static_cast<size_t>(settings_.jobs) ||
          (place_is_open(candidate.place) && !end_of_cases_))
        return;
      const std::string of = kept_by_minimizing(candidate.finding.violation.signature);
      if (!busy.insert(of).second) {
        ++it;
      } else if (state_.told.contains(to_string(candidate.finding.violation.signature))) {
        it = state_.waiting.erase(it);
        busy.erase(of);
      } else {
        inquiries_[it->first] = {
            inquiry_into(candidate, settings_.whole, settings_.known, settings_.limits, settings_.strictness),
            of};
        ++it;
      }
    }
  }
  /// Whether a case with a lower index may still tell of the same.
  bool place_is_open(const Place& place) const { return place.index >= state_.next; }

  void hear_inquiries(bool give_up) {
    for (auto it = inquiries_.begin(); it != inquiries_.end();) {
      Child& process = it->second.process;
      if (process.read()) {
        if (give_up) {  // it stays among those that wait
          process.end();
          it = inquiries_.erase(it);
        } else {
          ++it;
        }
        continue;
      }
      const int status = process.wait();
      Inquired inquired;
      if (status == 0 && !process.text.empty()) {
        inquired = inquired_from(process.text);
      } else {  // killed from outside: for want of memory, say
        inquired.finding = state_.waiting.at(it->first).finding;
        inquired.finding.observed = {
            fmt::format("the process that minimized it ended with status {}", status)};
      }
      const Place place = it->first;
      it = inquiries_.erase(it);
      tell(inquired.finding, inquired.standing);
      state_.waiting.erase(place);
      changed_ = true;
      for (const Candidate& other : inquired.also) meet(other);
    }
  }

  void save(bool at_once) {
    const double since = now() - last_save_;
    const bool due =
        (changed_ && since >= kSecondsOfNews) || (state_.next != saved_next_ && since >= kSecondsOfCases);
    if (!listener_.save || !(at_once || due)) return;
    state_.seconds = seconds();
    listener_.save(state_);
    changed_ = false;
    saved_next_ = state_.next;
    last_save_ = now();
  }

  const Settings& settings_;
  const Listener& listener_;
  Snapshot state_;
  const double seconds_before_;
  const double begin_ = now();
  const OwnBoard board_;
  std::list<Naming> unnamed_;  ///< in the order in which they were met
  std::map<Place, Inquiry> inquiries_;
  bool end_of_cases_ = false;
  bool changed_ = false;
  uint64_t saved_next_ = 0;
  double last_save_ = 0;
};

Progress run_campaign(const Settings& settings, const Listener& listener, const std::atomic<int>& interrupted,
                      Snapshot from) {
  return Campaign(settings, listener, std::move(from)).run(interrupted);
}

}  // namespace dtypefuzz
