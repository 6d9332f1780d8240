// What contracts do not speak of: dtypes that something takes away, numbers, words, and what stays changed.
#include <limits>
#include <stdexcept>

#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

/// Whether the first argument has the dtype: float32 where the reference, which has float64, is to be right.
std::function<bool(const Call&)> in(at::ScalarType dtype) {
  return [=](const Call& call) { return any_has(call, dtype); };
}

/// Every result as `change` has it.
Does results(std::function<at::Tensor(const at::Tensor&)> change) {
  return afterwards([change = std::move(change)](Call& call) {
    call.change_results([&](const at::Tensor& result) {
      return result.defined() && result.is_floating_point() ? change(result) : result;
    });
  });
}
at::Tensor doubled(const at::Tensor& tensor) {
  return tensor * 2;
}

std::string lacks(std::string_view kernel, std::string_view dtype) {
  return std::string("\"") + std::string(kernel) + "\" not implemented for '" + std::string(dtype) + "'";
}

/// Says of each of the dtypes that it has no kernel, as ATen does.
Does lacks_all_of(std::vector<at::ScalarType> dtypes, std::string kernel) {
  return [=](Call& call) {
    for (const at::ScalarType dtype : dtypes)
      if (any_has(call, dtype)) return throws(lacks(kernel, at::toString(dtype)))(call);
    call.proceed();
  };
}

std::vector<Fault> takers() {
  constexpr auto kWrong = Wrong::takes_a_dtype_away;
  constexpr std::string_view kProperty = "what_siblings_take_is_taken";
  return {
      // A region
      {"addmm has no bfloat16 for a region",
       kWrong,
       kProperty,
       {on_cpu("addmm", throws_for(at::kBFloat16, lacks("addmm_impl_cpu_", "BFloat16")))},
       "Linear"},
      {"addmm has no float16 for a cell's region",
       kWrong,
       kProperty,
       {on_cpu("addmm", throws_for(at::kHalf, lacks("addmm_impl_cpu_", "Half")))},
       "GRUCell,LSTMCell"},
      {"bmm has no 16-bit float for attention's region",
       kWrong,
       kProperty,
       {on_cpu("bmm", lacks_all_of({at::kHalf, at::kBFloat16}, "bmm"))},
       "MultiheadAttention"},
      // An option
      {"hardtanh_ has no dtype in place",
       kWrong,
       kProperty,
       {on_cpu("hardtanh_", lacks_all_of({at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}, "clamp_cpu"))},
       "Hardtanh"},
      {"elu_ has no dtype in place",
       kWrong,
       kProperty,
       {on_cpu("elu_", lacks_all_of({at::kFloat, at::kDouble, at::kHalf, at::kBFloat16}, "elu_cpu"))},
       "ELU,CELU,SELU"},
      {"leaky_relu_ has no float64 in place",
       kWrong,
       kProperty,
       {on_cpu("leaky_relu_", throws_for(at::kDouble, lacks("leaky_relu_cpu", "Double")))},
       "LeakyReLU"},
      // A documented dtype
      {"index_select has no int32",
       kWrong,
       kProperty,
       {on_cpu("index_select", throws_for(at::kInt, lacks("index_select", "Int")))},
       "Embedding"},
      {"_embedding_bag has no int32",
       kWrong,
       kProperty,
       {on_cpu("_embedding_bag", throws_for(at::kInt, lacks("embedding_bag", "Int")))},
       "EmbeddingBag"},
      {"nll_loss has no uint8 for its target",
       kWrong,
       kProperty,
       {on_cpu("nll_loss_forward", throws_for(at::kByte, lacks("nll_loss_out_frame", "Byte")))},
       "Identity",
       "NLLLoss"},
      // A number of dimensions
      {"avg_pool3d has no float32",
       kWrong,
       kProperty,
       {on_cpu("avg_pool3d", throws_for(at::kFloat, lacks("avg_pool3d_out_frame", "Float")))},
       "AvgPool3d"},
      {"replication_pad1d has no float64",
       kWrong,
       kProperty,
       {on_cpu("replication_pad1d", throws_for(at::kDouble, lacks("replication_pad1d_cpu", "Double")))},
       "ReplicationPad1d"},
      {"adaptive_max_pool3d has no float64",
       kWrong,
       kProperty,
       {on_cpu("adaptive_max_pool3d", throws_for(at::kDouble, lacks("adaptive_max_pool3d_cpu", "Double")))},
       "AdaptiveMaxPool3d"},
  };
}

