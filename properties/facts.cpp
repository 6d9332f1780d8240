#include "properties/facts.h"

#include "properties/truth.h"

namespace dtypefuzz {

Facts::Facts(const Plan& of_plan, const Expectation& of_promised, const Observation& of_seen,
             Strictness strictness)
    : plan(of_plan), promised(of_promised), seen(of_seen), strict(strictness.strict) {
  if (!seen.error) return;
  message = recognize(seen.error->message);
  if (message && message->family->kind == MessageKind::unsupported)
    untruth = untruth_of(plan, seen, *message);
}

}  // namespace dtypefuzz
