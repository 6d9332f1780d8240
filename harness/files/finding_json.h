#pragma once
#include "dtypefuzz/cause.h"
#include "dtypefuzz/finding.h"
#include "harness/files/json_file.h"

namespace dtypefuzz {

// The one JSON form of what is found: what processes tell each other, what a campaign keeps, what is printed
// and what a report reads. Whoever reads it, reads it as somebody else's.

/// On one line, whatever bytes its texts have.
std::string line_of(const nlohmann::json&);

/// `signature`, `severity`, `promised`, `seen`.
nlohmann::json to_json(const Violation&);
Violation violation_at(const JsonAt&);
/// `function`, `file`, `line`, `exception`, `stack`.
nlohmann::json to_json(const Whereabouts&);
Whereabouts whereabouts_at(const JsonAt&);
Cause cause_at(const JsonAt&);
/// Of a violation, and `case`, `stack`, `observed`.
nlohmann::json to_json(const Finding&);
Finding finding_at(const JsonAt&);
/// Of a finding, and `index`, `order`.
nlohmann::json to_json(const Candidate&);
Candidate candidate_at(const JsonAt&);

std::string signature_at(const JsonAt&);
/// A word; a number too, as campaigns have kept it.
Severity severity_at(const JsonAt&);
/// The same; as a number it is new, known or flaky.
Standing standing_at(const JsonAt&);

}  // namespace dtypefuzz
