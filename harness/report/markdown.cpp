#include <fmt/format.h>

#include <algorithm>

#include "harness/core/names.h"
#include "harness/core/text.h"
#include "harness/report/report.h"

namespace dtypefuzz {
namespace {

/// Text in a table's cell: what Markdown would read as its own is escaped.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : as_text(text, 300)) {
    if (std::string_view("\\`*_[]<>|&~#").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

/// The same as code: a fence that the text does not have.
std::string code(std::string_view text) {
  std::string shown, fence = "`";
  for (const char c : as_text(text)) {
    if (c == '|') shown += '\\';  // a table's cells end at it even in code
    shown += c;
  }
  while (shown.find(fence) != std::string::npos) fence += '`';
  return fmt::format("{0}{2}{1}{2}{0}", fence, shown, fence.size() > 1 ? " " : "");
}

/// The causes of one standing, and those of their places that have it.
struct Section {
  Standing standing, of_places;
  std::string_view heading;
};
constexpr Section kSections[] = {
    {Standing::fresh, Standing::fresh, "New"},
    {Standing::returned, Standing::returned, "Returned: an earlier report called them fixed"},
    {Standing::open, Standing::open, "Open: told of before, neither accepted nor mended"},
    {Standing::spread, Standing::spread, "Spread: known, and shown at new places"},
    {Standing::fixed, Standing::fixed, "Fixed: known, and no longer shown"},
    {Standing::partly_fixed, Standing::fixed, "Partly fixed: no longer shown at some places"},
};

std::string row(const CauseEntry& cause, Standing of_places, const std::string& command) {
  constexpr size_t kMostPlaces = 3;
  std::string what = fmt::format("{}<br>{}", cell(cause.title), code(to_string(cause.cause)));
  if (!cause.upstream.empty()) what += "<br>" + cell(cause.upstream);
  if (cause.standing == Standing::open) what += "<br>told first on " + cell(cause.since);
  const size_t count = cause.count(of_places), all = cause.places.size();
  std::string places = count == all ? fmt::format("{}", all) : fmt::format("{} of {}", count, all);
  std::string again;
  size_t named = 0;
  for (const Entry& place : cause.places) {
    if (place.standing != of_places) continue;
    if (named++ < kMostPlaces) places += "<br>" + code(place.signature());
    if (again.empty() && !place.path.empty()) again = code(command + " replay " + quoted(place.path));
  }
  if (count > kMostPlaces) places += fmt::format("<br>and {} more", count - kMostPlaces);
  const std::string where = to_line(cause.where);
  return fmt::format("| {} | {} | {} | {} | {} |\n", cell(to_string(cause.severity)), what,
                     where.empty() ? "" : code(as_text(where, 300)), places, again);
}

std::string table(const Report& report, const Section& section, const std::string& command) {
  if (report.count_causes(section.standing) == 0) return {};
  std::string text = fmt::format(
      "\n## {}\n\n| severity | cause | where | places | again |\n|---|---|---|---|---|\n", section.heading);
  std::vector<const CauseEntry*> causes;
  for (const CauseEntry& cause : report.causes)
    if (cause.standing == section.standing) causes.push_back(&cause);
  if (section.standing == Standing::open)  // the oldest first
    std::ranges::stable_sort(causes, {}, [](const CauseEntry* cause) { return cause->since; });
  for (const CauseEntry* cause : causes) text += row(*cause, section.of_places, command);
  return text;
}

/// A line of the table of counts.
template <class Count>
std::string counts(std::string_view name, const Count& count) {
  std::string text = fmt::format("| {} |", name);
  for (const Standing standing : kReported) text += fmt::format(" {} |", count(standing));
  return text + "\n";
}

}  // namespace

std::string to_markdown(const Report& report, const std::string& command) {
  const size_t fresh = report.count_causes(Standing::fresh);
  std::string text = fmt::format("# dtypefuzz: {} new cause{}", fresh == 0 ? "no" : std::to_string(fresh),
                                 fresh == 1 ? "" : "s");
  for (const auto standing : {Standing::returned, Standing::open, Standing::spread})
    if (const size_t count = report.count_causes(standing); count > 0)
      text += fmt::format(", {} {}", count, to_string(standing));
  text += "\n\n" + counts("severity", [](Standing standing) { return to_string(standing); }) +
          counts("---", [](Standing) { return "---"; });
  for (size_t i = 0; i < words_of<Severity>().size(); ++i)
    text += counts(cell(words_of<Severity>()[i]), [&](Standing standing) {
      return report.count_causes(standing, static_cast<Severity>(i));
    });
  text += counts("all", [&](Standing standing) { return report.count_causes(standing); });
  text += counts("places", [&](Standing standing) { return report.count(standing); });
  if (report.not_reachable > 0)
    text += fmt::format("\n{} known places are of other CPUs, and not reachable on this one.\n",
                        report.not_reachable);
  for (const Section& section : kSections) text += table(report, section, command);
  return text;
}

}  // namespace dtypefuzz
