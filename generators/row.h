#pragma once
#include <span>
#include <string_view>
#include <vector>

#include "harness/core/draw.h"
#include "harness/core/plan.h"

namespace dtypefuzz {

/// Where a layer stands.
struct Site {
  int64_t batch = 1;  ///< of the whole case; may be 0
  bool train = true;  ///< the module is in training mode
  Device device = kCpu;
  bool first = false;  ///< the input is the caller's own: nothing may be written to it
};

/// One nn module. `input` and `draw` run in the layer's scope, so `draw.size("kernel", ...)` becomes
/// `layers[1].kernel`; what belongs to the input as a whole is asked at the root (`input.rank`).
/// The simplest answers must give a legal module that runs in train on every device with float32.
struct Row {
  std::string_view name;
  std::string_view source;  ///< header below torch/csrc/api/include/torch/
  Contract contract;
  Forward forward;
  /// A legal input shape when this is the first layer.
  Shape (*input)(Draw&, const Site&);
  /// Whether this shape is legal when it comes from a layer before (or, for a loss, from the stack).
  bool (*accepts)(const Shape&, const Site&);
  /// The module's options and further inputs for an input of this shape.
  Drawn (*draw)(Draw&, const Shape& in, const Site&);
  std::string_view input_name = "input";        ///< the chained operand, as forward and the contract call it
  Content content = Content::values;            ///< its values, when this is the first layer
  std::optional<Dtype> natural = std::nullopt;  ///< its dtype for `same`; nothing: the parameters' dtype
  bool reusable = true;                         ///< may run twice in one stack
  // Marks: what others must know of a row without knowing its name.
  Content gives = Content::values;  ///< what its output holds, whatever it was given
  bool passes_on = false;  ///< its output is its input: stands where a layer must be and none is meant
  bool keeps_input =
      false;  ///< keeps its input, not its output, for backward: its output may be written over
  bool before_losses = false;  ///< one of the few that every loss is swept behind
};

// The table: one array a family
std::span<const Row> linear_rows();
std::span<const Row> convolution_rows();
std::span<const Row> normalization_rows();
std::span<const Row> activation_rows();
std::span<const Row> softmax_rows();
std::span<const Row> dropout_rows();
std::span<const Row> pooling_rows();
std::span<const Row> adaptive_pooling_rows();
std::span<const Row> unpooling_rows();
std::span<const Row> upsampling_rows();
std::span<const Row> padding_rows();
std::span<const Row> folding_rows();
std::span<const Row> recurrent_rows();
std::span<const Row> attention_rows();
std::span<const Row> transformer_rows();
std::span<const Row> embedding_rows();
std::span<const Row> container_rows();
std::span<const Row> distance_rows();
std::span<const Row> loss_rows();
std::span<const Row> margin_loss_rows();
std::span<const Row> likelihood_loss_rows();

/// All rows that can be layers, simplest first.
std::span<const Row* const> module_rows();
/// All rows that can be a loss.
std::span<const Row* const> losses();
/// Takes any tensor and gives it on: what stands where nothing else fits.
const Row& identity_row();

// Shapes
/// Sizes on both sides of the vector widths (4, 8, 16, 32 elements), simplest first.
int64_t draw_features(Draw&, std::string_view name);
/// [batch, (length,) features] or [features]: `input.rank` in {2, 3, 1}. `features` is drawn by the caller.
Shape draw_rows_of(Draw&, const Site&, int64_t features);
/// Whether the module works in place; asked where that is legal.
bool draw_inplace(Draw&, const Site&);
/// A fraction or another number that is no size: a slope, a limit, a probability.
double draw_number(Draw&, std::string_view name, std::initializer_list<std::string_view> options);
/// Any tensor: `input.rank` in {2, 3, 1, 4} and its sizes at the root.
Shape draw_any_input(Draw&, const Site&);
/// [batch, channels, size...] with `dimensions` sizes (`input.length`; `input.height`, `input.width`; and
/// `input.depth` first). Where `unbatched` may be drawn, the rank is asked too. Each size is at least
/// `least`.
Shape draw_image(Draw&, const Site&, int64_t channels, int dimensions, int64_t least, bool may_be_unbatched);
/// Channels for an image of so many dimensions: `input.channels`, the fewer the larger it is.
int64_t draw_image_channels(Draw&, int dimensions);
/// [batch, channels, size...] or, unbatched, [channels, size...]; the batch alone may be empty.
bool is_image(const Shape&, int dimensions, bool may_be_unbatched);
/// The output size of a sliding window: floor((in + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1.
int64_t slide(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation = 1);

}  // namespace dtypefuzz
