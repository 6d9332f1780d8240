#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "dtypefuzz/error.h"
#include "dtypefuzz/finding.h"
#include "harness/core/names.h"
#include "harness/core/text.h"

namespace dtypefuzz {

template <>
std::span<const std::string_view> words_of<Mode>() {
  static constexpr std::string_view kWords[] = {"train", "eval", "no_grad", "inference"};
  return kWords;
}
template <>
std::span<const std::string_view> words_of<Phase>() {
  static constexpr std::string_view kWords[] = {"construct", "convert", "load", "flatten",
                                                "region",    "forward", "loss", "backward",
                                                "unscale",   "clip",    "step"};
  return kWords;
}
template <>
std::span<const std::string_view> words_of<Severity>() {
  static constexpr std::string_view kWords[] = {"crash", "wrong_bits", "late", "silent", "refusal", "vague"};
  return kWords;
}
template <>
std::span<const std::string_view> words_of<Standing>() {
  static constexpr std::string_view kWords[] = {"new",   "returned",     "open",  "spread",   "known",
                                                "fixed", "partly fixed", "flaky", "minimized"};
  return kWords;
}

template <>
std::span<const std::string_view> words_of<Broken>() {
  static constexpr std::string_view kWords[] = {"call_refused",

                                                "stage_refused",
                                                "mismatch_accepted",
                                                "mismatch_misnamed",
                                                "mismatch_vague",
                                                "refused_late",
                                                "output_dtype",
                                                "gradient_dtype",
                                                "gradient_missing",
                                                "trace",
                                                "changed",
                                                "conversion_changed",
                                                "region_left_changed",
                                                "region_undocumented",
                                                "region_cached",
                                                "region_cached_refused",
                                                "load_refused",
                                                "load_changed",
                                                "dtype_changed",
                                                "not_finite",
                                                "sibling_differs",
                                                "region_takes_away",
                                                "option_takes_away",
                                                "dimension_takes_away",
                                                "documented_refused",
                                                "values",
                                                "values_rounded",
                                                "gradient_values",
                                                "arithmetic",
                                                "repair_refused",
                                                "process_ended"};
  return kWords;
}

std::string_view to_string(Mode mode) {
  return word_of(mode);
}
std::string_view to_string(Phase phase) {
  return word_of(phase);
}
std::string_view to_string(Severity severity) {
  return word_of(severity);
}
std::string_view to_string(Broken broken) {
  return word_of(broken);
}
std::string_view to_string(Standing standing) {
  return word_of(standing);
}

int64_t numel(const Shape& shape) {
  int64_t n = 1;
  for (const int64_t size : shape) n *= size;
  return n;
}

std::string to_string(const Signature& s) {
  return fmt::format("{}:{}:{}:{}:{}:{}:{}:{}", s.property, s.culprit, s.operands, s.category, s.phase,
                     s.family, s.device, s.autocast);
}

Signature parse_signature(std::string_view text) {
  constexpr size_t kMostBytes = 512;  // the longest known one has 120
  const auto allowed = [](unsigned char c) {
    return std::isalnum(c) || (c != 0 && std::strchr("_-./:<>+", c));
  };
  if (text.size() > kMostBytes || !std::ranges::all_of(text, allowed))
    fail("'{}' is no signature: expected letters, digits and _-./:<>+, at most {}", as_text(text, 60),
         kMostBytes);
  Signature s;
  std::string* const parts[] = {&s.property, &s.culprit, &s.operands, &s.category,
                                &s.phase,    &s.family,  &s.device,   &s.autocast};
  std::string_view rest = text;
  for (size_t i = 0; i < std::size(parts); ++i) {
    const size_t colon = rest.find(':');
    const bool last = i + 1 == std::size(parts);
    if (last != (colon == std::string_view::npos) || rest.substr(0, colon).empty())
      fail("'{}' is no signature: expected property:culprit:operands:category:phase:family:device:autocast",
           as_text(text, 60));
    *parts[i] = rest.substr(0, colon);
    rest.remove_prefix(last ? rest.size() : colon + 1);
  }
  return s;
}

}  // namespace dtypefuzz
