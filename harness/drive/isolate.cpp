#include "harness/drive/isolate.h"

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
#include "harness/run/run.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

std::string text_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json to_json(const Violation& v) {
  return {{"signature", to_string(v.signature)},
          {"severity", static_cast<int>(v.severity)},
          {"promised", v.promised},
          {"seen", v.seen}};
}

Violation violation_of(const Json& j) {
  return {.signature = parse_signature(j.at("signature").get<std::string>()),
          .severity = static_cast<Severity>(j.at("severity").get<int>()),
          .promised = j.at("promised"),
          .seen = j.at("seen")};
}

std::string outcome_of(const Plan& plan, const Observation& seen) {
  if (!seen.error) {
    if (seen.calls.empty() || seen.calls.back().given.empty()) return "succeeded";
    return fmt::format("succeeded{}, gave {}", seen.backward_ran ? " with backward" : "",
                       name_of(seen.calls.back().given.front()));
  }
  const ErrorFacts& error = *seen.error;
  const auto known = recognize(error.message);
  const std::string_view how = !known                                            ? "failed"
                               : known->family->kind == MessageKind::mismatch    ? "refused by name"
                               : known->family->kind == MessageKind::unsupported ? "refused as unsupported"
                                                                                 : "refused";
  return fmt::format("{} in {} by {}: {}", how, to_string(error.phase),
                     culprit_name(plan, error.culprit, error.phase),
                     error.message.substr(0, std::min<size_t>(error.message.find('\n'), 200)));
}

}  // namespace

std::string to_line(const Finding& f, bool is_known) {
  Json json = to_json(f.violation);
  json["layers"] = f.layers;
  json["known"] = is_known;
  json["case"] = print_case({f.minimized, {}, {}, {}});
  return text_of(json);
}

Finding from_line(const std::string& line, bool& is_known) {
  const Json json = Json::parse(line);
  is_known = json.at("known");
  Finding f{violation_of(json), {}, json.at("layers")};
  if (!is_known) f.minimized = parse_case(json.at("case").get<std::string>()).body;
  return f;
}

void write_line(int pipe, std::string_view line) {
  while (!line.empty()) {
    const ssize_t n = write(pipe, line.data(), line.size());
    if (n <= 0 && errno != EINTR) _exit(3);
    if (n > 0) line.remove_prefix(static_cast<size_t>(n));
  }
}

Violation crash_of(const Plan& plan, uint32_t word, int status, bool hung) {
  const std::string what = hung                  ? "hang"
                           : WIFSIGNALED(status) ? fmt::format("SIG{}", sigabbrev_np(WTERMSIG(status)))
                                                 : fmt::format("exit_{}", WEXITSTATUS(status));
  const Position position = position_of(word);
  const auto autocast = !plan.autocast ? "off"
                        : autocast_documents(plan.device, *plan.autocast)
                            ? std::string(name_of(*plan.autocast))
                            : "other";
  Culprit culprit = position.culprit;
  // Before any layer's gradient has come, it is the end of the stack that runs.
  if (position.phase == Phase::backward && culprit.kind == Culprit::kStage)
    culprit = plan.loss ? Culprit{Culprit::kLoss}
                        : Culprit{Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
  return {.signature = {.property = "process_survives",
                        .culprit = culprit_name(plan, culprit, position.phase),
                        .operands = "-",
                        .category = std::string(to_string(category_of(
                            position.input == Dtype::Undefined ? plan.params_dtype : position.input))),
                        .phase = std::string(to_string(position.phase)),
                        .family = what,
                        .device = std::string(to_string(plan.device)),
                        .autocast = autocast},
          .severity = Severity::crash,
          .promised = "a step succeeds or throws",
          .seen = hung ? "did not end within the limit" : "the process ended: " + what};
}

Isolated check_isolated(const Case& c, double seconds, Strictness strictness, const std::string& onednn_isa) {
  int ends[2];
  if (pipe(ends) != 0) fail_environment("no pipe: {}", std::strerror(errno));
  void* memory =
      mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail_environment("no shared memory: {}", std::strerror(errno));
  auto* position = new (memory) std::atomic<uint32_t>(0);
  const pid_t child = fork();
  if (child < 0) fail_environment("cannot fork: {}", std::strerror(errno));
  if (child == 0) {
    close(ends[0]);
    if (!onednn_isa.empty()) setenv("ONEDNN_MAX_CPU_ISA", onednn_isa.c_str(), /*overwrite=*/1);
    prepare_process();
    write_positions_to(position, /*within_backward=*/true);
    Checker checker(strictness);
    const Checked checked = checker.check(c);
    Json json{{"not_applicable", checked.seen.not_applicable},
              {"outcome", outcome_of(checked.plan, checked.seen)},
              {"violations", Json::array()}};
    for (const Violation& v : checked.violations) json["violations"].push_back(to_json(v));
    write_line(ends[1], text_of(json));
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
  const uint32_t word = *position;
  munmap(memory, sizeof(std::atomic<uint32_t>));
  if (hung || status != 0 || text.empty()) {
    const Violation v = crash_of(plan_of(c), word, status, hung);
    return {{v}, {}, v.seen};
  }
  const Json json = Json::parse(text);
  Isolated result{{}, json.at("not_applicable"), json.at("outcome")};
  for (const auto& v : json.at("violations")) result.violations.push_back(violation_of(v));
  return result;
}

bool reproduces(const Case& c, const Signature& signature, int times, double seconds, Strictness strictness) {
  for (; times > 0; --times) {
    const auto shown = check_isolated(c, seconds, strictness).violations;
    if (std::none_of(shown.begin(), shown.end(), [&](auto& v) { return v.signature == signature; }))
      return false;
  }
  return true;
}

}  // namespace dtypefuzz
