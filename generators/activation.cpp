#include <string>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// A row of a module without parameters that works element by element on any shape.
template <class Impl>
Row elementwise(std::string_view name, std::string_view documentation, OutputRule output,
                decltype(Row::draw) draw) {
  return {.name = name,
          .source = "nn/modules/activation.h",
          .contract = {.source = documentation, .output = output},
          .forward = one_tensor_in_one_out<Impl>,
          .input = draw_any_input,
          .accepts = any_shape,
          .draw = draw};
}

/// hardtanh_backward takes the input, so what comes after may write over the output:
/// tools/autograd/derivatives.yaml.
Row keeping_its_input(Row row) {
  row.keeps_input = true;
  return row;
}

/// The loss gets numbers in (0, 1), which BCELoss asks for.
Row before_losses(Row row) {
  row.gives = Content::probabilities;
  row.before_losses = true;
  return row;
}

template <class Module>
Drawn plain(Draw&, const Shape& in, const Site&) {
  return {.make = make<Module>(), .out = in};
}

/// The module with these options, in place or not.
template <class Module, class Options>
Drawn maybe_in_place(Draw& draw, const Shape& in, const Site& site, Options options = {}) {
  const bool inplace = draw_inplace(draw, site);
  return {.make = make<Module>(options.inplace(inplace)), .out = in, .in_place = inplace};
}

/// The dimensions that GLU can halve, simplest first: the last one as -1, the others from the front.
std::vector<int64_t> even_dimensions(const Shape& in) {
  std::vector<int64_t> dims;
  const auto even = [](int64_t size) { return size > 0 && size % 2 == 0; };
  if (!in.empty() && even(in.back())) dims.push_back(-1);
  for (size_t i = 0; i + 1 < in.size(); ++i)
    if (even(in[i])) dims.push_back(static_cast<int64_t>(i));
  return dims;
}