std::vector<Fault> random_layers() {
  constexpr auto kWrong = Wrong::takes_a_dtype_away;
  constexpr std::string_view kProperty = "modes_agree";
  return {
      {"bernoulli_ has no float32 for dropout in train",
       kWrong,
       kProperty,
       {on_cpu("bernoulli_.float", throws_for(at::kFloat, lacks("bernoulli_scalar_cpu_", "Float")))},
       "Dropout"},
      {"rrelu_with_noise has no float32 in train",
       kWrong,
       kProperty,
       {on_cpu("rrelu_with_noise",
               where([](const Call& call) { return call.number(4) != 0; },
                     throws_for(at::kFloat, lacks("rrelu_with_noise_out_cpu", "Float"))))},
       "RReLU"},
      {"alpha dropout has no float64 in train",
       kWrong,
       kProperty,
       {on_cpu("bernoulli_.float", throws_for(at::kDouble, lacks("bernoulli_scalar_cpu_", "Double")))},
       "AlphaDropout,FeatureAlphaDropout"},
  };
}

std::vector<Fault> masks() {
  constexpr auto kWrong = Wrong::misreads_an_operand;
  constexpr std::string_view kProperty = "values_agree_with_float64";
  const auto without_mask = [](Call& call) { call.change_tensor(1, at::zeros_like(call.tensor(1))); };
  const auto with_the_others = [](Call& call) { call.change_tensor(1, call.tensor(1).logical_not()); };
  const auto one_before = [](Call& call) { call.change_tensor(2, (call.tensor(2) - 1).clamp_min(0)); };
  return {
      {"masked_fill leaves nothing out in float32",
       kWrong,
       kProperty,
       {on_cpu("masked_fill.Scalar", where(in(at::kFloat), first(without_mask)))},
       "MultiheadAttention"},
      {"masked_fill leaves the others out in float32",
       kWrong,
       kProperty,
       {on_cpu("masked_fill.Scalar", where(in(at::kFloat), first(with_the_others)))},
       "MultiheadAttention"},
      {"index_select takes int32 for the row before",
       kWrong,
       kProperty,
       {on_cpu("index_select", where(in(at::kInt), first(one_before)))},
       "Embedding"},
  };
}

std::vector<Fault> numbers() {
  constexpr auto kWrong = Wrong::wrong_numbers;
  constexpr std::string_view kProperty = "values_agree_with_float64";
  const auto nan_at_zero = [](Call& call) {
    const at::Tensor input = call.tensor(0);
    call.change_results([&](const at::Tensor& result) {
      return result.masked_fill(input == 0, std::numeric_limits<double>::quiet_NaN());
    });
  };
  const auto one_off = [](Call& call) {
    call.change_results([](const at::Tensor& result) { return result + 1; });
  };
  return {
      {"silu is NaN at zero in float32",
       kWrong,
       kProperty,
       {on_cpu("silu", where(in(at::kFloat), afterwards(nan_at_zero)))},
       "SiLU"},
      {"relu is one off in int8",
       kWrong,
       kProperty,
       {on_cpu("relu", where(in(at::kChar), afterwards(one_off)))},
       "ReLU"},
      {"tanh is doubled in bfloat16",
       kWrong,
       kProperty,
       {on_cpu("tanh", where(in(at::kBFloat16), results(doubled)))},
       "Tanh"},
      // Inside of what is made of parts
      {"a cell's tanh is doubled in bfloat16",
       kWrong,
       kProperty,
       {on_cpu("tanh", where(in(at::kBFloat16), results(doubled)))},
       "RNNCell"},
  };
}

