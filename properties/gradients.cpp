#include <fmt/format.h>

#include "properties/list.h"

namespace dtypefuzz {

void gradients_match_their_leaves(const Facts& facts, Say& say) {
  if (facts.seen.error) return say.not_applicable("something was refused");
  if (facts.ran_undocumented()) return say.not_applicable("autocast documents no region of this dtype");
  if (facts.seen.leaves.empty()) return say.not_applicable("no backward ran");
  for (const LeafFacts& leaf : facts.seen.leaves) {
    const bool missing = leaf.must_have && !leaf.has;
    if (!missing && (!leaf.has || leaf.grad_dtype == leaf.dtype)) continue;
    say.violated({.what = missing ? Broken::gradient_missing : Broken::gradient_dtype,
                  // The caller's input is the first layer's.
                  .owner = leaf.owner.kind == Culprit::kStage ? Culprit{Culprit::kLayer, 0} : leaf.owner,
                  .thing = leaf.name,
                  .category = category_of(leaf.dtype),
                  .promised = fmt::format("{} has a gradient of dtype {}", leaf.name, name_of(leaf.dtype)),
                  .seen = missing ? "none" : fmt::format("dtype {}", name_of(leaf.grad_dtype))});
  }
}

}  // namespace dtypefuzz
