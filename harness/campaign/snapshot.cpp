// What a campaign keeps of itself, state.json, read back by a later one. Nothing in it is believed: it names
// no file, indexes no list, and what it counts cannot overflow.
#include "harness/campaign/snapshot.h"

#include "dtypefuzz/error.h"
#include "harness/files/finding_json.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostOrder = 1'000'000;  // violations of one case

}  // namespace

std::string print_snapshot(const Snapshot& s) {
  Json json{{"schema", 1},
            {"type", "state"},
            {"next", s.next},
            {"finished", s.finished},
            {"seconds", s.seconds},
            {"starts", s.starts},
            {"told", Json::object()},
            {"met", Json::object()},
            {"waiting", Json::array()}};
  for (const auto& [signature, told] : s.told)
    json["told"][signature] = {
        {"novelty", to_string(told.standing)}, {"severity", to_string(told.severity)}, {"cause", told.cause}};
  for (const auto& [signature, place] : s.met) json["met"][signature] = {place.index, place.order};
  for (const auto& [place, candidate] : s.waiting) json["waiting"].push_back(to_json(candidate));
  return line_of(json);
}

Snapshot parse_snapshot(const std::string& text) {
  const Json json = parse_json(text);
  const JsonAt file{json, ""};
  file.expect_type("state");
  Snapshot s;
  s.next = file.field("next").count();
  s.finished = file.field("finished").count(s.next);
  s.seconds = file.field("seconds").amount();
  s.starts = file.field("starts").count();
  const JsonAt told = file.field("told"), met = file.field("met"), waiting = file.field("waiting");
  const auto each = [](const JsonAt& list, const auto& take) {
    if (!list.json.is_object()) list.refuse("an object, signatures and what is kept of each");
    for (const auto& [signature, value] : list.json.items()) {
      const Json name = signature;
      take(signature_at({name, list.path}), JsonAt{value, list.path + "." + signature});
    }
  };
  each(told, [&](const std::string& signature, const JsonAt& at) {
    s.told[signature] = {standing_at(at.field("novelty")), severity_at(at.field("severity")), {}};
    if (at.json.contains("cause") && !at.field("cause").text(4096).empty())  // a campaign of before kept none
      s.told[signature].cause = to_string(cause_at(at.field("cause")));
  });
  each(met, [&](const std::string& signature, const JsonAt& at) {
    if (at.size() != 2) at.refuse("a case and the violation's place in it");
    s.met[signature] = {at[0].count(), at[1].count(kMostOrder)};
  });
  for (size_t i = 0; i < waiting.size(); ++i) {
    Candidate candidate = candidate_at(waiting[i]);
    const Place place = candidate.place;
    if (!s.waiting.emplace(place, std::move(candidate)).second)
      waiting[i].refuse("another case than those before");
  }
  return s;
}

}  // namespace dtypefuzz
