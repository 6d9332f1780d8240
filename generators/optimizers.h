#pragma once
#include <span>
#include <string_view>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The optimizers of the C++ front end, simplest first. Whatever the harness does differently for one of them
/// is a column of its row.
std::span<const OptimizerRow> optimizers();

/// The row of that name; null for `none` and for names that are no row.
const OptimizerRow* optimizer_named(std::string_view name);

/// Its place among them, from 1; 0 for null.
size_t place_of(const OptimizerRow*);

}  // namespace dtypefuzz
