#pragma once
#include <cstdint>
#include <functional>

#include "generators/stack.h"

namespace dtypefuzz {

/// The finite part of the space, cell by cell, the rest of every case simplest: each module by its parameters' and
/// input's dtypes, autocast and mode; each single operand and each other answer alone; then the settings.
/// Stops when `visit` says false. Deterministic.
void sweep(const Space&, const std::function<bool(const Case&)>& visit);

}  // namespace dtypefuzz
