#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// One operand whose elements are moved, and added where windows overlap, in its dtype. None of the operators
/// is in autocast's lists: aten/src/ATen/autocast_mode.{h,cpp}.
Contract rearranges(std::string_view documentation) {
  return {.source = documentation};
}

/// [(batch, (more,)) channels, height, width]. An empty batch is legal and not drawn: pixel_unshuffle returns
/// an empty input as it is, in the shape it had, and so does the backward of pixel_shuffle
/// (https://github.com/pytorch/pytorch/pull/192816), so that what follows would be of another shape than
/// planned.
Shape draw_pixels(Draw& draw, const Site& site, std::initializer_list<int64_t> channels,
                  std::initializer_list<int64_t> sizes) {
  const Draw::AtRoot root(draw);
  const auto rank = draw.rank({4, 3, 5});
  Shape shape;
  if (rank > 3) shape.push_back(std::max<int64_t>(site.batch, 1));
  if (rank > 4) shape.push_back(draw.size("input.length", {2, 1}));
  shape.push_back(draw.size("input.channels", channels));
  shape.push_back(draw.size("input.height", sizes));
  shape.push_back(draw.size("input.width", sizes));
  return shape;
}

bool pixels(const Shape& in, const Site&) {
  return in.size() >= 3 && in.size() <= 5 && numel(in) > 0 && numel(in) <= kMostElements;
}

/// Those of 2, 3 and 1 for which `divides` holds, simplest first.
template <class Divides>
std::vector<int64_t> factors(Divides&& divides) {
  std::vector<int64_t> found;
  for (const int64_t factor : {2, 3, 1})
    if (divides(factor)) found.push_back(factor);
  return found;
}

/// How windows lie, the same in height and width.
struct Windows {
  int64_t kernel_size = 1, dilation = 1, padding = 0, stride = 1;
  int64_t reach() const { return dilation * (kernel_size - 1) + 1; }
  template <class Options>
  Options given_to(Options options) const {
    return options.dilation(dilation).padding(padding).stride(stride);
  }
};

