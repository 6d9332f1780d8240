#include "harness/faults/trial.h"

#include <sched.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dtypefuzz/error.h"
#include "harness/blame/blame.h"
#include "harness/campaign/inquiry.h"
#include "harness/engines/engines.h"
#include "harness/files/case_file.h"
#include "harness/run/prepare.h"
#include "harness/search/minimize.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

std::vector<const Row*> rows_of(std::string_view names) {
  std::vector<const Row*> rows;
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    const Row* row = whole_space().row(names.substr(0, comma));
    if (!row) fail("planted fault: no module is named '{}'", names.substr(0, comma));
    rows.push_back(row);
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return rows;
}

std::string without_autocast(Signature signature) {
  signature.autocast = "off";
  return to_string(signature);
}

/// This process and its children share one core from here on.
void stay_on_this_core() {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<size_t>(std::max(sched_getcpu(), 0)), &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

Settings campaign_of(const Fault& fault, const TrialSettings& settings) {
  return {.engine = engine_named("rapidcheck").make({}, whole_space()),
          .seconds = 0,
          .runs = settings.cases,
          .seed = settings.seed,
          .limits = settings.limits,
          .space = space_of(fault),
          .whole = whole_space(),
          .bias = {},
          .strictness = {},
          .known = {},
          .inquires = false};
}

/// Runs `work` in a process of its own and gives what it returned.
Json in_a_process(const std::function<Json()>& work) {
  Child child = forked([&](int pipe) {
    stay_on_this_core();
    prepare_process();
    write_line(pipe, work().dump() + "\n");
  });
  while (child.read()) {
    timespec pause{0, 10'000'000};
    nanosleep(&pause, nullptr);
  }
  const int status = child.wait();
  if (status != 0 || child.text.empty()) fail("planted fault: the hunt ended with status {}", status);
  return Json::parse(child.text);
}

/// A hunt as it goes on: what the campaign tells, held against the control.
class Pursuit {
 public:
  Pursuit(const Fault& fault, const Control& control, const TrialSettings& settings)
      : fault_(fault), control_(control), settings_(settings) {}

  Trial run() {
    Snapshot state;
    while (!trial_.caught && now() - begin_ < settings_.seconds) {
      interrupted_ = 0;
      suspect_.reset();
      const Listener listener{.report = [](const Finding&, Standing) {},
                              .tick =
                                  [&](const Progress&) {
                                    if (now() - begin_ >= settings_.seconds) interrupted_ = 1;
                                  },
                              .save = [&](const Snapshot& now_known) { look_at(state = now_known); }};
      const Settings campaign = campaign_of(fault_, settings_);
      run_campaign(campaign, listener, interrupted_, state);
      if (!suspect_) break;
      cleared_.insert(to_string(suspect_->finding.violation.signature));
      inquire_into(*suspect_);
    }
    if (!trial_.caught) trial_.seconds = now() - begin_, trial_.cases = state.next;
    return trial_;
  }

 private:
  bool is_new(const Signature& signature) const {
    return !control_.signatures.contains(without_autocast(signature));
  }

  /// Whether the blame falls on a kernel that was replaced, or on the operator that it is a kernel of.
  bool names_replaced(const Cause& cause) const {
    return std::ranges::any_of(fault_.kernels, [&](const Kernel& kernel) {
      const std::string op = merged(kernel.op.substr(0, kernel.op.find('.')));
      return op == cause.operation || op == cause.caller || op + ".meta" == cause.operation;
    });
  }

  void look_at(const Snapshot& state) {
    for (const auto& [text, place] : state.met) {
      const Signature signature = parse_signature(text);
      if (place.index < control_.cases && is_new(signature)) trial_.fired.insert(signature.property);
    }
    if (suspect_) return;
    for (const auto& [place, candidate] : state.waiting) {
      const Signature& signature = candidate.finding.violation.signature;
      // The control has to have judged the very case.
      if (signature.property != fault_.property || place.index >= control_.cases || !is_new(signature) ||
          cleared_.contains(to_string(signature)))
        continue;
      suspect_ = candidate;
      trial_.seconds = now() - begin_;
      trial_.cases = place.index + 1;
      interrupted_ = 1;
      return;
    }
  }

  void inquire_into(const Candidate& suspect) {
    const Inquired inquired = inquire(suspect, whole_space(), settings_.known, settings_.limits, {});
    const Signature& signature = inquired.finding.violation.signature;
    const std::optional<Cause>& cause = inquired.finding.cause;
    const bool shown =
        inquired.standing != Standing::flaky && is_new(signature) && signature.property == fault_.property;
    trial_.caught = shown && settings_.known.standing_of(signature, cause) == Standing::fresh;
    if (shown && !trial_.caught && cause) trial_.hidden_by.insert(to_string(*cause));
    trial_.cause = to_string(cause_of(inquired.finding));
    trial_.names_operator = cause && names_replaced(*cause);
    trial_.signature = to_string(signature);
    trial_.minimized = inquired.finding.body;
    trial_.layers = size_of(inquired.finding.body, whole_space()).layers;
  }

  const Fault& fault_;
  const Control& control_;
  const TrialSettings& settings_;
  const double begin_ = now();
  std::atomic<int> interrupted_{0};
  std::optional<Candidate> suspect_;
  std::set<std::string> cleared_;
  Trial trial_;
};

}  // namespace

