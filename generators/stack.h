#pragma once
#include <span>
#include <vector>

#include "generators/row.h"
#include "harness/core/draw.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

/// What may be drawn from: everything, unless a command narrows it (`--modules`, `--dtypes`, `--devices`).
struct Space {
  std::vector<const Row*> modules;
  std::vector<const Row*> losses;
  std::vector<Dtype> dtypes;
  std::vector<Device> devices;
};
/// All rows, every dtype that the library in use can make a tensor of, and every device by name, so that any
/// file can be read.
const Space& whole_space();

/// The only grammar of cases: asks all questions and answers what they mean.
Plan plan_of(Draw&, const Space& = whole_space());
/// The plan of a case; answers that do not fit are replaced by the simplest.
Plan plan_of(const Case&);
/// The same case with every answer in it, none that is not asked.
Case canonical(const Case&);

}  // namespace dtypefuzz
