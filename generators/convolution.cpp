#include <algorithm>
#include <utility>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// Convolutions are in the lower precision lists of CPU and CUDA: aten/src/ATen/autocast_mode.{h,cpp}.
/// What pads for a padding_mode (CPU: the float32 list) runs before and casts no other dtypes than they do.
Contract convolves(std::string_view documentation) {
  return {.source = documentation,
          .share_a_dtype = {{"input", "weight", "bias"}},
          .autocast_cpu = AutocastPolicy::lower_precision,
          .autocast_cuda = AutocastPolicy::lower_precision};
}

/// Of these options those that fit; the first must.
template <class Fits>
int64_t draw_fitting(Draw& draw, std::string_view name, std::initializer_list<int64_t> options, Fits fits) {
  std::vector<int64_t> fitting = {*options.begin()};
  for (auto option = options.begin() + 1; option != options.end(); ++option)
    if (fits(*option)) fitting.push_back(*option);
  return draw.pick<int64_t>(Ask::size, name, fitting);
}

/// oneDNN blocks channels by 8 and 16; in three dimensions few are enough to be slow.
template <size_t dimensions>
Shape image(Draw& draw, const Site& site) {
  const auto channels = dimensions == 3 ? draw.size("in_channels", {2, 1, 3, 4, 8})
                                        : draw.size("in_channels", {2, 1, 3, 4, 8, 16, 17});
  return draw_image(draw, site, channels, static_cast<int>(dimensions), dimensions == 3 ? 1 : 3, true);
}

/// [N, C, size...] or [C, size...], where N alone may be 0.
template <size_t dimensions>
bool takes_image(const Shape& in, const Site&) {
  const bool batched = in.size() == dimensions + 2;
  if (!batched && in.size() != dimensions + 1) return false;
  const auto sizes = in.begin() + (batched ? 1 : 0);
  if (!std::all_of(sizes, in.end(), [](int64_t size) { return size > 0; })) return false;
  return in[in.size() - dimensions - 1] <= 64 && numel(in) <= kMostElements / 8;
}

/// What convolutions of both directions ask. In and out channels are multiples of `groups` by construction.
struct Channels {
  size_t at = 0;  ///< index of the channels in the input's shape; the sizes follow
  int64_t in = 0, groups = 1, out_per_group = 1;
  int64_t out() const { return groups * out_per_group; }
  /// The output's shape, given what becomes of each size.
  template <class Size>
  Shape after(const Shape& shape, Size size) const {
    Shape result = shape;
    result[at] = out();
    for (size_t i = at + 1; i < shape.size(); ++i) result[i] = size(shape[i]);
    return result;
  }
};

template <size_t dimensions>
Channels draw_channels(Draw& draw, const Shape& in) {
  Channels channels{.at = in.size() - dimensions - 1};
  channels.in = in[channels.at];
  std::vector<int64_t> groups = {1};
  for (const int64_t divisor : {int64_t{2}, int64_t{3}, channels.in})  // as many as channels: depthwise
    if (channels.in % divisor == 0 && divisor > groups.back()) groups.push_back(divisor);
  channels.groups = draw.pick<int64_t>(Ask::size, "groups", groups);
  const int64_t rest = numel(in) / channels.in * channels.groups;
  channels.out_per_group = draw_fitting(draw, "out_per_group", {1, 2, 3, 8, 17}, [&](int64_t count) {
    return 2 * rest * count <= kMostElements && channels.groups * count <= 64;
  });
  return channels;
}

template <class Module, size_t dimensions>
Drawn draw_convolution(Draw& draw, const Shape& in, const Site&) {
  const auto channels = draw_channels<dimensions>(draw, in);
  const auto least = *std::min_element(in.end() - dimensions, in.end());
  const auto kernel = draw_fitting(draw, "kernel_size", {1, 2, 3, 5}, [&](int64_t k) { return k <= least; });
  const auto reach = [&](int64_t dilation) { return dilation * (kernel - 1) + 1; };
  const auto dilation = draw_fitting(draw, "dilation", {1, 2}, [&](int64_t d) { return reach(d) <= least; });
  const auto stride = draw.size("stride", {1, 2, 3});
  // "same" and "valid" are operators of their own (conv2d.padding); "padding='same' is not supported for
  // strided convolutions". Padding stays below every size: what circular and reflect need.
  const auto padded = [&](int64_t padding) {
    return channels.after(in, [&](int64_t size) { return slide(size, kernel, stride, padding, dilation); });
  };
  std::vector<std::string_view> paddings = {"0"};
  if (least > 1 && numel(padded(1)) <= kMostElements) paddings.push_back("1");
  if (least > 2 && numel(padded(2)) <= kMostElements) paddings.push_back("2");
  paddings.push_back("valid");
  if (stride == 1 && reach(dilation) / 2 < least) paddings.push_back("same");
  const auto padding = draw.pick<std::string_view>(Ask::setting, "padding", paddings);
  const bool pads = padding != "0" && padding != "valid";
  const auto mode = pads ? draw.word("padding_mode", {"zeros", "circular", "reflect", "replicate"}) : "zeros";
  const bool bias = draw.flag("bias", true);

  auto options = nn::ConvOptions<dimensions>(channels.in, channels.out(), kernel)
                     .groups(channels.groups)
                     .stride(stride)
                     .dilation(dilation)
                     .bias(bias);
  const int64_t each_side = padding == "1" ? 1 : padding == "2" ? 2 : 0;
  if (padding == "same") {
    options.padding(torch::kSame);
  } else if (padding == "valid") {
    options.padding(torch::kValid);
  } else {
    options.padding(torch::ExpandingArray<dimensions>(each_side));
  }
  if (mode == "circular") options.padding_mode(torch::kCircular);
  if (mode == "reflect") options.padding_mode(torch::kReflect);
  if (mode == "replicate") options.padding_mode(torch::kReplicate);
  Shape out = padded(each_side);
  if (padding == "same") std::copy(in.end() - dimensions, in.end(), out.end() - dimensions);
  return {.make = make<Module>(options), .out = out, .parameters = weight_and(bias)};
}

