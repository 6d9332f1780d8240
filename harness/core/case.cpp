#include "dtypefuzz/case.h"

#include <algorithm>
#include <charconv>
#include <unordered_set>

namespace dtypefuzz {
namespace {

/// Splits `layers[3].bias` for the list `layers` into the index 3 and the rest `.bias`; false for another
/// name.
bool split_element(std::string_view name, std::string_view list, size_t& index, std::string_view& rest) {
  if (name.size() < list.size() + 3 || name.substr(0, list.size()) != list || name[list.size()] != '[')
    return false;
  const char* begin = name.data() + list.size() + 1;
  const char* end = name.data() + name.size();
  const auto parsed = std::from_chars(begin, end, index);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ']') return false;
  rest = std::string_view(parsed.ptr + 1, static_cast<size_t>(end - parsed.ptr - 1));
  return true;
}

std::string element_name(std::string_view list, size_t index, std::string_view rest) {
  std::string name(list);
  name += '[';
  name += std::to_string(index);
  name += ']';
  name += rest;
  return name;
}

}  // namespace

std::string_view Case::operator[](std::string_view name) const {
  for (const Choice& choice : choices)
    if (choice.name == name) return choice.value;
  return {};
}

void Case::set(std::string_view name, std::string_view value) {
  for (Choice& choice : choices)
    if (choice.name == name) {
      choice.value = value;
      return;
    }
  choices.push_back({std::string(name), std::string(value)});
}

bool lies_in(std::string_view name, std::string_view path) {
  return name.size() > path.size() && name.starts_with(path) && name[path.size()] == '.';
}

bool belongs_to(std::string_view name, std::string_view list) {
  return name.starts_with(list) && (name.size() == list.size() || name[list.size()] == '[');
}

std::optional<Element> owner_of(std::string_view list) {
  const size_t bracket = list.rfind('[');
  if (bracket == std::string_view::npos) return std::nullopt;
  Element element{std::string(list.substr(0, bracket))};
  const char* const end = list.data() + list.size();
  const auto parsed = std::from_chars(list.data() + bracket + 1, end, element.index);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ']') return std::nullopt;
  return element;
}

size_t list_size(const Case& c, std::string_view list) {
  constexpr size_t kMost = 64;  // stacks have 8
  const auto text = c[list];
  size_t count = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() && !text.empty();
  return whole && count <= kMost ? count : 0;
}

std::vector<std::string> lists_of(const Case& c) {
  std::vector<std::pair<size_t, std::string>> found;  // with its depth
  std::unordered_set<std::string> known;
  size_t deepest = 0;
  for (const Choice& choice : c.choices) {
    size_t depth = 0;
    for (size_t at = choice.name.find('['); at != std::string::npos; at = choice.name.find('[', at + 1)) {
      std::string list = choice.name.substr(0, at);
      if (known.insert(list).second) found.emplace_back(depth, std::move(list));
      deepest = std::max(deepest, depth++);
    }
  }
  std::vector<std::string> lists;
  for (size_t depth = 0; depth <= deepest; ++depth)
    for (auto& [at, list] : found)
      if (at == depth) lists.push_back(list);
  return lists;
}

Case without_element(const Case& c, std::string_view list, size_t index) {
  Case result;
  result.choices.reserve(c.choices.size());
  for (const Choice& choice : c.choices) {
    size_t at = 0;
    std::string_view rest;
    if (choice.name == list)
      result.choices.push_back({choice.name, std::to_string(std::max<size_t>(list_size(c, list), 1) - 1)});
    else if (!split_element(choice.name, list, at, rest) || at < index)
      result.choices.push_back(choice);
    else if (at > index)
      result.choices.push_back({element_name(list, at - 1, rest), choice.value});
  }
  return result;
}

Case with_element(const Case& c, std::string_view list, size_t index, const std::vector<Choice>& element) {
  Case result;
  result.choices.reserve(c.choices.size() + element.size());
  for (const Choice& choice : c.choices) {
    size_t at = 0;
    std::string_view rest;
    if (choice.name == list)
      result.choices.push_back({choice.name, std::to_string(list_size(c, list) + 1)});
    else if (split_element(choice.name, list, at, rest) && at >= index)
      result.choices.push_back({element_name(list, at + 1, rest), choice.value});
    else
      result.choices.push_back(choice);
  }
  for (const Choice& choice : element)
    result.choices.push_back({element_name(list, index, "." + choice.name), choice.value});
  return result;
}

std::vector<Choice> element_of(const Case& c, std::string_view list, size_t index) {
  std::vector<Choice> element;
  for (const Choice& choice : c.choices) {
    size_t at = 0;
    std::string_view rest;
    if (split_element(choice.name, list, at, rest) && at == index && rest.size() > 1)
      element.push_back({std::string(rest.substr(1)), choice.value});
  }
  return element;
}

}  // namespace dtypefuzz
