#pragma once
#include <initializer_list>
#include <string_view>
#include <utility>

#include "dtypefuzz/plan.h"

namespace dtypefuzz {

/// The plan of a case with these answers, the simplest ones otherwise: a Linear layer in float32, in train.
Plan plan_with(std::initializer_list<std::pair<std::string_view, std::string_view>> answers);

}  // namespace dtypefuzz
