#include "harness/cli/help.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>

#include "dtypefuzz/build_info.h"
#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/cli/screen.h"
#include "harness/core/words.h"

namespace dtypefuzz {
namespace {

constexpr std::pair<std::string_view, std::string_view> kExitCodes[] = {
    {"0", "done: nothing new, all as recorded, it holds"},
    {"1", "fuzz, report: new causes (see --fail-on); replay: a case differs or violates; diff: a change"},
    {"2", "the command line or a file is wrong; one line says how"},
    {"3", "this machine lacks something: a directory to write to, a disk with room, memory"},
    {"130", "interrupted (Ctrl-C); what was found is kept, and 143 the same for SIGTERM"},
    {"141", "nobody reads the output any more"},
};

/// A description is a sentence and an example.
std::pair<std::string, std::string> parts_of(const std::string& description) {
  constexpr std::string_view kMark = "  Example: ";
  const auto at = description.find(kMark);
  if (at == std::string::npos) return {description, ""};
  return {description.substr(0, at), description.substr(at + kMark.size())};
}

/// The words behind `lead` in lines of this width, those after the first below where the words begin.
std::string wrapped(std::string_view lead, size_t indent, std::string_view text, size_t width) {
  std::string result(lead), line;
  const size_t room = std::max<size_t>(width, indent + 20) - indent;
  if (lead.size() >= indent)
    result += "\n" + std::string(indent, ' ');
  else
    result += std::string(indent - lead.size(), ' ');
  while (!text.empty()) {
    const auto word = text.substr(0, text.find(' '));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
    if (!line.empty() && line.size() + 1 + word.size() > room) {
      result += line + "\n" + std::string(indent, ' ');
      line.clear();
    }
    line += (line.empty() ? "" : " ") + std::string(word);
  }
  return result + line + "\n";
}

class HelpPage : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string) const override {
    std::string path = app->get_name();
    for (const CLI::App* parent = app->get_parent(); parent; parent = parent->get_parent())
      path = parent->get_name() + " " + path;
    std::string usage = path;
    if (!app->get_subcommands({}).empty()) usage += " COMMAND";
    for (const CLI::Option* option :
         app->get_options([](const CLI::Option* o) { return o->get_positional(); })) {
      const std::string word = option->get_type_name().empty() ? option->get_name() : option->get_type_name();
      usage += option->get_required() ? " " + word : " [" + word + "]";
      if (option->get_items_expected_max() > 1) usage += "...";
    }
    return wrapped("usage:", 7, usage + " [OPTIONS]", width());
  }
  std::string make_description(const CLI::App* app) const override {
    const auto [sentence, example] = parts_of(app->get_description());
    return wrapped("", 0, sentence, width()) + (example.empty() ? "" : "example: " + example + "\n");
  }
  std::string make_option(const CLI::Option* option, bool is_positional) const override {
    std::string lead = "  " + (is_positional ? option->get_type_name() : option->get_name(false, true));
    if (!is_positional && option->get_items_expected_max() > 0 && !option->get_type_name().empty())
      lead += " " + option->get_type_name();
    std::string text = option->get_description();
    if (const auto& usual = option->get_default_str(); !usual.empty() && usual != "[]")
      text += fmt::format(" [{}]", from_here(usual));
    return wrapped(lead, width() < 60 ? 6 : 26, text, width());
  }
  std::string make_subcommand(const CLI::App* sub) const override {
    return wrapped("  " + sub->get_name(), 14, parts_of(sub->get_description()).first, width());
  }
  std::string make_footer(const CLI::App* app) const override {
    if (app->get_parent())
      return "\n" + wrapped("Everywhere:", 12,
                            "-h, -q (no progress, and of replay what is wrong alone), --color WHEN", width());
    std::string text = "\nExit codes:\n";
    for (const auto& [code, says] : kExitCodes) text += wrapped(fmt::format("  {}", code), 8, says, width());
    return text;
  }

 private:
  static size_t width() { return std::min<size_t>(terminal_width(), 110); }
};

constexpr std::pair<std::string_view, std::string_view> kGroups[] = {{"fuzz", "Find"},
                                                                     {"atlas", "Find"},
                                                                     {"replay", "Look at cases"},
                                                                     {"minimize", "Look at cases"},
                                                                     {"new", "Look at cases"},
                                                                     {"show", "Look at cases"},
                                                                     {"list", "Look at cases"},
                                                                     {"report", "Compare and keep"},
                                                                     {"diff", "Compare and keep"},
                                                                     {"corpus", "Compare and keep"}};

