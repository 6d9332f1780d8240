// Mismatches that are accepted, and refusals that say something false, something else, or say it too late.
#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

constexpr std::string_view kByName = "mismatch_is_refused_by_name";
constexpr std::string_view kAgreeing = "agreeing_dtypes_succeed";
constexpr std::string_view kEarly = "refusal_is_early";
constexpr std::string_view kLinears = "Linear,Identity,ReLU";
constexpr std::string_view kCells = "RNNCell,LSTMCell,GRUCell";

// Dtypes that hardly any operand has.
constexpr const char* kNobodyHas = "mat1 and mat2 must have the same dtype, but got Short and Char";
constexpr const char* kAssert = "self.dtype() == other.dtype() INTERNAL ASSERT FAILED at \"Planted.cpp\":1";
constexpr const char* kUnknown = "the flux capacitor is unplugged";

std::vector<Fault> silent() {
  constexpr auto kWrong = Wrong::accepts_mismatch;
  const Does any = accepts_any_dtype();
  // With their backward, else autograd is late to refuse what these did not.
  return {
      {"addmm accepts any dtypes", kWrong, kByName, on_cpu_each({"addmm", "mm"}, any), kLinears},
      {"mm accepts any dtypes", kWrong, kByName, {on_cpu("mm", any)}, "Linear"},
      {"addmm accepts any dtypes in cells", kWrong, kByName, on_cpu_each({"addmm", "mm"}, any), kCells},
      {"addmm and bmm accept any dtypes in attention", kWrong, kByName,
       on_cpu_each({"bmm", "baddbmm", "addmm", "mm"}, any), "MultiheadAttention"},
      {"bilinear accepts any dtypes", kWrong, kByName, {at_autograd("bilinear", any)}, "Bilinear"},
      {"native_layer_norm accepts any dtypes", kWrong, kByName,
       on_cpu_each({"native_layer_norm", "native_layer_norm_backward"}, any), "LayerNorm"},
      {"native_group_norm accepts any dtypes", kWrong, kByName,
       on_cpu_each({"native_group_norm", "native_group_norm_backward"}, any), "GroupNorm"},
      {"prelu accepts any dtypes", kWrong, kByName, {at_autograd("prelu", any)}, "PReLU"},
      {"embedding accepts any indices",
       kWrong,
       kByName,
       {on_cpu("embedding", accepts_any_index(1)), on_cpu("embedding_dense_backward", accepts_any_index(1))},
       "Embedding"},
      {"embedding_bag accepts any weights of samples",
       kWrong,
       kByName,
       {at_autograd("_embedding_bag", accepts_any_dtype_of(6, 0))},
       "EmbeddingBag"},
      {"max_unpool2d accepts any indices",
       kWrong,
       kByName,
       {on_cpu("max_unpool2d", accepts_any_index(1))},
       "MaxUnpool2d"},
      {"nll_loss accepts any targets",
       kWrong,
       kByName,
       {on_cpu("nll_loss_forward", accepts_any_index(1)), on_cpu("nll_loss_backward", accepts_any_index(2))},
       "LogSoftmax",
       "NLLLoss"},
      {"binary_cross_entropy accepts any dtypes", kWrong, kByName,
       on_cpu_each({"binary_cross_entropy", "binary_cross_entropy_backward"}, any), "Sigmoid", "BCELoss"},
  };
}

std::vector<Fault> misnamed() {
  constexpr auto kWrong = Wrong::wrong_names;
  const Does lies = where_operands_disagree_throws(kNobodyHas);
  return {
      {"addmm names dtypes that no operand has", kWrong, kByName, {on_cpu("addmm", lies)}, kLinears},
      {"addmm names dtypes that no operand of a cell has", kWrong, kByName, {on_cpu("addmm", lies)}, kCells},
      {"bilinear names dtypes that no operand has",
       kWrong,
       kByName,
       {at_autograd("bilinear", lies)},
       "Bilinear"},
      {"convolution names dtypes that no operand has",
       kWrong,
       kByName,
       {on_cpu("convolution", lies)},
       "Conv1d,Conv2d,Conv3d"},
      {"native_layer_norm names dtypes that no operand has",
       kWrong,
       kByName,
       {on_cpu("native_layer_norm", lies)},
       "LayerNorm"},
      {"native_group_norm names dtypes that no operand has",
       kWrong,
       kByName,
       {on_cpu("native_group_norm", lies)},
       "GroupNorm"},
      {"prelu names dtypes that no operand has", kWrong, kByName, {at_autograd("prelu", lies)}, "PReLU"},
      {"mm names dtypes that no operand of attention has",
       kWrong,
       kByName,
       {on_cpu("mm", lies)},
       "MultiheadAttention"},
      {"binary_cross_entropy names dtypes that no operand has",
       kWrong,
       kByName,
       {on_cpu("binary_cross_entropy", lies)},
       "Sigmoid",
       "BCELoss"},
  };
}