std::vector<Fault> gradients() {
  constexpr auto kWrong = Wrong::wrong_gradient;
  constexpr std::string_view kProperty = "gradients_agree_with_float64";
  return {
      {"threshold_backward is doubled in float32",
       kWrong,
       kProperty,
       {on_cpu("threshold_backward", where(in(at::kFloat), results(doubled)))},
       "ReLU"},
      {"gelu_backward has the other sign in float16",
       kWrong,
       kProperty,
       {on_cpu("gelu_backward", where(in(at::kHalf), results([](const at::Tensor& t) { return -t; })))},
       "GELU"},
      {"layer_norm's backward is half as much again in float32",
       kWrong,
       kProperty,
       {on_cpu("native_layer_norm_backward",
               where(in(at::kFloat), results([](const at::Tensor& t) { return t * 1.5; })))},
       "LayerNorm"},
  };
}

std::vector<Fault> arithmetic() {
  constexpr auto kWrong = Wrong::wrong_arithmetic;
  constexpr std::string_view kProperty = "arithmetic_agrees_with_float64";
  // SGD adds the gradient times the negative learning rate, as nobody else does.
  const auto is_sgd = [](const Call& call) { return call.number(2) == -0.01 && any_has(call, at::kFloat); };
  const auto steps_twice = [](Call& call) { call.tensor(0).detach().sub_(call.tensor(1), 0.01); };
  const auto half_as_far = [](Call& call) { call.change_tensor(1, call.tensor(1) * 0.5); };
  return {
      {"SGD steps twice in float32",
       kWrong,
       kProperty,
       {on_cpu("add_.Tensor", where(is_sgd, afterwards(steps_twice)))},
       "Linear"},
      {"addcdiv_ goes half as far in float32",
       kWrong,
       kProperty,
       {on_cpu("addcdiv_", where(in(at::kFloat), first(half_as_far)))},
       "Linear"},
      {"a norm is a tenth too large in float32",
       kWrong,
       kProperty,
       {on_cpu("norm.Scalar", where(in(at::kFloat), results([](const at::Tensor& t) { return t * 1.1; })))},
       "Linear"},
  };
}

std::vector<Fault> words() {
  constexpr auto kWrong = Wrong::untrue_words;
  constexpr std::string_view kProperty = "agreeing_dtypes_succeed";
  return {
      {"gelu says float64 of float16",
       kWrong,
       kProperty,
       {on_cpu("gelu", throws_for(at::kHalf, lacks("GeluKernelImpl", "Double")))},
       "GELU"},
      {"softplus throws what is not LibTorch's",
       kWrong,
       kProperty,
       {on_cpu("softplus",
               where(in(at::kHalf), [](Call&) { throw std::runtime_error(lacks("softplus_cpu", "Half")); }))},
       "Softplus"},
      {"mish speaks as a backend does",
       kWrong,
       kProperty,
       {on_cpu("mish", throws_for(at::kBFloat16, "get_mkldnn_dtype: unsupported data type"))},
       "Mish"},
      {"an average asserts where nothing is promised", kWrong, kProperty,
       on_cpu_each({"avg_pool2d", "avg_pool3d"},
                   throws_for(at::kInt, "result.defined() INTERNAL ASSERT FAILED at x.cpp:1")),
       "LocalResponseNorm"},
      {"a cell's sigmoid tells of a mismatch in a region",
       kWrong,
       kProperty,
       {on_cpu("sigmoid_", throws_for(at::kBFloat16, "Found dtype BFloat16 but expected Float"))},
       "GRUCell,LSTMCell"},
      {"attention's softmax asserts in bfloat16",
       kWrong,
       kProperty,
       {on_cpu("_softmax", throws_for(at::kBFloat16, "grain > 0 INTERNAL ASSERT FAILED at x.cpp:1"))},
       "MultiheadAttention"},
  };
}

