#include "properties/facts.h"

namespace dtypefuzz {

Facts::Facts(const Plan& of_plan, const Expectation& of_promised, const Observation& of_seen,
             Strictness strictness)
    : plan(of_plan), promised(of_promised), seen(of_seen), strict(strictness.strict) {
  if (seen.error) message = recognize(seen.error->message);
}

}  // namespace dtypefuzz
