#include "harness/files/finding_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dtypefuzz/error.h"
#include "harness/core/names.h"

namespace dtypefuzz {
namespace {

using testing::HasSubstr;
using Json = nlohmann::json;

const Candidate kCandidate = {
    {456, 1},
    {.violation = {parse_signature("refusal_is_early:Linear:input:float:backward:cast:cpu:off"),
                   Severity::late, "a promise", "what \"was\" seen\non two lines"},
     .body = {{{"device", "cpu"}, {"layers[0].module", "Linear"}}},
     .stack = "at::native::relu < at::_ops::relu::call",
     .observed = {"holds; succeeded", "holds; refused"}}};

Candidate read(const std::string& line) {
  const Json json = parse_json(line);
  return candidate_at({json, ""});
}

std::string refusal(const std::string& line) {
  try {
    read(line);
  } catch (const Error& e) {
    EXPECT_EQ(std::string(e.what()).find('\n'), std::string::npos) << e.what();
    return e.what();
  }
  return "accepted";
}

TEST(FindingJson, IsReadAsItWasWritten) {
  const std::string line = line_of(to_json(kCandidate));
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(read(line), kCandidate);
  const Json finding = to_json(kCandidate.finding), violation = to_json(kCandidate.finding.violation);
  EXPECT_EQ(finding_at({finding, ""}), kCandidate.finding);
  EXPECT_EQ(violation_at({violation, ""}), kCandidate.finding.violation);
}

TEST(FindingJson, HasWordsAndReadsTheNumbersThatCampaignsKept) {
  Json json = to_json(kCandidate);
  EXPECT_EQ(json["severity"], "late");
  for (size_t i = 0; i < words_of<Severity>().size(); ++i) {
    json["severity"] = i;
    EXPECT_EQ(candidate_at({json, ""}).finding.violation.severity, static_cast<Severity>(i));
    json["severity"] = words_of<Severity>()[i];
    EXPECT_EQ(candidate_at({json, ""}).finding.violation.severity, static_cast<Severity>(i));
  }
  const auto standing = [](const Json& value) { return standing_at({value, ""}); };
  EXPECT_EQ(standing(0u), Standing::fresh);
  EXPECT_EQ(standing(1u), Standing::known);
  EXPECT_EQ(standing(2u), Standing::flaky);
  EXPECT_EQ(standing("returned"), Standing::returned);
}

TEST(FindingJson, WritesNothingThatItWouldNotRead) {
  Candidate candidate = kCandidate;
  candidate.finding.violation.seen = std::string(100'000, '\xff') + "\x1b[2J\n";
  candidate.finding.violation.promised = std::string(100'000, '\n');
  candidate.finding.stack = std::string(100'000, 's');
  for (const size_t before : {size_t{0}, size_t{1}, size_t{2}}) {  // wherever the cut falls
    const std::string prose = as_prose(std::string(before, 'x') + std::string(100'000, '\xff'));
    EXPECT_EQ(as_prose(prose), prose);
  }
  candidate.finding.observed = {"cut in the middle of \xc3"};
  const Candidate back = read(line_of(to_json(candidate)));
  EXPECT_THAT(back.finding.violation.seen, testing::StartsWith("\uFFFD\uFFFD"));
  EXPECT_EQ(back.finding.observed.front(), "cut in the middle of \uFFFD");
  EXPECT_EQ(read(line_of(to_json(back))), back);
}

TEST(FindingJson, IsRefusedWithTheValueAndItsPlace) {
  const auto without = [](const char* name) {
    Json json = to_json(kCandidate);
    json.erase(name);
    return refusal(json.dump());
  };
  for (const auto* name : {"signature", "severity", "promised", "seen", "case", "stack", "index", "order"})
    EXPECT_EQ(without(name), fmt::format("has no '{}'", name));
  const auto with = [](const char* name, const Json& value) {
    Json json = to_json(kCandidate);
    json[name] = value;
    return refusal(json.dump());
  };
  EXPECT_THAT(with("severity", 6), HasSubstr("severity: expected a whole number from 0 to 5, got 6"));
  EXPECT_THAT(with("severity", "awful"), HasSubstr("severity: expected one of crash, wrong_bits, late"));
  EXPECT_THAT(with("severity", -1), HasSubstr("severity: expected a whole number"));
  EXPECT_THAT(with("severity", Json::array()), HasSubstr("severity: expected one of"));
  EXPECT_THAT(with("signature", "../x"), HasSubstr("signature: '../x' is no signature"));
  EXPECT_THAT(with("case", "Linear"), HasSubstr("case: 1: not a case file"));
  EXPECT_THAT(with("case", 1), HasSubstr("case: expected a case, got 1"));
  EXPECT_THAT(with("seen", Json::object()), HasSubstr("seen: expected a text, got {}"));
  EXPECT_THAT(with("stack", "a\nb"), HasSubstr("stack: expected a text without control"));
  EXPECT_THAT(with("observed", 1), HasSubstr("observed: expected a list, got 1"));
  EXPECT_THAT(with("observed", Json::array({1})), HasSubstr("observed[0]: expected a text, got 1"));
  EXPECT_THAT(with("index", 1e3), HasSubstr("index: expected a whole number"));
  EXPECT_THAT(refusal("[]"), HasSubstr("expected an object with 'index', got []"));
  EXPECT_NE(refusal("{"), "accepted");
}

}  // namespace
}  // namespace dtypefuzz
