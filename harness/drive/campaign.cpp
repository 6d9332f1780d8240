#include "harness/drive/campaign.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "harness/core/error.h"
#include "harness/drive/minimize.h"
#include "harness/run/run.h"

namespace dtypefuzz {

using Json = nlohmann::json;

/// What all processes of a campaign share; one slot a job follows.
struct Worker::Board {
  std::atomic<uint64_t> next{0};
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> done{0};

  Slot& slot(size_t job) { return reinterpret_cast<Slot*>(this + 1)[job]; }
  static size_t bytes(int jobs) { return sizeof(Board) + static_cast<size_t>(jobs) * sizeof(Slot); }
  static Board* mapped(int file, int jobs) {
    void* memory = mmap(nullptr, bytes(jobs), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
      fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
    return static_cast<Board*>(memory);
  }
};

Worker::Worker(Settings settings, int job, int board_file, int pipe)
    : settings_(std::move(settings)),
      job_(job),
      board_file_(board_file),
      pipe_(pipe),
      board_(Board::mapped(board_file, settings_.jobs)),
      hunt_(
          settings_.strictness, settings_.known,
          [pipe](const Finding& finding, bool is_known) { write_line(pipe, to_line(finding, is_known)); },
          &board_->slot(static_cast<size_t>(job))) {
  write_positions_to(&board_->slot(static_cast<size_t>(job)).position);
}

std::optional<uint64_t> Worker::claim() {
  if (board_->stop) return std::nullopt;
  const uint64_t index = board_->next++;
  if (settings_.runs > 0 && index >= settings_.runs) return std::nullopt;
  return index;
}

std::string Worker::ticket() const {
  Json json{{"job", job_},
            {"board", board_file_},
            {"pipe", pipe_},
            {"runs", settings_.runs},
            {"seed", settings_.seed},
            {"jobs", settings_.jobs},
            {"strict", settings_.strictness.strict},
            {"known", settings_.known}};
  for (const auto* list : {"modules", "losses", "dtypes", "devices"}) json[list] = Json::array();
  for (const Row* row : settings_.space.modules) json["modules"].push_back(row->name);
  for (const Row* row : settings_.space.losses) json["losses"].push_back(row->name);
  for (const Dtype dtype : settings_.space.dtypes) json["dtypes"].push_back(name_of(dtype));
  for (const Device device : settings_.space.devices) json["devices"].push_back(static_cast<int>(device));
  return json.dump();
}

Worker Worker::attached(const std::string& ticket) {
  const Json json = Json::parse(ticket);
  Settings settings{.engine = {},
                    .runs = json.at("runs"),
                    .seed = json.at("seed"),
                    .jobs = json.at("jobs"),
                    .space = {},
                    .bias = {},
                    .strictness = {json.at("strict")},
                    .known = json.at("known")};
  for (const auto& name : json.at("modules"))
    settings.space.modules.push_back(find_row(name.get<std::string>()));
  for (const auto& name : json.at("losses"))
    settings.space.losses.push_back(find_row(name.get<std::string>()));
  for (const auto& name : json.at("dtypes"))
    settings.space.dtypes.push_back(*parse_dtype(name.get<std::string>()));
  for (const auto& device : json.at("devices"))
    settings.space.devices.push_back(static_cast<Device>(device.get<int>()));
  return Worker(std::move(settings), json.at("job"), json.at("board"), json.at("pipe"));
}

namespace {

/// One worker process, as its parent sees it.
struct Child {
  pid_t pid = -1;
  int pipe = -1;
  std::string text;
  bool hung = false;
  bool running() const { return pid > 0; }
};

}  // namespace

Progress run_campaign(const Settings& settings, const std::function<void(const Finding&, Novelty)>& report,
                      const std::function<void(const Progress&)>& tick, const std::atomic<int>& interrupted) {
  const int board_file = memfd_create("dtypefuzz", 0);
  if (board_file < 0 || ftruncate(board_file, static_cast<off_t>(Worker::Board::bytes(settings.jobs))) != 0)
    fail_environment("no shared memory for the cases in flight: {}", std::strerror(errno));
  auto& board = *Worker::Board::mapped(board_file, settings.jobs);
  std::set<std::string> reported;
  const auto take = [&](const Finding& finding, bool is_known) {
    const Signature& signature = finding.violation.signature;
    if (!reported.insert(to_string(signature)).second) return;
    if (is_known) return report(finding, Novelty::known);
    report(finding, reproduces(finding.minimized, signature, 3, settings.case_seconds, settings.strictness)
                        ? Novelty::fresh
                        : Novelty::flaky);
  };

  std::vector<Child> children(static_cast<size_t>(settings.jobs));
  const auto start = [&](size_t job) {
    int ends[2];
    if (pipe(ends) != 0) fail_environment("no pipe: {}", std::strerror(errno));
    board.slot(job).busy = false;
    const pid_t pid = fork();
    if (pid < 0) fail_environment("cannot start a worker: {}", std::strerror(errno));
    if (pid == 0) {
      for (const Child& other : children)
        if (other.pipe >= 0) close(other.pipe);
      close(ends[0]);
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      signal(SIGINT, SIG_IGN);  // the parent says when to end, so that nothing in flight is lost
      prepare_process();
      Settings own = settings;
      own.known.insert(reported.begin(), reported.end());
      Worker worker(std::move(own), static_cast<int>(job), board_file, ends[1]);
      try {
        worker.settings().engine(worker);
      } catch (const Error& e) {
        fmt::print(stderr, "dtypefuzz: {}\n", e.what());
        _exit(e.exit_code());
      }
      ++board.done;
      _exit(0);
    }
    close(ends[1]);
    children[job] = {.pid = pid, .pipe = ends[0], .text = {}};
  };
  /// The process has ended: its case in flight, if there is one, is its verdict.
  const auto ended = [&](size_t job) {
    Child& child = children[job];
    Slot& slot = board.slot(job);
    close(child.pipe);
    int status = 0;
    while (waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
    const bool hung = child.hung;
    child = {};
    if (!slot.busy) {
      if (status != 0)
        fail_environment(
            "a worker ended with status {} outside of any case; with --engine libfuzzer, try "
            "build/dtype_fuzzer by itself",
            status);
      return;
    }
    const Case c = canonical(slot.in_flight());
    if (!slot.counted) ++slot.cases;
    Finding finding{crash_of(plan_of(c), slot.position, status, hung), c, 0};
    // A process of its own knows more: whose backward it was.
    for (const Violation& v : check_isolated(c, settings.case_seconds, settings.strictness).violations)
      if (v.severity == Severity::crash) finding.violation = v;
    const Signature raw = finding.violation.signature;
    if (settings.known.contains(to_string(raw))) {
      take(finding, true);
    } else if (!reported.contains(to_string(raw))) {
      finding.minimized =
          minimize(c, finding.violation, [&](const Case& candidate) -> std::optional<Violation> {
            for (const Violation& v :
                 check_isolated(candidate, settings.case_seconds, settings.strictness).violations)
              if (v.severity == Severity::crash && same_finding(raw, v.signature)) return v;
            return std::nullopt;
          });
      finding.layers = size_of(finding.minimized).layers;
      take(finding, settings.known.contains(to_string(finding.violation.signature)));
    }
    if (!board.stop && board.done == 0) start(job);
  };

  Progress progress;
  const double begin = now();
  const auto count = [&] {
    progress.cases = progress.finished = 0;
    for (int job = 0; job < settings.jobs; ++job) {
      progress.cases += board.slot(static_cast<size_t>(job)).cases;
      progress.finished += board.slot(static_cast<size_t>(job)).finished;
    }
    progress.seconds = now() - begin;
  };
  for (size_t job = 0; job < children.size(); ++job) start(job);
  double last_tick = 0;
  for (;;) {
    std::vector<pollfd> waits;
    for (const Child& child : children) waits.push_back({child.running() ? child.pipe : -1, POLLIN, 0});
    if (std::none_of(children.begin(), children.end(), [](const Child& child) { return child.running(); }))
      break;
    poll(waits.data(), waits.size(), 200);
    for (size_t job = 0; job < children.size(); ++job) {
      Child& child = children[job];
      if (!child.running()) continue;
      bool open = true;
      if (waits[job].revents) {
        char buffer[65536];
        const ssize_t n = read(child.pipe, buffer, sizeof buffer);
        if (n == 0) open = false;
        if (n > 0) child.text.append(buffer, static_cast<size_t>(n));
        for (size_t end; (end = child.text.find('\n')) != std::string::npos;) {
          const std::string line = child.text.substr(0, end);
          child.text.erase(0, end + 1);
          bool is_known = false;
          const Finding finding = from_line(line, is_known);
          take(finding, is_known);
        }
      }
      Slot& slot = board.slot(job);
      if (open && slot.busy && now() - slot.since > settings.case_seconds) {
        child.hung = true;
        kill(child.pid, SIGKILL);
      }
      if (!open) ended(job);
    }
    progress.interrupted = interrupted > 0;
    if (progress.interrupted || (settings.seconds > 0 && now() - begin >= settings.seconds))
      board.stop = true;
    if (now() - last_tick >= 0.2) {
      count();
      tick(progress);
      last_tick = now();
    }
  }
  count();
  munmap(&board, Worker::Board::bytes(settings.jobs));
  close(board_file);
  return progress;
}

}  // namespace dtypefuzz
