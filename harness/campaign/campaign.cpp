#include "harness/campaign/campaign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/isolate/native_stack.h"
#include "harness/run/run.h"
#include "harness/search/minimize.h"

namespace dtypefuzz {

using Json = nlohmann::json;

namespace {

/// A worker's exit code that asks for a fresh one in its place (sysexits.h, EX_TEMPFAIL).
constexpr int kReplaceMe = 75;
/// Between two saves of the state: where there is something new to tell, and where cases went by.
constexpr double kSecondsOfNews = 0.1, kSecondsOfCases = 1;

}  // namespace

/// What all processes of a campaign share; one slot a job follows.
struct Worker::Board {
  /// How far workers may be ahead of the slowest case: 10 s of a case that hangs at 100,000 cases/s.
  static constexpr uint64_t kLedger = uint64_t{1} << 20;
  enum Entry : uint8_t { kOpen, kJudged, kFinished };

  std::atomic<uint64_t> next{0};     ///< index to claim
  std::atomic<uint64_t> settled{0};  ///< all cases below are judged and counted
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> done{0};  ///< engines that came to their end
  std::atomic<Entry> ledger[kLedger];

  void mark(uint64_t index, Entry entry) {
    if (index >= settled) ledger[index % kLedger].store(entry, std::memory_order_release);
  }
  Slot& slot(size_t job) { return reinterpret_cast<Slot*>(this + 1)[job]; }
  static size_t bytes(int jobs) { return sizeof(Board) + static_cast<size_t>(jobs) * sizeof(Slot); }
  static Board* mapped(int file, int jobs) {
    void* memory = mmap(nullptr, bytes(jobs), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
      fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
    return static_cast<Board*>(memory);
  }
};

Worker::Worker(Settings settings, int job, uint64_t start, int board_file, int pipe, bool is_another_program)
    : settings_(std::move(settings)),
      job_(job),
      start_(start),
      board_file_(board_file),
      pipe_(pipe),
      board_(Board::mapped(board_file, settings_.jobs)),
      hunt_(
          settings_.strictness,
          [pipe, slot = &slot()](const Case& c, const Violation& v, size_t order) {
            write_line(pipe, to_line(Candidate{{slot->index, order}, v, c}));
          },
          &slot().remains) {
  guard_process(slot().remains, settings_.limits, is_another_program);
  write_positions_to(&slot().remains.position);
}

Slot& Worker::slot() const {
  return board_->slot(static_cast<size_t>(job_));
}

std::optional<uint64_t> Worker::claim() {
  Slot& mine = slot();
  if (mine.claimed) return mine.index;  // by the one before, which died before it came to run it
  if (grown_large()) _exit(kReplaceMe);
  for (;;) {
    if (board_->stop) return std::nullopt;
    uint64_t index = board_->next;
    if (settings_.runs > 0 && index >= settings_.runs) return std::nullopt;
    if (index >= board_->settled + Board::kLedger) {
      usleep(1000);
      continue;
    }
    mine.index = index;
    mine.claimed = true;
    if (board_->next.compare_exchange_strong(index, index + 1)) return index;
    mine.claimed = false;
  }
}

Checked Worker::judge(const Case& c, Plan&& plan) {
  Slot& mine = slot();
  mine.enter(c);
  Checked checked = hunt_.judge(c, std::move(plan));
  const bool finished = !checked.seen.error && checked.seen.not_applicable.empty();
  board_->mark(mine.index, finished ? Board::kFinished : Board::kJudged);
  mine.claimed = false;
  ++mine.served;
  return checked;
}

std::string Worker::ticket() const {
  Json json{{"job", job_},
            {"start", start_},
            {"board", board_file_},
            {"pipe", pipe_},
            {"runs", settings_.runs},
            {"seed", settings_.seed},
            {"jobs", settings_.jobs},
            {"seconds", settings_.limits.seconds},
            {"bytes", settings_.limits.bytes},
            {"strict", settings_.strictness.strict}};
  for (const auto* list : {"modules", "losses", "dtypes", "devices"}) json[list] = Json::array();
  for (const Row* row : settings_.space.modules) json["modules"].push_back(row->name);
  for (const Row* row : settings_.space.losses) json["losses"].push_back(row->name);
  for (const Dtype dtype : settings_.space.dtypes) json["dtypes"].push_back(name_of(dtype));
  for (const Device device : settings_.space.devices) json["devices"].push_back(device->name);
  return json.dump();
}

Worker Worker::attached(const std::string& ticket) {
  const Json json = Json::parse(ticket);
  Settings settings{.engine = {},
                    .runs = json.at("runs"),
                    .seed = json.at("seed"),
                    .jobs = json.at("jobs"),
                    .limits = {json.at("seconds"), json.at("bytes")},
                    .space = {},
                    .bias = {},
                    .strictness = {json.at("strict")},
                    .known = {}};
  for (const auto& name : json.at("modules"))
    settings.space.modules.push_back(find_row(name.get<std::string>()));
  for (const auto& name : json.at("losses"))
    settings.space.losses.push_back(find_row(name.get<std::string>()));
  for (const auto& name : json.at("dtypes"))
    settings.space.dtypes.push_back(*parse_dtype(name.get<std::string>()));
  for (const auto& name : json.at("devices"))
    for (const Device device : whole_space().devices)
      if (device->name == name.get<std::string>()) settings.space.devices.push_back(device);
  return Worker(std::move(settings), json.at("job"), json.at("start"), json.at("board"), json.at("pipe"),
                true);
}

/// The parent of the workers. It never runs a case and never waits for one: what minimizes and runs again is
/// a process of its own, too.
class Campaign {
 public:
  Campaign(const Settings& settings, const Listener& listener, Snapshot from)
      : settings_(settings), listener_(listener), state_(std::move(from)), seconds_before_(state_.seconds) {
    board_file_ = memfd_create("dtypefuzz", 0);
    if (board_file_ < 0 || ftruncate(board_file_, static_cast<off_t>(Board::bytes(settings.jobs))) != 0)
      fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
    board_ = Board::mapped(board_file_, settings.jobs);
    board_->next = board_->settled = state_.next;
    workers_.resize(static_cast<size_t>(settings.jobs));
  }
  ~Campaign() {
    for (Child& worker : workers_) end(worker);
    for (auto& [place, inquiry] : inquiries_) end(inquiry.process);
    munmap(board_, Board::bytes(settings_.jobs));
    close(board_file_);
  }
  Campaign(const Campaign&) = delete;
  Campaign& operator=(const Campaign&) = delete;

