#include <fmt/format.h>

#include <algorithm>

#include "dtypefuzz/check.h"
#include "harness/faults/rare.h"
#include "harness/files/case_file.h"
#include "harness/search/size.h"

namespace dtypefuzz {
namespace {

/// Cases per second of a campaign without faults: what it meets stays waiting.
double rate_of(Settings settings, double seconds, const std::atomic<int>& interrupted) {
  settings.seconds = seconds;
  settings.inquires = false;
  const Listener nobody{.report = [](const Finding&, Standing) {}};
  const Progress progress = run_campaign(settings, nobody, interrupted);
  return static_cast<double>(progress.cases) / std::max(progress.seconds, 1e-3);
}

/// Whether a signature is that of this fault, small or as it was met.
bool is_of(const RareFault& rare, const Signature& signature) {
  return signature.property == rare.fault.property && signature.culprit == rare.module &&
         signature.family == rare.family;
}

bool shows(const Finding& finding, const Settings& settings) {
  const auto violations =
      check_isolated(finding.body, settings.whole, settings.limits, settings.strictness).violations;
  return std::any_of(violations.begin(), violations.end(),
                     [&](const Violation& v) { return v.signature == finding.violation.signature; });
}

}  // namespace

bool RareCampaign::finds_all() const {
  const bool each_once =
      std::all_of(found.begin(), found.end(), [](const Found& f) { return f.findings == 1; });
  return each_once && others.empty() && !interrupted;
}

RareCampaign run_with(const std::vector<RareFault>& faults, const Settings& plain,
                      const std::atomic<int>& interrupted,
                      const std::function<void(const std::string&)>& say) {
  RareCampaign result;
  result.found.resize(faults.size());
  say("without faults");
  const double before = rate_of(plain, plain.seconds / 8, interrupted);
  std::vector<std::pair<Finding, Standing>> fresh;
  std::map<std::string, Place> met;
  {
    const Planted planted(kernels_of(faults));
    say(fmt::format("{:.0f} cases/s; with faults", before));
    // The rate is that of the time in which cases run: what waits to be minimized then has its time after it.
    Progress at_the_end_of_cases;
    const Listener listener{
        .report =
            [&](const Finding& finding, Standing standing) {
              if (standing == Standing::known) return;
              fresh.emplace_back(finding, standing);
              say(fmt::format("{}: {}\n{}", to_string(standing), to_string(finding.violation.signature),
                              print_shortest({finding.body, {}, {}, {}}, plain.whole)));
            },
        .tick =
            [&](const Progress& p) {
              if (p.seconds <= plain.seconds) at_the_end_of_cases = p;
            },
        .save = [&](const Snapshot& snapshot) { met = snapshot.met; }};
    const Progress progress = run_campaign(plain, listener, interrupted);
    result.cases = progress.cases;
    result.interrupted = progress.interrupted;
    result.rate =
        static_cast<double>(at_the_end_of_cases.cases) / std::max(at_the_end_of_cases.seconds, 1e-3);
  }
  say(fmt::format("{:.0f} cases/s; without faults", result.rate));
  result.rate_without = (before + rate_of(plain, plain.seconds / 8, interrupted)) / 2;
  for (const auto& [finding, standing] : fresh) {
    const Signature& signature = finding.violation.signature;
    const auto at = std::find_if(faults.begin(), faults.end(),
                                 [&](const RareFault& rare) { return is_of(rare, signature); });
    if (at != faults.end() && standing == Standing::fresh) {
      auto& found = result.found[static_cast<size_t>(at - faults.begin())];
      if (found.findings++ > 0) continue;
      found.signature = to_string(signature);
      found.layers = size_of(finding.body, plain.whole).layers;
      found.index = UINT64_MAX;
      for (const auto& [text, place] : met)
        if (is_of(*at, parse_signature(text))) found.index = std::min(found.index, place.index);
    } else if (standing == Standing::fresh && shows(finding, plain)) {
      ++result.of_libtorch;
    } else {
      result.others.push_back(fmt::format("{} ({})", to_string(signature), to_string(standing)));
    }
  }
  return result;
}

}  // namespace dtypefuzz
