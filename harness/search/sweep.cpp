#include "harness/search/sweep.h"

#include <algorithm>

#include "generators/optimizers.h"

namespace dtypefuzz {
namespace {

struct Axis {
  std::string name;
  std::vector<std::string> values;
};

/// Counts the cells; makes those that are wanted. False: stop. Answers that the space leaves out make none.
struct Cells {
  const Space& space;
  const std::function<std::optional<bool>(uint64_t)>& wants;
  const std::function<void(const Case&)>& visit;
  uint64_t index = 0;
  bool operator()(const Case& cell) {
    const auto wanted = wants(index++);
    if (wanted.value_or(false)) visit(canonical(cell));
    return wanted.has_value();
  }
  bool has(const std::string& value) const {
    if (value == "meta" &&
        std::find(space.devices.begin(), space.devices.end(), Device(kMeta)) == space.devices.end())
      return false;
    const auto dtype = parse_dtype(value);
    return !dtype || std::find(space.dtypes.begin(), space.dtypes.end(), *dtype) != space.dtypes.end();
  }
};

/// The product of the axes over `base`, the last axis fastest.
bool product(const Case& base, std::span<const Axis> axes, Cells& visit) {
  if (axes.empty()) return visit(base);
  for (const auto& value : axes.front().values) {
    if (!visit.has(value)) continue;
    Case c = base;
    c.set(axes.front().name, value);
    if (!product(c, axes.subspan(1), visit)) return false;
  }
  return true;
}

std::vector<std::string> names_of(const std::vector<Dtype>& dtypes,
                                  std::initializer_list<const char*> first = {}) {
  std::vector<std::string> names(first.begin(), first.end());
  for (const Dtype dtype : dtypes) names.emplace_back(name_of(dtype));
  return names;
}

std::vector<std::string> names_of(std::span<const OptimizerRow> rows) {
  std::vector<std::string> names;
  for (const OptimizerRow& row : rows) names.emplace_back(row.name);
  return names;
}

/// Every other answer of every question below `prefix`, one at a time, over two dtypes of the rest.
bool one_at_a_time(const Case& base, const Space& space, std::string_view prefix, Cells& visit) {
  for (const auto* dtype : {"float32", "bfloat16"}) {
    if (!visit.has(dtype)) continue;
    Case start = base;
    start.set("params.dtype", dtype);
    Draw draw(start);
    plan_of(draw, space);
    for (size_t i = 0; i < draw.answered().size(); ++i) {
      const auto& name = draw.result().choices[i].name;
      if (!std::string_view(name).starts_with(prefix) || name.ends_with(".module")) continue;
      for (uint32_t option = 0; option < draw.answered()[i].options; ++option) {
        if (option == draw.answered()[i].taken) continue;
        Draw other(draw.result());
        other.force(name, option);
        plan_of(other, space);
        const Case varied = other.take_result();
        const Axis axes[] = {{"autocast", {"off", "bfloat16"}},
                             {"input.dtype", {"same", "float32", "float64"}}};
        if (!product(varied, axes, visit)) return false;
      }
    }
  }
  return true;
}

std::vector<std::string> of_each_category() {
  return {"float64", "bfloat16", "float16", "float32", "float8_e4m3fn", "complex64", "int64", "bool"};
}

/// The questions about the dtype of one operand: the input's, and those below `prefix`.
std::vector<std::string> operands_of(const Case& c, const Space& space, std::string_view prefix) {
  Draw draw(c);
  plan_of(draw, space);
  std::vector<std::string> names = {"input.dtype"};
  for (const Choice& choice : draw.result().choices)
    if (choice.name.starts_with(prefix) && choice.name.ends_with(".dtype")) names.push_back(choice.name);
  return names;
}

/// Each other answer with each single operand in another dtype, a dtype of each category, everything else
/// simplest: kernels are picked by options (padding, an empty batch, strides), and each looks at operands in
/// its own way.
bool answer_by_operand(const Case& base, const Space& space, std::string_view prefix, Cells& visit) {
  constexpr std::string_view kSettings[] = {"mode", "batch", "input.contiguous", "input.requires_grad",
                                            "input.rank"};
  const auto cells = [&](const Case& c) {
    for (const auto& operand : operands_of(c, space, prefix)) {
      const Axis dtypes{operand, of_each_category()};
      const Axis in_regions[] = {{"autocast", {"off", "bfloat16", "float16"}}, dtypes};
      const Axis elsewhere[] = {{"params.dtype", {"float64", "bfloat16"}}, dtypes};
      const Axis on_meta[] = {{"device", {"meta"}}, dtypes};
      if (!product(c, in_regions, visit) || !product(c, elsewhere, visit) || !product(c, on_meta, visit))
        return false;
    }
    return true;
  };
  if (!cells(base)) return false;
  Draw draw(base);
  plan_of(draw, space);
  for (size_t i = 0; i < draw.answered().size(); ++i) {
    const auto& name = draw.result().choices[i].name;
    const bool is_setting =
        std::find(std::begin(kSettings), std::end(kSettings), name) != std::end(kSettings);
    const bool is_option = name.starts_with(prefix) && !name.ends_with("dtype") &&
                           !name.ends_with(".module") && !name.ends_with(".autocast");
    if (!is_setting && !is_option) continue;
    for (uint32_t option = 0; option < draw.answered()[i].options; ++option) {
      if (option == draw.answered()[i].taken) continue;
      Draw other(draw.result());
      other.force(name, option);
      plan_of(other, space);
      if (!cells(other.take_result())) return false;
    }
  }
  return true;
}

}  // namespace

void sweep(const Space& space, const std::function<std::optional<bool>(uint64_t)>& wants,
           const std::function<void(const Case&)>& on_cell) {
  Cells visit{space, wants, on_cell};
  const auto dtypes = names_of(space.dtypes);
  Space after_another = space;  // the layer before, and the layer before a loss, whichever were asked for
  after_another.modules = whole_space().modules;
  // Where modules alone are asked for by name the losses are not, and the other way round.
  const bool some_modules = space.modules.size() < whole_space().modules.size();
  const bool some_losses = space.losses.size() < whole_space().losses.size();
  for (const Row* row : space.modules) {
    if (some_losses && !some_modules) break;
    Case base;
    base.set("layers", "1");
    base.set("layers[0].module", row->name);
    const Axis cells[] = {{"mode", {"train", "eval", "no_grad", "inference"}},
                          {"autocast", {"off", "bfloat16", "float16"}},
                          {"params.dtype", dtypes},
                          {"input.dtype", names_of(space.dtypes, {"same"})}};
    if (!product(base, cells, visit)) return;
    Case on_meta = base;
    on_meta.set("device", "meta");
    const Axis meta_cells[] = {{"params.dtype", dtypes}, {"input.dtype", names_of(space.dtypes, {"same"})}};
    if (!product(on_meta, meta_cells, visit)) return;
    if (!one_at_a_time(base, space, "layers[0].", visit)) return;
    if (!answer_by_operand(base, space, "layers[0].", visit)) return;
    // In place, which the first layer never is. What comes before keeps its input, not its output, for
    // backward.
    Case in_place = base;
    in_place.set("layers", "2");
    in_place.set("layers[0].module", "Hardtanh");
    in_place.set("layers[1].module", row->name);
    Draw offered(in_place);
    plan_of(offered, after_another);
    if (!offered.result()["layers[1].inplace"].empty()) {
      const Axis in_places[] = {{"layers[1].inplace", {"true"}},
                                {"mode", {"train", "eval", "no_grad", "inference"}},
                                {"autocast", {"off", "bfloat16", "float16"}},
                                {"params.dtype", dtypes},
                                {"input.dtype", names_of(space.dtypes, {"same"})}};
      if (!product(in_place, in_places, visit)) return;
    }
    const Axis undocumented[] = {{"autocast", dtypes}, {"params.dtype", {"float32", "bfloat16", "float64"}}};
    if (!product(base, undocumented, visit)) return;
    const Axis loads[] = {{"load", {"archive", "copy"}},
                          {"load.dtype", dtypes},
                          {"params.dtype", {"float32", "float64", "bfloat16", "complex64"}}};
    if (!product(base, loads, visit)) return;
    const Axis converts[] = {
        {"convert", {"before_forward", "after_forward", "after_backward", "between_steps"}},
        {"convert.dtype", dtypes},
        {"steps", {"0", "2"}},
        {"optimizer", {"none", "SGD", "Adam"}}};
    if (!product(base, converts, visit)) return;
    const Axis flat[] = {
        {"flat_vector", {"true"}}, {"params.dtype", dtypes}, {"clip", {"none", "norm", "value"}}};
    if (!product(base, flat, visit)) return;
    for (const auto& operand : operands_of(base, space, "layers[0].")) {
      const Axis mixed[] = {
          {"device", {"cpu", "meta"}}, {"flat_vector", {"true"}}, {operand, of_each_category()}};
      if (!product(base, mixed, visit)) return;
    }
    const Axis meta_converts[] = {{"device", {"meta"}},
                                  {"convert", {"before_forward", "after_forward", "after_backward"}},
                                  {"convert.dtype", of_each_category()}};
    if (!product(base, meta_converts, visit)) return;
    const Axis warm[] = {{"autocast", {"bfloat16", "float16"}},
                         {"autocast.warmup", {"no_grad", "exception"}},
                         {"params.dtype", {"float32", "bfloat16", "float16", "float64"}},
                         {"layers[0].autocast", {"same", "off", "bfloat16", "float16"}}};
    if (!product(base, warm, visit)) return;
    const Axis resumed[] = {{"load", {"archive", "copy"}},
                            {"load.steps", {"1"}},
                            {"load.dtype", {"float32", "float64", "bfloat16", "float16", "complex64"}},
                            {"params.dtype", {"float32", "float64", "bfloat16", "float16"}},
                            {"steps", {"2"}},
                            {"optimizer", names_of(optimizers())},
                            {"optimizer.load", {"true"}}};
    if (!product(base, resumed, visit)) return;
    const Axis steps[] = {{"steps", {"2"}},
                          {"optimizer", names_of(optimizers())},
                          {"params.dtype", dtypes},
                          {"scaler", {"off", "on"}}};
    if (!product(base, steps, visit)) return;
  }
  for (const Row* row : space.losses) {
    if (some_modules && !some_losses) break;
    for (const auto* module : {"Identity", "Sigmoid", "Embedding"}) {
      Case base;
      base.set("layers", "1");
      base.set("layers[0].module", module);
      base.set("input.requires_grad", "true");
      base.set("loss", row->name);
      const Axis cells[] = {{"loss.autocast", {"same", "off", "bfloat16"}},
                            {"autocast", {"off", "bfloat16", "float16"}},
                            {"input.dtype", names_of(space.dtypes, {"same"})},
                            {"loss.target.dtype", names_of(space.dtypes, {"same"})}};
      if (!product(base, cells, visit)) return;
      if (!one_at_a_time(base, after_another, "loss.", visit)) return;
      if (!answer_by_operand(base, after_another, "loss.", visit)) return;
    }
  }
}

}  // namespace dtypefuzz
