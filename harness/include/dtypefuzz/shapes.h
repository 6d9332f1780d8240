#pragma once
#include <string_view>

#include "dtypefuzz/row.h"

// Shapes and options that rows of several families draw.

namespace dtypefuzz {

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
/// What takes a tensor of any shape.
bool any_shape(const Shape&, const Site&);

}  // namespace dtypefuzz
