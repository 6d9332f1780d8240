#include "harness/campaign/campaign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <list>
#include <set>
#include <sstream>

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

/// Places of one cause that are made small in a campaign; of more of them it is told as they were met.
constexpr size_t kFewPlaces = 3;
/// Candidates that one process looks at.
constexpr size_t kMostLooks = 200;
/// So many are worth a process of their own, which costs as much as some looks; fewer wait so long.
constexpr size_t kWorthALook = 32;
constexpr double kSecondsBetweenLooks = 2;

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
    for (const auto& [signature, told] : state_.told)
      if (tells_of_places(told.standing)) ++places_told_[told.cause];
  }
  ~Campaign() {
    looking_.process.end();
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
      if (!workers_run && unnamed_.empty() && !end_of_cases_) end_of_cases_ = true, end_ = now();
      if (end_of_cases_ && inquiries_.empty() && (!looking_.process.running() || interrupted > 0) &&
          (state_.waiting.empty() || interrupted > 0 || !settings_.inquires))
        break;
      workers.wait(200, pipes_of_others());
      settle();  // before the pipes are read: what a settled case has to tell is then in them
      workers.look_after();
      hear_namings();
      if (interrupted > 0 || (settings_.seconds > 0 && seconds() >= settings_.seconds)) board_->stop = true;
      hear_looks();
      hear_inquiries(interrupted > 0);
      if (interrupted == 0 && settings_.inquires) {
        start_looks();
        start_inquiries();
      }
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
    std::string of;  ///< its cause; where that was not found, what minimizing keeps of the signature
  };
  /// Candidates that are looked at for their causes, one after another.
  struct Looking {
    Child process = {};
    std::vector<Place> at = {};
  };

  /// Of running cases: what comes after the last one has a clock of its own.
  double seconds() const { return seconds_before_ + (end_of_cases_ ? end_ : now()) - begin_; }
  Progress progress(bool interrupted) const {
    const auto waiting = std::ranges::count_if(state_.waiting, [&](const auto& entry) {
      return !is_known(entry.second.finding.violation.signature);
    });
    Progress progress{state_.next,
                      state_.finished,
                      seconds(),
                      end_of_cases_ ? now() - end_ : 0,
                      static_cast<size_t>(waiting),
                      interrupted};
    for (int job = 0; settings_.keeps_times && job < settings_.jobs; ++job)
      for (size_t stage = 0; stage < kStages; ++stage)
        progress.times.nanoseconds[stage] += board_->slot(static_cast<size_t>(job)).times.nanoseconds[stage];
    return progress;
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
    if (looking_.process.running()) pipes.push_back({looking_.process.pipe, POLLIN, 0});
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

  bool is_known(const Signature& signature) const { return settings_.known.has_place(signature); }

  void hear(const std::string& line) {
    const auto json = parse_json(line);
    meet(candidate_at({json, ""}));
  }

  void meet(Candidate candidate) {
    const Violation& violation = candidate.finding.violation;
    const auto [it, is_new] = state_.met.emplace(to_string(violation.signature), candidate.place);
    if (!is_new) {
      if (!(candidate.place < it->second) || !state_.waiting.contains(it->second) ||
          inquiries_.contains(it->second) || is_looked_at(it->second))
        return;
      state_.waiting.erase(it->second);
      it->second = candidate.place;
    }
    if (is_known(violation.signature)) {
      tell_known(candidate.finding);
      // Another fault may hide at a known place. What ends a process takes the time of its limits to look at.
      if (violation.severity == Severity::crash || !settings_.inquires) return;
    }
    state_.waiting.insert_or_assign(candidate.place, std::move(candidate));
    changed_ = true;
  }

  static bool tells_of_places(Standing standing) {
    return standing == Standing::fresh || standing == Standing::spread;
  }

  void tell(const Finding& finding, Standing standing) {
    const std::string cause = finding.cause ? to_string(*finding.cause) : "";
    const Snapshot::Told told{standing, finding.violation.severity, cause};
    const auto [it, is_new] = state_.told.try_emplace(to_string(finding.violation.signature), told);
    // At a known place there may be another fault than the known one.
    if (!is_new && !(it->second.standing == Standing::known && tells_of_places(standing))) return;
    it->second = told;
    if (tells_of_places(standing)) ++places_told_[cause];
    listener_.report(finding, standing);
    changed_ = changed_ || standing != Standing::known;
  }
  void tell_known(Finding finding) {
    finding.violation.signature = *settings_.known.place_of(finding.violation.signature);
    tell(finding, Standing::known);
  }

  // Looks: what a candidate, as it was met, is to be blamed on.

  bool is_looked_at(const Place& place) const {
    return std::ranges::find(looking_.at, place) != looking_.at.end();
  }
  bool needs_look(const Candidate& candidate) const {
    return !candidate.finding.cause && !unseen_.contains(candidate.place);
  }

  void start_looks() {
    if (looking_.process.running()) return;
    std::vector<const Candidate*> candidates;
    for (const auto& [place, candidate] : state_.waiting) {
      if (place_is_open(place) && !end_of_cases_) break;
      if (candidates.size() == kMostLooks) break;
      if (needs_look(candidate)) candidates.push_back(&candidate);
    }
    const bool worth_it = candidates.size() >= kWorthALook || now() - last_look_ >= kSecondsBetweenLooks;
    if (candidates.empty() || !(worth_it || end_of_cases_)) return;
    last_look_ = now();
    looking_.at.clear();
    for (const Candidate* candidate : candidates) looking_.at.push_back(candidate->place);
    looking_.process = forked([&](int pipe) {
      for (const auto& [cause, at] :
           causes_of(candidates, settings_.whole, settings_.limits, settings_.strictness))
        write_line(pipe, line_of({{"index", at.index}, {"order", at.order}, {"cause", to_string(cause)}}));
    });
  }

  /// What nobody saw again has no cause yet; whoever makes it smaller looks for it once more.
  void hear_looks() {
    Child& process = looking_.process;
    if (!process.running() || process.read()) return;
    process.wait();
    std::istringstream lines(process.text);
    process.text.clear();
    for (std::string line; std::getline(lines, line);) {
      const auto json = parse_json(line);
      const JsonAt at{json, ""};
      const auto candidate = state_.waiting.find({at.field("index").count(), at.field("order").count()});
      if (candidate != state_.waiting.end()) candidate->second.finding.cause = cause_at(at.field("cause"));
    }
    for (const Place& place : looking_.at) {
      const auto candidate = state_.waiting.find(place);
      if (candidate != state_.waiting.end() && !candidate->second.finding.cause) unseen_.insert(place);
    }
    looking_.at.clear();
    changed_ = true;
  }

  // Inquiries

  /// A candidate that needs none: it is known, told of already, or one more place of a cause that is told of.
  bool needs_no_inquiry(const Candidate& candidate) {
    const Finding& finding = candidate.finding;
    const Signature& signature = finding.violation.signature;
    const Standing standing = settings_.known.standing_of(signature, finding.cause);
    if (standing == Standing::known) {
      tell_known(finding);
      return true;
    }
    if (state_.told.contains(to_string(signature)) && !is_known(signature)) return true;
    if (!finding.cause) return false;
    const auto told = places_told_.find(to_string(*finding.cause));
    if (told == places_told_.end() || told->second < kFewPlaces) return false;
    if (!is_known(signature)) tell(finding, Standing::spread);
    return true;
  }

  /// In the order of their places where two may turn out to be one finding, so that the first of them names
  /// its case whatever the number of jobs.
  void start_inquiries() {
    std::set<std::string> busy;
    for (const auto& [place, inquiry] : inquiries_) busy.insert(inquiry.of);
    for (auto it = state_.waiting.begin(); it != state_.waiting.end();) {
      const Candidate& candidate = it->second;
      if (inquiries_.size() >= static_cast<size_t>(settings_.jobs) ||
          (place_is_open(candidate.place) && !end_of_cases_) || needs_look(candidate))
        return;
      const auto& [signature, cause] =
          std::tie(candidate.finding.violation.signature, candidate.finding.cause);
      const std::string of = cause ? to_string(*cause) : kept_by_minimizing(signature);
      if (busy.contains(of)) {
        ++it;
      } else if (needs_no_inquiry(candidate)) {
        it = state_.waiting.erase(it);
      } else {
        busy.insert(of);
        inquiries_[it->first] = {
            inquiry_into(candidate, settings_.whole, settings_.known, settings_.limits, settings_.strictness),
            of};
        ++it;
      }
    }
  }

  /// What became of it, held against what this campaign has told of.
  void tell(const Inquired& inquired) {
    const Finding& finding = inquired.finding;
    if (inquired.standing == Standing::known) return tell_known(finding);
    if (inquired.standing == Standing::flaky) return tell(finding, Standing::flaky);
    Standing standing = settings_.known.standing_of(finding.violation.signature, finding.cause);
    if (standing == Standing::fresh && finding.cause && places_told_.contains(to_string(*finding.cause)))
      standing = Standing::spread;
    tell(finding, standing);
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
      tell(inquired);
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
  Looking looking_;
  double last_look_ = 0;
  std::set<Place> unseen_;  ///< candidates that were looked at and did not show what they had shown
  std::map<std::string, size_t> places_told_;  ///< by cause: new ones and those it has spread to
  bool end_of_cases_ = false;
  double end_ = 0;
  bool changed_ = false;
  uint64_t saved_next_ = 0;
  double last_save_ = 0;
};

Progress run_campaign(const Settings& settings, const Listener& listener, const std::atomic<int>& interrupted,
                      Snapshot from) {
  return Campaign(settings, listener, std::move(from)).run(interrupted);
}

}  // namespace dtypefuzz
