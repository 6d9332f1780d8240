#pragma once
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "harness/files/finding_json.h"
#include "harness/report/report.h"

namespace dtypefuzz {

// Every JSON line that is printed for other programs and read back by a report: an object with `schema` and
// `type`.

/// `type` and `schema` in front of the fields, on one line.
std::string json_line(std::string_view type, const nlohmann::json& fields);
/// The fields of a line of the type `finding`.
nlohmann::json to_json(const Entry&);
/// Of a line of before there were causes, too.
Entry entry_at(const JsonAt&);
/// The fields of a line of the type `cause`: its places are counts by standing.
nlohmann::json to_json(const CauseEntry&);
/// Those of a line of the type `report`: counts of causes and of places by standing.
nlohmann::json to_json(const Report&);

/// What `fuzz --json` and `replay --json` printed, by signature: findings, flaky ones aside, and what a
/// replayed case showed; a signature that a case records and no longer shows is fixed, where nothing else
/// shows it. A line that is not as it should be is an Error with its number.
std::map<std::string, Entry> parse_results(std::string_view text, const std::string& place);
/// Of the same lines, what the runs were: engines, seeds, cases, LibTorch, and how long cases ran.
About parse_about(std::string_view text, const std::string& place);
/// What earlier reports told, by signature. Same form, type `kept`; a line of before there were causes has
/// the cause of what nobody has looked at.
std::map<std::string, Kept> parse_kept(std::string_view text, const std::string& place);
std::string print_kept(const std::map<std::string, Kept>&);

}  // namespace dtypefuzz
