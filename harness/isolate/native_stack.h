#pragma once
#include <string>

#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// `at::native::relu < at::_ops::relu::call`: the top frames by name, without the C library's and the
/// dispatcher's, the innermost first. Empty where no stack was left.
std::string stack_of(const Remains&);

}  // namespace dtypefuzz
