#include "harness/search/neighbors.h"

#include <algorithm>

namespace dtypefuzz {

Neighbors::Neighbors(const std::vector<Case>& starts, const Space& space) : space_(space) {
  uint64_t count = 0;
  for (const Case& start : starts) {
    Draw draw(start);
    plan_of(draw, space);
    for (const Answered& answer : draw.answered()) count += answer.options - 1;
    first_.push_back(count);
    starts_.push_back({draw.result(), draw.take_answered()});
  }
}

Made Neighbors::at(uint64_t seed, uint64_t index) const {
  if (index < singles()) return single(index);
  Rng rng = rng_for(seed, index);
  Made made{starts_[rng.below(starts_.size())].body, {}};
  for (uint64_t left = 2 + rng.below(2); left > 0; --left) {
    Draw draw(made.body, Rng(rng.next()), Bias{});
    draw.answer_anew(made.body.choices[rng.below(made.body.choices.size())].name);
    made = made_by(draw, space_);
  }
  return made;
}

Made Neighbors::single(uint64_t index) const {
  const auto behind = std::upper_bound(first_.begin(), first_.end(), index);
  const auto number = static_cast<size_t>(behind - first_.begin());
  uint64_t left = number == 0 ? index : index - first_[number - 1];
  const Start& start = starts_[number];
  size_t answer = 0;
  while (left >= start.answered[answer].options - 1) left -= start.answered[answer++].options - 1;
  const auto option = static_cast<uint32_t>(left);
  Draw draw(start.body);
  draw.force(start.body.choices[answer].name, option < start.answered[answer].taken ? option : option + 1);
  return made_by(draw, space_);
}

}  // namespace dtypefuzz
