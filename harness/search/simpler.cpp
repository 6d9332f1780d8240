#include "harness/search/simpler.h"

#include <algorithm>
#include <set>

namespace dtypefuzz {
namespace {

/// The case to start from, and who wants what is simpler.
struct Steps {
  const Reading& from;
  const Space& space;
  const std::function<bool(Reading&&)>& visit;

  bool offer(const Case& c) const { return visit(reading_of(c, space)); }
};
/// A way to make a case simpler; false: no more is wanted.
using Pass = bool (*)(const Steps&);
/// The same within one list of layers.
using ListPass = bool (*)(const Steps&, const std::string& list);

std::string at(std::string_view list, size_t index) {
  return std::string(list) + "[" + std::to_string(index) + "]";
}

/// The first layer in an element of the outermost list.
const LayerPlan* layer_in(const Plan& plan, size_t element) {
  const std::string path = at("layers", element);
  for (const LayerPlan& layer : plan.layers)
    if (layer.path == path || lies_in(layer.path, path)) return &layer;
  return nullptr;
}

/// The dtypes in which some region of the plan lets layers compute.
std::set<Dtype> region_dtypes(const Plan& plan) {
  std::set<Dtype> dtypes;
  if (plan.autocast) dtypes.insert(*plan.autocast);
  for (const Container& container : plan.containers)
    if (container.autocast.kind == Region::kOn) dtypes.insert(container.autocast.dtype);
  for (const LayerPlan& layer : plan.layers)
    if (layer.autocast.kind == Region::kOn) dtypes.insert(layer.autocast.dtype);
  return dtypes;
}

/// How far a shape is from another: ranks first.
size_t distance(const Shape& a, const Shape& b) {
  size_t differing = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) differing += a[i] != b[i];
  constexpr size_t kRank = 100;  // more than a shape has sizes
  return differing + kRank * (std::max(a.size(), b.size()) - std::min(a.size(), b.size()));
}

/// Gives one answer to what the input's shape depends on that makes it nearer to this one; false: none does.
bool step_nearer(Case& c, const Shape& wanted, const Space& space) {
  const Reading reading = reading_of(c, space);
  const size_t before = distance(reading.plan.input_shape, wanted);
  if (before == 0) return false;
  for (const auto& [name, value, answer] : reading.questions()) {
    const bool is_size = answer.ask == Ask::size || answer.ask == Ask::rank || answer.ask == Ask::depth;
    const bool may_shape_the_input = !belongs_to(name, "layers") || lies_in(name, at("layers", 0));
    if (!is_size || !may_shape_the_input) continue;
    for (uint32_t option = 0; option < answer.options; ++option) {
      // What does not fit yet may fit when the shape is there: nothing but this answer is changed.
      const Reading changed = with_option(c, name, option, space);
      if (distance(changed.plan.input_shape, wanted) >= before) continue;
      c.set(name, changed.body[name]);
      return true;
    }
  }
  return false;
}

/// Without the first `count` layers, an input in their place: with a gradient, as their output had, of the
/// shape that this had, contiguous and not, in the dtypes to which regions cast too, and of other shapes.
bool without_first(const Steps& steps, size_t count) {
  Case rest = steps.from.body;
  for (size_t i = 0; i < count; ++i) rest = without_element(rest, "layers", 0);
  rest.set("input.requires_grad", "true");
  if (!steps.offer(rest)) return false;
  if (const LayerPlan* next = layer_in(steps.from.plan, count)) {
    const auto put_in = [&](Case shaped) {
      if (!steps.offer(shaped)) return false;
      shaped.set("input.contiguous", "false");
      return steps.offer(shaped);
    };
    Case shaped = rest;
    while (step_nearer(shaped, next->in, steps.space)) {
    }
    if (!put_in(shaped)) return false;
    for (const Dtype dtype : region_dtypes(steps.from.plan)) {
      shaped.set("input.dtype", name_of(dtype));
      if (!put_in(shaped)) return false;
    }
  }
  constexpr Bias kEven{.setting = 0, .module = 0, .count = 0, .size = 0, .dtype = 0, .operand = 1};
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Draw draw(rest, Rng(seed), kEven);
    if (!steps.visit(reading_of(draw, steps.space))) return false;
  }
  return true;
}

