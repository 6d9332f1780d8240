// What a person sees while they wait, and in which colours.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "dtypefuzz/finding.h"

namespace dtypefuzz {

/// `auto`, `always` or `never`; an Error otherwise. With `auto` a stream has colours where it is a terminal
/// that has them (TERM) and NO_COLOR is not set (no-color.org).
void set_colors(const std::string& when);
/// Whether progress lines draw nothing, whatever they are asked (--quiet).
void set_quiet(bool);
bool is_quiet();
/// A severity's word in its colour; `stream`: STDOUT_FILENO or STDERR_FILENO.
std::string painted(Severity, int stream);
std::string bold(std::string_view text, int stream);

/// Columns of the terminal that stderr is; else COLUMNS, else 80.
size_t terminal_width();
/// 25380 as `25,380`.
std::string grouped(uint64_t number);

/// How far something is.
struct Status {
  std::string what = {};                ///< `fuzz rapidcheck seed 1`
  double part = -1;                     ///< 0 to 1; less: nobody knows
  std::vector<std::string> facts = {};  ///< what counts most first: what does not fit is left out
};
/// One line of at most this many columns: words, a bar, facts.
std::string line_of(const Status&, size_t columns);

/// The line that tells how far something is, on stderr: drawn anew where that is a terminal that can do so, a
/// line each ten seconds elsewhere.
class ProgressLine {
 public:
  /// `hidden`: it draws nothing.
  explicit ProgressLine(bool hidden = false);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// At most five times a second, so that it costs nothing to call.
  void show(const Status&);
  /// Whether it would draw now: for facts that take time to put together.
  bool is_due() const;
  /// Makes room for what is printed next.
  void clear();
  /// The next `show` draws at once: of another stage, or after something was printed.
  void restart();

 private:
  bool hidden_, redraws_, drawn_ = false;
  double last_;
};

}  // namespace dtypefuzz
