#include "harness/run/trail.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/grad_mode.h>
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <execinfo.h>

#include <algorithm>
#include <cstring>
#include <exception>
#include <unordered_map>

#include "harness/run/autocast.h"
#include "harness/run/finite.h"
#include "harness/run/inputs.h"
#include "harness/run/numbers.h"
#include "harness/run/position.h"
#include "harness/run/stamps.h"

namespace dtypefuzz {
namespace {

constexpr int64_t kMostNumbers = 4096;  // of a tensor that is looked into
constexpr size_t kMostOperations = 20'000;
constexpr int kMostFrames = 48;

using Names = std::vector<std::string>;

void join(Names& all, const Names& more) {
  for (const std::string& operand : more)
    if (std::ranges::find(all, operand) == all.end()) all.push_back(operand);
}

/// Whether its result has the numbers of its first tensor in whatever dtype.
bool is_cast(std::string_view name) {
  constexpr std::string_view kCasts[] = {"aten::_to_copy", "aten::to", "aten::type_as"};
  return std::ranges::find(kCasts, name) != std::end(kCasts);
}

/// Whether its result has no number of anything that it takes: new memory, or an answer.
bool gives_numbers_of_its_own(std::string_view name) {
  constexpr std::string_view kAnswers[] = {"aten::lt", "aten::le", "aten::gt",
                                           "aten::ge", "aten::eq", "aten::ne"};
  return name.starts_with("aten::new_") || name.starts_with("aten::empty") || name.ends_with("_like") ||
         std::ranges::find(kAnswers, name) != std::end(kAnswers);
}

/// What looks at tensors here is not recorded, is no part of a graph, and runs outside of regions.
struct Aside {
  c10::AutoGradMode no_grad{false};
  c10::impl::ExcludeDispatchKeyGuard no_autocast{c10::autocast_dispatch_keyset};
  at::RecordFunctionGuard unrecorded{false};
};

}  // namespace

struct TrailRecorder::State {
  Terms terms;
  Trail trail;
  std::vector<int> open;  ///< indices of the operators that run, the outermost first
  std::unordered_map<const void*, Names> operands;  ///< by storage
  std::vector<c10::Storage> alive;  ///< so that no storage of another operand gets the same address
  at::CallbackHandle handle = 0;
  PositionWord own_position{0};
  bool writes_own = false;

  static const void* storage_of(const at::Tensor& tensor) {
    return tensor.defined() && tensor.has_storage() ? tensor.storage().unsafeGetStorageImpl() : nullptr;
  }

  void label(const at::Tensor& tensor, Names names) {
    const void* storage = storage_of(tensor);
    if (!storage || names.empty()) return;
    operands[storage] = std::move(names);
    alive.push_back(tensor.storage());
  }

  Names operands_of(const at::Tensor& tensor) const {
    const auto at = operands.find(storage_of(tensor));
    return at == operands.end() ? Names{} : at->second;
  }

  void tell_in_flight() const {
    if (!terms.in_flight) return;
    const std::string_view name =
        open.empty() ? std::string_view() : trail.operations[static_cast<size_t>(open.back())].name;
    const size_t length = std::min(name.size(), kInFlightBytes - 1);
    std::memcpy(terms.in_flight, name.data(), length);
    terms.in_flight[length] = '\0';
  }

  Passed passed(const at::Tensor& tensor) const {
    Passed passed{.dtype = tensor.scalar_type(),
                  .operands = operands_of(tensor),
                  .memory = storage_of(tensor),
                  .requires_grad = tensor.requires_grad()};
    if (!tensor.device().is_cpu() || tensor.layout() != at::kStrided || tensor.numel() > kMostNumbers)
      return passed;
    try {
      passed.finite = is_finite(tensor);
      if (terms.numbers) passed.numbers = numbers_of(tensor);
    } catch (const std::exception&) {  // a dtype without numbers
    }
    return passed;
  }
};

/// What RecordFunction calls.
struct Hooks {
  using State = TrailRecorder::State;
  inline static State* now = nullptr;

  struct Taken : at::ObserverContext {
    int index = -1;
    std::vector<at::Tensor> tensors;
    std::vector<Stamp> stamps;
    AutocastFacts region;
    int exceptions = 0;  ///< that were on their way already
  };

  static void tensors_in(const c10::IValue& value, std::vector<at::Tensor>& tensors) {
    const auto add = [&](const at::Tensor& tensor) {
      if (tensor.defined() && !tensor.unsafeGetTensorImpl()->is_wrapped_number()) tensors.push_back(tensor);
    };
    if (value.isTensor()) return add(value.toTensor());
    if (value.isTensorList()) {
      for (const at::Tensor& tensor : value.toTensorVector()) add(tensor);
    } else if (value.isList()) {  // of optional tensors
      for (const c10::IValue& element : value.toListRef()) tensors_in(element, tensors);
    } else if (value.isTuple()) {
      for (const c10::IValue& element : value.toTupleRef().elements()) tensors_in(element, tensors);
    }
  }

