#include "harness/run/run.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <c10/util/Lazy.h>
#include <c10/util/Logging.h>

#include <malloc.h>

#include <chrono>

#include "harness/run/fill.h"
#include "harness/run/session.h"

namespace dtypefuzz {
namespace {

PositionWord* position_word = nullptr;
uint64_t position_of_run = 0;  // the device and the region of the run, where the word has them
bool positions_within_backward = false;
std::optional<Culprit> runs_for;
uint64_t* ticks_inside = nullptr;
int depth_inside = 0;

constexpr int kLayerAt = 0, kInputAt = 16, kKindAt = 24, kPhaseAt = 28, kAutocastAt = 32, kDeviceAt = 40;
constexpr uint64_t kByte = 0xFF;

uint64_t at_bit(int bit, auto value) {
  return static_cast<uint64_t>(value) << bit;
}

/// Everything that a case could have left behind.
void reset(const Plan& plan) {
  position_of_run = at_bit(
      kDeviceAt, std::find(std::begin(kDevices), std::end(kDevices), &*plan.device) - std::begin(kDevices));
  if (plan.autocast) position_of_run |= at_bit(kAutocastAt, static_cast<int>(*plan.autocast) + 1);
  at::autocast::set_autocast_enabled(at::kCPU, false);
  if (plan.device->has_autocast()) at::autocast::set_autocast_enabled(plan.device->type, false);
  at::autocast::set_autocast_dtype(at::kCPU, at::kBFloat16);
  at::autocast::set_autocast_cache_enabled(true);
  at::autocast::clear_cache();
  at::GradMode::set_enabled(true);
  c10::set_default_dtype(c10::scalarTypeToTypeMeta(plan.default_dtype));
  seed_random_numbers(plan.seed);
}

struct RestoreDefaultDtype {
  ~RestoreDefaultDtype() { c10::set_default_dtype(c10::scalarTypeToTypeMeta(at::kFloat)); }
};

class CountWarnings : public c10::WarningHandler {
 public:
  void process(const c10::Warning&) override { ++count; }
  uint64_t count = 0;
};

}  // namespace

void seed_random_numbers(uint64_t seed) {
  auto generator = at::detail::getDefaultCPUGenerator();
  const std::lock_guard lock(generator.mutex());
  generator.set_current_seed(seed);
}

RunsFor::RunsFor(Culprit culprit) : was_(std::exchange(runs_for, culprit)) {}
RunsFor::~RunsFor() {
  runs_for = was_;
}

void write_position(const Position& of_this_run) {
  if (!position_word) return;
  Position at = of_this_run;
  if (runs_for && (at.culprit.kind != Culprit::kStage || at.phase == Phase::backward)) at.culprit = *runs_for;
  position_word->store(position_of_run | at_bit(kPhaseAt, at.phase) | at_bit(kKindAt, at.culprit.kind) |
                           at_bit(kInputAt, at.input) | at_bit(kLayerAt, at.culprit.layer + 1),
                       std::memory_order_relaxed);
}

bool traces_positions_within_backward() {
  return positions_within_backward;
}

InsideLibTorch::InsideLibTorch() : begin_(ticks_inside && depth_inside++ == 0 ? ticks() : 0) {}
InsideLibTorch::~InsideLibTorch() {
  if (ticks_inside && --depth_inside == 0) *ticks_inside += ticks() - begin_;
}

Position position_of(uint64_t word, Device own) {
  const auto device = static_cast<size_t>(word >> kDeviceAt & kByte);
  const auto autocast = static_cast<int>(word >> kAutocastAt & kByte);  // 0: none
  return {.phase = static_cast<Phase>(word >> kPhaseAt & 0xF),
          .culprit = {static_cast<Culprit::Kind>(word >> kKindAt & 0xF),
                      static_cast<int>(word >> kLayerAt & 0xFFFF) - 1},
          .input = static_cast<Dtype>(word >> kInputAt & kByte),
          .device = device < std::size(kDevices) ? Device(*kDevices[device]) : own,
          .autocast = autocast == 0 ? std::nullopt : std::optional(static_cast<Dtype>(autocast - 1))};
}

void write_positions_to(PositionWord* word, bool within_backward) {
  position_word = word;
  positions_within_backward = within_backward;
}

uint64_t ticks() {
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
}
void count_ticks_inside(uint64_t* sum) {
  ticks_inside = sum;
}

void prepare_process() {
  // Flat memory in bfloat16 and float16; read before the first operation.
  setenv("LRU_CACHE_CAPACITY", "64", /*overwrite=*/0);
  setenv("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "64", /*overwrite=*/0);
  at::set_num_threads(1);
#ifdef __GLIBC__
  // What a kernel forgets to write reads the same in every process, and another number in every dtype, so
  // that it is a finding that repeats: new memory is 0x3F all over.
  mallopt(M_PERTURB, 0x3F ^ 0xFF);
#endif
  // Nobody reads the backtraces of LibTorch's exceptions, and walking the stack costs more than the rest of a
  // refused case.
  c10::SetStackTraceFetcher([]() -> c10::Backtrace {
    static const c10::Backtrace none = std::make_shared<c10::PrecomputedLazyValue<std::string>>("");
    return none;
  });
  static CountWarnings handler;
  c10::WarningUtils::set_warning_handler(&handler);
}

bool device_in_reach(Device device) {
  const auto type = device->type;
  return c10::impl::hasDeviceGuardImpl(type) && c10::impl::getDeviceGuardImpl(type)->deviceCount() > 0;
}

Observation run(const Plan& plan, Stock* stock) {
  if (!device_in_reach(plan.device)) {
    Observation seen;
    seen.not_applicable = "no " + std::string(to_string(plan.device)) + " device here";
    return seen;
  }
  const RestoreDefaultDtype restore;
  reset(plan);
  Observation seen = Session(plan, positions_within_backward, stock).go();
  if (seen.error && seen.error->phase >= Phase::backward) {
    // Again, with hooks that say whose backward it was, and with a snapshot at the entry of each late phase:
    // what forward had changed (weights that `max_norm` renormalizes) is no trace of a later refusal.
    reset(plan);
    Session traced(plan, /*trace_late=*/true, stock);
    const Observation again = traced.go();
    if (again.error && again.error->phase == seen.error->phase) {
      seen.traces = again.traces;
      if (seen.error->phase == Phase::backward)
        seen.error->culprit =
            traced.reached_backward() >= 0 ? Culprit{Culprit::kLayer, traced.reached_backward()}
            : plan.loss                    ? Culprit{Culprit::kLoss}
                        : Culprit{Culprit::kLayer, static_cast<int>(plan.layers.size()) - 1};
    }
  }
  return seen;
}

std::vector<ValueFacts> compare_values(const Plan& plan) {
  if (plan.device != kCpu) return {};
  const RestoreDefaultDtype restore;
  reset(plan);
  return Session(plan).values();
}

bool run_bare(const Plan& plan) {
  const RestoreDefaultDtype restore;
  reset(plan);
  try {
    int at_layer = 0;
    Model model = make_model(plan, at_layer);
    if (plan.params_dtype != plan.default_dtype) model.to(plan.params_dtype);
    apply_operand_dtypes(plan, model);
    for (const auto& unit : model.units) unit->train(plan.mode == Mode::train);
    const auto make = [&](const Shape& shape, Content content, int64_t limit, Dtype dtype, uint64_t seed) {
      return filled(shape, content, limit, dtype, plan.device, plan.fill, seed);
    };
    const auto call = [&](const LayerPlan& layer, torch::nn::Module& module, const Region& region,
                          at::Tensor value) {
      std::optional<AutocastRegion> nested;
      enter(nested, plan.device, region);
      Tensors inputs = {std::move(value)};
      for (const InputSpec& input : layer.drawn.inputs)
        inputs.push_back(input.present
                             ? make(input.shape, input.content, input.limit,
                                    input.dtype.value_or(input.natural.value_or(plan.params_dtype)), 1)
                             : at::Tensor());
      return layer.forward(module, inputs).front();
    };
    std::optional<c10::InferenceMode> inference;
    std::optional<torch::NoGradGuard> no_grad;
    const LayerPlan& first = plan.layers.front();
    Tensors chain = {make(plan.input_shape, first.input_content, first.drawn.input_limit,
                          plan.input_dtype.value_or(first.input_natural.value_or(plan.params_dtype)),
                          plan.seed)};
    if (plan.input_requires_grad && can_have_gradient(chain[0])) chain[0].requires_grad_(true);
    if (plan.mode == Mode::inference) inference.emplace();
    if (plan.mode == Mode::no_grad) no_grad.emplace();
    std::optional<AutocastRegion> region;
    if (plan.autocast) region.emplace(plan.device, plan.autocast);
    for (size_t i = 0; i < plan.layers.size(); ++i) {
      const LayerPlan& layer = plan.layers[i];
      at::Tensor out = call(layer, *model.layers[i], layer.autocast, chain.back());
      if (layer.residual) out = out + chain[i + 1 - static_cast<size_t>(layer.residual)];
      chain.push_back(out);
    }
    at::Tensor value = chain.back();
    if (plan.loss) value = call(*plan.loss, *model.loss, plan.loss_autocast, value);
    region.reset();
    if (plan.has_backward() && value.requires_grad())
      torch::autograd::backward(
          {value}, {at::ones(value.sizes(), value.options().dtype(at::kFloat)).to(value.scalar_type())});
    return true;
  } catch (const std::exception&) {
    return false;
  }
}

}  // namespace dtypefuzz
