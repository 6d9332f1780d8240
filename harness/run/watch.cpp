#include "harness/run/watch.h"

#include <algorithm>

#include "harness/run/position.h"

namespace dtypefuzz {

namespace {

/// Whether forward writes to what a layer holds, and says so.
bool renews(const Plan& plan, const LayerPlan& layer, const Held& held) {
  if (held.role == Role::parameter)
    return std::ranges::find(layer.drawn.renews, held.name) != layer.drawn.renews.end();
  const auto& statistics = layer.contract->statistics;
  return plan.mode == Mode::train && (std::ranges::find(statistics, held.name) != statistics.end() ||
                                      held.name == layer.contract->counter);
}

}  // namespace

std::string Watch::Stamped::kind() const {
  return role == Role::input ? "input" : role == Role::buffer ? "buffer" : "parameter";
}

void Watch::take_stamps(const Model& model, const Inputs& inputs) {
  stamped_.clear();
  const auto add = [&](const std::string& name, const at::Tensor& tensor, int layer, Role role,
                       bool renewed) {
    std::optional<Stamp> gradient;
    if (role == Role::parameter && tensor.grad().defined() && !tensor.grad().is_sparse())
      gradient = stamp_of(tensor.grad());
    stamped_.push_back({name, tensor, layer, role, stamp_of(tensor), gradient, renewed});
  };
  const auto add_passed = [&](const LayerPlan& layer, const Tensors& passed, int index) {
    for (size_t k = 0; k < passed.size(); ++k)
      if (passed[k].defined()) add(layer.drawn.inputs[k].name, passed[k], index, Role::input, false);
  };
  add("input", inputs.first, -1, Role::input, false);
  for (size_t i = 0; i < plan_.layers.size(); ++i) {
    const LayerPlan& layer = plan_.layers[i];
    const int index = static_cast<int>(i);
    if (i < inputs.others.size()) add_passed(layer, inputs.others[i], index);
    if (layer.reuse) continue;
    for (const Held& held : model.held[i])
      add(held.name, held.tensor, index, held.role, renews(plan_, layer, held));
  }
  if (plan_.loss) add_passed(*plan_.loss, inputs.loss, -1);
  grad_mode_ = at::GradMode::is_enabled();
}

void Watch::stamp_input_anew() {
  for (Stamped& w : stamped_)
    if (w.role == Role::input && w.name == "input" && w.layer < 0) w.stamp = stamp_of(w.tensor);
}

std::vector<Change> Watch::changes(Phase phase, Culprit culprit) {
  std::vector<Change> changes;
  for (Stamped& w : stamped_) {
    if (w.renewed) continue;
    const Stamp now = stamp_of(w.tensor);
    if (now == w.stamp) continue;
    w.stamp = now;
    changes.push_back({culprit, phase, w.kind(), w.name, category_of(now.dtype)});
  }
  return changes;
}

std::vector<Trace> Watch::traces(Phase threw, Culprit culprit) const {
  std::vector<Trace> traces;
  const int from = culprit.kind == Culprit::kLayer || culprit.kind == Culprit::kResidual ? culprit.layer : -1;
  const bool completed = threw == Phase::loss || culprit.kind == Culprit::kResidual;
  const bool before_all = threw == Phase::convert || threw == Phase::load || threw == Phase::flatten;
  const bool of_gradients = before_all || threw == Phase::unscale || threw == Phase::clip;
  for (const Stamped& w : stamped_) {
    // What completed layers may have changed: statistics, and weights that `max_norm` renormalizes.
    const bool ran = completed || from < 0 || (w.layer >= 0 && w.layer < from) || reused(w.layer);
    const bool settled =
        !before_all && ran && w.role != Role::input && (w.role == Role::buffer || threw <= Phase::loss);
    if (!settled && stamp_of(w.tensor) != w.stamp) traces.push_back({w.kind(), w.name, w.layer});
    const bool changed_gradient =
        threw == Phase::backward ? w.role == Role::parameter && !w.gradient && w.tensor.grad().defined()
                                 : of_gradients && w.gradient && stamp_of(w.tensor.grad()) != *w.gradient;
    if (changed_gradient) traces.push_back({"gradient", w.name, w.layer});
  }
  if (at::GradMode::is_enabled() != grad_mode_) traces.push_back({"mode", "grad mode"});
  if (c10::get_default_dtype_as_scalartype() != plan_.default_dtype)
    traces.push_back({"mode", "default dtype"});
  return traces;
}

bool Watch::reused(int layer) const {
  for (size_t i = 0; i < plan_.layers.size(); ++i)
    if (plan_.layers[i].reuse && static_cast<int>(i) - plan_.layers[i].reuse == layer) return true;
  return false;
}

void Watch::expect_dtypes(const Model& model) {
  expected_.resize(model.held.size());
  for (size_t i = 0; i < model.held.size(); ++i) {
    expected_[i].clear();
    for (const Held& held : model.held[i]) expected_[i].push_back(held.tensor.scalar_type());
  }
}

std::optional<DtypeChange> Watch::changed_dtype(Phase phase, const Model& model, const Training& training,
                                                bool belongings) const {
  std::optional<DtypeChange> first;
  const auto hold = [&](std::string_view kind, const std::string& name, size_t layer, Dtype wanted,
                        Dtype now) {
    if (now != wanted && !first)
      first = {phase, std::string(kind), name, static_cast<int>(layer), wanted, now};
  };
  for (size_t i = 0; i < model.held.size(); ++i) {
    if (plan_.layers[i].reuse) continue;
    for (size_t k = 0; k < model.held[i].size(); ++k) {
      const Held& held = model.held[i][k];
      const Dtype now = held.tensor.scalar_type(), was = expected_[i][k];
      const bool integral = !c10::isFloatingType(was) && !c10::isComplexType(was);
      // `to()` may change all but integral buffers.
      if (phase != Phase::convert || (held.role == Role::buffer && integral))
        hold(held.role == Role::buffer ? "buffer" : "parameter", held.name, i, was, now);
      if (!belongings || held.role != Role::parameter) continue;
      if (const auto& gradient = held.tensor.grad(); gradient.defined())
        hold("gradient", held.name, i, now, gradient.scalar_type());
      for (const at::Tensor& kept : training.state_of(held.tensor))
        if (kept.defined() && kept.sizes() == held.tensor.sizes())
          hold("state", held.name, i, now, kept.scalar_type());
    }
    if (first) return first;
  }
  return first;
}

void Watch::follow_gradient(int layer, const Tensors& outputs, const at::Tensor& chained) {
  for (const at::Tensor& output : outputs)
    if (output.defined() && output.requires_grad() && !output.is_leaf() && !output.is_same(chained))
      output.register_hook([this, layer](const at::Tensor& gradient) {
        backward_at_ = layer;
        if (traces_positions_within_backward())
          write_position(Phase::backward, {Culprit::kLayer, layer}, gradient.scalar_type());
      });
}

}  // namespace dtypefuzz
