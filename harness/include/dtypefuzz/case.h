#pragma once
#include <compare>
#include <cstddef>
#include <optional>
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

/// Whether a question is asked below a path: `layers[0].kernel` lies in `layers[0]`.
bool lies_in(std::string_view name, std::string_view path);

// Lists: `layers = 2`, `layers[0].module`, `layers[1].module`; nested ones are paths too

/// The number of elements that the count answer names; 0 where it is missing, no number, or more than any
/// list has: callers go through them one by one.
size_t list_size(const Case&, std::string_view list);
/// Whether an answer is the list's count or stands in one of its elements, however deep.
bool belongs_to(std::string_view name, std::string_view list);
/// Where a list stands that is in an element of another: `layers[2].layers` in element 2 of `layers`.
struct Element {
  std::string list;
  size_t index = 0;
};
std::optional<Element> owner_of(std::string_view list);
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
