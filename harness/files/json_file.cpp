#include "harness/files/json_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostLevels = 64;  // ours have 6
constexpr size_t kMostProse = 64 * 1024;

void refuse_depth(std::string_view text) {
  size_t depth = 0, line = 1;
  bool quoted = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') ++line;
    if (quoted) {
      if (c == '\\') ++i;
      quoted = c != '"';
    } else if (c == '"') {
      quoted = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMostLevels)
        fail("line {}: lists within lists, expected at most {} levels", line, kMostLevels);
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
}

std::string shown(const Json& json) {
  // A long list or text is not printed whole only to be cut.
  if (json.is_structured() && json.size() > 20)
    return fmt::format("{} of {} elements", json.is_array() ? "a list" : "an object", json.size());
  if (json.is_string()) return '"' + as_text(json.get_ref<const std::string&>(), 60) + '"';
  return as_text(json.dump(-1, ' ', false, Json::error_handler_t::replace), 60);
}

/// Line by line, since a line end is no text to `as_text`.
std::string prose_of(std::string_view text) {
  std::string prose;
  for (size_t end; (end = text.find('\n')) != std::string_view::npos; text.remove_prefix(end + 1))
    prose += as_text(text.substr(0, end)) + '\n';
  return prose + as_text(text);
}

}  // namespace

std::string as_prose(std::string_view text) {
  std::string prose = prose_of(text.substr(0, kMostProse));
  // A character that the cut goes through becomes up to three others, of three bytes each.
  while (prose.size() > kMostProse) prose = prose_of(std::string_view(prose).substr(0, kMostProse - 8));
  return prose;
}

Json parse_json(std::string_view text) {
  refuse_depth(text);
  try {
    return Json::parse(text);
  } catch (const Json::exception& e) {
    // nlohmann says: [json.exception.parse_error.101] parse error at line 3, column 5: what is wrong
    std::string_view what = e.what();
    for (const std::string_view before : {"] ", "parse error at "})
      if (const size_t at = what.find(before); at != std::string_view::npos && at < 40)
        what.remove_prefix(at + before.size());
    if (what.starts_with("line ")) fail("{}", as_text(what, 200));
    // A number that no double holds is told without its place: `number overflow parsing '1e999'`.
    const size_t quote = std::min(what.find('\''), what.size() - 1);
    const auto at = text.find(what.substr(quote + 1, what.rfind('\'') - quote - 1));
    const auto line = 1 + std::ranges::count(text.substr(0, at), '\n');
    fail("line {}: {}", line, as_text(what, 200));
  }
}

void JsonAt::refuse(std::string_view expected) const {
  fail("{}expected {}, got {}", path.empty() ? "" : path + ": ", expected, shown(json));
}

JsonAt JsonAt::field(std::string_view name) const {
  if (!json.is_object()) refuse(fmt::format("an object with '{}'", name));
  const auto at = json.find(name);
  if (at == json.end()) fail("{}has no '{}'", path.empty() ? "" : path + ": ", name);
  return {*at, path.empty() ? std::string(name) : fmt::format("{}.{}", path, name)};
}

JsonAt JsonAt::operator[](size_t i) const {
  return {json.at(i), fmt::format("{}[{}]", path, i)};
}

size_t JsonAt::size(size_t most) const {
  if (!json.is_array()) refuse("a list");
  if (json.size() > most) fail("{}: {} elements, at most {} are possible", path, json.size(), most);
  return json.size();
}

std::string JsonAt::text(size_t most) const {
  if (!json.is_string()) refuse("a text");
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() > most) refuse(fmt::format("at most {} bytes", most));
  if (as_text(text) != text) refuse("a text without control characters");
  return text;
}

std::string JsonAt::prose() const {
  if (!json.is_string()) refuse("a text");
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() > kMostProse) refuse(fmt::format("at most {} bytes", kMostProse));
  return prose_of(text);
}

void JsonAt::expect_type(std::string_view type) const {
  if (!json.is_object() || !json.contains("type") || json["type"] != type)
    fail("expected \"type\": \"{}\"", type);
  if (field("schema").json != 1) field("schema").refuse("1, which this version reads");
}

bool JsonAt::flag() const {
  if (!json.is_boolean()) refuse("true or false");
  return json.get<bool>();
}

uint64_t JsonAt::count(uint64_t most) const {
  if (!json.is_number_unsigned() || json.get<uint64_t>() > most)
    refuse(fmt::format("a whole number from 0 to {}", most));
  return json.get<uint64_t>();
}

uint32_t JsonAt::below(size_t limit, std::string_view what) const {
  if (!json.is_number_unsigned() || json.get<uint64_t>() >= limit)
    refuse(fmt::format("the index of one of {} {}", limit, what));
  return json.get<uint32_t>();
}

double JsonAt::amount() const {
  const double value = json.is_number() ? json.get<double>() : -1;
  if (!(value >= 0 && std::isfinite(value))) refuse("a number that is not negative");
  return value;
}

}  // namespace dtypefuzz
