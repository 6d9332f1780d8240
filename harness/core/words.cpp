#include "harness/core/words.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>

namespace dtypefuzz {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, value);
  return parsed.ec == std::errc() && parsed.ptr == end && std::isfinite(value) ? std::optional(value)
                                                                               : std::nullopt;
}

/// Letters changed, left out, added, or swapped with their neighbour (optimal string alignment).
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), above(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) above[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (a[i - 1] != b[j - 1])});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before.swap(above), above.swap(row);
  }
  return above.back();
}

/// Without what C++, Python and messages put round a name.
std::string bare(std::string_view word) {
  std::string text = lower(word);
  for (const std::string_view prefix : {"torch::", "torch.", "at::", "c10::", "scalartype::", "nn::", "nn.",
                                        "functional::", "functional.", "f."})
    if (text.starts_with(prefix)) text.erase(0, prefix.size());
  return text;
}

/// What neither `c10::getDtypeNames` nor `c10::toString` says.
constexpr std::pair<std::string_view, std::string_view> kShort[] = {
    {"fp64", "float64"},
    {"f64", "float64"},
    {"fp32", "float32"},
    {"f32", "float32"},
    {"fp16", "float16"},
    {"f16", "float16"},
    {"bf16", "bfloat16"},
    {"i64", "int64"},
    {"i32", "int32"},
    {"i16", "int16"},
    {"i8", "int8"},
    {"u8", "uint8"},
    {"u16", "uint16"},
    {"u32", "uint32"},
    {"u64", "uint64"},
    {"c64", "complex64"},
    {"c128", "complex128"},
    {"boolean", "bool"},
    {"float8_e4m3", "float8_e4m3fn"},
};

}  // namespace

std::string nearest(std::string_view given, const std::vector<std::string>& offered) {
  std::string best;
  if (const auto wanted = number(given)) {
    double least = INFINITY;
    for (const std::string& word : offered)
      if (const auto value = number(word); value && std::abs(*value - *wanted) < least)
        least = std::abs(*value - *wanted), best = word;
    if (!best.empty()) return best;
  }
  const std::string meant = lower(given);
  size_t least = (given.size() < 4 ? 1 : std::clamp<size_t>(given.size() / 3, 2, 3)) + 1;
  if (given.size() < 2) return {};  // any word of one letter is one letter away
  for (const std::string& word : offered) {
    const size_t differ = std::max(word.size(), given.size()) - std::min(word.size(), given.size());
    if (differ >= least) continue;  // the distance is no less
    if (const size_t away = distance(meant, lower(word)); away < least) least = away, best = word;
  }
  return best;
}

std::string did_you_mean(std::string_view given, const std::vector<std::string>& offered) {
  const std::string meant = nearest(given, offered);
  return meant.empty() ? "" : ", did you mean '" + meant + "'?";
}

std::optional<Dtype> dtype_called(std::string_view word) {
  if (const auto dtype = parse_dtype(word)) return dtype;
  const std::string name = bare(word);
  const std::string without_k = name.starts_with('k') ? name.substr(1) : name;
  for (const auto& [alias, canonical] : kShort)
    if (alias == name) return parse_dtype(canonical);
  for (const Dtype dtype : all_dtypes()) {
    const auto [first, second] = c10::getDtypeNames(dtype);
    for (const std::string& each : {name, without_k})
      if (each == lower(first) || (!second.empty() && each == lower(second)) ||
          each == lower(c10::toString(dtype)))
        return dtype;
  }
  return std::nullopt;
}

std::optional<std::string> spelled(std::string_view given, const std::vector<std::string>& offered) {
  const auto is_offered = [&](std::string_view word) {
    return std::ranges::find(offered, word) != offered.end();
  };
  if (const auto dtype = dtype_called(given); dtype && is_offered(name_of(*dtype)))
    return std::string(name_of(*dtype));
  const auto letters = [](std::string text) {
    std::erase(text, '_');
    return text;
  };
  std::string meant = letters(bare(given));
  if (meant.ends_with("impl")) meant.resize(meant.size() - 4);
  std::optional<std::string> found;
  for (const std::string& word : offered) {
    if (meant.empty() || letters(lower(word)) != meant) continue;
    if (found) return std::nullopt;
    found = word;
  }
  return found;
}

}  // namespace dtypefuzz
