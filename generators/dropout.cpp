#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// None of them is in a list of autocast: aten/src/ATen/autocast_mode.h.
Contract drops(std::string_view documentation) {
  return {
      .source = documentation,
      .special = {promises_nothing_where(
          is_whole("input") & When{InTrain{}},
          "dropout scales by 1 / (1 - p) and the documentation does not say what that makes of integers")},
      .random = Random::in_train};
}

double draw_probability(Draw& draw) {
  return draw_number(draw, "p", {"0.5", "0", "1"});
}

template <class Module>
Drawn draw_dropout(Draw& draw, const Shape& in, const Site& site) {
  const auto p = draw_probability(draw);
  const bool inplace = draw_inplace(draw, site);
  return {.make = make<Module>(nn::DropoutOptions(p).inplace(inplace)), .out = in, .in_place = inplace};
}

/// The two alpha dropouts have the option `inplace` and never look at it:
/// torch/csrc/api/src/nn/modules/dropout.cpp.
template <class Module>
Drawn draw_alpha_dropout(Draw& draw, const Shape& in, const Site&) {
  return {.make = make<Module>(nn::DropoutOptions(draw_probability(draw))), .out = in};
}

/// [batch, channels, size...] or [channels, size...].
template <int dimensions>
Shape draw_channels_of(Draw& draw, const Site& site) {
  const auto channels = [&] {
    const Draw::AtRoot root(draw);
    return draw.size("input.channels", {2, 1, 3, 4});
  }();
  return draw_image(draw, site, channels, dimensions, 1, true);
}

template <size_t dimensions>
bool has_channels(const Shape& in, const Site&) {
  return in.size() == dimensions + 1 || in.size() == dimensions + 2;
}

const Row kDropoutRows[] = {
    {.name = "Dropout",
     .source = "nn/modules/dropout.h",
     .contract = drops("https://pytorch.org/docs/stable/generated/torch.nn.Dropout.html"),
     .forward = one_tensor_in_one_out<nn::DropoutImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = draw_dropout<nn::Dropout>},
    {.name = "AlphaDropout",
     .source = "nn/modules/dropout.h",
     .contract = drops("https://pytorch.org/docs/stable/generated/torch.nn.AlphaDropout.html"),
     .forward = one_tensor_in_one_out<nn::AlphaDropoutImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = draw_alpha_dropout<nn::AlphaDropout>},
    {.name = "Dropout2d",
     .source = "nn/modules/dropout.h",
     .contract = drops("https://pytorch.org/docs/stable/generated/torch.nn.Dropout2d.html"),
     .forward = one_tensor_in_one_out<nn::Dropout2dImpl>,
     .input = draw_channels_of<2>,
     .accepts = has_channels<2>,
     .draw = draw_dropout<nn::Dropout2d>},
    {.name = "Dropout3d",
     .source = "nn/modules/dropout.h",
     .contract = drops("https://pytorch.org/docs/stable/generated/torch.nn.Dropout3d.html"),
     .forward = one_tensor_in_one_out<nn::Dropout3dImpl>,
     .input = draw_channels_of<3>,
     .accepts = has_channels<3>,
     .draw = draw_dropout<nn::Dropout3d>},
    {.name = "FeatureAlphaDropout",
     .source = "nn/modules/dropout.h",
     .contract = drops("https://pytorch.org/docs/stable/generated/torch.nn.FeatureAlphaDropout.html"),
     .forward = one_tensor_in_one_out<nn::FeatureAlphaDropoutImpl>,
     .input = draw_channels_of<3>,
     .accepts = has_channels<3>,
     .draw = draw_alpha_dropout<nn::FeatureAlphaDropout>},
};

}  // namespace

std::span<const Row> dropout_rows() {
  return kDropoutRows;
}

}  // namespace dtypefuzz
