#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// "the indices given out by MaxPool" are int64: "elements in indices should be type int64",
/// aten/src/ATen/native/MaxUnpooling.cpp. MaxUnpool1d is max_unpool2d, which like max_unpool3d is in CPU's
/// list of operators that run in float32 and in none of CUDA's: aten/src/ATen/autocast_mode.{h,cpp}.
template <class Module, int dimensions>
Row max_unpool(std::string_view name, std::string_view documentation) {
  return {
      .name = name,
      .source = "nn/modules/pooling.h",
      .contract = {.source = documentation,
                   .takes = {{"indices", kIntegral, documentation, {Dtype::Long}}},
                   .autocast_cpu = AutocastPolicy::float32},
      .forward = two_tensors_in_one_out<typename Module::ContainedType>,
      .input = [](Draw& draw, const Site& site) -> Shape {
        return draw_image(draw, site, draw_image_channels(draw, dimensions), dimensions, 1, true);
      },
      .accepts =
          [](const Shape& in, const Site&) {
            // A size grows to at most (size - 1) * 3 + 3.
            constexpr int64_t kGrowth[] = {1, 3, 9, 27};
            return is_image(in, dimensions, true) && numel(in) * kGrowth[dimensions] <= kMostElements;
          },
      .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
        const auto least = *std::min_element(in.end() - dimensions, in.end());
        const auto kernel = draw.size("kernel_size", {2, 1, 3});
        // F::_unpool_output_size without padding.
        int64_t stride = 1;
        const auto unpooled = [&](int64_t size) { return (size - 1) * stride + kernel; };
        std::vector<int64_t> strides;
        for (const int64_t wide : {2, 1, 3}) {
          stride = wide;
          int64_t elements = 1;
          for (size_t i = 0; i < in.size(); ++i)
            elements *= i >= in.size() - dimensions ? unpooled(in[i]) : in[i];
          if (stride == 1 || elements <= kMostElements) strides.push_back(stride);
        }
        stride = draw.pick<int64_t>(Ask::size, "stride", strides);
        const auto padding = kernel > 1 && unpooled(least) > 2 ? draw.size("padding", {0, 1}) : 0;
        Shape out = in;
        int64_t plane = 1;
        for (auto size = out.end() - dimensions; size != out.end(); ++size) {
          *size = unpooled(*size) - 2 * padding;
          plane *= *size;
        }
        return {
            .make = make<Module>(nn::MaxUnpoolOptions<dimensions>(kernel).stride(stride).padding(padding)),
            .out = out,
            .inputs = {{.name = "indices",
                        .shape = in,
                        .content = Content::indices,
                        .limit = plane,
                        .natural = Dtype::Long}}};
      },
  };
}

const Row kUnpoolingRows[] = {
    max_unpool<nn::MaxUnpool2d, 2>("MaxUnpool2d",
                                   "https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool2d.html"),
    max_unpool<nn::MaxUnpool1d, 1>("MaxUnpool1d",
                                   "https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool1d.html"),
    max_unpool<nn::MaxUnpool3d, 3>("MaxUnpool3d",
                                   "https://pytorch.org/docs/stable/generated/torch.nn.MaxUnpool3d.html"),
};

}  // namespace

std::span<const Row> unpooling_rows() {
  return kUnpoolingRows;
}

}  // namespace dtypefuzz