const Row kActivationRows[] = {
    elementwise<nn::ReLUImpl>("ReLU", "https://pytorch.org/docs/stable/generated/torch.nn.ReLU.html",
                              same_as("input"),
                              [](Draw& draw, const Shape& in, const Site& site) {
                                return maybe_in_place<nn::ReLU, nn::ReLUOptions>(draw, in, site);
                              }),
    elementwise<nn::ReLU6Impl>("ReLU6", "https://pytorch.org/docs/stable/generated/torch.nn.ReLU6.html",
                               same_as("input"),
                               [](Draw& draw, const Shape& in, const Site& site) {
                                 return maybe_in_place<nn::ReLU6, nn::ReLU6Options>(draw, in, site);
                               }),
    // "preserve legacy behavior of boundaries not causing type promotion": hardtanh_out in
    // aten/src/ATen/native/Activation.cpp cuts the limits to integers for integral inputs.
    keeping_its_input(elementwise<nn::HardtanhImpl>(
        "Hardtanh", "https://pytorch.org/docs/stable/generated/torch.nn.Hardtanh.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site& site) {
          const auto least = draw_number(draw, "min_val", {"-1", "0", "-0.5"});
          const auto most = draw_number(draw, "max_val", {"1", "6", "0.5"});
          return maybe_in_place<nn::Hardtanh>(draw, in, site,
                                              nn::HardtanhOptions().min_val(least).max_val(most));
        })),
    elementwise<nn::ThresholdImpl>(
        "Threshold", "https://pytorch.org/docs/stable/generated/torch.nn.Threshold.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site& site) {
          const auto threshold = draw_number(draw, "threshold", {"0.1", "0", "-1"});
          const auto value = draw_number(draw, "value", {"20", "0", "0.5", "-1"});
          return maybe_in_place<nn::Threshold>(draw, in, site, nn::ThresholdOptions(threshold, value));
        }),
    // No slope is negative: backward in place promises nothing for those, leaky_relu_backward and
    // elu_backward in aten/src/ATen/native/Activation.cpp.
    elementwise<nn::LeakyReLUImpl>(
        "LeakyReLU", "https://pytorch.org/docs/stable/generated/torch.nn.LeakyReLU.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site& site) {
          const auto slope = draw_number(draw, "negative_slope", {"0.01", "0", "1"});
          return maybe_in_place<nn::LeakyReLU>(draw, in, site, nn::LeakyReLUOptions().negative_slope(slope));
        }),
    elementwise<nn::ELUImpl>("ELU", "https://pytorch.org/docs/stable/generated/torch.nn.ELU.html",
                             same_as("input"),
                             [](Draw& draw, const Shape& in, const Site& site) {
                               const auto alpha = draw_number(draw, "alpha", {"1", "0.5"});
                               return maybe_in_place<nn::ELU>(draw, in, site, nn::ELUOptions().alpha(alpha));
                             }),
    elementwise<nn::CELUImpl>(
        "CELU", "https://pytorch.org/docs/stable/generated/torch.nn.CELU.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site& site) {
          const auto alpha = draw_number(draw, "alpha", {"1", "0.5"});
          return maybe_in_place<nn::CELU>(draw, in, site, nn::CELUOptions().alpha(alpha));
        }),
    elementwise<nn::SELUImpl>("SELU", "https://pytorch.org/docs/stable/generated/torch.nn.SELU.html",
                              same_as("input"),
                              [](Draw& draw, const Shape& in, const Site& site) {
                                return maybe_in_place<nn::SELU, nn::SELUOptions>(draw, in, site);
                              }),
    elementwise<nn::GELUImpl>(
        "GELU", "https://pytorch.org/docs/stable/generated/torch.nn.GELU.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const std::string how(draw.word("approximate", {"none", "tanh"}));
          return {.make = make<nn::GELU>(nn::GELUOptions().approximate(how)), .out = in};
        }),
    elementwise<nn::SiLUImpl>("SiLU", "https://pytorch.org/docs/stable/generated/torch.nn.SiLU.html",
                              same_as("input"), plain<nn::SiLU>),
    elementwise<nn::MishImpl>("Mish", "https://pytorch.org/docs/stable/generated/torch.nn.Mish.html",
                              same_as("input"), plain<nn::Mish>),
    elementwise<nn::LogSigmoidImpl>("LogSigmoid",
                                    "https://pytorch.org/docs/stable/generated/torch.nn.LogSigmoid.html",
                                    same_as("input"), plain<nn::LogSigmoid>),
    elementwise<nn::HardshrinkImpl>(
        "Hardshrink", "https://pytorch.org/docs/stable/generated/torch.nn.Hardshrink.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          return {.make = make<nn::Hardshrink>(draw_number(draw, "lambda", {"0.5", "0"})), .out = in};
        }),
    elementwise<nn::SoftshrinkImpl>(
        "Softshrink", "https://pytorch.org/docs/stable/generated/torch.nn.Softshrink.html", same_as("input"),
        [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          return {.make = make<nn::Softshrink>(draw_number(draw, "lambda", {"0.5", "0"})), .out = in};
        }),
    // Unary floating functions promote integers to the default dtype: torch.sigmoid, torch.tanh; so does true
    // division, torch.div, of which Softsign is made.
    before_losses(elementwise<nn::SigmoidImpl>(
        "Sigmoid", "https://pytorch.org/docs/stable/generated/torch.nn.Sigmoid.html", float_of("input"),
        plain<nn::Sigmoid>)),
    elementwise<nn::TanhImpl>("Tanh", "https://pytorch.org/docs/stable/generated/torch.nn.Tanh.html",
                              float_of("input"), plain<nn::Tanh>),
    elementwise<nn::TanhshrinkImpl>("Tanhshrink",
                                    "https://pytorch.org/docs/stable/generated/torch.nn.Tanhshrink.html",
                                    float_of("input"), plain<nn::Tanhshrink>),
    elementwise<nn::SoftsignImpl>("Softsign",
                                  "https://pytorch.org/docs/stable/generated/torch.nn.Softsign.html",
                                  float_of("input"), plain<nn::Softsign>),
    // `softplus` is in CUDA's float32 list and in none of the CPU's.
    {.name = "Softplus",
     .source = "nn/modules/activation.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Softplus.html",
                  .autocast_cuda = AutocastPolicy::float32},
     .forward = one_tensor_in_one_out<nn::SoftplusImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto beta = draw_number(draw, "beta", {"1", "0.5"});
       const auto threshold = draw_number(draw, "threshold", {"20", "0"});
       return {.make = make<nn::Softplus>(nn::SoftplusOptions().beta(beta).threshold(threshold)), .out = in};
     }},
    // In train the slope is a random number for each negative element.
    {.name = "RReLU",
     .source = "nn/modules/activation.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.RReLU.html",
                  .random = Random::in_train},
     .forward = one_tensor_in_one_out<nn::RReLUImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
       const auto lower = draw_number(draw, "lower", {"0.125", "0"});
       const auto upper = draw_number(draw, "upper", {"0.5", "0.125"});
       return maybe_in_place<nn::RReLU>(draw, in, site, nn::RReLUOptions().lower(lower).upper(upper));
     }},
    {.name = "GLU",
     .source = "nn/modules/activation.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.GLU.html"},
     .forward = one_tensor_in_one_out<nn::GLUImpl>,
     .input = [](Draw& draw, const Site& site) -> Shape {
       const auto features = [&] {
         const Draw::AtRoot root(draw);
         return draw.size("input.features", {4, 2, 6, 8, 10, 16, 20, 32, 34, 64});
       }();
       return draw_rows_of(draw, site, features);
     },
     .accepts = [](const Shape& in, const Site&) { return !even_dimensions(in).empty(); },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto dims = even_dimensions(in);
       const auto dim = draw.pick<int64_t>(Ask::size, "dim", dims);
       Shape out = in;
       out[dim < 0 ? in.size() - 1 : static_cast<size_t>(dim)] /= 2;
       return {.make = make<nn::GLU>(nn::GLUOptions(dim)), .out = out};
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
};

}  // namespace

std::span<const Row> activation_rows() {
  return kActivationRows;
}

}  // namespace dtypefuzz
