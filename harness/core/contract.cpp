#include "dtypefuzz/contract.h"

#include <algorithm>

namespace dtypefuzz {

bool DeviceRow::autocast_documents(Dtype dtype) const {
  return std::find(autocast_dtypes.begin(), autocast_dtypes.end(), dtype) != autocast_dtypes.end();
}

bool CategoryRule::has(Dtype dtype) const {
  return takes.has(category_of(dtype)) &&
         (only.empty() || std::find(only.begin(), only.end(), dtype) != only.end());
}

SpecialCase accepts_where(When when, OutputRule output, std::string_view source) {
  return {.applies = std::move(when), .output = output, .source = source};
}
SpecialCase accepts_with_any_output_where(When when, std::string_view source) {
  return accepts_where(std::move(when), {}, source);
}
SpecialCase promises_nothing_where(When when, std::string_view reason) {
  return {.applies = std::move(when), .output = {}, .source = reason, .says = SpecialCase::kNothingPromised};
}
SpecialCase asked_first(SpecialCase special, std::string_view because) {
  special.goes_first = because;
  return special;
}

bool autocast_casts(Dtype dtype) {
  return c10::isFloatingType(dtype) && dtype != Dtype::Double;
}

}  // namespace dtypefuzz
