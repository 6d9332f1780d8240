#include "harness/search/size.h"

namespace dtypefuzz {

Size size_of(const Reading& reading) {
  Size size;
  for (const auto& [name, value, answer] : reading.questions()) {
    size.layers += answer.ask == Ask::module;
    if (answer.ask == Ask::rank) {
      size.rank = static_cast<size_t>(value[0] - '0');
      continue;
    }
    size.not_simplest += answer.taken > 0;
    size.regions += answer.taken > 0 && is_region(answer.ask);
    // The module's place in the table is no measure of simplicity.
    if (answer.ask != Ask::module) size.distance += answer.taken;
  }
  return size;
}

Size size_of(const Case& c, const Space& space) {
  return size_of(reading_of(c, space));
}

}  // namespace dtypefuzz
