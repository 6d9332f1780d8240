#include "generators/stack.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>

#include "generators/optimizers.h"

namespace dtypefuzz {
namespace {

constexpr int kMaxLayers = 8;
constexpr int kMaxNested = 3;

template <class E>
E draw_word(Draw& draw, std::string_view name, std::initializer_list<std::string_view> words) {
  const auto taken = draw.word(name, words);
  return static_cast<E>(std::find(words.begin(), words.end(), taken) - words.begin());
}

/// Null for none. Where tensors have no values there are fewer.
const OptimizerRow* draw_optimizer(Draw& draw, bool has_values) {
  c10::SmallVector<std::string_view, 16> names = {"none"};
  for (const OptimizerRow& row : optimizers())
    if (has_values || !row.reads_values) names.push_back(row.name);
  return optimizer_named(
      draw.pick<std::string_view>(Ask::setting, "optimizer", {names.data(), names.size()}));
}

/// `same | off | a dtype` as one question keeps the order simplest first.
Region draw_region(Draw& draw, std::span<const Dtype> dtypes) {
  std::vector<std::string_view> words = {"same", "off"};
  for (const Dtype dtype : dtypes) words.push_back(name_of(dtype));
  const auto taken = draw.pick<std::string_view>(Ask::operand, "autocast", words);
  if (taken == "same") return {};
  if (taken == "off") return {Region::kOff};
  return {Region::kOn, *parse_dtype(taken)};
}

/// bfloat16 and float16 first, which autocast documents, then every other dtype, which it does not.
std::vector<Dtype> autocast_dtypes(const std::vector<Dtype>& dtypes) {
  std::vector<Dtype> result = {Dtype::BFloat16, Dtype::Half};
  for (const Dtype dtype : dtypes)
    if (dtype != Dtype::BFloat16 && dtype != Dtype::Half) result.push_back(dtype);
  return result;
}

class Stack {
 public:
  Stack(Draw& draw, const Space& space, Plan& plan, const Site& site)
      : draw_(draw), space_(space), plan_(plan), site_(site), regions_(autocast_dtypes(space.dtypes)) {}

  void layers(int container) {
    const int64_t most = container < 0 ? kMaxLayers : kMaxNested;
    std::vector<int64_t> counts;
    for (int64_t n = 1; n <= most; ++n) counts.push_back(n);
    const auto count = draw_.pick<int64_t>(Ask::count, "layers", counts);
    for (int64_t i = 0; i < count; ++i) {
      const Draw::Scope scope(draw_, "layers", static_cast<size_t>(i));
      layer(container);
    }
  }

  void loss() {
    std::vector<const Row*> fitting;
    for (const Row* row : space_.losses)
      if (row->accepts(shape_, site_)) fitting.push_back(row);
    std::vector<std::string_view> words = {"none"};
    for (const Row* row : fitting) words.push_back(row->name);
    const auto taken = draw_.pick<std::string_view>(Ask::setting, "loss", words);
    if (taken == "none") return;
    const Draw::Scope scope(draw_, "loss");
    plan_.loss_autocast = draw_region(draw_, regions_);
    plan_.loss =
        module(**std::find_if(fitting.begin(), fitting.end(), [&](auto* row) { return row->name == taken; }));
  }

 private:
  std::string here() const { return draw_.path().substr(0, draw_.path().size() - 1); }

  void layer(int container) {
    std::vector<std::string_view> names;
    std::vector<const Row*> rows;
    for (const Row* row : space_.modules)
      if (first() || row->accepts(shape_, site_)) rows.push_back(row), names.push_back(row->name);
    if (rows.empty()) rows.push_back(find_row("Identity")), names.push_back("Identity");
    const auto distances = reusable();
    if (!distances.empty()) names.push_back("Reuse");
    if (container < 0) names.insert(names.end(), std::begin(Container::kNames), std::end(Container::kNames));

    const auto name = draw_.pick<std::string_view>(Ask::module, "module", names);
    const auto kind = std::find(std::begin(Container::kNames), std::end(Container::kNames), name);
    if (kind != std::end(Container::kNames)) {
      plan_.containers.push_back({static_cast<Container::Kind>(kind - std::begin(Container::kNames)), here(),
                                  draw_region(draw_, regions_)});
      layers(static_cast<int>(plan_.containers.size()) - 1);
      return;
    }
    LayerPlan layer;
    if (name == "Reuse") {
      const auto distance = draw_.pick<int64_t>(Ask::size, "distance", distances);
      layer = plan_.layers[plan_.layers.size() - static_cast<size_t>(distance)];
      layer.reuse = static_cast<int>(distance);
      layer.residual = 0;
      layer.path = here();
    } else {
      const Row& row = **std::find_if(rows.begin(), rows.end(), [&](auto* r) { return r->name == name; });
      if (first()) {
        shape_ = row.input(draw_, site_);
        plan_.input_shape = shape_;
      }
      layer = module(row);
    }
    layer.container = container;
    layer.autocast = draw_region(draw_, regions_);
    layer.residual = residual(layer.drawn.out);
    shape_ = layer.drawn.out;
    plan_.layers.push_back(std::move(layer));
  }

