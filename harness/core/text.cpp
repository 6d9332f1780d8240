#include "harness/core/text.h"

#include <cstdint>

namespace dtypefuzz {

size_t character_at(std::string_view text) {
  if (text.empty()) return 0;
  const auto byte = [&](size_t i) { return static_cast<uint8_t>(text[i]); };
  if (byte(0) < 0x80) return (byte(0) >= 0x20 && byte(0) != 0x7F) || byte(0) == '\t' ? 1 : 0;
  const size_t length = byte(0) >= 0xF0 ? 4 : byte(0) >= 0xE0 ? 3 : byte(0) >= 0xC0 ? 2 : 0;
  if (length == 0 || byte(0) >= 0xF8 || text.size() < length) return 0;
  uint32_t code = byte(0) & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    code = code << 6 | (byte(i) & 0x3F);
  }
  constexpr uint32_t kLeast[] = {0, 0, 0xA0, 0x800, 0x10000};  // U+0080 to U+009F are control characters
  const bool surrogate = code >= 0xD800 && code < 0xE000;
  return code < kLeast[length] || code > 0x10FFFF || surrogate || code == 0xFFFE || code == 0xFFFF ? 0
                                                                                                   : length;
}

std::string as_text(std::string_view text, size_t most) {
  std::string shown;
  while (!text.empty()) {
    const size_t length = character_at(text);
    const bool line_end = text[0] == '\n' || text[0] == '\r';
    const std::string_view character = length > 0 ? text.substr(0, length) : line_end ? " " : "\uFFFD";
    if (shown.size() + character.size() > most) return shown + "...";
    shown += character;
    text.remove_prefix(length > 0 ? length : 1);
  }
  return shown;
}

bool glob(std::string_view pattern, std::string_view text) {
  const size_t first = pattern.find('*');
  if (first == std::string_view::npos)
    return pattern == text;  // most are: contracts ask this of every operand
  const size_t last = pattern.rfind('*');
  const std::string_view prefix = pattern.substr(0, first), suffix = pattern.substr(last + 1);
  if (text.size() < prefix.size() + suffix.size() || !text.starts_with(prefix) || !text.ends_with(suffix))
    return false;
  // What stands between stars is taken where it first comes: that leaves the most for what follows.
  text = text.substr(prefix.size(), text.size() - prefix.size() - suffix.size());
  for (size_t begin = first + 1; begin <= last;) {
    const size_t end = pattern.find('*', begin);
    const std::string_view piece = pattern.substr(begin, end - begin);
    const size_t at = text.find(piece);
    if (at == std::string_view::npos) return false;
    text.remove_prefix(at + piece.size());
    begin = end + 1;
  }
  return true;
}

}  // namespace dtypefuzz
