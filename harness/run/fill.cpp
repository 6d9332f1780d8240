#include "harness/run/fill.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "dtypefuzz/rng.h"

namespace dtypefuzz {
namespace {

/// Approximately normal: the sum of four uniform numbers, scaled to unit variance (Irwin-Hall).
float normal(Rng& rng) {
  float sum = 0;
  for (int i = 0; i < 4; ++i) sum += static_cast<float>(rng.next() >> 40) * 0x1p-24f;
  return (sum - 2.0f) * 1.7320508f;
}

float value(Fill fill, int64_t i, Rng& rng) {
  switch (fill) {
    case Fill::ramp:
      return static_cast<float>(i % 7 - 3) * 0.25f + 0.125f;
    case Fill::normal:
      return normal(rng);
    case Fill::extremes: {
      constexpr float kValues[] = {0.0f, -1.0f, 127.0f, -128.0f, 255.0f, 300.0f, -32768.0f, 65504.0f, 1e-8f};
      return kValues[static_cast<size_t>(i) % std::size(kValues)];
    }
    case Fill::zeros:
    case Fill::limits:
      break;
  }
  return 0;
}

/// Small numbers that are not zero, or the limits of the dtype. `extremes` and `zeros` are cast from float32.
int64_t whole_value(Fill fill, int64_t i, Dtype dtype, Rng& rng) {
  if (dtype == Dtype::Bool) return i % 3 != 0;
  const bool is_signed = c10::isSignedType(dtype);
  if (fill == Fill::limits) {
    const int bits = static_cast<int>(c10::elementSize(dtype)) * 8;
    const int64_t most = is_signed ? static_cast<int64_t>(~uint64_t{0} >> (65 - bits))
                                   : static_cast<int64_t>(~uint64_t{0} >> (64 - bits));
    const int64_t values[] = {0, 1, most, is_signed ? -most - 1 : most - 1};
    return values[static_cast<size_t>(i) % std::size(values)];
  }
  int64_t small = i % 7 - 3;
  if (small >= 0) ++small;
  if (fill == Fill::normal) small = std::lround(3 * normal(rng));
  return is_signed ? small : std::abs(small);
}

/// 0, 1, the largest number, the smallest normal one and the next one to 1, of either sign.
double limit_value(int64_t i, Dtype dtype) {
  const Dtype real = c10::toRealValueType(dtype);
  double most = 240, least = 0x1p-6;  // that every float8 has, where it is none of these
  if (real == Dtype::Double) most = std::numeric_limits<double>::max(), least = 0x1p-1022;
  if (real == Dtype::Float) most = std::numeric_limits<float>::max(), least = 0x1p-126;
  if (real == Dtype::BFloat16) most = 0x1.FEp127, least = 0x1p-126;
  if (real == Dtype::Half) most = 65504, least = 0x1p-14;
  const double values[] = {0, 1, most, -most, least, -least, -1};
  return values[static_cast<size_t>(i) % std::size(values)];
}

/// Numbers of no particular meaning, as the dtype has them.
at::Tensor values_in(Dtype dtype, const Shape& shape, Fill fill, uint64_t seed, Rng& rng) {
  const int64_t n = numel(shape);
  const auto first = static_cast<int64_t>(seed);  // so that no two operands are equal
  const auto made = [&](auto zero, at::ScalarType type, const auto& number) {
    const at::Tensor tensor = at::empty(shape, type);
    auto* data = tensor.mutable_data_ptr<decltype(zero)>();
    for (int64_t i = 0; i < n; ++i) data[i] = number(i + first);
    return tensor;
  };
  if (is_whole(dtype) && fill != Fill::extremes && fill != Fill::zeros)
    return made(int64_t{}, at::kLong, [&](int64_t i) { return whole_value(fill, i, dtype, rng); });
  const auto numbers = [&](int64_t from) {
    if (fill == Fill::limits && category_of(dtype) != Category::other)
      return made(double{}, at::kDouble, [&](int64_t i) { return limit_value(i + from, dtype); });
    return made(float{}, at::kFloat, [&](int64_t i) { return value(fill, i + from, rng); });
  };
  const at::Tensor real = numbers(0);
  return c10::isComplexType(dtype) ? at::complex(real, numbers(3)) : real;
}

float meaning(Content content, int64_t i, int64_t last) {
  switch (content) {
    case Content::probabilities:
      return 0.25f + 0.125f * static_cast<float>(i % 5);
    case Content::log_probabilities:
      return -std::log(static_cast<float>(last > 0 ? last : 1));
    case Content::mask:
      return (last > 0 ? i % last : 0) % 2 == 1 ? 1.0f : 0.0f;
    case Content::positive:
      return 0.5f + 0.25f * static_cast<float>(i % 7);
    case Content::signs:
      return i % 2 == 0 ? 1.0f : -1.0f;
    case Content::values:
    case Content::indices:
    case Content::lengths:
    case Content::falling_lengths:
    case Content::offsets:
      break;
  }
  return 0;
}

bool holds_whole_numbers(Content content) {
  return content == Content::indices || content == Content::lengths || content == Content::falling_lengths ||
         content == Content::offsets;
}

int64_t whole_number(Content content, int64_t limit, int64_t i, int64_t n, uint64_t seed) {
  switch (content) {
    case Content::lengths:
      return limit;
    case Content::falling_lengths:
      return std::max<int64_t>(limit - i, 1);
    case Content::offsets:
      return i * limit / std::max<int64_t>(n - 1, 1);
    default:
      return (i + static_cast<int64_t>(seed)) % std::max<int64_t>(limit, 1);
  }
}

}  // namespace

at::Tensor in_dtype(const at::Tensor& values, Dtype dtype) {
  if (values.scalar_type() == dtype) return values;
  if (category_of(dtype) != Category::other) return values.to(dtype);
  // Its bytes are written here, so they lie where the CPU reaches them first.
  const auto here = values.is_meta() ? values.device() : at::Device(at::kCPU);
  const auto options = at::TensorOptions(here).dtype(dtype);
  at::Tensor made;
  if (values.is_meta() || !c10::isQIntType(dtype)) {
    made = at::empty(values.sizes(), options);
  } else if (dtype == Dtype::QUInt4x2 || dtype == Dtype::QUInt2x4) {  // packed ones are quantized by channel
    const auto scales = at::ones({values.size(0)}, options.dtype(at::kFloat));
    made = at::_empty_per_channel_affine_quantized(values.sizes(), scales, at::zeros_like(scales), 0, options,
                                                   std::nullopt);
  } else {
    made = at::_empty_affine_quantized(values.sizes(), options, 0.5, 0, std::nullopt);
  }
  if (values.is_meta()) return made;
  auto* bytes = static_cast<uint8_t*>(made.storage().mutable_data());
  for (size_t i = 0; i < made.storage().nbytes(); ++i) bytes[i] = static_cast<uint8_t>(i * 37 + 1);
  return made.to(values.device());
}

at::Tensor filled(const Shape& shape, Content content, int64_t limit, Dtype dtype, Device device, Fill fill,
                  uint64_t seed) {
  if (!device->has_values) return at::empty(shape, at::TensorOptions(device->type).dtype(dtype));
  const int64_t n = numel(shape);
  Rng rng(seed * 2 + 1);
  at::Tensor made;
  if (holds_whole_numbers(content)) {
    made = at::empty(shape, at::kLong);
    auto* data = made.mutable_data_ptr<int64_t>();
    for (int64_t i = 0; i < n; ++i) data[i] = whole_number(content, limit, i, n, seed);
  } else if (content == Content::values) {
    made = values_in(dtype, shape, fill, seed, rng);
  } else {
    made = at::empty(shape, at::kFloat);
    auto* data = made.mutable_data_ptr<float>();
    const int64_t last = shape.empty() ? 1 : shape.back();
    for (int64_t i = 0; i < n; ++i) data[i] = meaning(content, i, last);
  }
  made = in_dtype(made, dtype);
  return device == kCpu ? made : made.to(device->type);
}

}  // namespace dtypefuzz
