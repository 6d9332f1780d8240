#pragma once
#include "dtypefuzz/row.h"

namespace dtypefuzz {

// What MultiheadAttention and the transformers, which are built of it, have in common.

/// [length, batch, features]: the C++ front end takes nothing else.
bool takes_attention_sequence(const Shape&, const Site&);
Shape draw_attention_sequence(Draw&, const Site&, std::string_view name,
                              std::initializer_list<int64_t> features);
/// A number of heads that divides the features.
int64_t draw_heads(Draw&, std::string_view name, int64_t embed_dim);

/// The mask that is added to the scores, [target length, source length]; its natural dtype is the stack's.
InputSpec draw_attention_mask(Draw&, std::string_view name, int64_t target, int64_t source);
/// Which keys are padding, [batch, source length].
InputSpec draw_padding_mask(Draw&, std::string_view name, int64_t batch, int64_t source);

/// Nothing is promised of scores that have the dtype of this sequence where no mask is documented for it and
/// they are masked.
SpecialCase silent_on_masks_of_unfamiliar_scores(std::string_view sequence,
                                                 const std::vector<std::string_view>& padding_masks,
                                                 const std::vector<std::string_view>& attention_masks);

}  // namespace dtypefuzz