  static std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& fn) {
    if (!now || now->trail.operations.size() >= kMostOperations) return nullptr;
    auto taken = std::make_unique<Taken>();
    taken->region = autocast_now(now->terms.device);
    taken->exceptions = std::uncaught_exceptions();
    const Aside aside;  // in which autocast is off
    taken->index = static_cast<int>(now->trail.operations.size());
    const Position position = position_now();
    Operation operation{.name = fn.name(),
                        .parent = now->open.empty() ? -1 : now->open.back(),
                        .is_node = fn.scope() == at::RecordScope::BACKWARD_FUNCTION,
                        .phase = position.phase,
                        .culprit = position.culprit};
    for (const c10::IValue& value : fn.inputs()) tensors_in(value, taken->tensors);
    for (const at::Tensor& tensor : taken->tensors) {
      operation.taken.push_back(now->passed(tensor));
      taken->stamps.push_back(stamp_of(tensor));
    }
    void* frames[kMostFrames];
    const int depth = backtrace(frames, kMostFrames);
    for (int i = 0; i < depth; ++i) operation.frames.push_back(reinterpret_cast<uintptr_t>(frames[i]));
    now->trail.operations.push_back(std::move(operation));
    now->open.push_back(taken->index);
    now->tell_in_flight();
    return taken;
  }

  static void leave(const at::RecordFunction& fn, at::ObserverContext* context) {
    auto* taken = static_cast<Taken*>(context);
    if (!now || !taken) return;
    const bool left_region_changed = autocast_now(now->terms.device) != taken->region;
    const Aside aside;
    while (!now->open.empty() && now->open.back() >= taken->index) now->open.pop_back();
    now->tell_in_flight();
    Operation& operation = now->trail.operations[static_cast<size_t>(taken->index)];
    operation.threw = std::uncaught_exceptions() > taken->exceptions;
    operation.left_region_changed = left_region_changed;
    for (size_t i = 0; i < taken->tensors.size(); ++i)
      operation.taken[i].changed = stamp_of(taken->tensors[i]) != taken->stamps[i],
      operation.taken[i].after = taken->tensors[i].scalar_type();
    if (operation.threw) return;
    std::vector<at::Tensor> given;
    for (const c10::IValue& value : fn.outputs()) tensors_in(value, given);
    follow(operation, given, *taken);
    for (const at::Tensor& tensor : given) operation.given.push_back(now->passed(tensor));
  }

  /// Whose numbers the results have: of what went in, where nothing was mixed. What has a name of its own
  /// keeps it.
  static void follow(const Operation& operation, const std::vector<at::Tensor>& given, const Taken& taken) {
    if (taken.tensors.empty() || gives_numbers_of_its_own(operation.name)) return;
    const at::Tensor& first = taken.tensors.front();
    if (operation.name == "aten::copy_" && taken.tensors.size() > 1) {
      if (now->operands_of(first).empty()) now->label(first, now->operands_of(taken.tensors[1]));
      return;
    }
    Names all;
    for (const at::Tensor& tensor : taken.tensors) {
      if (tensor.scalar_type() != first.scalar_type()) return;
      join(all, now->operands_of(tensor));
    }
    for (const at::Tensor& result : given) {
      const bool same_dtype = result.scalar_type() == first.scalar_type() || is_cast(operation.name);
      if (same_dtype && now->operands_of(result).empty()) now->label(result, all);
    }
  }
};

TrailRecorder::TrailRecorder(Terms terms) : state_(std::make_unique<State>()) {
  state_->terms = terms;
  if (!writes_positions()) {
    write_positions_to(&state_->own_position, /*within_backward=*/true);
    state_->writes_own = true;
  }
  Hooks::now = state_.get();
  state_->handle = at::addThreadLocalCallback(
      at::RecordFunctionCallback(Hooks::enter, Hooks::leave)
          .needsInputs(true)
          .needsOutputs(true)
          .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
}

TrailRecorder::~TrailRecorder() {
  at::removeCallback(state_->handle);
  Hooks::now = nullptr;
  if (state_->writes_own) write_positions_to(nullptr);
}

Trail TrailRecorder::take() {
  return std::exchange(state_->trail, {});
}

bool records_trail() {
  return Hooks::now != nullptr;
}

void note_operand(std::string_view name, const at::Tensor& tensor) {
  if (Hooks::now && tensor.defined()) Hooks::now->label(tensor, {std::string(name)});
}

}  // namespace dtypefuzz