std::vector<Fault> misordered() {
  constexpr auto kWrong = Wrong::wrong_order;
  constexpr const char* kTypes = "Input type ({}) and weight type ({}) should be the same";
  constexpr const char* kMixed =
      "Mismatch dtype between input and weight: input dtype = {}, weight dtype = {}";
  return {
      {"addmm gives the input the weight's dtype",
       kWrong,
       kByName,
       {on_cpu("addmm", names_in_the_wrong_order(kTypes, 1, 2))},
       kLinears},
      {"convolution gives the input the weight's dtype",
       kWrong,
       kByName,
       {on_cpu("convolution", names_in_the_wrong_order(kTypes, 0, 1))},
       "Conv1d,Conv2d,Conv3d"},
      {"layer_norm gives the input the weight's dtype",
       kWrong,
       kByName,
       {on_cpu("native_layer_norm", names_in_the_wrong_order(kMixed, 0, 2))},
       "LayerNorm"},
      {"group_norm gives the input the weight's dtype",
       kWrong,
       kByName,
       {on_cpu("native_group_norm", names_in_the_wrong_order(kMixed, 0, 1))},
       "GroupNorm"},
      {"prelu gives the input the weight's dtype",
       kWrong,
       kByName,
       {at_autograd("prelu",
                    names_in_the_wrong_order("prelu: Type promoting not supported. Got {} and {}", 0, 1))},
       "PReLU"},
  };
}

std::vector<Fault> unrelated() {
  constexpr auto kWrong = Wrong::unrelated_error;
  return {
      {"addmm fails an assertion where dtypes disagree",
       kWrong,
       kByName,
       {on_cpu("addmm", where_operands_disagree_throws(kAssert))},
       kLinears},
      {"layer_norm says something else where dtypes disagree",
       kWrong,
       kByName,
       {on_cpu("native_layer_norm", where_operands_disagree_throws(kUnknown))},
       "LayerNorm"},
      {"convolution says something else where dtypes disagree",
       kWrong,
       kByName,
       {on_cpu("convolution", where_operands_disagree_throws(kUnknown))},
       "Conv1d,Conv2d,Conv3d"},
      {"gelu fails an assertion in float64",
       kWrong,
       kAgreeing,
       {on_cpu("gelu", throws_for(at::kDouble, kAssert))},
       "GELU"},
      {"softmax says something else in bfloat16",
       kWrong,
       kAgreeing,
       {on_cpu("_softmax", throws_for(at::kBFloat16, kUnknown))},
       "Softmax"},
      {"max_pool2d finds a mismatch in one float16 tensor",
       kWrong,
       kAgreeing,
       {on_cpu("max_pool2d_with_indices",
               throws_for(at::kHalf, "expected scalar type Float but found Half"))},
       "MaxPool2d"},
  };
}

std::vector<Fault> late() {
  constexpr auto kWrong = Wrong::backward_only;
  const Does finds_double = throws_for(at::kDouble, "Found dtype Double but expected Float");
  const Does finds_float = throws_for(at::kFloat, "Found dtype Float but expected Double");
  const Does asserts_low = throws_for(at::kBFloat16, kAssert);
  return {
      {"threshold_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("threshold_backward", finds_double)},
       "ReLU"},
      {"gelu_backward refuses float64", kWrong, kEarly, {on_cpu("gelu_backward", finds_double)}, "GELU"},
      {"silu_backward fails an assertion in bfloat16",
       kWrong,
       kEarly,
       {on_cpu("silu_backward", asserts_low)},
       "SiLU"},
      {"softmax_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("_softmax_backward_data", finds_double)},
       "Softmax"},
      {"layer_norm_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("native_layer_norm_backward", finds_double)},
       "LayerNorm"},
      {"convolution_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("convolution_backward", finds_double)},
       "Conv1d,Conv2d"},
      {"max_pool2d_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("max_pool2d_with_indices_backward", finds_double)},
       "MaxPool2d"},
      {"mse_loss_backward refuses float64",
       kWrong,
       kEarly,
       {on_cpu("mse_loss_backward", finds_double)},
       "ReLU",
       "MSELoss"},
      {"the scaler's unscale refuses float32",
       kWrong,
       kEarly,
       {on_cpu("_amp_foreach_non_finite_check_and_unscale_", finds_float)},
       "Linear"},
      {"the optimizers' addcdiv_ refuses float32",
       kWrong,
       kEarly,
       {on_cpu("addcdiv_", finds_float)},
       "Linear"},
  };
}

}  // namespace

std::vector<Fault> faults_of_refusals() {
  return joined({silent(), misnamed(), misordered(), unrelated(), late()});
}

}  // namespace dtypefuzz
