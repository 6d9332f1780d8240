#include <cstdint>

#include "harness/hostile/laws.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  dtypefuzz::hostile::read_as_cause({reinterpret_cast<const char*>(data), size});
  return 0;
}