const Row kFoldingRows[] = {
    {
        .name = "PixelShuffle",
        .source = "nn/modules/pixelshuffle.h",
        .contract = rearranges("https://pytorch.org/docs/stable/generated/torch.nn.PixelShuffle.html"),
        .forward = one_tensor_in_one_out<nn::PixelShuffleImpl>,
        .input = [](Draw& draw,
                    const Site& site) { return draw_pixels(draw, site, {4, 9, 8, 1, 36}, {2, 1, 3, 9}); },
        .accepts = pixels,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const int64_t channels = in[in.size() - 3];
          const auto upscale_factor = draw.pick<int64_t>(
              Ask::size, "upscale_factor", factors([&](int64_t by) { return channels % (by * by) == 0; }));
          Shape out = in;
          out[in.size() - 3] /= upscale_factor * upscale_factor;
          out[in.size() - 2] *= upscale_factor;
          out[in.size() - 1] *= upscale_factor;
          return {.make = make<nn::PixelShuffle>(nn::PixelShuffleOptions(upscale_factor)), .out = out};
        },
    },
    {
        .name = "PixelUnshuffle",
        .source = "nn/modules/pixelshuffle.h",
        .contract = rearranges("https://pytorch.org/docs/stable/generated/torch.nn.PixelUnshuffle.html"),
        .forward = one_tensor_in_one_out<nn::PixelUnshuffleImpl>,
        .input = [](Draw& draw,
                    const Site& site) { return draw_pixels(draw, site, {2, 1, 3, 8}, {4, 6, 9, 1}); },
        .accepts = pixels,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const int64_t height = in[in.size() - 2], width = in[in.size() - 1];
          const auto downscale_factor =
              draw.pick<int64_t>(Ask::size, "downscale_factor",
                                 factors([&](int64_t by) { return height % by == 0 && width % by == 0; }));
          Shape out = in;
          out[in.size() - 3] *= downscale_factor * downscale_factor;
          out[in.size() - 2] /= downscale_factor;
          out[in.size() - 1] /= downscale_factor;
          return {.make = make<nn::PixelUnshuffle>(nn::PixelUnshuffleOptions(downscale_factor)), .out = out};
        },
    },
    {
        .name = "Fold",
        .source = "nn/modules/fold.h",
        .contract = rearranges("https://pytorch.org/docs/stable/generated/torch.nn.Fold.html"),
        .forward = one_tensor_in_one_out<nn::FoldImpl>,
        .input = [](Draw& draw, const Site& site) -> Shape {
          const Draw::AtRoot root(draw);
          const bool batched = draw.rank({3, 2}) == 3;
          Shape shape;
          if (batched) shape.push_back(site.batch);
          shape.push_back(draw.size("input.channels", {4, 9, 8, 1, 36}));
          shape.push_back(draw.size("input.length", {4, 1, 6, 9, 16}));
          return shape;
        },
        .accepts =
            [](const Shape& in, const Site&) {
              // [(batch,) channels * kernel_size^2, blocks]; the largest kernel over a column of blocks gives
              // 5 * (2 * blocks + 3) pixels a channel.
              return (in.size() == 2 || in.size() == 3) && in[in.size() - 1] > 0 && in[in.size() - 2] > 0 &&
                     25 * numel(in) <= kMostElements;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const int64_t channels = in[in.size() - 2], blocks = in[in.size() - 1];
          Windows windows;
          windows.kernel_size = draw.pick<int64_t>(
              Ask::size, "kernel_size", factors([&](int64_t k) { return channels % (k * k) == 0; }));
          windows.stride = draw.size("stride", {1, 2});
          windows.dilation = draw.size("dilation", {1, 2});
          const auto rows = draw.pick<int64_t>(Ask::size, "block_rows",
                                               factors([&](int64_t by) { return blocks % by == 0; }));
          // The smallest output over which as many blocks slide.
          const auto covered = [&](int64_t count) { return (count - 1) * windows.stride + windows.reach(); };
          const int64_t height = covered(rows), width = covered(blocks / rows);
          if (std::min(height, width) > 2) windows.padding = draw.size("padding", {0, 1});
          Shape out(in.begin(), in.end() - 2);
          out.append({channels / (windows.kernel_size * windows.kernel_size), height - 2 * windows.padding,
                      width - 2 * windows.padding});
          const auto options = nn::FoldOptions({out[out.size() - 2], out.back()}, windows.kernel_size);
          return {.make = make<nn::Fold>(windows.given_to(options)), .out = out};
        },
    },
    {
        .name = "Unfold",
        .source = "nn/modules/fold.h",
        .contract = rearranges("https://pytorch.org/docs/stable/generated/torch.nn.Unfold.html"),
        .forward = one_tensor_in_one_out<nn::UnfoldImpl>,
        .input = [](Draw& draw, const Site& site) -> Shape {
          // A window of 3 by 3 makes them nine times as many: as few channels as an image of three
          // dimensions.
          return draw_image(draw, site, draw_image_channels(draw, 3), 2, 1, false);
        },
        .accepts =
            [](const Shape& in, const Site&) {
              // "Only 4D input Tensors are supported": F::unfold. A window of 3 by 3 at every pixel and the
              // padding.
              return is_image(in, 2, false) && 9 * in[0] * in[1] * (in[2] + 2) * (in[3] + 2) <= kMostElements;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const int64_t fits = std::min(in[2], in[3]);
          Windows windows;
          windows.kernel_size =
              draw.pick<int64_t>(Ask::size, "kernel_size", factors([&](int64_t k) { return k <= fits; }));
          windows.stride = draw.size("stride", {1, 2});
          windows.padding = draw.size("padding", {0, 1});
          if (2 * (windows.kernel_size - 1) + 1 <= fits) windows.dilation = draw.size("dilation", {1, 2});
          const auto blocks = [&](int64_t size) {
            return slide(size, windows.kernel_size, windows.stride, windows.padding, windows.dilation);
          };
          const Shape out = {in[0], in[1] * windows.kernel_size * windows.kernel_size,
                             blocks(in[2]) * blocks(in[3])};
          return {.make = make<nn::Unfold>(windows.given_to(nn::UnfoldOptions(windows.kernel_size))),
                  .out = out};
        },
    },
};

}  // namespace

std::span<const Row> folding_rows() {
  return kFoldingRows;
}

}  // namespace dtypefuzz
