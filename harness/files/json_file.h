#pragma once
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace dtypefuzz {

// JSON that somebody else may have written. Every Error is one line: the place (`layouts[2].grids[0].column`,
// or a line and a column where it is no JSON at all), what was expected there, and what was found.

/// Throws Error for what is no JSON, or is nested deeper than any file of ours: printing a value, and with it
/// every error, needs stack for each level.
nlohmann::json parse_json(std::string_view text);

/// Text of several lines as `JsonAt::prose` takes it: what is no text in it made text, what is too long cut.
std::string as_prose(std::string_view);

/// A value and where it stands.
struct JsonAt {
  const nlohmann::json& json;
  std::string path;

  /// Whole numbers that count something end here, so that they can be added to without an overflow.
  static constexpr uint64_t kMostCount = uint64_t{1} << 62;

  [[noreturn]] void refuse(std::string_view expected) const;
  JsonAt field(std::string_view name) const;
  JsonAt operator[](size_t i) const;
  /// Of a list.
  size_t size(size_t most = SIZE_MAX) const;
  /// A word or a line: at most `most` bytes, none of them a control character.
  std::string text(size_t most = 256) const;
  /// The same with line ends, whatever stood there made text.
  std::string prose() const;
  /// A file of ours: an object with this `type` and a `schema` that this version reads.
  void expect_type(std::string_view type) const;
  bool flag() const;
  uint64_t count(uint64_t most = kMostCount) const;
  uint32_t below(size_t limit, std::string_view what) const;
  /// Finite and not negative.
  double amount() const;
};

}  // namespace dtypefuzz