  LayerPlan module(const Row& row) {
    LayerPlan layer;
    layer.module = row.name;
    layer.contract = &row.contract;
    layer.forward = row.forward;
    layer.input_name = row.input_name;
    layer.input_content = row.content;
    layer.input_natural = row.natural;
    layer.in = shape_;
    layer.path = here();
    const size_t before = draw_.result().choices.size();
    Site site = site_;
    site.first = first();
    layer.drawn = row.draw(draw_, shape_, site);
    if (layer.drawn.forward) layer.forward = layer.drawn.forward;
    if (layer.drawn.contract) layer.contract = layer.drawn.contract;
    for (size_t i = before; i < draw_.result().choices.size(); ++i) {
      layer.variant += draw_.result().choices[i].value + ",";
      if (draw_.answered()[i].ask == Ask::setting) layer.options += draw_.result().choices[i].value + ",";
    }
    for (InputSpec& input : layer.drawn.inputs) {
      if (!input.present) continue;
      const Draw::Scope scope(draw_, input.name);
      input.dtype = draw_.dtype_or(Ask::operand, "dtype", "same", space_.dtypes);
    }
    for (const std::string& parameter : layer.drawn.parameters) {
      const Draw::Scope scope(draw_, parameter);
      if (const auto dtype = draw_.dtype_or(Ask::operand, "dtype", "same", space_.dtypes))
        layer.operand_dtypes.emplace_back(parameter, *dtype);
    }
    return layer;
  }

  /// Distances to layers whose module can take the present value as well, nearest first.
  std::vector<int64_t> reusable() const {
    std::vector<int64_t> distances;
    const size_t n = plan_.layers.size();
    for (size_t back = 1; back <= n; ++back) {
      const LayerPlan& layer = plan_.layers[n - back];
      const Row* row = find_row(layer.module);
      if (layer.reuse == 0 && row && row->reusable && layer.in == shape_)
        distances.push_back(static_cast<int64_t>(back));
    }
    return distances;
  }

  /// A distance (1: this layer) to a layer whose input has the shape of this output, or 0.
  int residual(const Shape& out) {
    std::vector<int64_t> distances = {0};
    if (shape_ == out) distances.push_back(1);  // this layer's own input
    const size_t n = plan_.layers.size();
    for (size_t back = 1; back <= n; ++back)
      if (plan_.layers[n - back].in == out) distances.push_back(static_cast<int64_t>(back) + 1);
    if (distances.size() == 1) return 0;
    return static_cast<int>(draw_.pick<int64_t>(Ask::operand, "residual", distances));
  }

  bool first() const { return plan_.layers.empty(); }