Space space_of(const Fault& fault) {
  return {.modules = rows_of(fault.modules),
          .losses = rows_of(fault.losses),
          .dtypes = whole_space().dtypes,
          .devices = {kCpu}};
}

std::string family_of(const Fault& fault) {
  return std::string(fault.modules) + "|" + std::string(fault.losses);
}

Control control_for(const Fault& fault, const TrialSettings& settings) {
  const Json told = in_a_process([&] {
    std::atomic<int> interrupted{0};
    Snapshot last;
    const double begin = now();
    const Listener listener{.report = [](const Finding&, Standing) {},
                            .tick =
                                [&](const Progress&) {
                                  if (now() - begin >= settings.seconds) interrupted = 1;
                                },
                            .save = [&](const Snapshot& state) { last = state; }};
    const Settings campaign = campaign_of(fault, settings);
    run_campaign(campaign, listener, interrupted);
    Json json{{"cases", last.next}, {"signatures", Json::array()}};
    for (const auto& [signature, place] : last.met)
      json["signatures"].push_back(without_autocast(parse_signature(signature)));
    return json;
  });
  return {told.at("signatures").get<std::set<std::string>>(), told.at("cases")};
}

Trial trial_of(const Fault& fault, const Control& control, const TrialSettings& settings) {
  const Json told = in_a_process([&]() -> Json {
    const Planted planted(fault.kernels);
    const Trial trial = Pursuit(fault, control, settings).run();
    return {{"caught", trial.caught},
            {"seconds", trial.seconds},
            {"cases", trial.cases},
            {"layers", trial.layers},
            {"signature", trial.signature},
            {"fired", trial.fired},
            {"cause", trial.cause},
            {"names_operator", trial.names_operator},
            {"hidden_by", trial.hidden_by},
            {"case", trial.caught ? print_case({trial.minimized, {}, {}, {}}) : ""}};
  });
  const std::string file = told.at("case");
  return {.caught = told.at("caught"),
          .seconds = told.at("seconds"),
          .cases = told.at("cases"),
          .layers = told.at("layers"),
          .signature = told.at("signature"),
          .minimized = file.empty() ? Case{} : parse_case(file).body,
          .fired = told.at("fired").get<std::set<std::string>>(),
          .cause = told.at("cause"),
          .names_operator = told.at("names_operator"),
          .hidden_by = told.at("hidden_by").get<std::set<std::string>>()};
}

}  // namespace dtypefuzz
