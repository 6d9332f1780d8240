#include "harness/run/plans_for_test.h"

#include "generators/stack.h"

namespace dtypefuzz {

Plan plan_with(std::initializer_list<std::pair<std::string_view, std::string_view>> answers) {
  Case body;
  for (const auto& [name, answer] : answers) body.set(name, answer);
  return plan_of(body, whole_space());
}

}  // namespace dtypefuzz
