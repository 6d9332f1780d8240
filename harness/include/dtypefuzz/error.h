#pragma once
#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace dtypefuzz {

/// We, a file or a person is wrong (LibTorch being wrong is a verdict, not an Error).
/// The text shows the offending value, its place and the next step; `exit_code` is what a command ends with:
/// 2 for usage and files, 3 for the environment.
class Error : public std::runtime_error {
 public:
  enum Code { kUsage = 2, kEnvironment = 3 };
  explicit Error(const std::string& text, Code code = kUsage) : std::runtime_error(text), code_(code) {}
  Code exit_code() const { return code_; }
  /// The same error with a place put in front: `file.case:3: ...`.
  Error at(const std::string& place) const { return Error(place + ": " + what(), code_); }

 private:
  Code code_;
};

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
[[noreturn]] void fail_environment(fmt::format_string<Args...> text, Args&&... args) {
  throw Error(fmt::format(text, std::forward<Args>(args)...), Error::kEnvironment);
}

}  // namespace dtypefuzz
