#include "harness/drive/campaign.h"

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <nlohmann/json.hpp>
#include <set>

#include "harness/core/error.h"
#include "harness/drive/case_file.h"
#include "harness/drive/minimize.h"
#include "harness/drive/sweep.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// What parent and worker share: the case in flight is known to the parent before it runs.
struct Slot {
  std::atomic<uint64_t> cases{0}, finished{0}, next{0};
  std::atomic<double> since{0};
  std::atomic<bool> busy{false}, done{false};
  std::atomic<uint32_t> length{0};
  char text[kMaxCaseBytes];
};

Slot* make_slot() {
  void* memory = mmap(nullptr, sizeof(Slot), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail_environment("no shared memory for the case in flight: {}", std::strerror(errno));
  return new (memory) Slot;
}

void enter(Slot& slot, const Case& c) {
  uint32_t length = 0;
  for (const Choice& choice : c.choices) {
    if (length + choice.name.size() + choice.value.size() + 2 > sizeof slot.text) break;
    const auto put = [&](std::string_view text) {
      std::memcpy(slot.text + length, text.data(), text.size());
      length += static_cast<uint32_t>(text.size());
    };
    put(choice.name), put("="), put(choice.value), put("\n");
  }
  slot.length = length;
  slot.since = now();
  slot.busy = true;
}

Case in_flight(const Slot& slot) {
  return parse_case("# dtypefuzz case 1\n" + std::string(slot.text, slot.length)).body;
}

Json to_json(const Finding& f) {
  return {{"signature", to_string(f.violation.signature)},
          {"severity", static_cast<int>(f.violation.severity)},
          {"promised", f.violation.promised},
          {"seen", f.violation.seen},
          {"layers", f.layers},
          {"case", print_case({f.minimized, {}, {}, {}})}};
}

Finding from_json(const Json& j) {
  Finding f;
  f.violation.signature = parse_signature(j.at("signature").get<std::string>());
  f.violation.severity = static_cast<Severity>(j.at("severity").get<int>());
  f.violation.promised = j.at("promised");
  f.violation.seen = j.at("seen");
  f.layers = j.at("layers");
  f.minimized = parse_case(j.at("case").get<std::string>()).body;
  return f;
}

void send(int pipe, const Json& message) {
  const std::string line = message.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
  for (size_t at = 0; at < line.size();) {
    const ssize_t n = write(pipe, line.data() + at, line.size() - at);
    if (n <= 0 && errno != EINTR) _exit(3);
    if (n > 0) at += static_cast<size_t>(n);
  }
}

/// The worker: cases from `slot.next` on, each finding minimized and sent once.
[[noreturn]] void work(const Settings& settings, Slot& slot, int pipe, const std::set<std::string>& reported) {
  prepare_process();
  Checker checker(settings.strictness);
  std::set<std::string> raw, sent = reported;
  const auto one = [&](const Case& c) {
    enter(slot, c);
    const Checked checked = checker.check(c);
    slot.busy = false;
    ++slot.cases;
    if (!checked.seen.error && checked.seen.not_applicable.empty()) ++slot.finished;
    for (const Violation& v : checked.violations) {
      if (!raw.insert(to_string(v.signature)).second) continue;
      Finding finding{v, {}, 0};
      finding.minimized = minimize(c, finding.violation, [&](const Case& candidate) -> std::optional<Violation> {
        enter(slot, candidate);
        const auto tried = checker.check(candidate);
        slot.busy = false;
        for (const Violation& shown : tried.violations)
          if (same_finding(v.signature, shown.signature)) return shown;
        return std::nullopt;
      });
      raw.insert(to_string(finding.violation.signature));
      if (!sent.insert(to_string(finding.violation.signature)).second) continue;
      finding.layers = size_of(finding.minimized).layers;
      send(pipe, to_json(finding));
    }
  };
  if (settings.engine == "sweep") {
    uint64_t index = 0;
    sweep(settings.space, [&](const Case& c) {
      if (index++ < slot.next) return true;  // done before this worker
      slot.next = index;
      one(c);
      return settings.runs == 0 || index < settings.runs;
    });
  } else {
    while (settings.runs == 0 || slot.next < settings.runs) {
      Draw draw(rng_for(settings.seed, slot.next++), settings.bias);
      plan_of(draw, settings.space);
      one(draw.take_result());
    }
  }
  slot.done = true;
  _exit(0);
}

Violation crash_of(const Plan& plan, int status, bool hung) {
  const std::string what = hung                  ? "hang"
                           : WIFSIGNALED(status) ? fmt::format("SIG{}", sigabbrev_np(WTERMSIG(status)))
                                                 : fmt::format("exit_{}", WEXITSTATUS(status));
  const auto autocast = !plan.autocast ? "off" : autocast_documents(plan.device, *plan.autocast) ? std::string(name_of(*plan.autocast)) : "other";
  return {.signature = {.property = "process_survives",
                        .culprit = std::string(plan.layers.back().module),
                        .operands = "-",
                        .category = std::string(to_string(category_of(plan.params_dtype))),
                        .phase = "forward",
                        .family = what,
                        .device = std::string(to_string(plan.device)),
                        .autocast = autocast},
          .severity = Severity::crash,
          .promised = "a step succeeds or throws",
          .seen = hung ? "did not end within the limit" : "the process ended: " + what};
}

}  // namespace

