#pragma once
#include <cstddef>

namespace dtypefuzz {

/// Function-entry coverage of a library that was built without instrumentation: a breakpoint at every
/// function start that the library's .eh_frame_hdr lists, taken away when it is first reached. x86-64 Linux.
/// `first_reached` is called in a signal handler, once for each function, whatever thread reaches it.
/// Call once, after the library is loaded. Returns how many functions are watched; 0 where it cannot be done
/// here.
size_t watch_functions(const char* library, void (*first_reached)());

}  // namespace dtypefuzz
