#include "harness/report/text.h"

#include <fmt/format.h>

namespace dtypefuzz {

std::string text_of(const Entry& entry, const Space& space, const std::string& command) {
  const auto& [violation, body, stack, observed] = entry.finding;
  std::string text = fmt::format("\n{} finding ({}): {}\n", to_string(entry.standing),
                                 to_string(violation.severity), entry.signature());
  if (!entry.title.empty()) text += fmt::format("  {}\n", entry.title);
  text += fmt::format("  promised: {}\n  seen:     {}\n", violation.promised, violation.seen);
  if (!stack.empty()) text += fmt::format("  stack:    {}\n", stack);
  for (size_t i = 0; i < observed.size(); ++i) text += fmt::format("  run {}:    {}\n", i + 1, observed[i]);
  text += "  case:\n";
  // What is not simplest tells the story; the modules are always part of it.
  const Reading reading = reading_of(body, space);
  for (const auto& [name, value, answer] : reading.questions())
    if (answer.taken > 0 || answer.ask == Ask::module || name == "params.dtype")
      text += fmt::format("    {} = {}\n", name, value);
  return text + fmt::format("  saved:    {}\n  again:    {} replay {}\n", entry.path, command, entry.path);
}

}  // namespace dtypefuzz
