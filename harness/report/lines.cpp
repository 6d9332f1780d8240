#include "harness/report/lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <set>

#include "dtypefuzz/error.h"
#include "harness/core/text.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr size_t kMostPath = 4096;  // PATH_MAX

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
      const JsonAt at{json, ""};
      if (at.field("schema").json != 1)
        fail("schema {}, this version reads 1", as_text(at.field("schema").json.dump(), 60));
      take(at);
    } catch (const Error& e) {
      // Which line it is of all is said already.
      const std::string_view what = e.what();
      fail("{}:{}: {}", place, number, what.substr(what.starts_with("line 1, ") ? 8 : 0));
    }
  }
}

/// A word or a line that somebody else wrote, made text.
std::string line_in(const JsonAt& at) {
  return as_text(at.prose(), kMostPath);
}

/// A violation and, where the line names it, its cause.
Finding blamed_at(const JsonAt& at) {
  Finding finding{.violation = violation_at(at), .body = {}};
  if (at.json.contains("cause")) finding.cause = cause_at(at.field("cause"));
  if (at.json.contains("where")) finding.where = whereabouts_at(at.field("where"));
  return finding;
}

/// A whole number, however large.
std::string whole_at(const JsonAt& at) {
  if (!at.json.is_number_unsigned()) at.refuse("a whole number");
  return std::to_string(at.json.get<uint64_t>());
}

/// `2026-11-20`, or nothing.
std::string date_at(const JsonAt& at) {
  const std::string text = at.prose();
  const std::string_view form = "dddd-dd-dd";
  bool fits = text.empty() || text.size() == form.size();
  for (size_t i = 0; fits && i < text.size(); ++i)
    fits = form[i] == '-' ? text[i] == '-' : std::isdigit(static_cast<unsigned char>(text[i])) != 0;
  if (!fits) at.refuse("a date, as 2026-11-20");
  return text;
}

template <class Count>
Json counts(const Count& count) {
  Json json = Json::object();
  for (const Standing standing : kReported) json[std::string(to_string(standing))] = count(standing);
  return json;
}

}  // namespace

std::string json_line(std::string_view type, const Json& fields) {
  Json line{{"schema", 1}, {"type", type}};
  line.update(fields);
  return line_of(line);
}

Json to_json(const Entry& entry) {
  const Finding& finding = entry.finding;
  const Signature& signature = finding.violation.signature;
  Json json = to_json(finding.violation);
  json.update({{"property", signature.property},
               {"module", signature.culprit},
               {"phase", signature.phase},
               {"family", signature.family},
               {"device", signature.device},
               {"autocast", signature.autocast},
               {"novelty", to_string(entry.standing)},
               {"cause", entry.cause()},
               {"title", entry.title},
               {"upstream", entry.upstream},
               {"where", to_json(finding.where)},
               {"case", entry.path},
               {"layers", entry.layers},
               {"since", entry.since},
               {"stack", finding.stack},
               {"observed", finding.observed}});
  return json;
}

Entry entry_at(const JsonAt& at) {
  Entry entry{.finding = blamed_at(at),
              .standing = standing_at(at.field("novelty")),
              .title = line_in(at.field("title")),
              .path = line_in(at.field("case"))};
  if (at.json.contains("upstream")) entry.upstream = line_in(at.field("upstream"));
  if (const auto& layers = at.field("layers").json; layers.is_number_unsigned()) entry.layers = layers;
  return entry;
}

Json to_json(const CauseEntry& cause) {
  return {{"cause", to_string(cause.cause)},
          {"title", cause.title},
          {"upstream", cause.upstream},
          {"standing", to_string(cause.standing)},
          {"severity", to_string(cause.severity)},
          {"since", cause.since},
          {"where", to_json(cause.where)},
          {"places", counts([&](Standing standing) { return cause.count(standing); })}};
}

Json to_json(const Report& report) {
  return {{"causes", counts([&](Standing standing) { return report.count_causes(standing); })},
          {"places", counts([&](Standing standing) { return report.count(standing); })},
          {"not_reachable", report.not_reachable}};
}

