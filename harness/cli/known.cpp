#include "harness/cli/known.h"

#include <algorithm>

#include "dtypefuzz/check.h"
#include "harness/check/check.h"
#include "harness/files/case_file.h"
#include "harness/isolate/batch.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

bool shows(const std::vector<Violation>& violations, const std::string& signature) {
  return std::ranges::any_of(violations,
                             [&](const Violation& v) { return to_string(v.signature) == signature; });
}

bool could_draw(const Space& space, const Case& body, const Space& whole) {
  const auto has = [](const auto& list, const auto& value) {
    return std::ranges::find(list, value) != list.end();
  };
  const Reading reading = reading_of(body, whole);
  for (const LayerPlan& layer : reading.plan.layers)
    if (!has(space.modules, layer.row)) return false;
  if (reading.plan.loss && !has(space.losses, reading.plan.loss->row)) return false;
  if (!has(space.devices, reading.plan.device)) return false;
  return std::ranges::all_of(reading.questions(), [&](const Asked& asked) {
    // `same` and the like are dtypes that another question has chosen.
    const auto dtype =
        is_dtype(asked.answer.ask) || is_region(asked.answer.ask) ? parse_dtype(asked.value) : std::nullopt;
    // The simplest answer is there whatever is drawn.
    return !dtype || asked.answer.taken == 0 || has(space.dtypes, *dtype);
  });
}

bool is_whole(const Settings& settings) {
  const Space &space = settings.space, &whole = settings.whole;
  return space.modules.size() == whole.modules.size() && space.losses.size() == whole.losses.size() &&
         space.dtypes.size() == whole.dtypes.size();
}

}  // namespace

std::vector<std::string> places_to_look_at(const Baseline& baseline, const Settings& settings,
                                           const std::set<std::string>& met) {
  std::vector<std::string> places;
  for (const auto& [signature, place] : baseline.places)
    if (place.here && !place.path.empty() && !met.contains(signature) &&
        (is_whole(settings) ||
         could_draw(settings.space, load_case(place.path, settings.whole).body, settings.whole)))
      places.push_back(signature);
  return places;
}

LookedAt look_at(const std::vector<std::string>& places, const Baseline& baseline, const Settings& settings,
                 const std::atomic<int>& interrupts, const std::function<void(size_t)>& tick) {
  const auto body_of = [&](const std::string& signature) {
    return load_case(baseline.places.at(signature).path, settings.whole).body;
  };
  Checker checker(settings.strictness);  // each process has its own
  const auto shown = in_batches(places.size(),
                                {.jobs = static_cast<size_t>(settings.jobs),
                                 .limits = settings.limits,
                                 .stops = [&] { return interrupts > 0; },
                                 .tick = tick},
                                [&](size_t i) -> std::string {
                                  // Most violations need no sibling of a layer to be seen, and of those that
                                  // do most need no numbers: both are most of the work.
                                  const Plan plan = plan_of(body_of(places[i]), settings.whole);
                                  const auto shown_by = [&](const Checked& checked) {
                                    return shows(checked.violations, places[i]);
                                  };
                                  return shown_by(checker.judged(plan, run(plan))) ||
                                                 shown_by(checker.check(plan, Siblings::without_numbers)) ||
                                                 shown_by(checker.check(plan))
                                             ? "shown"
                                             : "";
                                });
  LookedAt looked;
  for (size_t i = 0; i < places.size(); ++i) {
    if (shown[i] != "shown") {
      if (interrupts > 0) continue;
      if (tick) tick(looked.places);
      const Isolated alone =
          check_isolated(body_of(places[i]), settings.whole, settings.limits, settings.strictness);
      if (!shows(alone.violations, places[i])) looked.gone.push_back(places[i]);
    }
    ++looked.places;
  }
  return looked;
}

}  // namespace dtypefuzz
