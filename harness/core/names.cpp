#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstring>

#include "harness/core/error.h"
#include "harness/core/finding.h"
#include "harness/core/text.h"

namespace dtypefuzz {

std::string_view to_string(Mode mode) {
  constexpr std::string_view kNames[] = {"train", "eval", "no_grad", "inference"};
  return kNames[static_cast<size_t>(mode)];
}

std::string_view to_string(Phase phase) {
  constexpr std::string_view kNames[] = {"construct", "convert",  "load",    "flatten", "region", "forward",
                                         "loss",      "backward", "unscale", "clip",    "step"};
  return kNames[static_cast<size_t>(phase)];
}

std::string_view to_string(Severity severity) {
  constexpr std::string_view kNames[] = {"crash", "wrong_bits", "late", "silent", "refusal", "vague"};
  return kNames[static_cast<size_t>(severity)];
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