bool drop_first_layers(const Steps& steps) {
  for (size_t count = list_size(steps.from.body, "layers"); count-- > 1;)
    if (!without_first(steps, count)) return false;
  return true;
}

/// The whole step in the dtype that a region casts to.
bool region_to_dtype(const Steps& steps) {
  for (const Dtype dtype : region_dtypes(steps.from.plan)) {
    Case plain = steps.from.body;
    plain.set("autocast", "off");
    plain.set("params.dtype", name_of(dtype));
    if (!steps.offer(plain)) return false;
    plain.set("input.dtype", "same");
    if (!steps.offer(plain)) return false;
  }
  return true;
}

bool drop_element(const Steps& steps, const std::string& list) {
  const size_t count = list_size(steps.from.body, list);
  for (size_t i = count; count > 1 && i-- > 0;)
    if (!steps.offer(without_element(steps.from.body, list, i))) return false;
  return true;
}

/// What counts where a layer is used again may be the region: the layer itself runs there, once.
bool unroll_reuse(const Steps& steps, const std::string& list) {
  if (list != "layers") return true;
  const Case& body = steps.from.body;
  for (size_t i = list_size(body, list); i-- > 1;) {
    const LayerPlan* layer = layer_in(steps.from.plan, i);
    if (!layer || layer->path != at(list, i) || layer->reuse == 0) continue;
    const auto back = static_cast<size_t>(layer->reuse);
    if (back > i) continue;  // it lies in a container
    Case once = without_element(body, list, i);
    once.set(at(list, i - back) + ".autocast", body[at(list, i) + ".autocast"]);
    if (!steps.offer(once)) return false;
  }
  return true;
}

/// A container gives way to its children.
bool flatten_container(const Steps& steps, const std::string& list) {
  const auto container = owner_of(list);
  if (!container) return true;
  const Case& body = steps.from.body;
  const auto& [parent, index] = *container;
  const size_t count = list_size(body, list);
  Case flat = without_element(body, parent, index);
  for (size_t i = 0; i < count; ++i) flat = with_element(flat, parent, index + i, element_of(body, list, i));
  if (!steps.offer(flat)) return false;
  // Its region may be what counts: then they run there one by one.
  for (size_t i = 0; i < count; ++i)
    flat.set(at(parent, index + i) + ".autocast", body[at(parent, index) + ".autocast"]);
  return steps.offer(flat);
}

constexpr ListPass kListPasses[] = {drop_element, unroll_reuse, flatten_container};

bool shorten_lists(const Steps& steps) {
  for (const auto& list : lists_of(steps.from.body))
    for (const ListPass pass : kListPasses)
      if (!pass(steps, list)) return false;
  return true;
}

bool simplest_answer(const Steps& steps) {
  for (const auto& [name, value, answer] : steps.from.questions())
    if (answer.taken > 0 && !steps.visit(with_option(steps.from.body, name, 0, steps.space))) return false;
  return true;
}

bool lower_answer(const Steps& steps) {
  for (const auto& [name, value, answer] : steps.from.questions())
    for (uint32_t option = 1; option < answer.taken && answer.ask != Ask::module; ++option)
      if (!steps.visit(with_option(steps.from.body, name, option, steps.space))) return false;
  return true;
}

constexpr Pass kPasses[] = {drop_first_layers, region_to_dtype, shorten_lists, simplest_answer, lower_answer};

}  // namespace

void each_simpler(const Reading& from, const Space& space, const std::function<bool(Reading&&)>& visit) {
  const Steps steps{from, space, visit};
  for (const Pass pass : kPasses)
    if (!pass(steps)) return;
}

std::vector<Case> simpler(const Case& c, const Space& space) {
  std::vector<Case> all;
  each_simpler(reading_of(c, space), space, [&](Reading&& candidate) {
    all.push_back(std::move(candidate.body));
    return true;
  });
  return all;
}

}  // namespace dtypefuzz