  Progress run(const std::atomic<int>& interrupted) {
    for (size_t job = 0; job < workers_.size(); ++job) start(job);
    double last_tick = 0;
    for (;;) {
      const bool workers_run =
          std::any_of(workers_.begin(), workers_.end(), [](const Child& worker) { return worker.running(); });
      if (!workers_run) end_of_cases_ = true;
      if (!workers_run && inquiries_.empty() &&
          (state_.waiting.empty() || interrupted > 0 || !settings_.inquires))
        break;
      wait_for_news();
      settle();  // before the pipes are read: what a settled case has to tell is then in them
      for (size_t job = 0; job < workers_.size(); ++job)
        if (workers_[job].running()) hear(job);
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
  using Board = Worker::Board;
  struct Inquiry {
    Child process;
    std::string of;  ///< what minimizing keeps of the signature
  };

  static void end(Child& child) {
    if (!child.running()) return;
    kill(child.pid, SIGKILL);
    child.wait();
  }
  double seconds() const { return seconds_before_ + now() - begin_; }
  Progress progress(bool interrupted) const {
    return {state_.next, state_.finished, seconds(), state_.waiting.size(), interrupted};
  }

  void start(size_t job) {
    board_->slot(job).remains.end();
    board_->slot(job).served = 0;
    const uint64_t starts = state_.starts++;
    workers_[job] = forked([&](int pipe) {
      fcntl(pipe, F_SETFD, 0);  // an engine may be another program
      prepare_process();
      Worker worker(settings_, static_cast<int>(job), starts, board_file_, pipe, false);
      worker.settings().engine(worker);
      ++board_->done;
    });
  }

  void wait_for_news() {
    std::vector<pollfd> waits;
    for (const Child& worker : workers_)
      if (worker.running()) waits.push_back({worker.pipe, POLLIN, 0});
    for (const auto& [place, inquiry] : inquiries_) waits.push_back({inquiry.process.pipe, POLLIN, 0});
    poll(waits.data(), waits.size(), 200);
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

  void hear(size_t job) {
    Child& worker = workers_[job];
    const bool open = worker.read();
    for (size_t end; (end = worker.text.find('\n')) != std::string::npos;) {
      meet(candidate_from(worker.text.substr(0, end)));
      worker.text.erase(0, end + 1);
    }
    if (!open) return ended(job);
    Remains& remains = board_->slot(job).remains;
    const double since = remains.since;
    if (since > 0 && now() - since > settings_.limits.seconds + kGraceSeconds) {
      remains.cause = Cause::hang;
      kill(worker.pid, SIGKILL);
    }
  }

  /// The process is gone: its case in flight, if there is one, is its verdict.
  void ended(size_t job) {
    Slot& slot = board_->slot(job);
    const int status = workers_[job].wait();
    const bool in_a_case = slot.remains.since > 0;
    if (in_a_case) {
      const Case c = canonical(slot.in_flight());
      Candidate candidate{{slot.index, 0}, crash_of(plan_of(c), slot.remains, status), c};
      // A process of its own knows whose backward it was.
      if (candidate.violation.signature.phase == to_string(Phase::backward))
        for (const Violation& v : check_isolated(c, settings_.limits, settings_.strictness).violations)
          if (v.severity == Severity::crash) candidate.violation = v;
      if (!settings_.known.contains(to_string(candidate.violation.signature)) &&
          !state_.met.contains(to_string(candidate.violation.signature)))
        candidate.stack = stack_of(slot.remains);
      meet(std::move(candidate));
      board_->mark(slot.index, Board::kJudged);
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
    if (owes_a_case || ((in_a_case || status != 0) && !board_->stop && board_->done == 0)) start(job);
  }

  void meet(Candidate candidate) {
    const std::string signature = to_string(candidate.violation.signature);
    if (settings_.known.contains(signature))
      return tell({candidate.violation, candidate.body, 0}, Novelty::known);
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

  void tell(const Finding& finding, Novelty novelty) {
    const auto [it, is_new] = state_.told.try_emplace(to_string(finding.violation.signature),
                                                      Snapshot::Told{novelty, finding.violation.severity});
    if (!is_new) return;
    listener_.report(finding, novelty);
    changed_ = changed_ || novelty != Novelty::known;
  }

  /// In the order of their places where two may turn out to be one finding, so that the first of them names
  /// its case whatever the number of jobs.
  void start_inquiries() {
    std::set<std::string> busy;
    for (const auto& [place, inquiry] : inquiries_) busy.insert(inquiry.of);
    for (auto it = state_.waiting.begin(); it != state_.waiting.end();) {
      const Candidate& candidate = it->second;
      if (inquiries_.size() >= workers_.size() || (place_is_open(candidate.place) && !end_of_cases_)) return;
      const std::string of = kept_by_minimizing(candidate.violation.signature);
      if (!busy.insert(of).second) {
        ++it;
      } else if (state_.told.contains(to_string(candidate.violation.signature))) {
        it = state_.waiting.erase(it);
        busy.erase(of);
      } else {
        inquiries_[it->first] = {forked([&](int pipe) {
                                   write_line(pipe, to_line(inquire(candidate, settings_.known,
                                                                    settings_.limits, settings_.strictness)));
                                 }),
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
          end(process);
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
        const Candidate& candidate = state_.waiting.at(it->first);
        inquired.finding = {candidate.violation,
                            candidate.body,
                            size_of(candidate.body).layers,
                            candidate.stack,
                            {fmt::format("the process that minimized it ended with status {}", status)}};
      }
      const Place place = it->first;
      it = inquiries_.erase(it);
      tell(inquired.finding, inquired.known     ? Novelty::known
                             : inquired.repeats ? Novelty::fresh
                                                : Novelty::flaky);
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
  int board_file_ = -1;
  Board* board_ = nullptr;
  std::vector<Child> workers_;
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

std::string_view to_string(Novelty novelty) {
  constexpr std::string_view kNames[] = {"new", "known", "flaky"};
  return kNames[static_cast<size_t>(novelty)];
}

}  // namespace dtypefuzz
