// What a campaign keeps of itself, run.json and state.json, read back by a later one. Nothing in them is
// believed: they name no file, index no list, and what they count cannot overflow.
#include "harness/campaign/campaign.h"
#include "harness/campaign/folder.h"
#include "harness/core/error.h"
#include "harness/files/json_file.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostOrder = 1'000'000;  // violations of one case

void expect_type(const JsonAt& file, std::string_view type) {
  if (!file.json.is_object() || !file.json.contains("type") || file.json["type"] != type)
    fail("expected \"type\": \"{}\"", type);
  if (file.field("schema").json != 1) file.field("schema").refuse("1, which this version reads");
}

std::string signature_at(const JsonAt& at) {
  const std::string text = at.text(4096);
  try {
    return to_string(parse_signature(text));
  } catch (const Error& e) {
    throw e.at(at.path);
  }
}

template <class Enum>
Enum one_of(const JsonAt& at, Enum last) {
  return static_cast<Enum>(at.count(static_cast<uint64_t>(last)));
}

Candidate candidate_at(const JsonAt& at) {
  Candidate candidate;
  candidate.place = {at.field("index").count(), at.field("order").count(kMostOrder)};
  candidate.violation = {.signature = parse_signature(signature_at(at.field("signature"))),
                         .severity = one_of(at.field("severity"), Severity::vague),
                         .promised = at.field("promised").prose(),
                         .seen = at.field("seen").prose()};
  const JsonAt body = at.field("case");
  if (!body.json.is_string()) body.refuse("a case");
  try {
    candidate.body = parse_case(body.json.get_ref<const std::string&>()).body;
  } catch (const Error& e) {
    throw e.at(body.path);
  }
  candidate.stack = at.field("stack").text(kMaxCaseBytes / 4);  // a finding's file has it
  return candidate;
}

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
    json["told"][signature] = {{"novelty", static_cast<int>(told.novelty)},
                               {"severity", static_cast<int>(told.severity)}};
  for (const auto& [signature, place] : s.met) json["met"][signature] = {place.index, place.order};
  for (const auto& [place, candidate] : s.waiting) json["waiting"].push_back(Json::parse(to_line(candidate)));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Snapshot parse_snapshot(const std::string& text) {
  const Json json = parse_json(text);
  const JsonAt file{json, ""};
  expect_type(file, "state");
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
    s.told[signature] = {one_of(at.field("novelty"), Novelty::flaky),
                         one_of(at.field("severity"), Severity::vague)};
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

Json parse_record(const std::string& text) {
  Json json = parse_json(text);
  const JsonAt file{json, ""};
  expect_type(file, "run");
  const auto texts = [](const JsonAt& list) {
    for (size_t i = 0; i < list.size(); ++i) list[i].text();
  };
  texts(file.field("begun"));
  for (const auto* name : {"dtypefuzz", "libtorch", "compiler", "cpu_capability"})
    file.field("versions").field(name).text();
  const JsonAt settings = file.field("settings");
  for (const auto* name : {"engine", "seed", "time", "runs", "jobs", "case_time", "memory"})
    settings.field(name).text();
  for (const auto* name : {"baseline", "corpus"}) settings.field(name).text(4096);  // PATH_MAX
  settings.field("strict").flag();
  for (const auto* name : {"modules", "dtypes", "devices"}) texts(settings.field(name));
  for (const auto* name : {"modules", "losses", "dtypes", "devices"})
    texts(settings.field("space").field(name));
  return json;
}

}  // namespace dtypefuzz
