#include "harness/search/mutate.h"

#include "harness/search/draw_case.h"

namespace dtypefuzz {
namespace {

Reading remade(const Case& c, Rng rng, const Space& space, const Bias& bias) {
  Draw draw(c, rng, bias);
  return reading_of(draw, space);
}

/// A list that has elements, outer ones more often.
std::string some_list(const Case& c, Rng& rng) {
  const auto lists = lists_of(c);
  return lists.empty() || rng.chance(0.8) ? "layers" : lists[rng.below(lists.size())];
}

}  // namespace

Reading mutated(const Case& c, Rng rng, const Space& space, const Bias& bias) {
  if (c.choices.empty()) return draw_case(rng, space, bias);
  const std::string list = some_list(c, rng);
  const size_t count = list_size(c, list);
  const size_t at = rng.below(count);
  Case changed = c;
  switch (rng.below(10)) {
    case 0:
      return draw_case(Rng(rng.next()), space, bias);
    case 1:
      changed = with_element(c, list, rng.below(count + 1), {});  // its answers are drawn
      break;
    case 2:
      if (count > 1) changed = without_element(c, list, at);
      break;
    case 3:
      changed = with_element(c, list, at, element_of(c, list, at));
      break;
    case 4: {
      const size_t other = rng.below(count);
      const auto element = element_of(c, list, other);
      if (other != at) changed = with_element(without_element(c, list, other), list, at, element);
      break;
    }
    default: {
      Draw draw(c, Rng(rng.next()), bias);
      for (uint64_t n = 1 + rng.below(3); n > 0; --n)
        draw.answer_anew(c.choices[rng.below(c.choices.size())].name);
      return reading_of(draw, space);
    }
  }
  return remade(changed, Rng(rng.next()), space, bias);
}

Reading crossed(const Case& a, const Case& b, Rng rng, const Space& space, const Bias& bias) {
  Case child;
  for (const Choice& choice : a.choices)
    if (!belongs_to(choice.name, "layers")) {
      const auto other = b[choice.name];
      child.choices.push_back(
          {choice.name, rng.chance(0.5) && !other.empty() ? std::string(other) : choice.value});
    }
  const size_t first = rng.below(list_size(a, "layers") + 1);
  const size_t skipped = rng.below(list_size(b, "layers") + 1);
  child.set("layers", "0");
  size_t n = 0;
  for (size_t i = 0; i < first; ++i) child = with_element(child, "layers", n++, element_of(a, "layers", i));
  for (size_t i = skipped; i < list_size(b, "layers") && n < 8; ++i)
    child = with_element(child, "layers", n++, element_of(b, "layers", i));
  return remade(child, Rng(rng.next()), space, bias);
}

}  // namespace dtypefuzz
