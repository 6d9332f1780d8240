#pragma once
#include <cstddef>
#include <string>
#include <string_view>

namespace dtypefuzz {

/// Bytes of the character that `text` begins with; 0 where that is no UTF-8, a control character (a tab is
/// text) or one that no text may have (U+FFFE, U+FFFF).
size_t character_at(std::string_view text);
/// The same text on one line, with U+FFFD for every byte that is none, cut at a character where it is longer
/// than `most` bytes: what a terminal, JSON and XML can show.
std::string as_text(std::string_view text, size_t most = std::string_view::npos);
/// Whether the text is of this pattern, in which `*` stands for any text.
bool glob(std::string_view pattern, std::string_view text);

}  // namespace dtypefuzz
