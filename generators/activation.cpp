#include <cstdlib>

#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

bool any_shape(const Shape&, const Site&) {
  return true;
}

/// A row of a module without parameters that works element by element on any shape.
template <class Module, class Impl>
Row elementwise(std::string_view name, std::string_view documentation, OutputRule output,
                Drawn (*draw)(Draw&, const Shape&, const Site&)) {
  return {.name = name,
          .source = "nn/modules/activation.h",
          .contract = {.source = documentation, .output = output},
          .forward = one_tensor_in_one_out<Impl>,
          .input = draw_any_input,
          .accepts = any_shape,
          .draw = draw};
}

bool integers_in_train(const Received& seen) {
  return seen.train && (kIntegral | kBoolean).has(category_of(seen.dtype_of("input")));
}

template <class Module>
Drawn plain(Draw&, const Shape& in, const Site&) {
  return {.make = make<Module>(), .out = in};
}

const Row kRows[] = {
    elementwise<nn::ReLU, nn::ReLUImpl>("ReLU",
                                        "https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html",
                                        same_as("input"), plain<nn::ReLU>),
    elementwise<nn::GELU, nn::GELUImpl>(
        "GELU", "https://pytorch.org/docs/stable/generated/torch.nn.GELU.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const std::string how(draw.word("approximate", {"none", "tanh"}));
          return {.make = make<nn::GELU>(nn::GELUOptions().approximate(how)), .out = in};
        }),
    // Unary floating functions promote integers to the default dtype: torch.sigmoid, torch.tanh.
    elementwise<nn::Sigmoid, nn::SigmoidImpl>(
        "Sigmoid", "https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html", float_of("input"),
        plain<nn::Sigmoid>),
    elementwise<nn::Tanh, nn::TanhImpl>("Tanh",
                                        "https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html",
                                        float_of("input"), plain<nn::Tanh>),
    // softmax is in CUDA's float32 list and in none of the CPU's.
    {.name = "Softmax",
     .source = "nn/modules/activation.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html",
                  .autocast_cuda = AutocastPolicy::float32},
     .forward = one_tensor_in_one_out<nn::SoftmaxImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto dim = in.size() > 1 ? draw.size("dim", {-1, 0, 1}) : draw.size("dim", {-1, 0});
       return {.make = make<nn::Softmax>(nn::SoftmaxOptions(dim)), .out = in};
     }},
    // `prelu` is in the lower precision list of CPU and CUDA.
    {.name = "PReLU",
     .source = "nn/modules/activation.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.PReLU.html",
                  .share_a_dtype = {{"input", "weight"}},
                  .autocast_cpu = AutocastPolicy::lower_precision,
                  .autocast_cuda = AutocastPolicy::lower_precision},
     .forward = one_tensor_in_one_out<nn::PReLUImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       // One for all, or one a channel; with one dimension there are no channels.
       const auto channels = in.size() > 1 && in[1] > 0 ? in[1] : 1;
       const auto parameters = channels > 1 ? draw.size("num_parameters", {1, channels}) : 1;
       return {.make = make<nn::PReLU>(nn::PReLUOptions().num_parameters(parameters)),
               .out = in,
               .parameters = {"weight"}};
     }},
    {.name = "Dropout",
     .source = "nn/modules/dropout.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html",
                  .special = {unspecified_where(
                      integers_in_train,
                      "torch.nn.Dropout scales by 1 / (1 - p) and does not say what that "
                      "makes of integers")},
                  .random = true},
     .forward = one_tensor_in_one_out<nn::DropoutImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto p = std::strtod(std::string(draw.word("p", {"0.5", "0", "1"})).c_str(), nullptr);
       return {.make = make<nn::Dropout>(nn::DropoutOptions(p)), .out = in};
     }},
};

}  // namespace

std::span<const Row> activation_rows() {
  return kRows;
}

}  // namespace dtypefuzz
