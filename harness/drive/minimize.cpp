#include "harness/drive/minimize.h"

#include "generators/stack.h"

namespace dtypefuzz {
namespace {

struct Replayed {
  Case result;
  std::vector<Answered> answered;
};
Replayed replay_of(const Case& c) {
  Draw draw(c);
  plan_of(draw);
  Replayed replayed;
  replayed.answered = draw.answered();
  replayed.result = draw.take_result();
  return replayed;
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
    // The module's place in the table is no measure of simplicity.
    if (!name.ends_with(".module")) size.distance += r.answered[i].taken;
  }
  return size;
}

std::vector<Case> simpler(const Case& c) {
  const Replayed r = replay_of(c);
  std::vector<Case> candidates;
  for (const auto& list : lists_of(r.result)) {
    const size_t count = list_size(r.result, list);
    for (size_t i = count; count > 1 && i-- > 0;)
      candidates.push_back(canonical(without_element(r.result, list, i)));
    // Where the first layer goes, an input takes its place: with a gradient, as the layer's output had, and
    // of other sizes than the simplest, as that may have had.
    if (list == "layers" && count > 1) {
      Case c = without_element(r.result, list, 0);
      c.set("input.requires_grad", "true");
      candidates.push_back(canonical(c));
      constexpr Bias kEven{.setting = 0, .module = 0, .count = 0, .size = 0, .dtype = 0, .operand = 1};
      for (uint64_t seed = 0; seed < 8; ++seed) {
        Draw draw(c, Rng(seed), kEven);
        plan_of(draw);
        candidates.push_back(draw.take_result());
      }
    }
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

bool same_finding(const Signature& large, const Signature& small) {
  Signature a = large;
  if (small.autocast == "off") a.autocast = "off";
  return a == small;
}

Case minimize(Case c, Violation& violation, const Shows& shows) {
  c = canonical(c);
  Size size = size_of(c);
  for (bool smaller = true; smaller;) {
    smaller = false;
    for (const Case& candidate : simpler(c)) {
      const Size its = size_of(candidate);
      if (!(its < size)) continue;
      const auto shown = shows(candidate);
      if (!shown || !same_finding(violation.signature, shown->signature)) continue;
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