std::map<std::string, Entry> parse_results(std::string_view text, const std::string& place) {
  std::map<std::string, Entry> results;
  const auto tell = [&](Entry&& entry) {
    const auto [it, first] = results.try_emplace(entry.signature(), entry);
    if (first) return;
    // Shown outweighs no longer shown, and recorded somewhere outweighs met by chance; of several files the
    // one that is named for it is told.
    const auto is_named_for_it = [&](const Entry& told) {
      return std::filesystem::path(told.path).filename() == file_name_of(told.signature());
    };
    const std::string named = is_named_for_it(entry)        ? entry.path
                              : is_named_for_it(it->second) ? it->second.path
                                                            : "";
    if (entry.standing != Standing::fixed && it->second.standing != Standing::known)
      it->second = std::move(entry);
    if (!named.empty() && it->second.standing != Standing::fixed) it->second.path = named;
  };
  each_line(text, place, [&](const JsonAt& at) {
    const auto& type = at.field("type").json;
    if (type == "replay") {
      const std::string path = line_in(at.field("case"));
      std::set<std::string> recorded, shown;
      const JsonAt verdicts = at.field("recorded"), violations = at.field("violations");
      for (size_t i = 0; i < verdicts.size(); ++i)
        recorded.insert(verdicts[i].json == "holds" ? "holds" : signature_at(verdicts[i]));
      for (size_t i = 0; i < violations.size(); ++i) {
        Entry entry{.finding = blamed_at(violations[i]), .path = path};
        if (recorded.contains(entry.signature())) entry.standing = Standing::known;
        shown.insert(entry.signature());
        tell(std::move(entry));
      }
      if (at.field("state").json != "differs") return;
      for (const auto& signature : recorded)
        if (signature != "holds" && !shown.contains(signature)) tell(no_longer_shown(signature, path, {}));
    } else if (type == "finding" && at.field("novelty").json != "flaky") {
      Entry entry = entry_at(at);
      if (entry.standing > Standing::fixed)
        at.field("novelty").refuse("new, returned, spread, known or fixed");
      tell(std::move(entry));
    }
  });
  return results;
}

About parse_about(std::string_view text, const std::string& place) {
  About about;
  each_line(text, place, [&](const JsonAt& at) {
    if (at.field("type").json != "summary") return;
    const std::string engine = at.field("engine").text();
    const auto add = [&](const std::string& name, const std::string& value) {
      const std::pair property(name, value);
      if (std::ranges::find(about.properties, property) == about.properties.end())
        about.properties.push_back(property);
    };
    add("libtorch", at.field("libtorch").text());
    add("cpu_capability", at.field("cpu_capability").text());
    add(engine + ".seed", whole_at(at.field("seed")));
    add(engine + ".cases", std::to_string(at.field("cases").count()));
    about.seconds += at.field("seconds").amount();
  });
  return about;
}

std::map<std::string, Kept> parse_kept(std::string_view text, const std::string& place) {
  std::map<std::string, Kept> kept;
  each_line(text, place, [&](const JsonAt& at) {
    if (at.field("type").json != "kept") return;
    const auto& standing = at.field("standing").json;
    if (standing != "open" && standing != "fixed") at.field("standing").refuse("open or fixed");
    const std::string signature = signature_at(at.field("signature"));
    kept[signature] = {
        at.json.contains("cause") ? cause_at(at.field("cause")) : unlooked_cause(parse_signature(signature)),
        standing == "fixed"};
    if (at.json.contains("since")) kept[signature].since = date_at(at.field("since"));
    if (at.json.contains("severity")) kept[signature].severity = severity_at(at.field("severity"));
  });
  return kept;
}

std::string print_kept(const std::map<std::string, Kept>& kept) {
  std::string text;
  for (const auto& [signature, place] : kept)
    text += json_line("kept", {{"signature", signature},
                               {"cause", to_string(place.cause)},
                               {"standing", place.fixed ? "fixed" : "open"},
                               {"since", place.since},
                               {"severity", to_string(place.severity)}});
  return text;
}

}  // namespace dtypefuzz
