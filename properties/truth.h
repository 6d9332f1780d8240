#pragma once
#include <string_view>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "properties/messages.h"

namespace dtypefuzz {

struct Facts;

/// Why a refusal as unsupported is none that a caller can understand; empty: it is. It is thrown as
/// LibTorch's own exception, from no backend's inside, and names a dtype or a category that something had, as
/// it came or as its region made it. Before and after the calls anything that the plan names may be meant.
std::string_view untruth_of(const Plan&, const Observation&, const Recognized&);

/// Why a refusal where nothing is promised is wrong all the same; empty: it is not. It may say that dtypes
/// differ where some do, or truly that one is not supported; what is not about dtypes explains nothing.
/// Nothing is said of quantized, packed, bits and sub-byte dtypes.
std::string_view untruth_in_silence(const Facts&, const CallFacts&);

}  // namespace dtypefuzz
