#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {

void loading_preserves_values(const Facts& facts, Say& say) {
  const Plan& plan = facts.plan;
  const auto& error = facts.seen.error;
  if (plan.load == Load::none && facts.seen.loaded.empty()) say.not_applicable("no checkpoint is loaded");
  const std::string_view how = plan.load == Load::archive ? "archive" : "copy";
  const bool refused = error && error->phase == Phase::load && plan.load_dtype != plan.params_dtype;
  if (refused && !facts.is(MessageKind::mismatch) && !facts.refused_cleanly())
    say.violated({.what = Broken::load_refused,
                  .thing = how,
                  .category = stranger(plan.load_dtype, plan.params_dtype),
                  .promised = fmt::format("a checkpoint of {} is refused by name or keeps its values in {}",
                                          name_of(plan.load_dtype), name_of(plan.params_dtype)),
                  .seen = error->message});
  for (const LoadedFacts& loaded : facts.seen.loaded) {
    if (loaded.equal) continue;
    return say.violated(
        {.what = Broken::load_changed,
         .thing = how,
         .category = stranger(loaded.saved, loaded.before),
         .promised = fmt::format("{} saved as {} is refused by name or keeps its values in {}", loaded.name,
                                 name_of(loaded.saved), name_of(loaded.before)),
         .seen = fmt::format("other values, dtype {}", name_of(loaded.after))});
  }
}

}  // namespace dtypefuzz
