#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

const Row kRows[] = {
    {
        .name = "Linear",
        .source = "nn/modules/linear.h",
        // `linear` is in the lower precision list of CPU and CUDA: aten/src/ATen/autocast_mode.{h,cpp}.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Linear.html",
                     .share_a_dtype = {{"input", "weight", "bias"}},
                     .autocast_cpu = AutocastPolicy::lower_precision,
                     .autocast_cuda = AutocastPolicy::lower_precision},
        .forward = one_tensor_in_one_out<nn::LinearImpl>,
        .input = [](Draw& draw, const Site& site) { return draw_rows_of(draw, site, draw_features(draw, "in_features")); },
        .accepts = [](const Shape& in, const Site&) { return !in.empty(); },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto out_features = draw_features(draw, "out_features");
          const bool bias = draw.flag("bias", true);
          Shape out = in;
          out.back() = out_features;
          std::vector<std::string> parameters = {"weight"};
          if (bias) parameters.push_back("bias");
          return {.make = make<nn::Linear>(nn::LinearOptions(in.back(), out_features).bias(bias)),
                  .out = out,
                  .parameters = parameters};
        },
    },
};

}  // namespace

std::span<const Row> linear_rows() { return kRows; }

}  // namespace dtypefuzz
