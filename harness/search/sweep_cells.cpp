#include "harness/search/sweep_cells.h"

#include <algorithm>

namespace dtypefuzz {
namespace {

/// Gives `visit` the case with each question that `is_varied` answered otherwise, one at a time.
template <class IsVaried, class Visit>
bool each_other_answer(const Case& base, const Part& part, const IsVaried& is_varied, const Visit& visit) {
  const Reading reading = reading_of(base, part.space);
  for (const Asked& asked : reading.questions()) {
    if (!is_varied(asked)) continue;
    for (uint32_t option = 0; option < asked.answer.options; ++option)
      if (option != asked.answer.taken &&
          !visit(with_option(reading.body, asked.name, option, part.space).body))
        return false;
  }
  return true;
}

/// Each single operand in another dtype, a dtype of each category, the rest of the case as it is.
bool operand_by_operand(const Case& c, const Part& part, Cells& cells) {
  for (const auto& operand : operands_of(c, part)) {
    const Axis dtypes{operand, of_each_category()};
    const Axis in_regions[] = {{"autocast", {"off", "bfloat16", "float16"}}, dtypes};
    const Axis elsewhere[] = {{"params.dtype", {"float64", "bfloat16"}}, dtypes};
    const Axis on_meta[] = {{"device", {"meta"}}, dtypes};
    for (const std::span<const Axis> axes : {std::span<const Axis>(in_regions), {elsewhere}, {on_meta}})
      if (!cells.product(c, axes)) return false;
  }
  return true;
}

}  // namespace

bool Cells::product(const Case& base, std::span<const Axis> axes) {
  if (axes.empty()) return cell(base);
  const auto with = [&](std::string_view value) {
    Case c = base;
    c.set(axes.front().name, value);
    return product(c, axes.subspan(1));
  };
  for (const auto& value : axes.front().values) {
    if (value == kEvery) {
      for (const Dtype dtype : space_.dtypes)
        if (!with(name_of(dtype))) return false;
    } else if (has(value) && !with(value)) {
      return false;
    }
  }
  return true;
}

bool Cells::has(std::string_view value) const {
  if (value == kMeta.name && !space_.device(value)) return false;
  const auto dtype = parse_dtype(value);
  return !dtype || std::find(space_.dtypes.begin(), space_.dtypes.end(), *dtype) != space_.dtypes.end();
}

bool Cells::cell(const Case& c) {
  const auto wanted = wants_(index_++);
  if (wanted.value_or(false)) visit_(canonical(c, whole_));
  return wanted.has_value();
}

std::vector<std::string> operands_of(const Case& c, const Part& part) {
  std::vector<std::string> names = {"input.dtype"};
  const Reading reading = reading_of(c, part.space);
  for (const auto& [name, value, answer] : reading.questions())
    if (lies_in(name, part.path) && answer.ask == Ask::operand_dtype) names.push_back(name);
  return names;
}

bool one_at_a_time(const Case& base, const Part& part, Cells& cells) {
  const Axis kAround[] = {{"autocast", {"off", "bfloat16"}}, {"input.dtype", {"same", "float32", "float64"}}};
  const auto is_varied = [&](const Asked& asked) {
    return lies_in(asked.name, part.path) && asked.answer.ask != Ask::module;
  };
  for (const auto* dtype : {"float32", "bfloat16"}) {
    if (!cells.has(dtype)) continue;
    Case start = base;
    start.set("params.dtype", dtype);
    const bool more =
        each_other_answer(start, part, is_varied, [&](const Case& c) { return cells.product(c, kAround); });
    if (!more) return false;
  }
  return true;
}

bool answer_by_operand(const Case& base, const Part& part, Cells& cells) {
  constexpr std::string_view kSettings[] = {"mode", "batch", "input.contiguous", "input.requires_grad",
                                            "input.rank"};
  const auto is_varied = [&](const Asked& asked) {
    const Ask ask = asked.answer.ask;
    const bool is_option =
        lies_in(asked.name, part.path) && !is_dtype(ask) && !is_region(ask) && ask != Ask::module;
    return is_option ||
           std::find(std::begin(kSettings), std::end(kSettings), asked.name) != std::end(kSettings);
  };
  const auto visit = [&](const Case& c) { return operand_by_operand(c, part, cells); };
  return visit(base) && each_other_answer(base, part, is_varied, visit);
}

std::vector<std::string> of_each_category() {
  return {"float64", "bfloat16", "float16", "float32", "float8_e4m3fn", "complex64", "int64", "bool"};
}

}  // namespace dtypefuzz
