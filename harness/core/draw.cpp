#include "dtypefuzz/draw.h"

#include <algorithm>
#include <unordered_set>

namespace dtypefuzz {
namespace {

/// Beside `Ask`: the odds that each kind is drawn by.
constexpr double Bias::* kOdds[] = {
    &Bias::setting, &Bias::module,  &Bias::count,   &Bias::size,    &Bias::size,
    &Bias::size,    &Bias::dtype,   &Bias::operand, &Bias::dtype,   &Bias::operand,
    &Bias::operand, &Bias::setting, &Bias::operand, &Bias::operand,
};
static_assert(std::size(kOdds) == static_cast<size_t>(Ask::residual) + 1);

constexpr double Bias::* odds_of(Ask ask) {
  return kOdds[static_cast<size_t>(ask)];
}

}  // namespace

double Bias::of(Ask ask) const {
  return this->*odds_of(ask);
}

Draw::Scope::Scope(Draw& draw, std::string_view segment) : draw_(draw), old_size_(draw.path_.size()) {
  draw.path_ += segment;
  draw.path_ += '.';
}

Draw::Scope::Scope(Draw& draw, std::string_view list, size_t index)
    : draw_(draw), old_size_(draw.path_.size()) {
  char digits[24];
  const auto end = std::to_chars(digits, digits + sizeof digits, index).ptr;
  draw.path_ += list;
  draw.path_ += '[';
  draw.path_.append(digits, end);
  draw.path_ += "].";
}

std::optional<Dtype> Draw::dtype_or(Ask ask, std::string_view name, std::string_view first,
                                    std::span<const Dtype> options) {
  struct View {
    std::string_view first;
    std::span<const Dtype> rest;
  } const view{first, options};
  const auto text = [](const void* data, size_t i, Scratch&) {
    const auto& v = *static_cast<const View*>(data);
    return i == 0 ? v.first : name_of(v.rest[i - 1]);
  };
  const size_t taken = choose(ask, name, {&view, options.size() + 1, text});
  return taken == 0 ? std::nullopt : std::optional(options[taken - 1]);
}

size_t Draw::options_to_draw(Ask ask, size_t count) {
  const bool of_dtypes =
      count > Bias::kUsualDtypes && (odds_of(ask) == &Bias::dtype || odds_of(ask) == &Bias::operand);
  return of_dtypes && rng_.chance(bias_.usual) ? Bias::kUsualDtypes : count;
}

size_t Draw::choose(Ask ask, std::string_view name, const Options& options) {
  std::string full;
  full.reserve(path_.size() + name.size());
  full += path_;
  full += name;

  Scratch scratch;
  const std::string* given = nullptr;
  if (replayed_) {
    const auto& choices = replayed_->choices;
    for (size_t step = 0; step < choices.size(); ++step) {
      const size_t at = cursor_ + step < choices.size() ? cursor_ + step : cursor_ + step - choices.size();
      if (choices[at].name != full) continue;
      given = &choices[at].value;
      cursor_ = at + 1 < choices.size() ? at + 1 : 0;
      break;
    }
  }

  size_t taken = options.count;
  if (!forced_name_.empty() && forced_name_ == full) {
    taken = std::min<size_t>(forced_index_, options.count - 1);
  } else if (!anew_.empty() && std::find(anew_.begin(), anew_.end(), full) != anew_.end()) {
    taken = rng_.below(options_to_draw(ask, options.count));
  } else if (given) {
    for (size_t i = 0; i < options.count && taken == options.count; ++i)
      if (options.text(options.data, i, scratch) == *given) taken = i;
  }
  if (taken == options.count) {
    taken = random_ && !rng_.chance(bias_.of(ask)) ? rng_.below(options_to_draw(ask, options.count)) : 0;
    if (keep_repairs_ && replayed_) {
      Repair repair{
          full, ask, given ? *given : "", std::string(options.text(options.data, taken, scratch)), {}};
      for (size_t i = 0; i < options.count; ++i)
        repair.offered.emplace_back(options.text(options.data, i, scratch));
      repairs_.push_back(std::move(repair));
    }
  }
  asked_.choices.push_back({std::move(full), std::string(options.text(options.data, taken, scratch))});
  answered_.push_back({static_cast<uint32_t>(options.count), static_cast<uint32_t>(taken), ask});
  return taken;
}

std::vector<Choice> Draw::unasked() const {
  std::vector<Choice> result;
  if (!replayed_) return result;
  std::unordered_set<std::string_view> asked;
  for (const Choice& choice : asked_.choices) asked.insert(choice.name);
  for (const Choice& choice : replayed_->choices)
    if (!asked.contains(choice.name)) result.push_back(choice);
  return result;
}

}  // namespace dtypefuzz
