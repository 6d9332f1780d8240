#include "harness/blame/known.h"

#include <sstream>

namespace dtypefuzz {

void KnownFaults::add(const Signature& signature, const Cause& cause) {
  places.emplace(to_string(signature), to_string(cause));
  causes.insert(to_string(cause));
}

std::optional<Signature> KnownFaults::place_of(const Signature& signature) const {
  if (places.contains(to_string(signature))) return signature;
  Signature without = signature;
  without.autocast = "off";
  if (places.contains(to_string(without))) return without;
  return std::nullopt;
}

Standing KnownFaults::standing_of(const Signature& signature, const std::optional<Cause>& cause) const {
  const auto place = place_of(signature);
  if (!cause) return place ? Standing::known : Standing::fresh;
  if (has_cause(*cause)) return place ? Standing::known : Standing::spread;
  const bool unlooked = place && places.at(to_string(*place)) == to_string(unlooked_cause(signature));
  return unlooked ? Standing::known : Standing::fresh;
}

std::string print_known(const KnownFaults& known) {
  std::string text;
  std::set<std::string> placed;
  for (const auto& [signature, cause] : known.places) {
    text += signature + " " + cause + "\n";
    placed.insert(cause);
  }
  for (const std::string& cause : known.causes)
    if (!placed.contains(cause)) text += "- " + cause + "\n";
  return text;
}

KnownFaults parse_known(const std::string& text) {
  KnownFaults known;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.empty() || line[0] == '#') continue;
    const size_t space = std::min(line.find(' '), line.size());
    const std::string signature = line.substr(0, space);
    const std::string cause =
        to_string(parse_cause(std::string_view(line).substr(std::min(space + 1, line.size()))));
    if (signature != "-") known.places[to_string(parse_signature(signature))] = cause;
    known.causes.insert(cause);
  }
  return known;
}

}  // namespace dtypefuzz
