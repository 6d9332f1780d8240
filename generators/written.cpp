#include "generators/written.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <charconv>

#include "dtypefuzz/error.h"
#include "generators/stack.h"
#include "harness/core/text.h"
#include "harness/core/words.h"

namespace dtypefuzz {
namespace {

constexpr size_t kMostShown = 60;  // bytes of a word

std::string shown(std::string_view word) {
  return as_text(word, kMostShown);
}

/// One other answer to a question that is asked, as a person would give it.
struct Change {
  std::string question, now;
  std::vector<std::string> others;  ///< each of which brings about what is wanted
  std::vector<std::string> offered;
  bool is_written = false;  ///< the person has answered it
};

std::optional<int64_t> whole_number(std::string_view text) {
  int64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size() ? std::optional(value)
                                                                             : std::nullopt;
}

/// `2 or more` where that says it, else the first few.
std::string words_of(const Change& change) {
  std::vector<int64_t> all, good;
  for (const auto& word : change.offered)
    if (const auto value = whole_number(word)) all.push_back(*value);
  for (const auto& word : change.others)
    if (const auto value = whole_number(word)) good.push_back(*value);
  if (all.size() == change.offered.size() && good.size() > 1) {
    const int64_t least = *std::ranges::min_element(good);
    const auto above = std::ranges::count_if(all, [&](int64_t value) { return value >= least; });
    if (static_cast<size_t>(above) == good.size()) return fmt::format("{} or more", least);
  }
  constexpr size_t kFew = 4;
  std::string text;
  for (size_t i = 0; i < std::min(kFew, change.others.size()); ++i)
    text += (i == 0 ? "" : i + 1 == change.others.size() ? " or " : ", ") + change.others[i];
  if (change.others.size() > kFew) text += fmt::format(" or one of {} others", change.others.size() - kFew);
  return text;
}

/// The changes of one answer after which `holds` of the case that the grammar reads; those of answers that
/// nobody has given come first.
std::vector<Change> changes_after_which(const Case& written, const Space& space, const auto& holds) {
  Draw draw(written);
  const Reading reading = reading_of(draw, space);
  std::vector<Change> changes;
  for (const auto& [name, value, answer] : reading.questions()) {
    Change change;
    change.question = name, change.now = value;
    // Which dtype it is decides about no question and no module.
    const uint32_t options =
        is_dtype(answer.ask) || is_region(answer.ask) ? std::min(answer.options, 3u) : answer.options;
    for (uint32_t option = 0; option < options; ++option) {
      Draw other(written);
      other.force(name, option);
      plan_of(other, space);
      const Case read = other.take_result();
      change.offered.emplace_back(read[name]);
      if (option != answer.taken && holds(read)) change.others.emplace_back(read[name]);
    }
    change.is_written = !written[name].empty();
    if (!change.others.empty()) changes.push_back(std::move(change));
  }
  std::ranges::stable_sort(changes, {}, &Change::is_written);
  return changes;
}

/// `batch = 2 or more (here 1)`
std::string where_it_would(const std::vector<Change>& changes) {
  const Change& change = changes.front();
  return fmt::format("where {} = {} (here {})", change.question, words_of(change), change.now);
}

/// The question that was meant: one of the same layer first, by its last word or by how that begins.
std::string nearest_question(std::string_view given, const std::vector<std::string>& asked) {
  const auto tail_of = [](std::string_view name) { return name.substr(name.rfind('.') + 1); };
  const std::string_view head = given.substr(0, given.size() - tail_of(given).size());
  std::vector<std::string> tails;
  for (const auto& name : asked)
    if (!head.empty() && name.starts_with(head) && tail_of(name).size() + head.size() == name.size())
      tails.emplace_back(tail_of(name));
  if (const auto tail = nearest(tail_of(given), tails); !tail.empty()) return std::string(head) + tail;
  constexpr size_t kBeginning = 4;
  const auto beginning = tail_of(given).substr(0, kBeginning);
  if (beginning.size() == kBeginning)
    for (const auto& tail : tails)
      if (tail.starts_with(beginning)) return std::string(head) + tail;
  return nearest(given, asked);
}

std::string not_asked(const Case& written, const std::string& question, const Space& space) {
  const auto asks = [&](const Case& c) {
    return std::ranges::any_of(c.choices, [&](const Choice& choice) { return choice.name == question; });
  };
  if (const auto changes = changes_after_which(written, space, asks); !changes.empty())
    return fmt::format("{} is not asked in this case; it is {}", shown(question), where_it_would(changes));
  std::vector<std::string> asked;
  for (const Choice& choice : canonical(written, space).choices)
    if (written[choice.name].empty() || spelled(question, {choice.name})) asked.push_back(choice.name);
  const std::string meant = nearest_question(question, asked);
  return fmt::format(
      "{} is not asked in this case{}", shown(question),
      meant.empty() ? "; 'list questions FILE' tells what is" : fmt::format(", did you mean '{}'?", meant));
}

/// The module that stands before the one that `question` names.
std::string module_before(const Case& read, std::string_view question) {
  const auto element = owner_of(question.substr(0, question.rfind('.')));
  if (!element) return {};
  std::string_view before;
  for (const Choice& choice : read.choices) {
    if (choice.name == question) break;
    if (choice.name.ends_with(".module")) before = choice.value;
  }
  return std::string(before);
}

bool is_number(std::string_view word) {
  return !word.empty() && std::isdigit(static_cast<unsigned char>(word.front()));
}

Mistake::Kind kind_of(const Repair& repair, const Space& space) {
  if (repair.ask == Ask::module)
    return space.row(repair.given) ? Mistake::not_offered : Mistake::unknown_word;
  return is_number(repair.given) ? Mistake::not_offered : Mistake::unknown_word;
}

std::string not_offered(const Case& written, const Repair& repair, Mistake::Kind kind, const Space& space) {
  const std::string head = fmt::format("{} = {} is not offered here", repair.name, shown(repair.given));
  if (repair.ask == Ask::module && kind == Mistake::unknown_word) {
    std::vector<std::string> all = repair.offered;
    for (const Row* row : space.modules) all.emplace_back(row->name);
    const std::string meant = did_you_mean(repair.given, all);
    return head + (meant.empty() ? "; 'list modules' names what there is" : meant);
  }
  const auto offers = [&](const Case& c) { return c[repair.name] == repair.given; };
  if (const auto changes = changes_after_which(written, space, offers); !changes.empty()) {
    const std::string before =
        repair.ask == Ask::module ? module_before(canonical(written, space), repair.name) : "";
    return fmt::format("{}{}; it is {}", head, before.empty() ? "" : " after " + before,
                       where_it_would(changes));
  }
  const std::string meant = nearest(repair.given, repair.offered);
  if (!meant.empty() && !is_number(repair.given)) return fmt::format("{}, did you mean '{}'?", head, meant);
  return fmt::format("{}{}; offered: {}", head,
                     meant.empty() ? "" : fmt::format(", the nearest is {}", meant),
                     fmt::join(repair.offered, ", "));
}

}  // namespace

Understood understood(const Case& written, const Space& space) {
  Case c = written;
  for (size_t round = 0;; ++round) {
    Draw draw(c);
    draw.keep_repairs(true);
    plan_of(draw, space);
    bool respelled = false;
    Understood read;
    for (const Repair& repair : draw.repairs()) {
      if (repair.given.empty()) continue;  // not answered: the simplest, as people write cases
      read.mistakes.push_back({kind_of(repair, space), repair});
      // One answer may bring about the next question, so that each round reads further.
      if (round >= written.choices.size()) continue;
      if (const auto word = spelled(repair.given, repair.offered))
        c.set(repair.name, *word), respelled = true;
    }
    if (respelled) continue;
    for (const Choice& choice : draw.unasked())
      read.mistakes.push_back({Mistake::not_asked, {choice.name, Ask::setting, choice.value, {}, {}}});
    read.body = draw.take_result();
    read.written = std::move(c);
    return read;
  }
}

std::vector<Question> questions_in(const Case& c, const Space& space) {
  const Reading reading = reading_of(c, space);
  std::vector<Question> all;
  for (const auto& [name, value, answer] : reading.questions()) {
    Question question{name, value, answer.ask, {}};
    for (uint32_t option = 0; option < answer.options; ++option)
      question.offered.emplace_back(with_option(reading.body, name, option, space).body[name]);
    all.push_back(std::move(question));
  }
  return all;
}

Case stack_of(const std::vector<std::string>& names, const Space& space) {
  Case c;
  std::vector<std::string> known;
  for (const auto* rows : {&space.modules, &space.losses})
    for (const Row* row : *rows) known.emplace_back(row->name);
  size_t layers = 0;
  std::vector<std::pair<std::string, std::string>> wanted;
  for (const std::string& given : names) {
    const std::string name = spelled(given, known).value_or(given);
    if (!space.row(name)) fail("'{}': no such module{}", as_text(given, 60), did_you_mean(given, known));
    const bool is_loss = std::ranges::any_of(space.losses, [&](const Row* row) { return row->name == name; });
    if (is_loss && &given != &names.back()) fail("'{}' is a loss, which stands last", name);
    wanted.emplace_back(is_loss ? "loss" : fmt::format("layers[{}].module", layers++), name);
  }
  c.set("layers", std::to_string(std::max<size_t>(layers, 1)));
  for (const auto& [question, name] : wanted) {
    c.set(question, name);
    if (canonical(c, space)[question] == name) continue;
    const auto takes = [&](const Case& read) { return read[question] == name; };
    const auto changes = changes_after_which(c, space, takes);
    if (changes.empty() || changes.front().is_written)
      fail("'{}' takes nothing of what stands before it, whatever its sizes", name);
    c.set(changes.front().question, changes.front().others.front());
  }
  return c;
}

std::string explained(const Mistake& mistake, const Understood& read, const Space& space) {
  return mistake.kind == Mistake::not_asked ? not_asked(read.written, mistake.answer.name, space)
                                            : not_offered(read.written, mistake.answer, mistake.kind, space);
}

}  // namespace dtypefuzz