template <class Module, size_t dimensions>
Drawn draw_transposed(Draw& draw, const Shape& in, const Site&) {
  const auto channels = draw_channels<dimensions>(draw, in);
  int64_t kernel = 1, stride = 1, padding = 0, output_padding = 0, dilation = 1;
  const auto after = [&] {
    return channels.after(in, [&](int64_t size) {
      return (size - 1) * stride - 2 * padding + dilation * (kernel - 1) + output_padding + 1;
    });
  };
  /// Takes the answer for one option in turn, if with it the output is neither empty nor large.
  const auto ask = [&](int64_t& option, std::string_view name, std::initializer_list<int64_t> options) {
    option = draw_fitting(draw, name, options, [&](int64_t candidate) {
      const int64_t kept = std::exchange(option, candidate);
      const Shape out = after();
      option = kept;
      return numel(out) <= kMostElements &&
             std::all_of(out.end() - dimensions, out.end(), [](int64_t size) { return size > 0; });
    });
  };
  ask(kernel, "kernel_size", {1, 2, 3, 5});
  ask(dilation, "dilation", {1, 2});
  ask(stride, "stride", {1, 2, 3});
  ask(padding, "padding", {0, 1});
  // "output padding must be smaller than either stride or dilation":
  // aten/src/ATen/native/NaiveConvolutionTranspose2d.cpp.
  if (std::max(stride, dilation) > 1) ask(output_padding, "output_padding", {0, 1});
  const bool bias = draw.flag("bias", true);
  const auto options = nn::ConvTransposeOptions<dimensions>(channels.in, channels.out(), kernel)
                           .groups(channels.groups)
                           .stride(stride)
                           .padding(padding)
                           .output_padding(output_padding)
                           .dilation(dilation)
                           .bias(bias);
  return {.make = make<Module>(options), .out = after(), .parameters = weight_and(bias)};
}

template <class Impl, size_t dimensions>
Row row_of(std::string_view name, std::string_view documentation, decltype(Row::draw) draw) {
  return {.name = name,
          .source = "nn/modules/conv.h",
          .contract = convolves(documentation),
          .forward = one_tensor_in_one_out<Impl>,
          .input = image<dimensions>,
          .accepts = takes_image<dimensions>,
          .draw = draw};
}

const Row kConvolutionRows[] = {
    row_of<nn::Conv1dImpl, 1>("Conv1d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv1d.html",
                              draw_convolution<nn::Conv1d, 1>),
    row_of<nn::Conv2dImpl, 2>("Conv2d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html",
                              draw_convolution<nn::Conv2d, 2>),
    row_of<nn::Conv3dImpl, 3>("Conv3d", "https://pytorch.org/docs/stable/generated/torch.nn.Conv3d.html",
                              draw_convolution<nn::Conv3d, 3>),
    row_of<nn::ConvTranspose1dImpl, 1>(
        "ConvTranspose1d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose1d.html",
        draw_transposed<nn::ConvTranspose1d, 1>),
    row_of<nn::ConvTranspose2dImpl, 2>(
        "ConvTranspose2d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose2d.html",
        draw_transposed<nn::ConvTranspose2d, 2>),
    row_of<nn::ConvTranspose3dImpl, 3>(
        "ConvTranspose3d", "https://pytorch.org/docs/stable/generated/torch.nn.ConvTranspose3d.html",
        draw_transposed<nn::ConvTranspose3d, 3>),
};

}  // namespace

std::span<const Row> convolution_rows() {
  return kConvolutionRows;
}

}  // namespace dtypefuzz