std::vector<Fault> casts() {
  constexpr auto kWrong = Wrong::casts_wrongly;
  constexpr std::string_view kProperty = "conversion_keeps_values";
  const auto from_float32_to = [](at::ScalarType to) {
    return [=](const Call& call) {
      return call.tensor(0).scalar_type() == to && call.tensor(1).scalar_type() == at::kFloat;
    };
  };
  return {
      {"copy_ loses the sign from float32 to float16",
       kWrong,
       kProperty,
       {on_cpu("copy_", where(from_float32_to(at::kHalf),
                              afterwards([](Call& call) { call.tensor(0).detach().abs_(); })))},
       "Linear"},
      {"copy_ is a little off from float32 to bfloat16",
       kWrong,
       kProperty,
       {on_cpu("copy_", where(from_float32_to(at::kBFloat16),
                              afterwards([](Call& call) { call.tensor(0).detach().mul_(1.02); })))},
       "Linear"},
      {"copy_ clamps from float32 to float64",
       kWrong,
       kProperty,
       {on_cpu("copy_", where(from_float32_to(at::kDouble),
                              afterwards([](Call& call) { call.tensor(0).detach().clamp_(-0.2, 0.2); })))},
       "Linear"},
  };
}

std::vector<Fault> changes() {
  constexpr auto kWrong = Wrong::changes_besides;
  constexpr std::string_view kProperty = "calls_change_what_they_document";
  const auto adds_one_to = [](size_t argument) {
    return afterwards([=](Call& call) {
      if (const at::Tensor tensor = call.tensor(argument); tensor.defined()) tensor.detach().add_(1);
    });
  };
  return {
      {"relu wipes its input",
       kWrong,
       kProperty,
       {on_cpu("relu", afterwards([](Call& call) { call.tensor(0).detach().zero_(); }))},
       "ReLU"},
      {"addmm adds one to its bias", kWrong, kProperty, {on_cpu("addmm", adds_one_to(0))}, "Linear"},
      {"layer_norm adds one to its weight",
       kWrong,
       kProperty,
       {on_cpu("native_layer_norm", adds_one_to(2))},
       "LayerNorm"},
      {"mse_loss adds one to its target",
       kWrong,
       kProperty,
       {on_cpu("mse_loss", adds_one_to(1))},
       "Identity",
       "MSELoss"},
  };
}

std::vector<Fault> half_done() {
  constexpr auto kWrong = Wrong::changes_before_throw;
  constexpr std::string_view kProperty = "refusal_leaves_no_trace";
  const auto counts_batches = [](const Call& call) {
    return call.tensor(0).scalar_type() == at::kHalf && call.tensor(1).scalar_type() == at::kLong &&
           call.tensor(1).dim() == 0;
  };
  // A weight comes before its bias, and is changed when that is refused.
  const auto is_bias = [](const Call& call) {
    return call.tensor(0).dim() == 1 && any_has(call, at::kFloat);
  };
  return {
      {"copy_ has no float16 for a counter",
       kWrong,
       kProperty,
       {on_cpu("copy_", where(counts_batches, throws(lacks("copy_", "Long"))))},
       "InstanceNorm1d"},
      {"mul_ has no float32 for a bias's gradient",
       kWrong,
       kProperty,
       {on_cpu("mul_.Tensor", where(is_bias, throws(lacks("mul_cpu", "Float"))))},
       "Linear"},
      {"add_ has no float32 for a bias's step",
       kWrong,
       kProperty,
       {on_cpu("add_.Tensor", where(is_bias, throws(lacks("add_cpu", "Float"))))},
       "Linear"},
  };
}

}  // namespace

std::vector<Fault> faults_of_silence() {
  return joined({takers(), random_layers(), masks(), numbers(), gradients(), arithmetic(), words(), casts(),
                 changes(), half_done()});
}

}  // namespace dtypefuzz
