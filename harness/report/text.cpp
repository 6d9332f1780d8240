#include "harness/report/text.h"

#include <fmt/format.h>

namespace dtypefuzz {
namespace {

/// A name and its text, below the first line; nothing where there is no text.
std::string line(std::string_view name, std::string_view text) {
  return text.empty() ? "" : fmt::format("  {:10}{}\n", fmt::format("{}:", name), text);
}

}  // namespace

std::string in_words(const Signature& s) {
  std::string text = s.culprit;
  if (s.operands != "-") {
    const auto slash = s.operands.find('/');
    text += slash == std::string::npos
                ? ": " + s.operands
                : fmt::format(": {} against {}", s.operands.substr(0, slash), s.operands.substr(slash + 1));
  }
  if (s.category != "-") text += fmt::format(" ({})", s.category);
  text += fmt::format(", in {}", s.phase);
  text += s.family == "accepted"       ? ", accepted without a word"
          : s.family == "mismatch"     ? ", refused as a mismatch that it is none"
          : s.family == "unrecognized" ? ", refused in words that no family knows"
                                       : ", " + s.family;
  text += fmt::format(", on {}", s.device);
  return text + (s.autocast == "off"     ? ", outside of autocast"
                 : s.autocast == "other" ? ", in an undocumented region"
                                         : fmt::format(", in a {} region", s.autocast));
}

std::string text_of(const Entry& entry, const Space& space, const std::string& command) {
  const Finding& finding = entry.finding;
  const Violation& violation = finding.violation;
  if (entry.standing == Standing::spread)
    return fmt::format("spread: {} at {}{}\n", entry.said(), entry.signature(),
                       entry.path.empty() ? "" : fmt::format(" ({})", entry.path));
  const std::string where = to_line(finding.where);
  std::string text = fmt::format("\n{} finding ({}): {}\n", to_string(entry.standing),
                                 to_string(violation.severity), entry.said());
  text += line("cause", entry.cause()) + line("upstream", entry.upstream) + line("where", where) +
          line("throws", finding.where.exception) + line("place", entry.signature()) +
          line("promised", violation.promised) + line("seen", violation.seen) +
          line("stack", finding.stack == where ? "" : finding.stack);
  for (size_t i = 0; i < finding.observed.size(); ++i)
    text += line(fmt::format("run {}", i + 1), finding.observed[i]);
  text += "  case:\n";
  // What is not simplest tells the story; the modules are always part of it.
  const Reading reading = reading_of(finding.body, space);
  for (const auto& [name, value, answer] : reading.questions())
    if (answer.taken > 0 || answer.ask == Ask::module || name == "params.dtype")
      text += fmt::format("    {} = {}\n", name, value);
  if (!entry.path.empty())
    text +=
        line("saved", entry.path) + line("again", fmt::format("{} replay {}", command, quoted(entry.path)));
  return text;
}

}  // namespace dtypefuzz
