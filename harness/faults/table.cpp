#include <array>

#include "harness/faults/fault.h"

namespace dtypefuzz {

namespace {

constexpr std::array<std::string_view, 29> kClasses = {
    "accepts a mismatch silently",
    "names the wrong dtypes",
    "names them in the wrong order",
    "throws an unrelated error",
    "throws in backward only",
    "returns the wrong dtype",
    "gives a gradient of the wrong dtype",
    "drops a gradient",
    "changes something before it throws",
    "leaks autocast state",
    "differs in no_grad",
    "differs on meta",
    "differs in one region",
    "slightly wrong in float16 only",
    "loses loaded values",
    "changes dtypes",
    "spoils a step",
    "refuses the suggested repair",
    "takes a dtype away",
    "misreads an operand",
    "gives wrong numbers",
    "gives a wrong gradient",
    "clips or steps wrongly",
    "says what is not so",
    "casts wrongly",
    "changes what it should leave alone",
    "crashes",
    "hangs",
    "allocates without end",
};
static_assert(kClasses.size() == static_cast<size_t>(Wrong::memory) + 1);

}  // namespace

std::span<const std::string_view> classes() {
  return kClasses;
}

std::string_view to_string(Wrong wrong) {
  return kClasses[static_cast<size_t>(wrong)];
}

std::vector<Fault> joined(std::initializer_list<std::vector<Fault>> parts) {
  std::vector<Fault> all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

const std::vector<Fault>& planted_faults() {
  static const auto all =
      joined({faults_of_refusals(), faults_of_dtypes(), faults_of_gradients(), faults_of_state(),
              faults_of_siblings(), faults_of_silence(), faults_of_processes()});
  return all;
}

}  // namespace dtypefuzz
