#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <utility>

#include "properties/messages/dtype_names.h"
#include "properties/messages/families.h"

namespace dtypefuzz {
namespace {

constexpr size_t kLongestMessage = 16384;  // what is looked at
constexpr size_t kLongestGap = 600;        // `{*}`
constexpr std::string_view kWanted = "expected";

// Which families can match at all, by the three-letter pieces that a message has.

constexpr size_t kPieces = 4096;
constexpr size_t piece(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[at + i])); };
  return (byte(0) * 31 * 31 + byte(1) * 31 + byte(2) * 7) % kPieces;
}

/// A few pieces of a pattern's longest literal.
using Fingerprint = std::array<uint16_t, 4>;
constexpr Fingerprint fingerprint(std::string_view pattern) {
  std::string_view longest;
  for (size_t at = 0; at < pattern.size();) {
    const size_t open = std::min(pattern.find('{', at), pattern.size());
    if (open - at > longest.size()) longest = pattern.substr(at, open - at);
    const size_t close = pattern.find('}', open);
    at = close == std::string_view::npos ? pattern.size() : close + 1;
  }
  Fingerprint pieces{};
  const size_t last = longest.size() - 3;
  for (size_t i = 0; i < pieces.size(); ++i)
    pieces[i] = static_cast<uint16_t>(piece(longest, last * i / (pieces.size() - 1)));
  return pieces;
}

constexpr auto kFingerprints = [] {
  std::array<Fingerprint, std::size(kFamilies)> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = fingerprint(kFamilies[i].pattern);
  return all;
}();

bool in_dtype(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '<' ||
         c == '>' || c == ':' || c == '.';
}

/// The dtype at the start of `text`, of up to three words; its length goes to `length`.
std::optional<Dtype> leading_dtype(std::string_view text, size_t& length) {
  std::array<size_t, 3> ends{};
  size_t words = 0;
  size_t at = 0;
  while (words < ends.size()) {
    const size_t begin = at;
    while (at < text.size() && at < kLongestDtype && in_dtype(text[at])) ++at;
    if (at == begin) break;
    ends[words++] = at;
    if (at >= text.size() || text[at] != ' ') break;
    ++at;
  }
  while (words-- > 0) {
    length = ends[words];
    while (length > 0 && (text[length - 1] == '.' || text[length - 1] == ':')) --length;
    if (const auto dtype = dtype_named(text.substr(0, length))) return dtype;
  }
  return std::nullopt;
}

struct Captures {
  std::array<std::pair<std::string_view, Dtype>, 8> items;
  size_t count = 0;
};

/// Matches the whole of `pattern` at the start of `text`. A capture ends where the literal after it
/// first appears; nothing is tried twice.
bool match_here(std::string_view pattern, std::string_view text, Captures& captures) {
  captures.count = 0;
  while (!pattern.empty()) {
    const auto literal = pattern.substr(0, pattern.find('{'));
    if (!text.starts_with(literal)) return false;
    text.remove_prefix(literal.size());
    pattern.remove_prefix(literal.size());
    if (pattern.empty()) break;

    const size_t close = pattern.find('}');
    const auto name = pattern.substr(1, close - 1);
    pattern.remove_prefix(close + 1);
    const auto next = pattern.substr(0, pattern.find('{'));
    if (name == "*") {
      const size_t end = next.empty() ? 0 : text.substr(0, kLongestGap + next.size()).find(next);
      if (end == std::string_view::npos) return false;
      text.remove_prefix(end);
      continue;
    }
    size_t end = 0;
    std::optional<Dtype> dtype;
    if (next.empty()) {
      dtype = leading_dtype(text, end);
    } else {
      end = text.substr(0, kLongestDtype + next.size()).find(next);
      if (end == std::string_view::npos) return false;
      dtype = dtype_named(text.substr(0, end));
    }
    if (!dtype || captures.count == captures.items.size()) return false;
    captures.items[captures.count++] = {name, *dtype};
    text.remove_prefix(end);
  }
  return true;
}

bool match_anywhere(std::string_view pattern, std::string_view message, Captures& captures) {
  const auto first = pattern.substr(0, pattern.find('{'));
  for (size_t at = message.find(first); at != std::string_view::npos; at = message.find(first, at + 1))
    if (match_here(pattern, message.substr(at), captures)) return true;
  return false;
}

std::optional<Recognized> looked_up(std::string_view message) {
  std::bitset<kPieces> pieces;
  for (size_t at = 0; at + 3 <= message.size(); ++at) pieces.set(piece(message, at));

  Captures captures;
  for (size_t i = 0; i < std::size(kFamilies); ++i) {
    if (!std::ranges::all_of(kFingerprints[i], [&](size_t p) { return pieces.test(p); })) continue;
    if (!match_anywhere(kFamilies[i].pattern, message, captures)) continue;
    Recognized known{&kFamilies[i], {}};
    known.named.reserve(captures.count);
    for (size_t c = 0; c < captures.count; ++c) {
      const auto& [operand, dtype] = captures.items[c];
      known.named.push_back({std::string(operand), dtype, operand == kWanted});
    }
    return known;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Recognized> recognize(std::string_view message) {
  message = message.substr(0, kLongestMessage);
  // Several ask about the same message, and some are pages long.
  thread_local std::string last;
  thread_local std::optional<Recognized> answer = looked_up(last);
  if (message != last) {
    last = message;
    answer = looked_up(last);
  }
  return answer;
}

std::span<const Family> message_families() {
  return kFamilies;
}

bool restricts_autograd(const Recognized& known) {
  return known.family->kind == MessageKind::autograd || known.family->mark == Family::kRestrictsAutograd;
}

bool not_about_dtypes(const Recognized& known) {
  const auto kind = known.family->kind;
  return kind == MessageKind::range || kind == MessageKind::device || kind == MessageKind::no_meta ||
         kind == MessageKind::autograd;
}

}  // namespace dtypefuzz
