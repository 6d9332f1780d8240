#include "harness/files/finding_json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "dtypefuzz/error.h"
#include "harness/core/names.h"
#include "harness/core/text.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {
namespace {

using Json = nlohmann::json;

constexpr uint64_t kMostOrder = 1'000'000;        // violations of one case
constexpr size_t kMostStack = kMaxCaseBytes / 4;  // a finding's file has it
constexpr size_t kMostName = 1024;                // of a function, a file, a class
constexpr size_t kMostRuns = 1000;                // of what was observed; ours are three

template <class Enum>
Enum word_at(const JsonAt& at) {
  if (at.json.is_string())
    if (const auto value = value_of<Enum>(at.json.get_ref<const std::string&>())) return *value;
  at.refuse(fmt::format("one of {}", fmt::join(words_of<Enum>(), ", ")));
}

}  // namespace

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string signature_at(const JsonAt& at) {
  const std::string text = at.text(4096);
  try {
    return to_string(parse_signature(text));
  } catch (const Error& e) {
    throw e.at(at.path);
  }
}

Severity severity_at(const JsonAt& at) {
  if (at.json.is_number()) return static_cast<Severity>(at.count(static_cast<uint64_t>(Severity::vague)));
  return word_at<Severity>(at);
}

Standing standing_at(const JsonAt& at) {
  constexpr Standing kByNumber[] = {Standing::fresh, Standing::known, Standing::flaky};
  if (at.json.is_number()) return kByNumber[at.count(std::size(kByNumber) - 1)];
  return word_at<Standing>(at);
}

Json to_json(const Violation& v) {
  return {{"signature", to_string(v.signature)},
          {"severity", to_string(v.severity)},
          {"promised", as_prose(v.promised)},
          {"seen", as_prose(v.seen)}};
}

Violation violation_at(const JsonAt& at) {
  return {.signature = parse_signature(signature_at(at.field("signature"))),
          .severity = severity_at(at.field("severity")),
          .promised = at.field("promised").prose(),
          .seen = at.field("seen").prose()};
}

Json to_json(const Whereabouts& where) {
  return {{"function", as_text(where.thrown.function, kMostName)},
          {"file", as_text(where.thrown.file, kMostName)},
          {"line", where.thrown.line},
          {"exception", as_text(where.exception, kMostName)},
          {"stack", as_text(where.stack, kMostStack - 3)}};
}

Whereabouts whereabouts_at(const JsonAt& at) {
  constexpr uint64_t kMostLine = 1'000'000;
  return {.thrown = {.function = at.field("function").text(kMostName + 3),
                     .file = at.field("file").text(kMostName + 3),
                     .line = static_cast<int>(at.field("line").count(kMostLine))},
          .exception = at.field("exception").text(kMostName + 3),
          .stack = at.field("stack").text(kMostStack)};
}

Cause cause_at(const JsonAt& at) {
  const std::string text = at.text(4096);
  try {
    return parse_cause(text);
  } catch (const Error& e) {
    throw e.at(at.path);
  }
}

Json to_json(const Finding& f) {
  Json json = to_json(f.violation);
  json["case"] = print_case({f.body, {}, {}, {}});
  json["stack"] = as_text(f.stack, kMostStack - 3);
  json["observed"] = Json::array();
  for (const auto& run : f.observed) json["observed"].push_back(as_prose(run));
  if (f.cause) json.update({{"cause", to_string(*f.cause)}, {"where", to_json(f.where)}});
  return json;
}

Finding finding_at(const JsonAt& at) {
  Finding finding{.violation = violation_at(at), .body = {}};
  const JsonAt body = at.field("case");
  if (!body.json.is_string()) body.refuse("a case");
  try {
    finding.body = parse_case(body.json.get_ref<const std::string&>()).body;
  } catch (const Error& e) {
    throw e.at(body.path);
  }
  finding.stack = at.field("stack").text(kMostStack);
  if (at.json.contains("cause"))
    finding.cause = cause_at(at.field("cause")), finding.where = whereabouts_at(at.field("where"));
  if (!at.json.contains("observed")) return finding;  // a campaign of before kept none
  const JsonAt observed = at.field("observed");
  for (size_t i = 0; i < observed.size(kMostRuns); ++i) finding.observed.push_back(observed[i].prose());
  return finding;
}

Json to_json(const Candidate& c) {
  Json json = to_json(c.finding);
  json["index"] = c.place.index;
  json["order"] = c.place.order;
  return json;
}

Candidate candidate_at(const JsonAt& at) {
  const Place place = {at.field("index").count(), at.field("order").count(kMostOrder)};
  return {place, finding_at(at)};
}

}  // namespace dtypefuzz