  Draw& draw_;
  const Space& space_;
  Plan& plan_;
  const Site& site_;
  const std::vector<Dtype> regions_;
  Shape shape_;
};

/// The dtypes that the library in use can make a tensor of, as it says itself.
std::vector<Dtype> tensor_dtypes() {
  struct Silent : c10::WarningHandler {
    void process(const c10::Warning&) override {}  // that quantized dtypes are deprecated, complex32 a beta
  } silent;
  const c10::WarningUtils::WarningHandlerGuard guard(&silent);
  std::vector<Dtype> dtypes;
  for (const Dtype dtype : all_dtypes()) {
    try {
      at::empty({1}, dtype);
      dtypes.push_back(dtype);
    } catch (const std::exception&) {  // it cannot
    }
  }
  return dtypes;
}

}  // namespace

const Space& whole_space() {
  static const Space space{.modules = {module_rows().begin(), module_rows().end()},
                           .losses = {losses().begin(), losses().end()},
                           .dtypes = tensor_dtypes(),
                           .devices = {kCpu, kMeta, kCuda}};
  return space;
}

Plan plan_of(Draw& draw, const Space& space) {
  Plan plan;
  std::vector<std::string_view> devices;
  for (const Device device : space.devices) devices.push_back(to_string(device));
  const auto device = draw.pick<std::string_view>(Ask::setting, "device", devices);
  plan.device =
      space.devices[static_cast<size_t>(std::find(devices.begin(), devices.end(), device) - devices.begin())];
  plan.mode = draw_word<Mode>(draw, "mode", {"train", "eval", "no_grad", "inference"});
  const Dtype defaults[] = {Dtype::Float, Dtype::Double, Dtype::BFloat16, Dtype::Half};
  plan.default_dtype = draw.pick<Dtype>(Ask::operand, "default_dtype", defaults);
  {
    const Draw::Scope scope(draw, "params");
    plan.params_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
  }
  {
    const Draw::Scope scope(draw, "input");
    plan.input_dtype = draw.dtype_or(Ask::dtype, "dtype", "same", space.dtypes);
    std::vector<std::string_view> elsewhere = {"same"};
    for (const Device other : space.devices)
      if (other != plan.device && other->takes_stray_input) elsewhere.push_back(other->name);
    const auto where = draw.pick<std::string_view>(Ask::operand, "device", elsewhere);
    for (const Device other : space.devices)
      if (other->name == where) plan.input_device = other;
    plan.input_requires_grad = draw.flag("requires_grad", false);
    plan.input_contiguous = draw.flag("contiguous", true);
    plan.fill = draw_word<Fill>(draw, "fill", {"ramp", "normal", "extremes"});
    const int64_t seeds[] = {0, 1, 2, 3};
    plan.seed = static_cast<uint64_t>(draw.pick<int64_t>(Ask::size, "seed", seeds));
  }
  const Site site{.batch = draw.size("batch", {1, 2, 3, 0, 17}),
                  .train = plan.mode == Mode::train,
                  .device = plan.device};
  const bool has_values = plan.device->has_values;
  if (plan.device->has_autocast())
    plan.autocast = draw.dtype_or(Ask::setting, "autocast", "off", autocast_dtypes(space.dtypes));
  if (plan.autocast) {
    const Draw::Scope scope(draw, "autocast");
    plan.warmup = draw_word<Warmup>(draw, "warmup", {"none", "no_grad", "exception"});
  }
  plan.flat_vector = draw.flag("flat_vector", false);
  plan.convert = draw_word<Convert>(
      draw, "convert", {"none", "before_forward", "after_forward", "after_backward", "between_steps"});
  if (plan.convert != Convert::none) {
    const Draw::Scope scope(draw, "convert");
    plan.convert_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
  }
  if (has_values) {
    plan.load = draw_word<Load>(draw, "load", {"none", "archive", "copy"});
    if (plan.load != Load::none) {
      const Draw::Scope scope(draw, "load");
      plan.load_dtype = draw.pick<Dtype>(Ask::dtype, "dtype", space.dtypes);
      plan.load_steps = static_cast<int>(draw.size("steps", {0, 1, 3, 10}));
    }
  }
  if (plan.has_backward()) {
    plan.steps =
        static_cast<int>(draw.pick<int64_t>(Ask::setting, "steps", std::array<int64_t, 5>{0, 1, 2, 3, 10}));
    if (plan.steps > 0) {
      plan.optimizer = draw_optimizer(draw, has_values);
      if (has_values && (!plan.optimizer || plan.optimizer->works_with_scaler()))
        plan.scaler = draw_word<bool>(draw, "scaler", {"off", "on"});
      if (plan.optimizer && plan.load_steps > 0) {
        const Draw::Scope scope(draw, "optimizer");
        plan.load_optimizer = draw.flag("load", false);
      }
    }
    plan.clip = draw_word<Clip>(draw, "clip", {"none", "norm", "value"});
  }
  if (plan.load_steps > 0) plan.load_trainer = plan.load_optimizer ? plan.optimizer : optimizer_named("Adam");
  Stack stack(draw, space, plan, site);
  stack.layers(-1);
  stack.loss();
  return plan;
}

Plan plan_of(const Case& c) {
  Draw draw(c);
  return plan_of(draw);
}

Case canonical(const Case& c) {
  Draw draw(c);
  plan_of(draw);
  return draw.take_result();
}

}  // namespace dtypefuzz
