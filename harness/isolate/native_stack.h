#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// A native stack as addresses, and where the code lay that they are in: all that a name needs, so that
/// another process may look for it.
struct Frames {
  std::vector<uintptr_t> addresses;  ///< the innermost first
  std::string map;                   ///< as Remains has it
};
Frames frames_of(const Remains&);

/// The frames by name, without the C library's, the dispatcher's and, at the end, our own; the innermost
/// first.
std::vector<std::string> names_of(const Frames&);

/// `at::native::relu < at::_ops::relu::call`: the top ones of these. Empty where no stack was left.
std::string stack_of(const Frames&);
std::string stack_of(const Remains&);

}  // namespace dtypefuzz
