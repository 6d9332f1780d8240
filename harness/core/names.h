#pragma once
#include <algorithm>
#include <optional>
#include <span>
#include <string_view>

#include "dtypefuzz/finding.h"

namespace dtypefuzz {

/// The words of an enumeration, beside its values: what is printed, written to files and read back.
template <class Enum>
std::span<const std::string_view> words_of();
template <>
std::span<const std::string_view> words_of<Mode>();
template <>
std::span<const std::string_view> words_of<Phase>();
template <>
std::span<const std::string_view> words_of<Severity>();
template <>
std::span<const std::string_view> words_of<Standing>();
template <>
std::span<const std::string_view> words_of<Broken>();

template <class Enum>
std::string_view word_of(Enum value) {
  return words_of<Enum>()[static_cast<size_t>(value)];
}

/// The value that a word stands for; nothing where it is none of them.
template <class Enum>
std::optional<Enum> value_of(std::string_view word) {
  const auto words = words_of<Enum>();
  const auto at = std::ranges::find(words, word);
  return at == words.end() ? std::nullopt : std::optional(static_cast<Enum>(at - words.begin()));
}

}  // namespace dtypefuzz
