#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostPadding = 2;  // at either end

template <int dimensions>
Shape draw_padded(Draw& draw, const Site& site) {
  return draw_image(draw, site, draw_image_channels(draw, dimensions), dimensions, 1, true);
}

template <int dimensions>
bool pads(const Shape& in, const Site&) {
  if (!is_image(in, dimensions, true)) return false;
  int64_t padded = 1;
  for (size_t i = 0; i < in.size(); ++i)
    padded *= in[i] + (i >= in.size() - dimensions ? 2 * kMostPadding : 0);
  return padded <= kMostElements;
}

/// What is added before and after, the same in every dimension. -1 takes away what is there.
struct Ends {
  int64_t before = 0, after = 0;
};

enum class Edge : uint8_t {
  reflected,   ///< "padding size should be less than the corresponding input dimension"
  replicated,  ///< any
  constant,    ///< any, and negative: https://pytorch.org/docs/stable/generated/torch.nn.functional.pad.html
};

Ends draw_ends(Draw& draw, const Shape& in, int dimensions, Edge edge) {
  const auto least = *std::min_element(in.end() - dimensions, in.end());
  const auto options = [&](int64_t left) {
    std::vector<int64_t> paddings;
    for (const int64_t padding : {1, 0, 2})
      if (edge != Edge::reflected || padding < least) paddings.push_back(padding);
    if (edge == Edge::constant && left > 1) paddings.push_back(-1);
    return paddings;
  };
  Ends ends;
  ends.before = draw.pick<int64_t>(Ask::size, "before", options(least));
  ends.after = draw.pick<int64_t>(Ask::size, "after", options(least + std::min<int64_t>(ends.before, 0)));
  return ends;
}

Shape after(const Shape& in, int dimensions, const Ends& ends) {
  Shape out = in;
  for (auto size = out.end() - dimensions; size != out.end(); ++size) *size += ends.before + ends.after;
  return out;
}

/// {before, after} for every dimension.
template <int dimensions>
torch::ExpandingArray<2 * dimensions> padding_of(const Ends& ends) {
  std::vector<int64_t> padding;
  for (int i = 0; i < dimensions; ++i) padding.insert(padding.end(), {ends.before, ends.after});
  return padding;
}

template <class Module, template <size_t> class Options, int dimensions, Edge edge>
Drawn draw_pad(Draw& draw, const Shape& in, const Site&) {
  const Ends ends = draw_ends(draw, in, dimensions, edge);
  return {.make = make<Module>(Options<dimensions>(padding_of<dimensions>(ends))),
          .out = after(in, dimensions, ends)};
}

/// A number that stands for what it fills with: those that an integer, a bool or a narrow float cannot hold,
/// too. 0 is passed on as "none given": nn/functional/padding.h.
template <class Module, int dimensions>
Drawn draw_constant_pad(Draw& draw, const Shape& in, const Site&) {
  const Ends ends = draw_ends(draw, in, dimensions, Edge::constant);
  const std::string value(draw.word("value", {"1", "0", "0.5", "-1", "300", "1e30", "inf", "nan"}));
  return {.make = make<Module>(
              nn::ConstantPadOptions<dimensions>(padding_of<dimensions>(ends), std::stod(value))),
          .out = after(in, dimensions, ends)};
}

/// Copies of the input's own elements or a constant, in the input's dtype. CPU's list of operators that run
/// in float32 has reflection_pad1d, reflection_pad2d and replication_pad1d to 3d, CUDA's lists have none, and
/// constant_pad_nd is in none. Source: aten/src/ATen/autocast_mode.{h,cpp}.
template <class Module, int dimensions>
Row pad(std::string_view name, std::string_view documentation, AutocastPolicy autocast_cpu,
        decltype(Row::draw) draw) {
  return {
      .name = name,
      .source = "nn/modules/padding.h",
      .contract = {.source = documentation, .autocast_cpu = autocast_cpu},
      .forward = one_tensor_in_one_out<typename Module::ContainedType>,
      .input = draw_padded<dimensions>,
      .accepts = pads<dimensions>,
      .draw = draw,
  };
}

template <class Module, int dimensions>
Row constant_pad(std::string_view name, std::string_view documentation) {
  return pad<Module, dimensions>(name, documentation, AutocastPolicy::leave,
                                 draw_constant_pad<Module, dimensions>);
}
template <class Module, int dimensions>
Row zero_pad(std::string_view name, std::string_view documentation) {
  return pad<Module, dimensions>(name, documentation, AutocastPolicy::leave,
                                 draw_pad<Module, nn::ZeroPadOptions, dimensions, Edge::constant>);
}
template <class Module, int dimensions>
Row reflection_pad(std::string_view name, std::string_view documentation) {
  return pad<Module, dimensions>(name, documentation,
                                 dimensions < 3 ? AutocastPolicy::float32 : AutocastPolicy::leave,
                                 draw_pad<Module, nn::ReflectionPadOptions, dimensions, Edge::reflected>);
}
template <class Module, int dimensions>
Row replication_pad(std::string_view name, std::string_view documentation) {
  return pad<Module, dimensions>(name, documentation, AutocastPolicy::float32,
                                 draw_pad<Module, nn::ReplicationPadOptions, dimensions, Edge::replicated>);
}

const Row kPaddingRows[] = {
    constant_pad<nn::ConstantPad1d, 1>(
        "ConstantPad1d", "https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad1d.html"),
    constant_pad<nn::ConstantPad2d, 2>(
        "ConstantPad2d", "https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad2d.html"),
    constant_pad<nn::ConstantPad3d, 3>(
        "ConstantPad3d", "https://pytorch.org/docs/stable/generated/torch.nn.ConstantPad3d.html"),
    zero_pad<nn::ZeroPad1d, 1>("ZeroPad1d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad1d.html"),
    zero_pad<nn::ZeroPad2d, 2>("ZeroPad2d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad2d.html"),
    zero_pad<nn::ZeroPad3d, 3>("ZeroPad3d",
                               "https://pytorch.org/docs/stable/generated/torch.nn.ZeroPad3d.html"),
    reflection_pad<nn::ReflectionPad1d, 1>(
        "ReflectionPad1d", "https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad1d.html"),
    reflection_pad<nn::ReflectionPad2d, 2>(
        "ReflectionPad2d", "https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad2d.html"),
    reflection_pad<nn::ReflectionPad3d, 3>(
        "ReflectionPad3d", "https://pytorch.org/docs/stable/generated/torch.nn.ReflectionPad3d.html"),
    replication_pad<nn::ReplicationPad1d, 1>(
        "ReplicationPad1d", "https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad1d.html"),
    replication_pad<nn::ReplicationPad2d, 2>(
        "ReplicationPad2d", "https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad2d.html"),
    replication_pad<nn::ReplicationPad3d, 3>(
        "ReplicationPad3d", "https://pytorch.org/docs/stable/generated/torch.nn.ReplicationPad3d.html"),
};

}  // namespace

std::span<const Row> padding_rows() {
  return kPaddingRows;
}

}  // namespace dtypefuzz
