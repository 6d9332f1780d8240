#include "harness/search/sweep_blocks.h"

#include <algorithm>

#include "generators/optimizers.h"

namespace dtypefuzz {
namespace {

const std::vector<std::string> kRegions = {"off", "bfloat16", "float16"};
const std::vector<std::string> kModes = {"train", "eval", "no_grad", "inference"};

std::optional<Case> alone(const Case& simplest, const Part&) {
  return simplest;
}

std::optional<Case> on_meta(const Case& simplest, const Part&) {
  Case c = simplest;
  c.set("device", kMeta.name);
  return c;
}

/// In place, which the first layer never is. What comes before keeps its input, not its output, for backward.
std::optional<Case> in_place(const Case& simplest, const Part& part) {
  const auto& modules = part.after_another.modules;
  const auto before = std::ranges::find_if(modules, &Row::keeps_input);
  if (before == modules.end()) return std::nullopt;
  Case c = simplest;
  c.set("layers", "2");
  c.set("layers[0].module", (*before)->name);
  c.set("layers[1].module", simplest["layers[0].module"]);
  c.set("layers[1].inplace", "true");
  if (canonical(c, part.after_another)["layers[1].inplace"].empty()) return std::nullopt;
  return c;
}

std::vector<std::string> names_of_optimizers() {
  std::vector<std::string> names;
  for (const OptimizerRow& row : optimizers()) names.emplace_back(row.name);
  return names;
}

}  // namespace

std::span<const Block> blocks_of_a_module() {
  static const Block kBlocks[] = {
      {"dtypes",
       alone,
       {{"mode", kModes},
        {"autocast", kRegions},
        {"params.dtype", {kEvery}},
        {"input.dtype", {"same", kEvery}}}},
      {"dtypes on meta", on_meta, {{"params.dtype", {kEvery}}, {"input.dtype", {"same", kEvery}}}},
      {"each answer", alone, {}, one_at_a_time},
      {"each answer by operand", alone, {}, answer_by_operand},
      {"in place",
       in_place,
       {{"mode", kModes},
        {"autocast", kRegions},
        {"params.dtype", {kEvery}},
        {"input.dtype", {"same", kEvery}}}},
      {"regions that autocast does not document",
       alone,
       {{"autocast", {kEvery}}, {"params.dtype", {"float32", "bfloat16", "float64"}}}},
      {"loading",
       alone,
       {{"load", {"archive", "copy"}},
        {"load.dtype", {kEvery}},
        {"params.dtype", {"float32", "float64", "bfloat16", "complex64"}}}},
      {"converting",
       alone,
       {{"convert", {"before_forward", "after_forward", "after_backward", "between_steps"}},
        {"convert.dtype", {kEvery}},
        {"steps", {"0", "2"}},
        {"optimizer", {"none", "SGD", "Adam"}}}},
      {"the flat vector",
       alone,
       {{"flat_vector", {"true"}}, {"params.dtype", {kEvery}}, {"clip", {"none", "norm", "value"}}}},
      {"the flat vector of mixed dtypes",
       alone,
       {{"device", {"cpu", "meta"}},
        {"flat_vector", {"true"}},
        {std::string(kEachOperand), of_each_category()}}},
      {"converting on meta",
       alone,
       {{"device", {"meta"}},
        {"convert", {"before_forward", "after_forward", "after_backward"}},
        {"convert.dtype", of_each_category()}}},
      {"warm caches of weights",
       alone,
       {{"autocast", {"bfloat16", "float16"}},
        {"autocast.warmup", {"no_grad", "exception"}},
        {"params.dtype", {"float32", "bfloat16", "float16", "float64"}},
        {"layers[0].autocast", {"same", "off", "bfloat16", "float16"}}}},
      {"training that goes on from a checkpoint",
       alone,
       {{"load", {"archive", "copy"}},
        {"load.steps", {"1"}},
        {"load.dtype", {"float32", "float64", "bfloat16", "float16", "complex64"}},
        {"params.dtype", {"float32", "float64", "bfloat16", "float16"}},
        {"steps", {"2"}},
        {"optimizer", names_of_optimizers()},
        {"optimizer.load", {"true"}}}},
      {"training",
       alone,
       {{"steps", {"2"}},
        {"optimizer", names_of_optimizers()},
        {"params.dtype", {kEvery}},
        {"scaler", {"off", "on"}}}},
  };
  return kBlocks;
}

std::span<const Block> blocks_of_a_loss() {
  static const Block kBlocks[] = {
      {"dtypes",
       alone,
       {{"loss.autocast", {"same", "off", "bfloat16"}},
        {"autocast", kRegions},
        {"input.dtype", {"same", kEvery}},
        {"loss.target.dtype", {"same", kEvery}}}},
      {"each answer", alone, {}, one_at_a_time},
      {"each answer by operand", alone, {}, answer_by_operand},
  };
  return kBlocks;
}

}  // namespace dtypefuzz
