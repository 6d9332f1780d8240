#include "harness/search/minimize.h"

#include <algorithm>
#include <set>

#include "generators/stack.h"

namespace dtypefuzz {
namespace {

struct Replayed {
  Case result;
  std::vector<Answered> answered;
  Plan plan;
};
Replayed replay_of(const Case& c) {
  Draw draw(c);
  Replayed replayed;
  replayed.plan = plan_of(draw);
  replayed.answered = draw.answered();
  replayed.result = draw.take_result();
  return replayed;
}

/// How many operands have been given a dtype of their own.
size_t operands_apart(const Case& canonical) {
  return static_cast<size_t>(
      std::count_if(canonical.choices.begin(), canonical.choices.end(), [](const Choice& choice) {
        const std::string_view name = choice.name;
        return name.ends_with(".dtype") && choice.value != "same" &&
               (name == "input.dtype" || name.starts_with("layers[") || name.starts_with("loss."));
      }));
}

/// Whether a smaller case's signature names the finding of a larger one's.
bool same_finding(const Signature& large, const Signature& small, bool whatever_operands) {
  Signature a = large;
  if (small.autocast == "off") a.autocast = "off";
  if (whatever_operands) a.operands = small.operands, a.category = small.category;
  return a == small;
}

/// The first layer in an element of the outermost list.
const LayerPlan* layer_at(const Plan& plan, size_t layer) {
  const std::string path = "layers[" + std::to_string(layer) + "]";
  for (const LayerPlan& each : plan.layers)
    if (each.path.starts_with(path)) return &each;
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
  constexpr size_t kRank = 100;
  return differing + kRank * (std::max(a.size(), b.size()) - std::min(a.size(), b.size()));
}

/// Gives one answer to what the input's shape depends on that makes it nearer to this one; false: none does.
bool step_nearer(Case& c, const Shape& wanted) {
  const Replayed r = replay_of(c);
  const size_t before = distance(r.plan.input_shape, wanted);
  for (size_t i = 0; i < r.answered.size() && before > 0; ++i) {
    const std::string& name = r.result.choices[i].name;
    const bool is_about_input =
        name == "batch" || name.starts_with("input.") || name.starts_with("layers[0].");
    if (r.answered[i].ask != Ask::size || !is_about_input) continue;
    for (uint32_t option = 0; option < r.answered[i].options; ++option) {
      // What does not fit yet may fit when the shape is there: nothing but this answer is changed.
      Draw draw(c);
      draw.force(name, option);
      if (distance(plan_of(draw).input_shape, wanted) >= before) continue;
      c.set(name, std::string(draw.result()[name]));
      return true;
    }
  }
  return false;
}

/// Without the first `count` layers, an input in their place: with a gradient, as their output had, of the
/// shape that this had, contiguous and not, in the dtypes to which regions cast too, and of other shapes.
void without_first(const Replayed& r, size_t count, std::vector<Case>& candidates) {
  Case rest = r.result;
  for (size_t i = 0; i < count; ++i) rest = without_element(rest, "layers", 0);
  rest.set("input.requires_grad", "true");
  candidates.push_back(canonical(rest));
  if (const LayerPlan* next = layer_at(r.plan, count)) {
    const auto put_in = [&](Case shaped) {
      candidates.push_back(canonical(shaped));
      shaped.set("input.contiguous", "false");
      candidates.push_back(canonical(shaped));
    };
    Case shaped = rest;
    while (step_nearer(shaped, next->in)) {
    }
    put_in(shaped);
    for (const Dtype dtype : region_dtypes(r.plan)) {
      shaped.set("input.dtype", name_of(dtype));
      put_in(shaped);
    }
  }
  constexpr Bias kEven{.setting = 0, .module = 0, .count = 0, .size = 0, .dtype = 0, .operand = 1};
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Draw draw(rest, Rng(seed), kEven);
    plan_of(draw);
    candidates.push_back(draw.take_result());
  }
}

}  // namespace

Size size_of(const Case& c) {
  const Replayed r = replay_of(c);
  Size size;
  for (size_t i = 0; i < r.answered.size(); ++i) {
    const auto& name = r.result.choices[i].name;
    if (name.ends_with(".module")) ++size.layers;
    if (name == "input.rank") {
      size.rank = static_cast<size_t>(r.result.choices[i].value[0] - '0');
      continue;
    }
    size.not_simplest += r.answered[i].taken > 0;
    size.regions += r.answered[i].taken > 0 && (name == "autocast" || name.ends_with(".autocast"));
    // The module's place in the table is no measure of simplicity.
    if (!name.ends_with(".module")) size.distance += r.answered[i].taken;
  }
  return size;
}

