#include "harness/run/session.h"

namespace dtypefuzz {

void Session::trace(int layer, const Tensors& outputs) {
  for (const at::Tensor& output : outputs)
    if (output.defined() && output.requires_grad() && !output.is_leaf() && !output.is_same(chain_.back()))
      output.register_hook([this, layer](const at::Tensor& gradient) {
        backward_at_ = layer;
        if (traces_positions_within_backward())
          write_position({Phase::backward, {Culprit::kLayer, layer}, gradient.scalar_type()});
      });
}

void Session::take_stamps() {
  watched_.clear();
  const auto watch = [&](const std::string& name, const at::Tensor& tensor, int layer, Role role) {
    Watched w{name, tensor, layer, role, stamp_of(tensor), {}, false};
    if (role == Role::parameter && tensor.grad().defined() && !tensor.grad().is_sparse()) {
      w.gradient = stamp_of(tensor.grad());
      w.has_gradient = true;
    }
    watched_.push_back(std::move(w));
  };
  watch("input", input_, -1, Role::input);
  for (size_t i = 0; i < plan_.layers.size(); ++i)
    if (!plan_.layers[i].reuse)
      for (const Held& held : model_.held[i]) watch(held.name, held.tensor, static_cast<int>(i), held.role);
  grad_mode_ = at::GradMode::is_enabled();
}

void Session::stamp_input_anew() {
  for (Watched& w : watched_)
    if (w.role == Role::input) w.stamp = stamp_of(w.tensor);
}

void Session::find_traces(Culprit culprit) {
  const Phase phase = seen_.error->phase;
  const int from = culprit.kind == Culprit::kLayer || culprit.kind == Culprit::kResidual ? culprit.layer : -1;
  const bool completed = phase == Phase::loss || culprit.kind == Culprit::kResidual;
  for (const Watched& w : watched_) {
    // Completed layers may have changed what they hold: statistics, and weights that `max_norm`
    // renormalizes.
    const bool ran = completed || from < 0 || (w.layer >= 0 && w.layer < from) || reused(w.layer);
    const bool settled = ran && (w.role == Role::buffer || (w.layer >= 0 && phase <= Phase::loss));
    if (!settled && stamp_of(w.tensor) != w.stamp)
      seen_.traces.push_back({w.role == Role::input    ? "input"
                              : w.role == Role::buffer ? "buffer"
                                                       : "parameter",
                              w.name, w.layer});
    if (phase == Phase::backward && w.role == Role::parameter && !w.has_gradient && w.tensor.grad().defined())
      seen_.traces.push_back({"gradient", w.name, w.layer});
  }
  if (at::GradMode::is_enabled() != grad_mode_) seen_.traces.push_back({"mode", "grad mode"});
  if (c10::get_default_dtype_as_scalartype() != plan_.default_dtype)
    seen_.traces.push_back({"mode", "default dtype"});
}

bool Session::reused(int layer) const {
  for (size_t i = 0; i < plan_.layers.size(); ++i)
    if (plan_.layers[i].reuse && static_cast<int>(i) - plan_.layers[i].reuse == layer) return true;
  return false;
}

std::vector<bool> Session::reached_layers() const {
  std::vector<bool> reached(plan_.layers.size(), true);
  bool open = true;
  for (const CallFacts& call : seen_.calls) {
    if (call.iteration != iteration_ || call.culprit.kind != Culprit::kLoss) continue;
    open = call.output_requires_grad && plan_.loss->contract->carries_gradient && call.input_requires_grad;
  }
  for (size_t i = plan_.layers.size(); i-- > 0;) {
    const CallFacts* call = nullptr;
    for (const CallFacts& c : seen_.calls)
      if (c.iteration == iteration_ && c.culprit == Culprit{Culprit::kLayer, static_cast<int>(i)}) call = &c;
    reached[i] = open && call && call->output_requires_grad;
    open = reached[i] && call->input_requires_grad && plan_.layers[i].contract->carries_gradient;
  }
  return reached;
}

void Session::find_leaves() {
  const bool plain = std::none_of(plan_.layers.begin(), plan_.layers.end(),
                                  [](const LayerPlan& layer) { return layer.residual || layer.reuse; });
  const auto reached = reached_layers();
  seen_.leaves.clear();
  const auto add = [&](Culprit owner, const std::string& name, const at::Tensor& leaf, bool must) {
    if (!leaf.requires_grad() || !leaf.is_leaf()) return;
    const at::Tensor& gradient = leaf.grad();
    seen_.leaves.push_back({owner, name, leaf.scalar_type(), must, gradient.defined(),
                            gradient.defined() ? gradient.scalar_type() : Dtype::Undefined});
  };
  for (size_t i = 0; i < plan_.layers.size(); ++i)
    for (const Held& held : model_.held[i])
      if (held.role == Role::parameter)
        add({Culprit::kLayer, static_cast<int>(i)}, held.name, held.tensor, plain && reached[i]);
  const CallFacts& first = seen_.calls.front();
  add({Culprit::kStage}, "input", input_,
      plain && reached[0] && first.output_requires_grad && plan_.layers[0].contract->carries_gradient);
}

void Session::expect_dtypes() {
  expected_dtypes_.resize(model_.held.size());
  for (size_t i = 0; i < model_.held.size(); ++i) {
    expected_dtypes_[i].clear();
    for (const Held& held : model_.held[i]) expected_dtypes_[i].push_back(held.tensor.scalar_type());
  }
}

void Session::note_dtypes(Phase phase, bool belongings) {
  if (!seen_.dtype_changes.empty()) return;  // the first one explains those after it
  const auto note = [&](std::string_view kind, const std::string& name, size_t layer, Dtype wanted,
                        Dtype now) {
    if (now == wanted || !seen_.dtype_changes.empty()) return;
    seen_.dtype_changes.push_back({phase, std::string(kind), name, static_cast<int>(layer), wanted, now});
  };
  for (size_t i = 0; i < model_.held.size(); ++i) {
    if (plan_.layers[i].reuse) continue;
    for (size_t k = 0; k < model_.held[i].size(); ++k) {
      const Held& held = model_.held[i][k];
      const Dtype now = held.tensor.scalar_type(), was = expected_dtypes_[i][k];
      const bool integral = !c10::isFloatingType(was) && !c10::isComplexType(was);
      // `to()` may change all but integral buffers.
      if (phase != Phase::convert || (held.role == Role::buffer && integral))
        note(held.role == Role::buffer ? "buffer" : "parameter", held.name, i, was, now);
      if (!belongings || held.role != Role::parameter) continue;
      if (const auto& gradient = held.tensor.grad(); gradient.defined())
        note("gradient", held.name, i, now, gradient.scalar_type());
      if (!optimizer_) continue;
      const auto found = optimizer_->state().find(held.tensor.unsafeGetTensorImpl());
      if (found == optimizer_->state().end()) continue;
      for (const at::Tensor& kept : plan_.optimizer->state_of(*found->second))
        if (kept.defined() && kept.sizes() == held.tensor.sizes())
          note("state", held.name, i, now, kept.scalar_type());
    }
  }
}

void Session::finish() {
  if (autocast_now(plan_.device) != before_) {
    seen_.autocast_restored = false;
    if (seen_.autocast_left.empty()) seen_.autocast_left = "at the end of the run";
  }
}

}  // namespace dtypefuzz
