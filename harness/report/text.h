#pragma once
#include <string>

#include "generators/stack.h"
#include "harness/report/report.h"

namespace dtypefuzz {

/// A finding for a person: what is wrong and where in LibTorch, what was promised, what happened, the case,
/// and as its last line how to see it again; of a known cause at a new place, one line. `command`: how that
/// person calls this program.
std::string text_of(const Entry&, const Space&, const std::string& command);

/// A signature, as a person reads it: `Linear: input against weight (float), in forward, accepted without a
/// word, on cpu, outside of autocast`.
std::string in_words(const Signature&);

}  // namespace dtypefuzz
