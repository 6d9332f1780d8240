#include "harness/run/watch.h"

#include "harness/run/position.h"

namespace dtypefuzz {

void Watch::take_stamps(const Model& model, const at::Tensor& input) {
  stamped_.clear();
  const auto add = [&](const std::string& name, const at::Tensor& tensor, int layer, Role role) {
    const bool has_gradient =
        role == Role::parameter && tensor.grad().defined() && !tensor.grad().is_sparse();
    stamped_.push_back({name, tensor, layer, role, stamp_of(tensor), has_gradient});
  };
  add("input", input, -1, Role::input);
  for (size_t i = 0; i < plan_.layers.size(); ++i)
    if (!plan_.layers[i].reuse)
      for (const Held& held : model.held[i]) add(held.name, held.tensor, static_cast<int>(i), held.role);
  grad_mode_ = at::GradMode::is_enabled();
}

void Watch::stamp_input_anew() {
  for (Stamped& w : stamped_)
    if (w.role == Role::input) w.stamp = stamp_of(w.tensor);
}

std::vector<Trace> Watch::traces(Phase threw, Culprit culprit) const {
  std::vector<Trace> traces;
  const int from = culprit.kind == Culprit::kLayer || culprit.kind == Culprit::kResidual ? culprit.layer : -1;
  const bool completed = threw == Phase::loss || culprit.kind == Culprit::kResidual;
  for (const Stamped& w : stamped_) {
    // What completed layers may have changed: statistics, and weights that `max_norm` renormalizes.
    const bool ran = completed || from < 0 || (w.layer >= 0 && w.layer < from) || reused(w.layer);
    const bool settled = ran && (w.role == Role::buffer || (w.layer >= 0 && threw <= Phase::loss));
    if (!settled && stamp_of(w.tensor) != w.stamp)
      traces.push_back({w.role == Role::input    ? "input"
                        : w.role == Role::buffer ? "buffer"
                                                 : "parameter",
                        w.name, w.layer});
    if (threw == Phase::backward && w.role == Role::parameter && !w.has_gradient && w.tensor.grad().defined())
      traces.push_back({"gradient", w.name, w.layer});
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
