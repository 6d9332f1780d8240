#include <fmt/format.h>

#include "harness/core/text.h"
#include "harness/report/report.h"

namespace dtypefuzz {
namespace {

/// A workflow command ends at the line's end, and its fields at commas and colons.
std::string escaped(std::string_view text, bool is_field) {
  std::string result;
  for (const char c : as_text(text, 4000)) {
    if (c == '%')
      result += "%25";
    else if (is_field && c == ',')
      result += "%2C";
    else if (is_field && c == ':')
      result += "%3A";
    else
      result += c;
  }
  return result;
}

std::string_view kind_of(Standing standing, FailOn fail_on) {
  if (is_red(standing, fail_on)) return "error";
  switch (standing) {
    case Standing::fresh:
    case Standing::returned:
    case Standing::open:
    case Standing::spread:
      return "warning";
    case Standing::fixed:
    case Standing::partly_fixed:
      return "notice";
    default:
      return {};
  }
}

}  // namespace

std::string to_annotations(const Report& report, FailOn fail_on) {
  std::string text;
  for (const CauseEntry& cause : report.causes) {
    const auto kind = kind_of(cause.standing, fail_on);
    if (kind.empty()) continue;
    const Entry* shown = &cause.places.front();
    for (const Entry& place : cause.places)
      if (shown->path.empty() && !place.path.empty()) shown = &place;
    const Violation& violation = shown->finding.violation;
    text += fmt::format(
        "::{} {}title={}::{}%0Apromised: {}%0Aseen: {}%0Acause: {}\n", kind,
        shown->path.empty() ? "" : fmt::format("file={},line=1,", escaped(shown->path, true)),
        escaped(fmt::format("{} ({})", to_string(cause.standing), to_string(cause.severity)), true),
        escaped(cause.title, false), escaped(violation.promised, false), escaped(violation.seen, false),
        escaped(to_string(cause.cause), false));
  }
  return text;
}

}  // namespace dtypefuzz
