#include "harness/cli/screen.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>

#include "dtypefuzz/error.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {
namespace {

enum class Colors : uint8_t { automatic, always, never } colors = Colors::automatic;

bool quiet = false;

bool is_dumb() {
  const char* const term = std::getenv("TERM");
  return !term || !*term || std::string_view(term) == "dumb";
}

bool has_colors(int stream) {
  if (colors != Colors::automatic) return colors == Colors::always;
  const char* const refused = std::getenv("NO_COLOR");
  return !(refused && *refused) && !is_dumb() && isatty(stream);
}

std::string in(std::string_view code, std::string_view text, int stream) {
  return has_colors(stream) ? fmt::format("\033[{}m{}\033[0m", code, text) : std::string(text);
}

constexpr double kSecondsBetweenDrawings = 0.2, kSecondsBetweenLines = 10;

}  // namespace

void set_colors(const std::string& when) {
  if (when == "auto")
    colors = Colors::automatic;
  else if (when == "always")
    colors = Colors::always;
  else if (when == "never")
    colors = Colors::never;
  else
    fail("--color '{}': expected auto, always or never", when);
}

void set_quiet(bool wanted) {
  quiet = wanted;
}
bool is_quiet() {
  return quiet;
}

std::string painted(Severity severity, int stream) {
  constexpr std::string_view kCodes[] = {"1;31", "31", "33", "35", "36", "2"};  // crash to vague
  return in(kCodes[static_cast<size_t>(severity)], to_string(severity), stream);
}

std::string bold(std::string_view text, int stream) {
  return in("1", text, stream);
}

size_t terminal_width() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  size_t columns = 0;
  if (const char* const text = std::getenv("COLUMNS"))
    std::from_chars(text, text + std::string_view(text).size(), columns);
  return columns > 0 ? columns : 80;
}

std::string grouped(uint64_t number) {
  std::string text = std::to_string(number);
  for (size_t at = text.size(); at > 3;) text.insert(at -= 3, ",");
  return text;
}

std::string line_of(const Status& stage, size_t columns) {
  constexpr size_t kWidestBar = 20, kNarrowestBar = 8;
  std::string line = stage.what.substr(0, columns);
  size_t of_facts = 0;  // as far as they would all fit
  for (const auto& fact : stage.facts) of_facts += fact.size() + 2;
  const size_t first = stage.facts.empty() ? 0 : stage.facts.front().size() + 2;
  if (stage.part >= 0 && line.size() + kNarrowestBar + 3 + first <= columns) {
    const size_t room = columns - line.size() - 3;
    const size_t width = std::clamp(room - std::min(of_facts, room), kNarrowestBar, kWidestBar);
    const auto done = static_cast<size_t>(std::clamp(stage.part, 0.0, 1.0) * static_cast<double>(width));
    line += fmt::format(" [{}{}]", std::string(done, '#'), std::string(width - done, '-'));
  }
  for (const auto& fact : stage.facts) {
    if (line.size() + 2 + fact.size() > columns) break;
    line += "  " + fact;
  }
  return line;
}

ProgressLine::ProgressLine(bool hidden)
    : hidden_(hidden), redraws_(isatty(STDERR_FILENO) && !is_dumb()), last_(redraws_ ? 0 : now()) {}

bool ProgressLine::is_due() const {
  return !hidden_ && !quiet && now() - last_ >= (redraws_ ? kSecondsBetweenDrawings : kSecondsBetweenLines);
}

void ProgressLine::show(const Status& stage) {
  if (!is_due()) return;
  last_ = now();
  drawn_ = true;
  // One less than there are: some terminals wrap behind the last one.
  if (redraws_)
    fmt::print(stderr, "\r{}\033[K", line_of(stage, std::max<size_t>(terminal_width(), 2) - 1));
  else
    fmt::print(stderr, "{}\n", line_of(stage, 200));
  std::fflush(stderr);
}

void ProgressLine::clear() {
  if (!redraws_ || !drawn_) return;
  drawn_ = false;
  fmt::print(stderr, "\r\033[K");
  std::fflush(stderr);
}

void ProgressLine::restart() {
  if (redraws_) last_ = 0;
}

}  // namespace dtypefuzz
