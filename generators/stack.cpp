#include "generators/stack.h"

#include <algorithm>

#include "generators/settings.h"

namespace dtypefuzz {
namespace {

constexpr int kMaxLayers = 8;
constexpr int kMaxNested = 3;
/// In place of a module's name: the module of a layer before runs again.
constexpr std::string_view kReuse = "Reuse";

/// `same | off | a dtype` as one question keeps the order simplest first.
Region draw_inner_region(Draw& draw, std::span<const Dtype> dtypes) {
  std::vector<std::string_view> words = {"same", "off"};
  for (const Dtype dtype : dtypes) words.push_back(name_of(dtype));
  const auto taken = draw.pick<std::string_view>(Ask::inner_region, "autocast", words);
  if (taken == "same") return {};
  if (taken == "off") return {Region::kOff};
  return {Region::kOn, *parse_dtype(taken)};
}

/// The row's layer for an input of this shape, its operands' dtypes aside.
LayerPlan drawn_layer(Draw& draw, const Row& row, const Shape& in, const Site& site) {
  LayerPlan layer;
  layer.row = &row;
  layer.module = row.name;
  layer.contract = &row.contract;
  layer.forward = row.forward;
  layer.input_name = row.input_name;
  layer.input_content = row.content;
  layer.input_natural = row.natural;
  layer.in = in;
  const size_t before = draw.result().choices.size();
  layer.drawn = row.draw(draw, in, site);
  if (layer.drawn.forward) layer.forward = layer.drawn.forward;
  if (layer.drawn.contract) layer.contract = layer.drawn.contract;
  for (size_t i = before; i < draw.result().choices.size(); ++i)
    layer.answers.push_back(
        {draw.result().choices[i].name.substr(draw.path().size()), draw.result().choices[i].value});
  return layer;
}

class Stack {
 public:
  Stack(Draw& draw, const Space& space, Plan& plan, const Site& site)
      : draw_(draw), space_(space), plan_(plan), site_(site), regions_(autocast_dtypes(space)) {}

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
    plan_.loss_autocast = draw_inner_region(draw_, regions_);
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
    if (rows.empty()) rows.push_back(&identity_row()), names.push_back(identity_row().name);
    const auto distances = reusable();
    if (!distances.empty()) names.push_back(kReuse);
    if (container < 0) names.insert(names.end(), std::begin(Container::kNames), std::end(Container::kNames));

    const auto name = draw_.pick<std::string_view>(Ask::module, "module", names);
    const auto kind = std::find(std::begin(Container::kNames), std::end(Container::kNames), name);
    if (kind != std::end(Container::kNames)) {
      plan_.containers.push_back({static_cast<Container::Kind>(kind - std::begin(Container::kNames)), here(),
                                  draw_inner_region(draw_, regions_)});
      layers(static_cast<int>(plan_.containers.size()) - 1);
      return;
    }
    LayerPlan layer;
    if (name == kReuse) {
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
    layer.autocast = draw_inner_region(draw_, regions_);
    layer.residual = residual(layer.drawn.out);
    shape_ = layer.drawn.out;
    plan_.layers.push_back(std::move(layer));
  }

  LayerPlan module(const Row& row) {
    Site site = site_;
    site.first = first();
    LayerPlan layer = drawn_layer(draw_, row, shape_, site);
    layer.path = here();
    for (InputSpec& input : layer.drawn.inputs) {
      if (!input.present) continue;
      const Draw::Scope scope(draw_, input.name);
      input.dtype = draw_.dtype_or(Ask::operand_dtype, "dtype", "same", space_.dtypes);
    }
    for (const std::string& parameter : layer.drawn.parameters) {
      const Draw::Scope scope(draw_, parameter);
      if (const auto dtype = draw_.dtype_or(Ask::operand_dtype, "dtype", "same", space_.dtypes))
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
      if (layer.reuse == 0 && layer.row->reusable && layer.in == shape_)
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
    return static_cast<int>(draw_.pick<int64_t>(Ask::residual, "residual", distances));
  }

  bool first() const { return plan_.layers.empty(); }

  Draw& draw_;
  const Space& space_;
  Plan& plan_;
  const Site& site_;
  const std::vector<Dtype> regions_;
  Shape shape_;
};

}  // namespace

LayerPlan layer_with(const Row& row, const Shape& in, const Site& site, const Case& answers) {
  Draw draw(answers);
  return drawn_layer(draw, row, in, site);
}

LayerPlan layer_alone(const Row& row, const Site& site, const Case& answers) {
  Draw draw(answers);
  const Shape in = row.input(draw, site);
  return drawn_layer(draw, row, in, site);
}

Plan plan_of(Draw& draw, const Space& space) {
  Plan plan;
  const Site site = draw_settings(draw, space, plan);
  Stack stack(draw, space, plan, site);
  stack.layers(-1);
  stack.loss();
  return plan;
}

Plan plan_of(const Case& c, const Space& space) {
  Draw draw(c);
  return plan_of(draw, space);
}

Reading reading_of(Draw& draw, const Space& space) {
  Plan plan = plan_of(draw, space);
  return {draw.take_result(), draw.take_answered(), std::move(plan)};
}

Reading reading_of(const Case& c, const Space& space) {
  Draw draw(c);
  return reading_of(draw, space);
}

Reading with_option(const Case& c, const std::string& question, uint32_t option, const Space& space) {
  Draw draw(c);
  draw.force(question, option);
  return reading_of(draw, space);
}

Case canonical(const Case& c, const Space& space) {
  return reading_of(c, space).body;
}

}  // namespace dtypefuzz
