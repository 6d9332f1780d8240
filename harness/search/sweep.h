#pragma once
#include <cstdint>
#include <functional>
#include <optional>

#include "generators/stack.h"

namespace dtypefuzz {

/// The finite part of the space, cell by cell, the rest of every case simplest: each module by its
/// parameters' and input's dtypes, autocast and mode; each single operand and each other answer alone; then
/// the settings. Deterministic. `whole`: what the cells are read in; the layer before one comes from there,
/// whichever modules were asked for. `wants` says whether the cell with this index is to be made, or nothing
/// to stop; `visit` gets it.
void sweep(const Space&, const Space& whole, const std::function<std::optional<bool>(uint64_t index)>& wants,
           const std::function<void(const Case&)>& visit);

}  // namespace dtypefuzz
