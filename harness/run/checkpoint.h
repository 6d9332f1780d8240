#pragma once
#include <torch/serialize.h>

#include <sstream>
#include <vector>

#include "dtypefuzz/observation.h"
#include "dtypefuzz/plan.h"
#include "harness/run/model.h"

namespace dtypefuzz {

/// The plan of the model that a plan loads: the same stack in `load_dtype`, trained for `load_steps`.
Plan saved_plan(const Plan&);

/// Saves one module or optimizer and loads the other from it.
template <class Thing>
void through_an_archive(const Thing& saved, Thing& loaded) {
  std::stringstream file;
  torch::serialize::OutputArchive out;
  saved.save(out);
  out.save_to(file);
  torch::serialize::InputArchive in;
  in.load_from(file);
  loaded.load(in);
}

/// Loads what was saved: unit by unit through archives, or tensor by tensor with `copy_`. `begins`: called
/// before each.
void load_model(Load, const Model& saved, const Model&, const std::function<void()>& begins);

/// The dtypes of what each layer holds.
std::vector<std::vector<Dtype>> held_dtypes(const Model&);

/// What loading came to. `before`: the dtypes that the model had.
std::vector<LoadedFacts> loaded_facts(const Plan&, const Model& saved, const Model&,
                                      const std::vector<std::vector<Dtype>>& before);

}  // namespace dtypefuzz
