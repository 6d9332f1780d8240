// What is wrong in one mode, on one device or in one region alone.
#include <ATen/autocast_mode.h>

#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

bool no_grad(const Call&) {
  return !at::GradMode::is_enabled();
}
bool inference(const Call&) {
  return c10::InferenceMode::is_enabled();
}
bool in_float16(const Call&) {
  return at::autocast::get_autocast_dtype(at::kCPU) == at::kHalf;
}

std::vector<Fault> modes() {
  constexpr auto kWrong = Wrong::differs_in_no_grad;
  constexpr std::string_view kProperty = "modes_agree";
  return {
      {"gelu is not implemented in no_grad",
       kWrong,
       kProperty,
       {on_cpu("gelu", where(no_grad, throws("\"gelu\" not implemented for 'Float'")))},
       "GELU"},
      {"layer_norm is not implemented in no_grad",
       kWrong,
       kProperty,
       {on_cpu("native_layer_norm",
               where(no_grad, throws("\"LayerNormKernelImpl\" not implemented for 'Float'")))},
       "LayerNorm"},
      {"softmax is not implemented in inference",
       kWrong,
       kProperty,
       {on_cpu("_softmax", where(inference, throws("\"softmax\" not implemented for 'Float'")))},
       "Softmax"},
      {"avg_pool2d is not implemented in inference",
       kWrong,
       kProperty,
       {on_cpu("avg_pool2d", where(inference, throws("\"avg_pool2d\" not implemented for 'Float'")))},
       "AvgPool2d"},
      {"addmm gives float64 in no_grad",
       kWrong,
       "output_dtype_is_as_promised",
       {on_cpu("addmm", where(no_grad, gives(at::kDouble)))},
       "Linear"},
      {"native_group_norm accepts any dtypes in no_grad",
       kWrong,
       "mismatch_is_refused_by_name",
       {on_cpu("native_group_norm", where(no_grad, accepts_any_dtype()))},
       "GroupNorm"},
  };
}

std::vector<Fault> devices() {
  constexpr auto kWrong = Wrong::differs_on_meta;
  constexpr std::string_view kProperty = "devices_agree";
  // Only where nothing is promised: a promise that meta breaks is broken by itself.
  return {
      {"div on meta gives float64 of whole numbers",
       kWrong,
       kProperty,
       {on_meta("div.Tensor", where([](const Call& call) { return !call.tensor(0).is_floating_point(); },
                                    gives(at::kDouble)))},
       "LocalResponseNorm"},
  };
}

std::vector<Fault> regions() {
  constexpr auto kWrong = Wrong::differs_by_region;
  constexpr std::string_view kProperty = "autocast_dtypes_agree";
  constexpr const char* kMessage = "Found dtype Half but expected Float";
  return {
      {"addmm refuses what float16 autocast gives it",
       kWrong,
       kProperty,
       {on_cpu("addmm", where(in_float16, throws(kMessage)))},
       "RNNCell,GRUCell"},
      // By itself: what is made of parts takes in a region what it takes without.
      {"pow refuses to run in float16 autocast",
       kWrong,
       "agreeing_dtypes_succeed",
       {on_cpu("pow.Tensor_Scalar", where(in_float16, throws(kMessage)))},
       "LocalResponseNorm"},
  };
}

std::vector<Fault> repairs() {
  constexpr auto kWrong = Wrong::refuses_repair;
  constexpr std::string_view kProperty = "suggested_repair_works";
  return {
      {"addmm refuses float64 after the cast to it",
       kWrong,
       kProperty,
       {on_cpu("addmm", where([](const Call& call) { return !disagree(call); },
                              throws_for(at::kDouble, "Found dtype Double but expected Float")))},
       "Linear"},
      {"bilinear refuses float32 after the cast to it",
       kWrong,
       kProperty,
       {at_autograd("bilinear", where([](const Call& call) { return !disagree(call); },
                                      throws_for(at::kFloat, "Found dtype Float but expected Double")))},
       "Bilinear"},
  };
}

}  // namespace

std::vector<Fault> faults_of_siblings() {
  return joined({modes(), devices(), regions(), repairs()});
}

}  // namespace dtypefuzz