std::vector<Case> simpler(const Case& c) {
  const Replayed r = replay_of(c);
  std::vector<Case> candidates;
  for (size_t count = list_size(r.result, "layers"); count-- > 1;) without_first(r, count, candidates);
  for (const Dtype dtype : region_dtypes(r.plan)) {
    Case plain = r.result;
    plain.set("autocast", "off");
    plain.set("params.dtype", name_of(dtype));
    candidates.push_back(canonical(plain));
    plain.set("input.dtype", "same");
    candidates.push_back(canonical(plain));
  }
  for (const auto& list : lists_of(r.result)) {
    const size_t count = list_size(r.result, list);
    for (size_t i = count; count > 1 && i-- > 0;)
      candidates.push_back(canonical(without_element(r.result, list, i)));
    // What counts where a layer is used again may be the region: the layer itself runs there, once.
    for (size_t i = count; list == "layers" && i-- > 1;) {
      const auto at = [&](size_t element) { return list + "[" + std::to_string(element) + "]."; };
      if (r.result[at(i) + "module"] != "Reuse") continue;
      const auto back = static_cast<size_t>(std::stoul(std::string(r.result[at(i) + "distance"])));
      if (back > i) continue;  // it lies in a container
      Case once = without_element(r.result, list, i);
      once.set(at(i - back) + "autocast", std::string(r.result[at(i) + "autocast"]));
      candidates.push_back(canonical(once));
    }
    // A nested Sequential gives way to its children.
    if (list.ends_with(".layers")) {
      const auto outer = list.substr(0, list.size() - std::string_view(".layers").size());
      const size_t bracket = outer.rfind('[');
      if (bracket == std::string::npos) continue;
      const auto parent = outer.substr(0, bracket);
      const auto index = static_cast<size_t>(std::stoul(outer.substr(bracket + 1)));
      Case flat = without_element(r.result, parent, index);
      for (size_t i = 0; i < count; ++i)
        flat = with_element(flat, parent, index + i, element_of(r.result, list, i));
      candidates.push_back(canonical(flat));
      // Its region may be what counts: then they run there one by one.
      for (size_t i = 0; i < count; ++i)
        flat.set(parent + "[" + std::to_string(index + i) + "].autocast",
                 std::string(r.result[outer + ".autocast"]));
      candidates.push_back(canonical(flat));
    }
  }
  const auto forced = [&](size_t i, uint32_t option) {
    Draw draw(r.result);
    draw.force(r.result.choices[i].name, option);
    plan_of(draw);
    candidates.push_back(draw.take_result());
  };
  for (size_t i = 0; i < r.answered.size(); ++i)
    if (r.answered[i].taken > 0) forced(i, 0);
  for (size_t i = 0; i < r.answered.size(); ++i)
    for (uint32_t option = 1; option < r.answered[i].taken; ++option)
      if (!r.result.choices[i].name.ends_with(".module")) forced(i, option);
  return candidates;
}

std::string kept_by_minimizing(Signature signature) {
  signature.autocast = "off";
  signature.operands = signature.category = "-";
  return to_string(signature);
}

Case minimize(Case c, Violation& violation, const Shows& shows) {
  c = canonical(c);
  Size size = size_of(c);
  for (bool smaller = true; smaller;) {
    smaller = false;
    const size_t apart = operands_apart(c);
    for (const Case& candidate : simpler(c)) {
      const Size its = size_of(candidate);
      if (!(its < size)) continue;
      const auto violations = shows(candidate);
      const auto same = [&](bool whatever_operands) {
        return std::find_if(violations.begin(), violations.end(), [&](const Violation& v) {
          return same_finding(violation.signature, v.signature, whatever_operands);
        });
      };
      auto shown = same(false);
      if (shown == violations.end() && operands_apart(candidate) < apart) shown = same(true);
      if (shown == violations.end()) continue;
      c = candidate;
      violation = *shown;
      size = its;
      smaller = true;
      break;
    }
  }
  return c;
}

}  // namespace dtypefuzz
