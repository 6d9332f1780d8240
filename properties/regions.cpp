#include "properties/regions.h"

#include <algorithm>
#include <map>

#include "properties/promise.h"

namespace dtypefuzz {
namespace {

/// What ends the outermost region round a layer, and with it autocast's cache: the step where the whole of it
/// runs in one, else the outermost container that has one, else the layer itself.
std::string_view outermost_region(const Plan& plan, const LayerPlan& layer) {
  if (plan.autocast) return "";
  for (const Container& container : plan.containers)  // outer ones come first
    if (container.autocast.kind != Region::kSame && layer.path.starts_with(container.path + "."))
      return container.path;
  return layer.path;
}

/// Whether autocast keeps what it makes of one of the call's operands: at::autocast::cached_cast does so for
/// float32 leaves that require a gradient.
bool is_cached(const CallFacts& call) {
  return call.culprit.kind == Culprit::kLayer &&
         std::any_of(call.received.begin(), call.received.end(), [](const OperandFacts& operand) {
           return operand.role == Role::parameter && operand.dtype == Dtype::Float;
         });
}

}  // namespace

std::vector<RegionKind> regions_of(const Plan& plan, const Observation& seen) {
  std::vector<RegionKind> regions(seen.calls.size(), RegionKind::documented);
  // By iteration, region and module object: a layer that is used again is the same module.
  std::map<std::tuple<int, std::string_view, int>, Dtype> cast_first;
  for (size_t i = 0; i < seen.calls.size(); ++i) {
    const CallFacts& call = seen.calls[i];
    if (!call.autocast) continue;
    if (is_cached(call)) {
      const LayerPlan& layer = *layer_of(plan, call.culprit);
      const bool warmed = plan.warmup != Warmup::none && call.iteration == 0;
      const auto first =
          cast_first
              .try_emplace({call.iteration, outermost_region(plan, layer), call.culprit.layer - layer.reuse},
                           warmed ? *plan.autocast : *call.autocast)
              .first;
      if (first->second != *call.autocast) regions[i] = RegionKind::after_another;
    }
    if (!plan.device->autocast_documents(*call.autocast)) regions[i] = RegionKind::undocumented;
  }
  return regions;
}

}  // namespace dtypefuzz