std::vector<Violation> check_isolated(const Case& c, double seconds, Strictness strictness) {
  int ends[2];
  if (pipe(ends) != 0) fail_environment("no pipe: {}", std::strerror(errno));
  const pid_t child = fork();
  if (child < 0) fail_environment("cannot fork: {}", std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    prepare_process();
    Checker checker(strictness);
    for (const Violation& v : checker.check(c).violations) send(ends[1], to_json({v, c, 0}));
    _exit(0);
  }
  close(ends[1]);
  std::string text;
  const double until = now() + seconds;
  bool hung = false;
  for (char buffer[4096];;) {
    pollfd wait{ends[0], POLLIN, 0};
    const int ready = poll(&wait, 1, std::max(0, static_cast<int>((until - now()) * 1000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      hung = true;
      kill(child, SIGKILL);
      break;
    }
    const ssize_t n = read(ends[0], buffer, sizeof buffer);
    if (n <= 0) break;
    text.append(buffer, static_cast<size_t>(n));
  }
  close(ends[0]);
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (hung || status != 0) return {crash_of(plan_of(c), status, hung)};
  std::vector<Violation> violations;
  for (size_t at = 0, end; (end = text.find('\n', at)) != std::string::npos; at = end + 1)
    violations.push_back(from_json(Json::parse(text.substr(at, end - at))).violation);
  return violations;
}

Progress run_campaign(const Settings& settings, const std::function<void(const Finding&)>& report,
                      const std::function<void(const Progress&)>& tick, const std::atomic<int>& interrupted) {
  Slot& slot = *make_slot();
  Progress progress;
  std::set<std::string> reported;
  const double begin = now();
  std::string text;
  const auto take = [&](const Finding& finding) {
    if (reported.insert(to_string(finding.violation.signature)).second) report(finding);
  };
  bool stop = false;
  while (!stop && !slot.done) {
    int ends[2];
    if (pipe(ends) != 0) fail_environment("no pipe: {}", std::strerror(errno));
    slot.busy = false;
    const pid_t child = fork();
    if (child < 0) fail_environment("cannot fork: {}", std::strerror(errno));
    if (child == 0) {
      close(ends[0]);
      signal(SIGINT, SIG_IGN);
      work(settings, slot, ends[1], reported);
    }
    close(ends[1]);
    bool hung = false, open = true;
    for (char buffer[65536]; open;) {
      pollfd wait{ends[0], POLLIN, 0};
      const int ready = poll(&wait, 1, 200);
      if (ready > 0) {
        const ssize_t n = read(ends[0], buffer, sizeof buffer);
        if (n <= 0) open = false;
        if (n > 0) text.append(buffer, static_cast<size_t>(n));
        for (size_t end; (end = text.find('\n')) != std::string::npos; text.erase(0, end + 1))
          take(from_json(Json::parse(text.substr(0, end))));
      }
      progress.cases = slot.cases, progress.finished = slot.finished, progress.seconds = now() - begin;
      tick(progress);
      progress.interrupted = interrupted > 0;
      if (open && (progress.interrupted || (settings.seconds > 0 && progress.seconds >= settings.seconds))) {
        stop = true;
        kill(child, SIGKILL);
        open = false;
      }
      if (open && slot.busy && now() - slot.since > settings.case_seconds) {
        hung = true;
        kill(child, SIGKILL);
        open = false;
      }
    }
    close(ends[0]);
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    text.clear();
    if (stop || slot.done || !slot.busy) {
      if (!slot.done && !stop && status == 0) break;
      continue;
    }
    // The case in flight ended its process: that is its verdict.
    const Case c = canonical(in_flight(slot));
    ++slot.cases;
    Finding finding{crash_of(plan_of(c), status, hung), c, 0};
    if (!reported.contains(to_string(finding.violation.signature))) {
      finding.minimized = minimize(c, finding.violation, [&](const Case& candidate) -> std::optional<Violation> {
        for (const Violation& v : check_isolated(candidate, settings.case_seconds, settings.strictness))
          if (v.severity == Severity::crash && v.signature.culprit == finding.violation.signature.culprit &&
              v.signature.family == finding.violation.signature.family)
            return v;
        return std::nullopt;
      });
      finding.layers = size_of(finding.minimized).layers;
      take(finding);
    }
  }
  progress.cases = slot.cases, progress.finished = slot.finished, progress.seconds = now() - begin;
  munmap(&slot, sizeof(Slot));
  return progress;
}

}  // namespace dtypefuzz
