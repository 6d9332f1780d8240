#include <cstring>
#include <sstream>

#include "harness/run/session.h"

namespace dtypefuzz {
namespace {

bool same_bytes(const at::Tensor& a, const at::Tensor& b) {
  const auto x = a.contiguous(), y = b.contiguous();
  return x.nbytes() == y.nbytes() && std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

/// Whether `now` is `was` cast to its dtype; where no such cast exists nothing could have kept the values.
bool holds_values_of(const at::Tensor& now, const at::Tensor& was) {
  try {
    return same_bytes(now.scalar_type() == was.scalar_type() ? was : was.to(now.scalar_type()), now);
  } catch (const std::exception&) {
    return false;
  }
}

template <class Thing>
std::stringstream archived(const Thing& thing) {
  std::stringstream file;
  torch::serialize::OutputArchive out;
  thing.save(out);
  out.save_to(file);
  return file;
}

}  // namespace

Session::Saved Session::saved_model() {
  Plan plan = plan_;
  plan.load = Load::none;
  plan.convert = Convert::none;
  plan.mode = Mode::train;
  plan.autocast.reset();
  plan.params_dtype = plan_.load_dtype;
  plan.input_dtype.reset();
  plan.input_device.reset();
  plan.seed = plan_.seed + 17;
  plan.steps = plan_.load_steps;
  plan.optimizer = plan_.load_trainer;
  plan.load_optimizer = plan.flat_vector = false;
  plan.warmup = Warmup::none;
  plan.clip = Clip::none;
  plan.scaler = false;
  for (Container& container : plan.containers) container.autocast = {};
  for (LayerPlan& layer : plan.layers) {
    layer.operand_dtypes.clear();
    layer.autocast = {};
    for (InputSpec& input : layer.drawn.inputs) input.dtype.reset();
  }
  if (plan.loss)
    for (InputSpec& input : plan.loss->drawn.inputs) input.dtype.reset();
  at::manual_seed(plan.seed);
  Session saved(plan);
  saved.keep_model_ = true;
  const Observation seen = saved.go();
  if (saved.model_.layers.size() != plan.layers.size() || (plan.steps && seen.error))
    throw NotApplicable{"the saved model cannot be made or trained: " +
                        (seen.error ? seen.error->message : seen.not_applicable)};
  if (seen.error && seen.error->phase <= Phase::load)
    throw NotApplicable{"the saved model cannot be made: " + seen.error->message};
  return {std::move(saved.model_), std::move(saved.optimizer_)};
}

bool Session::load() {
  if (plan_.load == Load::none) return true;
  Saved checkpoint = saved_model();
  Model& saved = checkpoint.model;
  saved_optimizer_ = std::move(checkpoint.optimizer);
  std::vector<std::vector<Dtype>> before(model_.held.size());
  for (size_t i = 0; i < model_.held.size(); ++i)
    for (const Held& held : model_.held[i]) before[i].push_back(held.tensor.scalar_type());
  const bool loaded = attempt(Phase::load, {Culprit::kStage}, [&] {
    const torch::NoGradGuard no_grad;
    if (plan_.load == Load::archive) {
      for (size_t unit = 0; unit < model_.units.size(); ++unit) {
        std::stringstream file = archived(*saved.units[unit]);
        torch::serialize::InputArchive in;
        in.load_from(file);
        model_.units[unit]->load(in);
      }
    } else {
      for (size_t i = 0; i < model_.held.size(); ++i)
        for (size_t k = 0; k < model_.held[i].size(); ++k)
          model_.held[i][k].tensor.copy_(saved.held[i][k].tensor);
    }
  });
  for (size_t i = 0; loaded && i < model_.held.size(); ++i) {
    if (plan_.layers[i].reuse) continue;
    for (size_t k = 0; k < model_.held[i].size(); ++k) {
      const at::Tensor& now = model_.held[i][k].tensor;
      const at::Tensor& was = saved.held[i][k].tensor;
      seen_.loaded.push_back({static_cast<int>(i), model_.held[i][k].name, was.scalar_type(), before[i][k],
                              now.scalar_type(), holds_values_of(now.detach(), was.detach())});
    }
  }
  if (loaded) note_dtypes(Phase::load);
  expect_dtypes();
  return loaded;
}

bool Session::load_optimizer() {
  if (!plan_.load_optimizer || !saved_optimizer_ || !optimizer_) return true;
  const bool loaded = attempt(Phase::load, {Culprit::kStage}, [&] {
    std::stringstream file = archived(*saved_optimizer_);
    torch::serialize::InputArchive in;
    in.load_from(file);
    optimizer_->load(in);
  });
  if (loaded) note_dtypes(Phase::load, /*belongings=*/true);
  return loaded;
}

}  // namespace dtypefuzz
