#include "harness/atlas/cell.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "dtypefuzz/error.h"
#include "harness/isolate/crash.h"
#include "harness/run/position.h"
#include "properties/grade.h"
#include "properties/messages.h"

namespace dtypefuzz {
namespace {

/// Families by number: those of the messages, and what stands in their place.
const std::vector<std::string>& families() {
  static const auto all = [] {
    std::vector<std::string> names = {"accepted", "unrecognized", "not_set_up",       "hang",   "ended",
                                      "SIGSEGV",  "SIGABRT",      "SIGFPE",           "SIGILL", "SIGBUS",
                                      "SIGKILL",  "memory",       "foreign_exception"};
    for (const Family& family : message_families())
      if (std::find(names.begin(), names.end(), family.name) == names.end()) names.emplace_back(family.name);
    return names;
  }();
  return all;
}
uint32_t family_number(std::string_view name, std::string_view otherwise) {
  static const auto numbers = [] {
    std::map<std::string_view, uint32_t> by_name;
    for (const auto& family : families()) by_name.emplace(family, static_cast<uint32_t>(by_name.size()));
    return by_name;
  }();
  const auto at = numbers.find(name);
  return at != numbers.end() ? at->second : numbers.at(otherwise);
}

uint32_t grade_word(const Grade& grade, const Layout& layout) {
  switch (grade.kind) {
    case Grade::kExact:
      return Word::kExact;
    case Grade::kVague:
      return Word::kVague;
    case Grade::kBlames: {
      const auto at = std::find(layout.operands.begin(), layout.operands.end(), grade.blamed);
      const auto word = static_cast<uint32_t>(Word::kBlames + (at - layout.operands.begin()));
      return at == layout.operands.end() || word > 63 ? Word::kBlamesOther : word;
    }
    case Grade::kNone:
    case Grade::kFault:
      break;
  }
  return Word::kNone;
}

Outcome outcome_of(const Checked& checked, const std::optional<Recognized>& known, const Grade& grade) {
  const Observation& seen = checked.seen;
  if (!seen.not_applicable.empty()) return Outcome::not_applicable;
  if (!checked.violations.empty()) {
    const auto worst = std::min_element(checked.violations.begin(), checked.violations.end(),
                                        [](auto& a, auto& b) { return a.severity < b.severity; });
    const auto properties = all_properties();
    const auto at = std::find_if(properties.begin(), properties.end(),
                                 [&](auto& p) { return p.name == worst->signature.property; });
    return static_cast<Outcome>(static_cast<size_t>(Outcome::first_violation) +
                                static_cast<size_t>(at - properties.begin()));
  }
  if (!seen.error) return Outcome::succeeded;
  if (!known) return Outcome::failed;
  switch (known->family->kind) {
    case MessageKind::mismatch:
    case MessageKind::cast:
      return Outcome::refused;
    case MessageKind::unsupported:
      return grade.kind == Grade::kExact ? Outcome::refused : Outcome::unsupported;
    case MessageKind::range:
    case MessageKind::device:
    case MessageKind::no_meta:
    case MessageKind::autograd:
      return Outcome::not_applicable;
    case MessageKind::other:
      break;
  }
  return Outcome::failed;
}

/// What the cell was held against.
Word::Judged judged_by(const Checked& checked) {
  const Observation& seen = checked.seen;
  if (!checked.violations.empty()) return Word::kByPromise;
  if (!seen.not_applicable.empty()) return Word::kByNothing;
  if (seen.calls.empty()) return seen.error ? Word::kByWords : Word::kByNothing;
  const CallFacts& call = seen.calls.back();
  const Promise& promise = checked.promised.calls.back();
  if (call.mixed_devices || checked.promised.regions.back() != RegionKind::documented)
    return Word::kByNothing;
  if (promise.accepts() || promise.refuses()) return Word::kByPromise;
  const bool exotic = std::ranges::any_of(
      call.received, [](const OperandFacts& o) { return category_of(o.dtype) == Category::other; });
  return seen.error && !exotic ? Word::kByWords : Word::kByNothing;
}

}  // namespace

Word word_of(const Checked& checked, const Layout& layout, Exceptions& exceptions) {
  const Observation& seen = checked.seen;
  const auto known = seen.error ? recognize(seen.error->message) : std::nullopt;
  Grade grade;
  if (!seen.calls.empty() && seen.calls.back().threw) {
    const Promise& promise = checked.promised.calls.back();
    if (promise.kind == Promise::kRefusesMismatch || promise.kind == Promise::kRefusesCategory)
      grade = grade_of_refusal(checked.promised, promise, seen.calls.back(), known);
  }
  const std::string_view family = !seen.not_applicable.empty() ? "not_set_up"
                                  : !seen.error                ? "accepted"
                                  : known                      ? known->family->name
                                                               : "unrecognized";
  Word word;
  word.outcome = static_cast<uint32_t>(outcome_of(checked, known, grade)) & 63;
  word.phase = static_cast<uint32_t>(seen.error ? seen.error->phase : seen.reached) & 15;
  word.family = family_number(family, "unrecognized") & 1023;
  word.grade = grade_word(grade, layout) & 63;
  if (!seen.calls.empty() && !seen.calls.back().given.empty())
    word.output = static_cast<uint32_t>(seen.calls.back().given.front()) & 63;
  if (seen.error) word.exception = exceptions.number_of(seen.error->type) & 0x1FFFFFFF;
  word.judged = judged_by(checked) & 3;
  return word;
}

Word word_of_crash(const Plan& plan, const Remains& remains, int status) {
  const Violation v = crash_of(plan, remains, status);
  Word word;
  word.outcome = static_cast<uint32_t>(Outcome::crash) & 63;
  word.phase = static_cast<uint32_t>(position_of(remains.position, plan.device).phase) & 15;
  word.family = family_number(v.signature.family, "ended") & 1023;
  return word;
}

CellResult result_of(Word word, const Layout& layout, const Exceptions& exceptions) {
  constexpr std::string_view kOutcomes[] = {"none",   "succeeded",      "refused", "unsupported",
                                            "failed", "not_applicable", "crash"};
  CellResult result;
  if (word.outcome < static_cast<uint32_t>(Outcome::first_violation)) {
    result.outcome = kOutcomes[word.outcome];
  } else {
    const size_t property = word.outcome - static_cast<size_t>(Outcome::first_violation);
    result.outcome = fmt::format("violated:{}", all_properties()[property].name);
  }
  result.phase = to_string(static_cast<Phase>(word.phase));
  result.family = families()[word.family];
  result.grade = word.grade == Word::kNone          ? "-"
                 : word.grade == Word::kExact       ? "exact"
                 : word.grade == Word::kVague       ? "vague"
                 : word.grade == Word::kBlamesOther ? "blames another"
                                                    : "blames " + layout.operands[word.grade - Word::kBlames];
  const auto output = static_cast<Dtype>(word.output);
  result.output_dtype = output == Dtype::Undefined ? "-" : name_of(output);
  result.exception = exceptions.name(word.exception);
  constexpr std::string_view kJudged[] = {"-", "promise", "words", "numbers"};
  result.judged = kJudged[word.judged];
  result.derived = word.derived;
  return result;
}

void require_words_to_suffice() {
  const size_t outcomes = static_cast<size_t>(Outcome::first_violation) + all_properties().size();
  if (outcomes > 64 || families().size() > 1024)
    fail("{} outcomes and {} families do not fit into a cell's word", outcomes, families().size());
}

}  // namespace dtypefuzz
