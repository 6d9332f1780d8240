#include "harness/isolate/in_flight.h"

#include <cstring>

namespace dtypefuzz {

void InFlight::enter(const Case& c) {
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
}

Case InFlight::body() const {
  return parse_case("# dtypefuzz case 1\n" + std::string(text, length)).body;
}

}  // namespace dtypefuzz
