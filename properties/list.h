#pragma once
#include "properties/property.h"

// The properties, by subject. list.cpp says each one's sentence.
namespace dtypefuzz {

// survival.cpp
void process_survives(const Facts&, Say&);
// agreement.cpp
void agreeing_dtypes_succeed(const Facts&, Say&);
// refusal.cpp
void mismatch_is_refused_by_name(const Facts&, Say&);
void refusal_is_early(const Facts&, Say&);
// outputs.cpp
void output_dtype_is_as_promised(const Facts&, Say&);
// gradients.cpp
void gradients_match_their_leaves(const Facts&, Say&);
// trace.cpp
void refusal_leaves_no_trace(const Facts&, Say&);
void calls_change_what_they_document(const Facts&, Say&);
// autocast.cpp
void autocast_state_is_restored(const Facts&, Say&);
// loading.cpp
void loading_preserves_values(const Facts&, Say&);
// state.cpp
void only_conversion_changes_dtypes(const Facts&, Say&);
void steps_keep_values_finite(const Facts&, Say&);
void conversion_keeps_values(const Facts&, Say&);
void arithmetic_agrees_with_float64(const Facts&, Say&);
// siblings.cpp
void modes_agree(const Facts&, Say&);
void devices_agree(const Facts&, Say&);
void autocast_dtypes_agree(const Facts&, Say&);
void what_siblings_take_is_taken(const Facts&, Say&);
// values.cpp
void values_agree_with_float64(const Facts&, Say&);
void gradients_agree_with_float64(const Facts&, Say&);
// repair.cpp
void suggested_repair_works(const Facts&, Say&);

}  // namespace dtypefuzz
