#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

namespace dtypefuzz {

/// The classes of the exceptions that the workers of a run meet, numbered from 1 on, in memory that all of
/// them share. LibTorch adds classes from release to release, so that no list of them is written down.
class Exceptions {
 public:
  static constexpr uint32_t kNone = 0;
  static constexpr size_t kMost = 63, kLongest = 127;  // c10/util/Exception.h has 18 in LibTorch 2.13.0

  /// Two workers that meet a class at the same time may give it a number each; both have its name.
  uint32_t number_of(std::string_view name);
  /// `-` for none, `another` for one that found no room; of a long name its beginning.
  std::string_view name(uint32_t number) const;

 private:
  enum class State : uint8_t { free, taken, there };
  struct Entry {
    std::atomic<State> state{State::free};
    char name[kLongest + 1] = {};
  };
  Entry entries_[kMost];
};

}  // namespace dtypefuzz
