#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

at::Tensor parameter(double value, int64_t features) {
  return torch::full({features}, value, at::TensorOptions(c10::get_default_dtype()).requires_grad(true));
}

/// Containers of parameters run nothing by themselves: these are the smallest modules that hold one and
/// combine with it what they are given, element by element.
class ScaledByList : public nn::Module {
 public:
  explicit ScaledByList(int64_t features)
      : params_(register_module("params",
                                nn::ParameterList(parameter(0.5, features), parameter(0.25, features)))) {}
  at::Tensor forward(const at::Tensor& input) { return input * params_->at(0) + params_->at(1); }

 private:
  nn::ParameterList params_;
};

class ScaledByDict : public nn::Module {
 public:
  explicit ScaledByDict(int64_t features) : params_(register_module("params", nn::ParameterDict())) {
    params_->insert("scale", parameter(0.5, features));
    params_->insert("shift", parameter(0.25, features));
  }
  at::Tensor forward(const at::Tensor& input) {
    return input * params_->get("scale") + params_->get("shift");
  }

 private:
  nn::ParameterDict params_;
};

/// Sums and products promise torch::result_type, and no autocast list has `add` and `mul`.
template <class Module>
Row holding(std::string_view name, std::string_view source, std::string_view scale, std::string_view shift) {
  return {.name = name,
          .source = source,
          .contract = {.source = "https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc",
                       .promotes = {"input", scale, shift},
                       .output = promoted()},
          .forward = one_tensor_in_one_out<Module>,
          .input = draw_any_input,
          .accepts = [](const Shape& in, const Site&) { return !in.empty() && in.back() > 0; },
          .draw = [=](Draw&, const Shape& in, const Site&) -> Drawn {
            const auto features = in.back();
            return {.make = [=] { return nn::AnyModule(std::make_shared<Module>(features)); },
                    .out = in,
                    .parameters = {std::string(scale), std::string(shift)}};
          }};
}

const Row kContainerRows[] = {
    holding<ScaledByList>("ParameterList", "nn/modules/container/parameterlist.h", "params.0", "params.1"),
    holding<ScaledByDict>("ParameterDict", "nn/modules/container/parameterdict.h", "params.scale",
                          "params.shift"),
    {
        .name = "Functional",
        .source = "nn/modules/container/functional.h",
        // What the function does: all that are drawn keep their input's dtype, and no autocast list has one.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.functional.relu.html"},
        .forward = one_tensor_in_one_out<nn::FunctionalImpl>,
        .input = draw_any_input,
        .accepts = any_shape,
        .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
          const auto function = draw.word("function", {"relu", "leaky_relu", "elu"});
          Drawn drawn{.make = {}, .out = in};
          if (function == "leaky_relu") {
            drawn.make = [] {
              return nn::AnyModule(nn::Functional(torch::leaky_relu, /*negative_slope=*/0.5));
            };
          } else if (function == "elu") {
            drawn.make = [] {
              return nn::AnyModule(nn::Functional(torch::elu, /*alpha=*/1.5, /*scale=*/1, /*input_scale=*/1));
            };
          } else {
            drawn.in_place = draw_inplace(draw, site);
            drawn.make = [in_place = drawn.in_place] {
              if (!in_place) return nn::AnyModule(nn::Functional(torch::relu));
              return nn::AnyModule(nn::Functional([](at::Tensor input) { return torch::relu_(input); }));
            };
          }
          return drawn;
        },
        .other_operators = {{"function", "the module is what the function is"}},
    },
};

}  // namespace

std::span<const Row> container_rows() {
  return kContainerRows;
}

}  // namespace dtypefuzz
