#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// Convolutions are in the lower precision lists of CPU and CUDA: aten/src/ATen/autocast_mode.{h,cpp}.
Contract convolves(std::string_view source) {
  return {.source = source,
          .share_a_dtype = {{"input", "weight", "bias"}},
          .autocast_cpu = AutocastPolicy::lower_precision,
          .autocast_cuda = AutocastPolicy::lower_precision};
}

template <int dimensions>
Shape image(Draw& draw, const Site& site) {
  return draw_image(draw, site, draw.size("in_channels", {2, 4, 8}), dimensions, 3, true);
}

/// [N, C, size...] or [C, size...] with room for every kernel that may be drawn.
template <int dimensions>
bool takes_image(const Shape& in, const Site&) {
  if (in.size() != dimensions + 2 && in.size() != dimensions + 1) return false;
  if (numel(in) == 0 || numel(in) > 4096) return false;
  for (size_t i = in.size() - dimensions; i < in.size(); ++i)
    if (in[i] < 3) return false;
  return true;
}

std::vector<std::string> parameters(bool bias) {
  return bias ? std::vector<std::string>{"weight", "bias"} : std::vector<std::string>{"weight"};
}

template <class Module, int dimensions>
Drawn draw_convolution(Draw& draw, const Shape& in, const Site&) {
  const size_t channels_at = in.size() - dimensions - 1;
  const auto channels = in[channels_at];
  const auto groups = channels % 2 == 0 ? draw.size("groups", {1, 2}) : 1;
  const auto out_channels = groups * draw.size("out_per_group", {2, 1, 3});
  const auto kernel = draw.size("kernel_size", {1, 2, 3});
  const auto stride = draw.size("stride", {1, 2});
  const auto padding = draw.size("padding", {0, 1});
  const bool bias = draw.flag("bias", true);
  const auto mode = padding ? draw.word("padding_mode", {"zeros", "reflect", "replicate", "circular"}) : "zeros";
  auto options = nn::ConvOptions<dimensions>(channels, out_channels, kernel)
                     .groups(groups).stride(stride).padding(torch::ExpandingArray<dimensions>(padding)).bias(bias);
  if (mode == "reflect") options.padding_mode(torch::kReflect);
  if (mode == "replicate") options.padding_mode(torch::kReplicate);
  if (mode == "circular") options.padding_mode(torch::kCircular);
  Shape out = in;
  out[channels_at] = out_channels;
  for (size_t i = channels_at + 1; i < in.size(); ++i) out[i] = slide(in[i], kernel, stride, padding);
  return {.make = make<Module>(options), .out = out, .parameters = parameters(bias)};
}

template <class Module, int dimensions>
Drawn draw_transposed(Draw& draw, const Shape& in, const Site&) {
  const size_t channels_at = in.size() - dimensions - 1;
  const auto channels = in[channels_at];
  const auto groups = channels % 2 == 0 ? draw.size("groups", {1, 2}) : 1;
  const auto out_channels = groups * draw.size("out_per_group", {2, 1, 3});
  const auto kernel = draw.size("kernel_size", {1, 2, 3});
  const auto stride = draw.size("stride", {1, 2});
  const auto extra = stride > 1 ? draw.size("output_padding", {0, 1}) : 0;
  const bool bias = draw.flag("bias", true);
  const auto options = nn::ConvTransposeOptions<dimensions>(channels, out_channels, kernel)
                           .groups(groups).stride(stride).output_padding(extra).bias(bias);
  Shape out = in;
  out[channels_at] = out_channels;
  for (size_t i = channels_at + 1; i < in.size(); ++i) out[i] = (in[i] - 1) * stride + kernel + extra;
  return {.make = make<Module>(options), .out = out, .parameters = parameters(bias)};
}

template <class Impl>
std::vector<at::Tensor> transposed(nn::Module& module, std::span<const at::Tensor> inputs) {
  return {static_cast<Impl&>(module).forward(inputs[0])};
}

template <class Module, class Impl, int dimensions>
Row convolution(std::string_view name, std::string_view source) {
  return {.name = name, .source = "nn/modules/conv.h", .contract = convolves(source),
          .forward = one_tensor_in_one_out<Impl>, .input = image<dimensions>, .accepts = takes_image<dimensions>,
          .draw = draw_convolution<Module, dimensions>};
}

template <class Module, class Impl, int dimensions>
Row transposed_convolution(std::string_view name, std::string_view source) {
  return {.name = name, .source = "nn/modules/conv.h", .contract = convolves(source),
          .forward = transposed<Impl>, .input = image<dimensions>, .accepts = takes_image<dimensions>,
          .draw = draw_transposed<Module, dimensions>};
}

const Row kRows[] = {
    convolution<nn::Conv1d, nn::Conv1dImpl, 1>("Conv1d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html"),
    convolution<nn::Conv2d, nn::Conv2dImpl, 2>("Conv2d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html"),
    convolution<nn::Conv3d, nn::Conv3dImpl, 3>("Conv3d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html"),
    transposed_convolution<nn::ConvTranspose1d, nn::ConvTranspose1dImpl, 1>(
        "ConvTranspose1d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html"),
    transposed_convolution<nn::ConvTranspose2d, nn::ConvTranspose2dImpl, 2>(
        "ConvTranspose2d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html"),
    transposed_convolution<nn::ConvTranspose3d, nn::ConvTranspose3dImpl, 3>(
        "ConvTranspose3d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html"),
};

}  // namespace

std::span<const Row> convolution_rows() { return kRows; }

}  // namespace dtypefuzz
