#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

Shape image(Draw& draw, const Site& site) {
  Site filled = site;
  filled.batch = std::max<int64_t>(site.batch, 1);
  return draw_image(draw, filled, 2, 2, 2, true);
}
bool takes_image(const Shape& in, const Site&) {
  return (in.size() == 3 || in.size() == 4) && numel(in) > 0 && in[in.size() - 1] >= 2 && in[in.size() - 2] >= 2;
}
Shape pooled(const Shape& in, int64_t kernel) {
  Shape out = in;
  for (size_t i = in.size() - 2; i < in.size(); ++i) out[i] = slide(in[i], kernel, kernel, 0);
  return out;
}

const Row kRows[] = {
    {.name = "MaxPool2d",
     .source = "nn/modules/pooling.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.MaxPool2d.html"},
     .forward = one_tensor_in_one_out<nn::MaxPool2dImpl>,
     .input = image,
     .accepts = takes_image,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto kernel = draw.size("kernel_size", {2, 1});
       return {.make = make<nn::MaxPool2d>(nn::MaxPool2dOptions(kernel)), .out = pooled(in, kernel)};
     }},
    {.name = "AvgPool2d",
     .source = "nn/modules/pooling.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.AvgPool2d.html"},
     .forward = one_tensor_in_one_out<nn::AvgPool2dImpl>,
     .input = image,
     .accepts = takes_image,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto kernel = draw.size("kernel_size", {2, 1});
       return {.make = make<nn::AvgPool2d>(nn::AvgPool2dOptions(kernel)), .out = pooled(in, kernel)};
     }},
    {.name = "AdaptiveAvgPool2d",
     .source = "nn/modules/pooling.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveAvgPool2d.html"},
     .forward = one_tensor_in_one_out<nn::AdaptiveAvgPool2dImpl>,
     .input = image,
     .accepts = takes_image,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto size = draw.size("output_size", {1, 2, 3});
       Shape out = in;
       out[in.size() - 1] = out[in.size() - 2] = size;
       return {.make = make<nn::AdaptiveAvgPool2d>(nn::AdaptiveAvgPool2dOptions({size, size})), .out = out};
     }},
    {.name = "Upsample",
     .source = "nn/modules/upsampling.h",
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Upsample.html",
                  .autocast_cuda = AutocastPolicy::unspecified},
     .forward = one_tensor_in_one_out<nn::UpsampleImpl>,
     .input = [](Draw& draw, const Site& site) {
       Site filled = site;
       filled.batch = std::max<int64_t>(site.batch, 1);
       return draw_image(draw, filled, 2, 2, 2, false);
     },
     .accepts = [](const Shape& in, const Site& site) {
       return in.size() == 4 && takes_image(in, site) && numel(in) < 2048;
     },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto mode = draw.word("mode", {"nearest", "bilinear", "bicubic"});
       auto options = nn::UpsampleOptions().size(std::vector<int64_t>{in[2] * 2, in[3] * 2});
       if (mode == "bilinear") options.mode(torch::kBilinear).align_corners(false);
       if (mode == "bicubic") options.mode(torch::kBicubic).align_corners(false);
       Shape out = in;
       out[2] *= 2, out[3] *= 2;
       return {.make = make<nn::Upsample>(options), .out = out};
     }},
};

}  // namespace

std::span<const Row> pooling_rows() { return kRows; }

}  // namespace dtypefuzz
