#pragma once
#include <c10/util/DimVector.h>

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "dtypefuzz/case.h"
#include "dtypefuzz/contract.h"

namespace at {
class Tensor;
}
namespace torch::nn {
class AnyModule;
class Module;
}  // namespace torch::nn
namespace torch::optim {
class Optimizer;
class OptimizerParamState;
}  // namespace torch::optim

namespace dtypefuzz {

struct Row;
using Tensors = std::vector<at::Tensor>;

using Shape = c10::DimVector;
int64_t numel(const Shape&);

/// What the numbers in a tensor mean, so that values are legal and only dtypes go wrong.
enum class Content : uint8_t {
  values,             ///< any numbers, by the case's fill
  indices,            ///< whole numbers in [0, limit)
  probabilities,      ///< numbers in (0, 1)
  log_probabilities,  ///< logarithms that sum to one along the last dimension
  lengths,            ///< the constant `limit`
  falling_lengths,    ///< `limit` and one less each time, down to 1
  offsets,            ///< whole numbers that rise evenly from 0 to `limit`
  mask,               ///< 0 and 1, never all 1 in a row
  positive,           ///< numbers in (0, 2]
  signs,              ///< -1 and 1
};

/// An input of a layer beside the one that the layer before gives: hidden state, mask, target, class weights.
struct InputSpec {
  std::string name;
  Shape shape;
  Content content = Content::values;
  int64_t limit = 0;                            ///< of `indices` (exclusive), `lengths` and `offsets`
  std::optional<Dtype> natural = std::nullopt;  ///< what `same` means; nothing: the stack's parameter dtype
  bool present = true;  ///< false: an undefined tensor is passed (an optional operand left out)
  std::optional<Dtype> dtype = std::nullopt;  ///< the case's answer, nothing for `same`
};

/// How a module is called: all outputs, of all inputs.
using Forward = std::function<Tensors(torch::nn::Module&, std::span<const at::Tensor> inputs)>;

/// What a row drew for one layer.
struct Drawn {
  std::function<torch::nn::AnyModule()> make;
  Shape out;                                 ///< of the first output, which goes on to the next layer
  std::vector<InputSpec> inputs = {};        ///< the further inputs, in the order of `forward`
  std::vector<std::string> parameters = {};  ///< names of parameters and floating buffers: a dtype axis each
  int64_t input_limit = 0;                   ///< of the chained operand, where it is `indices` or `lengths`
  bool in_place = false;                     ///< writes its output over its input
  std::vector<std::string> renews = {};      ///< parameters that forward writes to (`max_norm`)
  Forward forward = nullptr;                 ///< where an option asks for another call than the row's
  const Contract* contract = nullptr;        ///< and where that call has another promise
};

/// A region's answer: leave what surrounds it, switch autocast off, or on with this dtype.
struct Region {
  enum Kind : uint8_t { kSame, kOff, kOn } kind = kSame;
  Dtype dtype = Dtype::Undefined;
  bool operator==(const Region&) const = default;
};

struct LayerPlan {
  const Row* row = nullptr;  ///< of dtypefuzz/row.h
  std::string_view module;   ///< the row's name
  const Contract* contract = nullptr;
  Forward forward = nullptr;
  std::string_view input_name = "input";    ///< the chained operand, as the contract calls it
  Content input_content = Content::values;  ///< of the chained operand, where this is the first layer
  std::optional<Dtype> input_natural =
      std::nullopt;  ///< what `same` means for it; nothing: the parameters' dtype
  Shape in;
  Drawn drawn;
  std::vector<std::pair<std::string, Dtype>> operand_dtypes =
      {};  ///< parameters and buffers that differ from the rest
  Region autocast = {};
  int container = -1;  ///< index into Plan::containers of the one it lies in
  int reuse = 0;     ///< distance back to the layer whose module object is used again; 0: a module of its own
  int residual = 0;  ///< distance back (1: itself) to the layer whose input is added to the output; 0: none
  std::string path;  ///< `layers[2]`, `loss`
  std::vector<Choice> answers = {};  ///< those under `path` that are no dtype, named without it
};

/// A module that holds others, which run one after another.
struct Container {
  enum Kind : uint8_t { Sequential, ModuleList, ModuleDict } kind = Sequential;
  std::string path = {};
  Region autocast = {};  ///< round all that it holds
  static constexpr std::string_view kNames[] = {"Sequential", "ModuleList", "ModuleDict"};
};

enum class Mode : uint8_t { train, eval, no_grad, inference };
std::string_view to_string(Mode);
enum class Convert : uint8_t { none, before_forward, after_forward, after_backward, between_steps };
enum class Load : uint8_t { none, archive, copy };
/// An optimizer that plans may train with, as one row.
struct OptimizerRow {
  std::string_view name;  ///< in cases and signatures
  std::unique_ptr<torch::optim::Optimizer> (*make)(Tensors parameters);
  /// The tensors that it keeps for one parameter, out of what `optimizer.state()` has for that parameter.
  /// None where what it keeps belongs to no single one.
  Tensors (*state_of)(const torch::optim::OptimizerParamState&);
  /// `step` takes a closure that runs forward and backward again, so backward keeps its graph. A scaler of
  /// gradients knows no closure: torch.amp.GradScaler.step.
  bool needs_closure = false;
  /// `step` asks tensors for numbers, which some devices do not have.
  bool reads_values = false;

  bool works_with_scaler() const { return !needs_closure; }
};
/// What happens inside the autocast region before the pass that counts, so that its cache of weights is warm:
/// nothing, a pass without gradients, or a nested region with a pass that an exception ends.
enum class Warmup : uint8_t { none, no_grad, exception };
/// What torch::nn::utils does to gradients between backward and step.
enum class Clip : uint8_t { none, norm, value };
/// Numbers: small ones that are not zero, normal ones, some that few dtypes hold, exact zeros, the limits of
/// each dtype.
enum class Fill : uint8_t { ramp, normal, extremes, zeros, limits };

/// What a Case means: typed, ready to build.
struct Plan {
  Device device = kCpu;
  Mode mode = Mode::train;
  Dtype default_dtype = Dtype::Float;
  Dtype params_dtype = Dtype::Float;
  std::optional<Dtype> input_dtype;    ///< nothing: the same as the parameters
  std::optional<Device> input_device;  ///< nothing: the same as the parameters
  bool input_requires_grad = false;
  bool input_contiguous = true;
  Fill fill = Fill::ramp;
  uint64_t seed = 0;
  std::optional<Dtype> autocast;
  Warmup warmup = Warmup::none;
  bool flat_vector = false;  ///< parameters go through one flat vector and back before the first forward
  Convert convert = Convert::none;
  Dtype convert_dtype = Dtype::Double;
  Load load = Load::none;
  Dtype load_dtype = Dtype::Float;
  int load_steps = 0;
  const OptimizerRow* load_trainer =
      nullptr;  ///< what the saved model took its steps with; null: it took none
  int steps = 0;
  const OptimizerRow* optimizer = nullptr;  ///< null: none
  bool load_optimizer = false;              ///< the saved model's optimizer is loaded as well
  bool scaler = false;
  Clip clip = Clip::none;
  Shape input_shape;
  std::vector<LayerPlan> layers;  ///< in the order they run, nested containers flattened
  std::vector<Container> containers;
  std::optional<LayerPlan> loss;
  Region loss_autocast;

  bool has_backward() const { return mode == Mode::train || mode == Mode::eval; }
};

}  // namespace dtypefuzz
