#include <fmt/format.h>

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

std::string table(const Report& report, Standing standing, std::string_view heading,
                  const std::string& command) {
  if (report.count(standing) == 0) return {};
  std::string text = fmt::format(
      "\n## {}\n\n| severity | finding | promised | seen | again |\n|---|---|---|---|---|\n", heading);
  for (const Entry& entry : report.entries)
    if (entry.standing == standing)
      text +=
          fmt::format("| {} | {}{}{} | {} | {} | {} |\n", cell(to_string(entry.finding.violation.severity)),
                      cell(entry.title), entry.title.empty() ? "" : "<br>", code(entry.signature()),
                      cell(entry.finding.violation.promised), cell(entry.finding.violation.seen),
                      entry.path.empty() ? "" : code(command + " replay " + quoted(entry.path)));
  return text;
}

}  // namespace

std::string to_markdown(const Report& report, const std::string& command) {
  const size_t fresh = report.count(Standing::fresh);
  const size_t returned = report.count(Standing::returned);
  std::string text =
      fmt::format("# dtypefuzz: {} new finding{}{}\n\n", fresh == 0 ? "no" : std::to_string(fresh),
                  fresh == 1 ? "" : "s", returned ? fmt::format(", {} returned", returned) : "");
  text += "| severity | new | returned | known | fixed |\n|---|---|---|---|---|\n";
  const auto row = [&](std::string_view name, const auto& count) {
    text += fmt::format("| {} | {} | {} | {} | {} |\n", name, count(Standing::fresh),
                        count(Standing::returned), count(Standing::known), count(Standing::fixed));
  };
  for (size_t i = 0; i < words_of<Severity>().size(); ++i)
    row(cell(words_of<Severity>()[i]),
        [&](Standing standing) { return report.count(standing, static_cast<Severity>(i)); });
  row("all", [&](Standing standing) { return report.count(standing); });
  text += table(report, Standing::fresh, "New", command);
  text += table(report, Standing::returned, "Returned: an earlier report called them fixed", command);
  text += table(report, Standing::fixed, "Fixed: known, and no longer shown", command);
  return text;
}

}  // namespace dtypefuzz
