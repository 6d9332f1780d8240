// Results of another dtype than promised, or of the right one with other numbers.
#include "harness/faults/deeds.h"
#include "harness/faults/fault.h"

namespace dtypefuzz {
namespace {

std::vector<Fault> wrong_dtypes() {
  constexpr auto kWrong = Wrong::wrong_dtype;
  constexpr std::string_view kProperty = "output_dtype_is_as_promised";
  const Does doubles = gives(at::kDouble);
  const auto one = [&](const char* op, const char* modules, const char* losses = "") {
    return Fault{
        std::string(op) + " gives float64", kWrong, kProperty, {on_cpu(op, doubles)}, modules, losses};
  };
  return {
      one("addmm", "Linear"),
      one("gelu", "GELU"),
      one("_softmax", "Softmax"),
      one("native_layer_norm", "LayerNorm"),
      one("convolution", "Conv1d,Conv2d,Conv3d"),
      one("max_pool2d_with_indices", "MaxPool2d"),
      one("avg_pool2d", "AvgPool2d"),
      one("embedding", "Embedding"),
      one("upsample_nearest2d", "Upsample"),
      one("mse_loss", "Linear", "MSELoss"),
      {"_log_softmax gives float32",
       kWrong,
       kProperty,
       {on_cpu("_log_softmax", gives(at::kFloat))},
       "LogSoftmax"},
      {"dropout gives float64", kWrong, kProperty, {at_autograd("dropout", doubles)}, "Dropout"},
  };
}

std::vector<Fault> wrong_numbers() {
  constexpr auto kWrong = Wrong::wrong_in_float16;
  constexpr std::string_view kProperty = "values_agree_with_float64";
  const auto one = [&](const char* op, const char* modules) {
    return Fault{std::string(op) + " is an eighth off in float16",
                 kWrong,
                 kProperty,
                 {on_cpu(op, is_off_in_float16())},
                 modules};
  };
  return {one("addmm", "Linear"),         one("gelu", "GELU"),
          one("_softmax", "Softmax"),     one("native_layer_norm", "LayerNorm"),
          one("avg_pool2d", "AvgPool2d"), one("convolution", "Conv1d,Conv2d"),
          one("embedding", "Embedding")};
}

}  // namespace

std::vector<Fault> faults_of_dtypes() {
  return joined({wrong_dtypes(), wrong_numbers()});
}

}  // namespace dtypefuzz
