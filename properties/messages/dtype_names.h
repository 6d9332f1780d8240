#pragma once
#include <cstddef>

namespace dtypefuzz {

/// No spelling of a dtype is longer, in bytes: `c10::complex<c10::Half>` has 23.
constexpr size_t kLongestDtype = 48;

}  // namespace dtypefuzz
