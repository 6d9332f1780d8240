#include "dtypefuzz/cause.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "dtypefuzz/error.h"
#include "dtypefuzz/finding.h"
#include "harness/core/text.h"

namespace dtypefuzz {
namespace {

std::string_view or_dash(const std::string& part) {
  return part.empty() ? "-" : std::string_view(part);
}

/// How a deed is told. `{0}`: the operation, `{1}`: the operand, `{2}`: the function that threw,
/// `{3}`: the operand, where that says how.
struct Telling {
  std::string_view deed, sentence;
};
constexpr Telling kTellings[] = {
    {"takes", "{0} takes {1} of another dtype"},
    {"throws", "{0} throws{2}"},
    {"gives", "{0} gives another dtype than promised"},
    {"returns", "{0} returns a gradient of another dtype than its operand's"},
    {"writes", "{0} writes {1} and what comes after it throws{2}"},
    {"changes", "{0} changes {1}, which is not documented"},
    {"abandons", "{0} throws halfway, and what came before stays changed"},
    {"converts", "{0} changes the dtype of {1}"},
    {"loads", "{0} changes the numbers of {1}"},
    {"drops", "{0} drops the gradient of {1}"},
    {"decides", "{0} looks at numbers that need a gradient, and by its answer they get none"},
    {"spoils", "{0} makes infinity or NaN of finite numbers"},
    {"departs", "{0} gives other numbers than in float64"},
    {"derives", "{0} gives other gradients than in float64"},
    {"computes", "{0} gives other numbers of {1} than in float64"},
    {"leaves", "{0} leaves autocast changed"},
    {"ends", "the process ends in {0}{2}{3}"},
    {"unknown", "{0}: no operator to blame was found"},
};

}  // namespace

std::string to_string(const Cause& c) {
  return fmt::format("{}:{}:{}:{}:{}:{}", c.property, c.deed, c.operation, or_dash(c.caller),
                     or_dash(c.operand), or_dash(c.function));
}

Cause parse_cause(std::string_view text) {
  constexpr size_t kMostBytes = 1024;  // that of any signature that could not be looked at fits
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || (c != 0 && std::strchr("_-./:<>+~", c));
  };
  Cause cause;
  std::string* const parts[] = {&cause.property, &cause.deed,    &cause.operation,
                                &cause.caller,   &cause.operand, &cause.function};
  std::string_view rest = text;
  bool sound = text.size() <= kMostBytes && std::ranges::all_of(text, allowed);
  for (size_t i = 0; sound && i < std::size(parts); ++i) {
    const size_t colon = rest.find(':');
    const bool last = i + 1 == std::size(parts);
    sound = last == (colon == std::string_view::npos) && !rest.substr(0, colon).empty();
    *parts[i] = rest.substr(0, colon);
    if (*parts[i] == "-" && i > 2) parts[i]->clear();
    rest.remove_prefix(last || !sound ? rest.size() : colon + 1);
  }
  if (!sound)
    fail("'{}' is no cause: expected property:deed:operation:caller:operand:function", as_text(text, 60));
  return cause;
}

Cause unlooked_cause(const Signature& signature) {
  return {.property = signature.property, .deed = "unknown", .operation = signature.culprit};
}

Cause cause_of(const Finding& finding) {
  return finding.cause ? *finding.cause : unlooked_cause(finding.violation.signature);
}

std::string sentence_of(const Cause& c) {
  const std::string operation =
      c.caller.empty() ? c.operation : fmt::format("{} in {}", c.operation, c.caller);
  const std::string operand = c.operand.empty() ? "an operand" : c.operand;
  const std::string function = c.function.empty() ? "" : fmt::format(" in {}()", c.function);
  const auto* telling = std::ranges::find(kTellings, c.deed, &Telling::deed);
  if (telling == std::end(kTellings)) return fmt::format("{} {}", operation, c.deed);
  const std::string how = c.operand.empty() ? "" : fmt::format(": {}", c.operand);
  return fmt::format(fmt::runtime(telling->sentence), operation, operand, function, how);
}

}  // namespace dtypefuzz
