#pragma once
#include <compare>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace dtypefuzz {

/// One answered question: `layers[0].kernel = 3`.
struct Choice {
  std::string name;
  std::string value;
  bool operator==(const Choice&) const = default;
};

/// The ordered list of choices: the whole truth of a test.
struct Case {
  std::vector<Choice> choices;
  bool operator==(const Case&) const = default;

  /// The answer to a question, or an empty view where there is none.
  std::string_view operator[](std::string_view name) const;
  /// Puts an answer in the place of the old one, or at the end.
  void set(std::string_view name, std::string_view value);
};

// Lists: `layers = 2`, `layers[0].module`, `layers[1].module`; nested ones are paths too

/// The number of elements that the count answer names; 0 where it is missing, no number, or more than any
/// list has: callers go through them one by one.
size_t list_size(const Case&, std::string_view list);
/// The names of all lists that have an element, outermost first, in order of appearance.
std::vector<std::string> lists_of(const Case&);
/// Without element `index`; later elements are renumbered, the count is lowered.
Case without_element(const Case&, std::string_view list, size_t index);
/// With `element`'s answers (names without the `list[i].` prefix) put in at `index`; later ones are
/// renumbered.
Case with_element(const Case&, std::string_view list, size_t index, const std::vector<Choice>& element);
/// The answers of one element, names without the `list[i].` prefix.
std::vector<Choice> element_of(const Case&, std::string_view list, size_t index);

}  // namespace dtypefuzz
