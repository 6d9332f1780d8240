#include "harness/search/neighbors.h"

#include <algorithm>

#include "dtypefuzz/rng.h"

namespace dtypefuzz {

Neighbors::Neighbors(const std::vector<Case>& starts, const Space& space) : space_(space) {
  uint64_t count = 0;
  for (const Case& start : starts) {
    starts_.push_back(reading_of(start, space));
    for (const Answered& answer : starts_.back().answers) count += answer.options - 1;
    first_.push_back(count);
  }
}

Reading Neighbors::at(uint64_t seed, uint64_t index) const {
  if (index < singles()) return single(index);
  Rng rng = rng_for(seed, index);
  Reading near{.body = starts_[rng.below(starts_.size())].body, .answers = {}, .plan = {}};
  for (uint64_t left = 2 + rng.below(2); left > 0; --left) {
    Draw draw(near.body, Rng(rng.next()), Bias{});
    draw.answer_anew(near.body.choices[rng.below(near.body.choices.size())].name);
    near = reading_of(draw, space_);
  }
  return near;
}

Reading Neighbors::single(uint64_t index) const {
  const auto behind = std::upper_bound(first_.begin(), first_.end(), index);
  const auto number = static_cast<size_t>(behind - first_.begin());
  uint64_t left = number == 0 ? index : index - first_[number - 1];
  const Reading& start = starts_[number];
  size_t changed = 0;
  while (left >= start.answers[changed].options - 1) left -= start.answers[changed++].options - 1;
  const auto option = static_cast<uint32_t>(left);
  return with_option(start.body, start.body.choices[changed].name,
                     option < start.answers[changed].taken ? option : option + 1, space_);
}

}  // namespace dtypefuzz
