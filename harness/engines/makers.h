// The engines, a file each. Whoever adds one adds a line here and one to the table in engines.cpp.
#pragma once
#include "harness/engines/engines.h"

namespace dtypefuzz {

Engine libfuzzer_engine(const EngineOptions&, const Space& whole);
Engine rapidcheck_engine(const EngineOptions&, const Space& whole);
Engine sweep_engine(const EngineOptions&, const Space& whole);
Engine neighbors_engine(const EngineOptions&, const Space& whole);

}  // namespace dtypefuzz
