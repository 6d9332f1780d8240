#include "harness/atlas/exceptions.h"

namespace dtypefuzz {

uint32_t Exceptions::number_of(std::string_view name) {
  name = name.substr(0, kLongest);
  uint32_t number = kNone;
  for (Entry& entry : entries_) {
    ++number;
    State state = State::free;
    // Nobody waits for who has taken an entry: that worker may be dead.
    if (entry.state.compare_exchange_strong(state, State::taken)) {
      name.copy(entry.name, kLongest);
      entry.state = State::there;
      return number;
    }
    if (state == State::there && entry.name == name) return number;
  }
  return number + 1;
}

std::string_view Exceptions::name(uint32_t number) const {
  if (number == kNone) return "-";
  return number > kMost ? "another" : entries_[number - 1].name;
}

}  // namespace dtypefuzz
