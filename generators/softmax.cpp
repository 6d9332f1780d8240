#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// `softmax` and `log_softmax` are in CUDA's float32 list and in none of the CPU's.
Contract sums_exponentials(std::string_view documentation) {
  return {.source = documentation, .autocast_cuda = AutocastPolicy::float32};
}

template <class Module, class Options>
Drawn draw_along(Draw& draw, const Shape& in, const Site&) {
  const auto dim = in.size() > 1 ? draw.size("dim", {-1, 0, 1}) : draw.size("dim", {-1, 0});
  return {.make = make<Module>(Options(dim)), .out = in};
}

/// [batch, channels, height, width] or [channels, height, width].
Shape draw_planes(Draw& draw, const Site& site) {
  const auto channels = [&] {
    const Draw::AtRoot root(draw);
    return draw.size("input.channels", {2, 1, 3, 4, 8, 17});
  }();
  return draw_image(draw, site, channels, 2, 1, true);
}

const Row kSoftmaxRows[] = {
    {.name = "Softmax",
     .source = "nn/modules/activation.h",
     .contract = sums_exponentials("https://pytorch.org/docs/stable/generated/torch.nn.Softmax.html"),
     .forward = one_tensor_in_one_out<nn::SoftmaxImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = draw_along<nn::Softmax, nn::SoftmaxOptions>},
    {.name = "LogSoftmax",
     .source = "nn/modules/activation.h",
     .contract = sums_exponentials("https://pytorch.org/docs/stable/generated/torch.nn.LogSoftmax.html"),
     .forward = one_tensor_in_one_out<nn::LogSoftmaxImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = draw_along<nn::LogSoftmax, nn::LogSoftmaxOptions>},
    // Softmax of the negated input.
    {.name = "Softmin",
     .source = "nn/modules/activation.h",
     .contract = sums_exponentials("https://pytorch.org/docs/stable/generated/torch.nn.Softmin.html"),
     .forward = one_tensor_in_one_out<nn::SoftminImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = draw_along<nn::Softmin, nn::SoftminOptions>},
    {.name = "Softmax2d",
     .source = "nn/modules/activation.h",
     .contract = sums_exponentials("https://pytorch.org/docs/stable/generated/torch.nn.Softmax2d.html"),
     .forward = one_tensor_in_one_out<nn::Softmax2dImpl>,
     .input = draw_planes,
     .accepts = [](const Shape& in, const Site&) { return in.size() == 3 || in.size() == 4; },
     .draw = [](Draw&, const Shape& in, const Site&) -> Drawn {
       return {.make = make<nn::Softmax2d>(), .out = in};
     }},
};

}  // namespace

std::span<const Row> softmax_rows() {
  return kSoftmaxRows;
}

}  // namespace dtypefuzz