const CLI::App& root_of(const CLI::App& app) {
  return app.get_parent() ? root_of(*app.get_parent()) : app;
}

std::vector<const CLI::App*> commands_of(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

/// `-j`, `--jobs` of a command, those of the whole program included.
std::vector<std::string> flags_of(const CLI::App& command) {
  std::vector<std::string> flags;
  for (const CLI::App* app = &command; app; app = app->get_parent())
    for (const CLI::Option* option : app->get_options()) {
      for (const auto& name : option->get_snames()) flags.push_back("-" + name);
      for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    }
  std::ranges::sort(flags);
  flags.erase(std::unique(flags.begin(), flags.end()), flags.end());
  return flags;
}

/// What may follow a command: its own commands, or the words that it lists.
std::vector<std::string> words_after(const CLI::App& command) {
  std::vector<std::string> words;
  for (const CLI::App* sub : commands_of(command)) words.push_back(sub->get_name());
  if (command.get_name() == "list")
    words = {"modules", "dtypes", "devices", "properties", "messages", "questions", "causes", "findings"};
  if (command.get_name() == "completions") words = {"bash", "zsh", "fish"};
  if (command.get_name() == "help")
    for (const CLI::App* sub : commands_of(root_of(command))) words.push_back(sub->get_name());
  return words;
}

std::string bash_of(const CLI::App& app) {
  std::string text =
      "# Completions of dtypefuzz for bash:  source <(dtypefuzz completions bash)\n"
      "_dtypefuzz() {\n"
      "  local here=${COMP_WORDS[COMP_CWORD]} command= each words=\n"
      "  for each in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
      "    [[ $each == -* ]] || { command=$each; break; }\n"
      "  done\n"
      "  case $command in\n";
  const auto line = [&](std::string_view name, const CLI::App& command) {
    auto words = words_after(command);
    const auto flags = flags_of(command);
    words.insert(words.end(), flags.begin(), flags.end());
    text += fmt::format("    {}) words=\"{}\" ;;\n", name, fmt::join(words, " "));
  };
  for (const CLI::App* command : commands_of(app)) line(command->get_name(), *command);
  line("*", app);
  return text +
         "  esac\n"
         "  COMPREPLY=($(compgen -W \"$words\" -- \"$here\"))\n"
         "  [[ $here == -* || -z $command ]] || COMPREPLY+=($(compgen -f -- \"$here\"))\n"
         "}\n"
         "complete -o filenames -F _dtypefuzz dtypefuzz\n";
}

std::string zsh_of(const CLI::App& app) {
  return "#compdef dtypefuzz\n# Completions of dtypefuzz for zsh:  source <(dtypefuzz completions zsh)\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_of(app);
}

std::string quoted_for_fish(std::string_view text) {
  std::string result = "'";
  for (const char c : text) {
    if (c == '\'' || c == '\\') result += '\\';
    result += c;
  }
  return result + "'";
}

std::string fish_of(const CLI::App& app) {
  std::string text = "# Completions of dtypefuzz for fish:  dtypefuzz completions fish | source\n";
  const auto options = [&](const CLI::App& command, const std::string& where) {
    for (const CLI::Option* option : command.get_options()) {
      if (option->get_lnames().empty()) continue;
      text += fmt::format("complete -c dtypefuzz{}", where);
      for (const auto& name : option->get_snames()) text += " -s " + name;
      for (const auto& name : option->get_lnames()) text += " -l " + name;
      if (option->get_items_expected_max() > 0) text += " -r";
      text += fmt::format(" -d {}\n", quoted_for_fish(option->get_description()));
    }
  };
  options(app, "");
  for (const CLI::App* command : commands_of(app)) {
    text += fmt::format("complete -c dtypefuzz -n __fish_use_subcommand -a {} -d {}\n", command->get_name(),
                        quoted_for_fish(parts_of(command->get_description()).first));
    const std::string where = fmt::format(" -n '__fish_seen_subcommand_from {}'", command->get_name());
    if (const auto words = words_after(*command); !words.empty())
      text += fmt::format("complete -c dtypefuzz{} -a '{}'\n", where, fmt::join(words, " "));
    options(*command, where);
  }
  return text;
}

/// Text as troff takes it.
std::string roff(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '\\')
      result += "\\e";
    else if (c == '-')
      result += "\\-";
    else
      result += c;
  }
  return result.starts_with('.') || result.starts_with('\'') ? "\\&" + result : result;
}

