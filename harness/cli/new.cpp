#include <fmt/format.h>
#include <fmt/ranges.h>

#include "generators/written.h"
#include "harness/cli/commands.h"

namespace dtypefuzz {
namespace {

/// `# or float64, bfloat16, ...`
std::string others_of(const Question& question) {
  constexpr size_t kMost = 60;  // letters
  std::string text;
  size_t left = 0;
  for (const auto& word : question.offered) {
    if (word == question.answer) continue;
    if (text.size() + word.size() > kMost)
      ++left;
    else
      text += (text.empty() ? "# or " : ", ") + word;
  }
  return left > 0 ? fmt::format("{} and {} more", text, left) : text;
}

/// Every question: what makes the case what it is answered, the others in comments, each with what else it
/// may be.
std::string commented(const Case& c, const Space& space) {
  std::string text =
      "# dtypefuzz case 1\n# An answer whose # is taken away counts; the others are the simplest.\n";
  std::string before;
  for (const Question& question : questions_in(c, space)) {
    const std::string group = question.name.substr(0, question.name.find('.'));
    const bool is_nested = question.name.find('.') != std::string::npos;
    if (group != before && (is_nested || before.find('[') != std::string::npos)) text += "\n";
    before = is_nested ? group : "";
    const bool is_answered = !c[question.name].empty();
    const std::string line =
        fmt::format("{}{} = {}", is_answered ? "" : "# ", question.name, question.answer);
    const std::string others = others_of(question);
    text += others.empty() ? line + "\n" : fmt::format("{:40}  {}\n", line, others);
  }
  return text;
}

}  // namespace

void add_new(CLI::App& app, int&) {
  auto names = std::make_shared<std::vector<std::string>>();
  auto* command = app.add_subcommand(
      "new",
      "A case of these modules to edit, on stdout.  Example: dtypefuzz new Linear,BatchNorm1d > my.case");
  command->add_option("modules", *names, "modules in their order, and a loss at the end")
      ->delimiter(',')
      ->required()
      ->type_name("MODULE");
  command->callback([names] {
    const Space& space = whole_space();
    fmt::print("{}", commented(stack_of(*names, space), space));
  });
}

}  // namespace dtypefuzz
