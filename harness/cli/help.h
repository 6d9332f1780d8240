// The help, the manual page and the completions of shells, all out of the one table that parses.
#pragma once
#include <CLI/CLI.hpp>

namespace dtypefuzz {

/// Gives the program and its commands, which are all there by now, their help: it fits the terminal, a
/// description is a sentence and, behind `Example: `, a command.
void dress(CLI::App& app);
/// `help [COMMAND]`, `completions SHELL`, `man`.
void add_help(CLI::App& app);

}  // namespace dtypefuzz