std::string man_of(const CLI::App& app) {
  std::string text =
      fmt::format(".TH DTYPEFUZZ 1 \"\" \"dtypefuzz {}\"\n.SH NAME\ndtypefuzz \\- {}\n", build_info::kVersion,
                  roff("finds where LibTorch breaks its promises about dtypes"));
  text += ".SH SYNOPSIS\n.B dtypefuzz\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS\n";
  const auto options = [&](const CLI::App& command) {
    for (const CLI::Option* option : command.get_options()) {
      const bool is_positional = option->get_positional();
      const std::string name = is_positional ? "" : option->get_name(false, true);
      text += fmt::format(".TP\n\\fB{}\\fR \\fI{}\\fR\n{}\n", roff(name), roff(option->get_type_name()),
                          roff(option->get_description()));
    }
  };
  const auto command = [&](const CLI::App& each, const std::string& path) {
    const auto [sentence, example] = parts_of(each.get_description());
    text += fmt::format(".SS {}\n{}\n", roff(path), roff(sentence));
    if (!example.empty()) text += fmt::format(".PP\n.B {}\n", roff(example));
    options(each);
  };
  for (const CLI::App* each : commands_of(app)) {
    command(*each, each->get_name());
    for (const CLI::App* below : commands_of(*each))
      command(*below, each->get_name() + " " + below->get_name());
  }
  text += ".SH OPTIONS\n";
  options(app);
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, says] : kExitCodes) text += fmt::format(".TP\n.B {}\n{}\n", code, roff(says));
  return text;
}

}  // namespace

void dress(CLI::App& app) {
  app.name("dtypefuzz");
  const auto page = std::make_shared<HelpPage>();
  page->label("OPTIONS", "Options");
  page->label("Positionals", "Arguments");
  const auto visit = [&](auto&& self, CLI::App& command) -> void {
    command.formatter(page);
    if (command.get_help_ptr()) command.get_help_ptr()->description("this help");
    for (CLI::App* sub : command.get_subcommands([](CLI::App*) { return true; })) {
      sub->fallthrough();
      if (!command.get_parent()) {
        const auto* at = std::ranges::find(kGroups, sub->get_name(), [](auto& group) { return group.first; });
        sub->group(at != std::end(kGroups) ? std::string(at->second) : "This build");
      }
      self(self, *sub);
    }
  };
  visit(visit, app);
}

void add_help(CLI::App& app) {
  auto path = std::make_shared<std::vector<std::string>>();
  auto* help = app.add_subcommand("help", "What a command does.  Example: dtypefuzz help fuzz");
  help->add_option("command", *path, "a command; without one, all of them")->type_name("COMMAND");
  help->callback([&app, path] {
    const CLI::App* at = &app;
    for (const std::string& word : *path) {
      const CLI::App* next = nullptr;
      std::vector<std::string> offered;
      for (const CLI::App* each : commands_of(*at)) {
        if (each->get_name() == word) next = each;
        offered.push_back(each->get_name());
      }
      if (!next) fail("help '{}': no such command{}", word, did_you_mean(word, offered));
      at = next;
    }
    // Not its own `help`, which hands on to the command that was called: this one.
    fmt::print("{}", at->get_formatter()->make_help(at, "", CLI::AppFormatMode::Normal));
  });
  auto shell = std::make_shared<std::string>();
  auto* completions = app.add_subcommand(
      "completions", "What completes its words in a shell.  Example: source <(dtypefuzz completions bash)");
  completions->add_option("shell", *shell, "bash, zsh or fish")->required()->type_name("SHELL");
  completions->callback([&app, shell] {
    const std::string text = *shell == "bash"   ? bash_of(app)
                             : *shell == "zsh"  ? zsh_of(app)
                             : *shell == "fish" ? fish_of(app)
                                                : "";
    if (text.empty()) fail("completions '{}': expected bash, zsh or fish", *shell);
    fmt::print("{}", text);
  });
  app.add_subcommand("man", "Its manual page.  Example: dtypefuzz man | man -l -")->callback([&app] {
    fmt::print("{}", man_of(app));
  });
}

}  // namespace dtypefuzz
