#include "harness/search/sweep.h"

#include <algorithm>

#include "harness/search/sweep_blocks.h"

namespace dtypefuzz {
namespace {

bool product(const Block& block, const Case& start, const Part& part, Cells& cells) {
  std::vector<Axis> axes = block.axes;
  const auto operand = std::ranges::find(axes, kEachOperand, &Axis::name);
  if (operand == axes.end()) return cells.product(start, axes);
  for (const auto& name : operands_of(start, part)) {
    operand->name = name;
    if (!cells.product(start, axes)) return false;
  }
  return true;
}

bool sweep_part(const Case& simplest, const Part& part, std::span<const Block> blocks, Cells& cells) {
  for (const Block& block : blocks) {
    const auto start = block.start(simplest, part);
    if (!start) continue;
    const bool more = block.cells ? block.cells(*start, part, cells) : product(block, *start, part, cells);
    if (!more) return false;
  }
  return true;
}

}  // namespace

void sweep(const Space& space, const Space& whole, const std::function<std::optional<bool>(uint64_t)>& wants,
           const std::function<void(const Case&)>& visit) {
  Cells cells(space, whole, wants, visit);
  Space after_another = space;  // the layer before, and the layer before a loss, whichever were asked for
  after_another.modules = whole.modules;
  // Where modules alone are asked for by name the losses are not, and the other way round.
  const bool some_modules = space.modules.size() < whole.modules.size();
  const bool some_losses = space.losses.size() < whole.losses.size();
  if (some_modules || !some_losses)
    for (const Row* row : space.modules) {
      Case simplest;
      simplest.set("layers", "1");
      simplest.set("layers[0].module", row->name);
      if (!sweep_part(simplest, {"layers[0]", space, after_another}, blocks_of_a_module(), cells)) return;
    }
  if (some_modules && !some_losses) return;
  for (const Row* row : space.losses)
    for (const Row* before : whole.modules) {
      if (!before->before_losses) continue;
      Case simplest;
      simplest.set("layers", "1");
      simplest.set("layers[0].module", before->name);
      simplest.set("input.requires_grad", "true");
      simplest.set("loss", row->name);
      if (!sweep_part(simplest, {"loss", after_another, after_another}, blocks_of_a_loss(), cells)) return;
    }
}

}  // namespace dtypefuzz
