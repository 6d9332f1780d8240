#include "generators/optimizers.h"

#include <torch/torch.h>

namespace dtypefuzz {
namespace {

namespace optim = torch::optim;
using Made = std::unique_ptr<optim::Optimizer>;
using State = optim::OptimizerParamState;

constexpr double kRate = 0.01;

const OptimizerRow kOptimizers[] = {
    {.name = "SGD",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::SGD>(std::move(parameters), optim::SGDOptions(kRate).momentum(0.9));
     },
     .state_of = [](const State& kept) -> Tensors {
       return {static_cast<const optim::SGDParamState&>(kept).momentum_buffer()};
     }},
    {.name = "Adam",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::Adam>(std::move(parameters), optim::AdamOptions(kRate));
     },
     .state_of = [](const State& kept) -> Tensors {
       const auto& state = static_cast<const optim::AdamParamState&>(kept);
       return {state.exp_avg(), state.exp_avg_sq()};
     }},
    {.name = "AdamW",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::AdamW>(std::move(parameters), optim::AdamWOptions(kRate));
     },
     .state_of = [](const State& kept) -> Tensors {
       const auto& state = static_cast<const optim::AdamWParamState&>(kept);
       return {state.exp_avg(), state.exp_avg_sq()};
     }},
    {.name = "RMSprop",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::RMSprop>(std::move(parameters), optim::RMSpropOptions(kRate));
     },
     .state_of = [](const State& kept) -> Tensors {
       return {static_cast<const optim::RMSpropParamState&>(kept).square_avg()};
     }},
    {.name = "Adagrad",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::Adagrad>(std::move(parameters), optim::AdagradOptions(kRate));
     },
     .state_of = [](const State& kept) -> Tensors {
       return {static_cast<const optim::AdagradParamState&>(kept).sum()};
     }},
    {.name = "LBFGS",
     .make = [](Tensors parameters) -> Made {
       return std::make_unique<optim::LBFGS>(std::move(parameters), optim::LBFGSOptions(kRate).max_iter(2));
     },
     // One flat history of all parameters together.
     .state_of = [](const State&) -> Tensors { return {}; },
     .needs_closure = true,
     .reads_values = true},
};

}  // namespace

std::span<const OptimizerRow> optimizers() {
  return kOptimizers;
}

const OptimizerRow* optimizer_named(std::string_view name) {
  for (const OptimizerRow& row : kOptimizers)
    if (row.name == name) return &row;
  return nullptr;
}

size_t place_of(const OptimizerRow* row) {
  return row ? static_cast<size_t>(row - kOptimizers) + 1 : 0;
}

}  // namespace dtypefuzz
