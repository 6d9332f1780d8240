#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <set>

#include "harness/core/error.h"
#include "harness/core/text.h"
#include "harness/files/json_file.h"
#include "harness/report/report.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kStandings[] = {"new", "returned", "known", "fixed"};

/// Gives `take` each line; every Error is at its line.
template <class Take>
void each_line(std::string_view text, const std::string& place, const Take& take) {
  for (int number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    const auto line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.empty()) continue;
    try {
      const Json json = parse_json(line);
      if (json.at("schema") != 1)
        fail("schema {}, this version reads 1", as_text(json.at("schema").dump(), 60));
      take(json);
    } catch (const Json::exception& e) {
      fail("{}:{}: {}", place, number, as_text(e.what(), 200));
    } catch (const Error& e) {
      // Which line it is of all is said already.
      const std::string_view what = e.what();
      fail("{}:{}: {}", place, number, what.substr(what.starts_with("line 1, ") ? 8 : 0));
    }
  }
}

std::string signature_in(const Json& json) {
  const auto text = json.at("signature").get<std::string>();
  parse_signature(text);
  return text;
}

template <size_t N>
size_t word_in(const Json& json, const char* name, const std::string_view (&words)[N]) {
  const auto given = json.at(name).get<std::string>();
  for (size_t i = 0; i < N; ++i)
    if (words[i] == given) return i;
  fail("\"{}\": '{}' is not expected there", name, as_text(given, 60));
}

std::string text_in(const Json& json, const char* name) {
  return as_text(json.at(name).get<std::string>(), 4096);
}

/// What a finding and a replayed violation have in common.
Entry entry_of(const Json& json) {
  constexpr std::string_view kSeverities[] = {"crash", "wrong_bits", "late", "silent", "refusal", "vague"};
  Entry entry;
  entry.signature = signature_in(json);
  entry.severity = static_cast<Severity>(word_in(json, "severity", kSeverities));
  entry.promised = text_in(json, "promised");
  entry.seen = text_in(json, "seen");
  return entry;
}

}  // namespace

std::string_view to_string(Standing standing) {
  return kStandings[static_cast<size_t>(standing)];
}

std::map<std::string, Entry> parse_results(std::string_view text, const std::string& place) {
  std::map<std::string, Entry> results;
  const auto tell = [&](Entry&& entry) {
    const auto [it, first] = results.try_emplace(entry.signature, entry);
    // Shown outweighs no longer shown, and recorded somewhere outweighs met by chance.
    if (!first && entry.standing != Standing::fixed && it->second.standing != Standing::known)
      it->second = std::move(entry);
  };
  each_line(text, place, [&](const Json& json) {
    if (json.at("type") == "replay") {
      const auto recorded = json.at("recorded").get<std::set<std::string>>();
      std::set<std::string> shown;
      for (const Json& violation : json.at("violations")) {
        Entry entry = entry_of(violation);
        entry.path = text_in(json, "case");
        if (recorded.contains(entry.signature)) entry.standing = Standing::known;
        shown.insert(entry.signature);
        tell(std::move(entry));
      }
      if (json.at("state") != "differs") return;
      for (const auto& signature : recorded) {
        if (signature == "holds" || shown.contains(signature)) continue;
        parse_signature(signature);
        tell({.signature = signature,
              .standing = Standing::fixed,
              .title = {},
              .promised = "as the file records",
              .seen = "no longer shown",
              .path = text_in(json, "case")});
      }
    } else if (json.at("type") == "finding" && json.at("novelty") != "flaky") {
      Entry entry = entry_of(json);
      entry.standing = static_cast<Standing>(word_in(json, "novelty", kStandings));
      entry.title = text_in(json, "title");
      entry.path = text_in(json, "case");
      if (const auto& layers = json.at("layers"); layers.is_number_unsigned()) entry.layers = layers;
      tell(std::move(entry));
    }
  });
  return results;
}

std::map<std::string, bool> parse_kept(std::string_view text, const std::string& place) {
  std::map<std::string, bool> fixed;
  each_line(text, place, [&](const Json& json) {
    if (json.at("type") != "kept") return;
    constexpr std::string_view kWords[] = {"open", "fixed"};
    fixed[signature_in(json)] = word_in(json, "standing", kWords) == 1;
  });
  return fixed;
}

std::string print_kept(const std::map<std::string, bool>& fixed) {
  std::string text;
  for (const auto& [signature, is_fixed] : fixed)
    text += Json{{"schema", 1},
                 {"type", "kept"},
                 {"signature", signature},
                 {"standing", is_fixed ? "fixed" : "open"}}
                .dump() +
            "\n";
  return text;
}

}  // namespace dtypefuzz
