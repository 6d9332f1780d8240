#include "harness/drive/hunt.h"

#include <chrono>
#include <cstring>

#include "harness/drive/minimize.h"
#include "harness/run/run.h"

namespace dtypefuzz {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Slot::enter(const Case& c, bool is_counted) {
  uint32_t at = 0;
  for (const Choice& choice : c.choices) {
    if (at + choice.name.size() + choice.value.size() + 2 > sizeof text) break;
    const auto put = [&](std::string_view piece) {
      std::memcpy(text + at, piece.data(), piece.size());
      at += static_cast<uint32_t>(piece.size());
    };
    put(choice.name), put("="), put(choice.value), put("\n");
  }
  length = at;
  position = 0;
  counted = is_counted;
  since = now();
  busy = true;
}

Case Slot::in_flight() const {
  return parse_case("# dtypefuzz case 1\n" + std::string(text, length)).body;
}

Checked Hunt::observed(const Case& c, Plan&& plan, bool counted) {
  if (slot_) slot_->enter(c, counted);
  Checked checked = checker_.check(std::move(plan), counted ? Siblings::always : Siblings::of_new_layers);
  if (slot_) slot_->busy = false;
  return checked;
}

Checked Hunt::judge(const Case& c, Plan&& plan) {
  Checked checked = observed(c, std::move(plan), false);
  if (slot_) {
    ++slot_->cases;
    if (!checked.seen.error && checked.seen.not_applicable.empty()) ++slot_->finished;
  }
  for (const Violation& v : checked.violations) tell(c, v);
  return checked;
}

void Hunt::tell(const Case& c, const Violation& v) {
  const std::string raw = to_string(v.signature);
  if (!met_.insert(raw).second) return;
  Finding finding{v, {}, 0};
  if (!known_.contains(raw)) {
    finding.minimized =
        minimize(c, finding.violation, [&](const Case& candidate) -> std::optional<Violation> {
          for (const Violation& shown : observed(candidate, plan_of(candidate), true).violations)
            if (same_finding(v.signature, shown.signature)) return shown;
          return std::nullopt;
        });
    finding.layers = size_of(finding.minimized).layers;
  }
  const std::string signature = to_string(finding.violation.signature);
  met_.insert(signature);
  if (told_.insert(signature).second) tell_(finding, known_.contains(signature));
}

}  // namespace dtypefuzz
