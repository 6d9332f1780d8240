#pragma once
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace dtypefuzz {

using Dtype = c10::ScalarType;

/// What kernels and contracts tell apart. The order is the order of strangeness: a pair of dtypes is named
/// after its stranger member in a signature.
/// `other`: quantized, packed (float4 too), bits and sub-byte dtypes, which nothing computes with.
enum class Category : uint8_t { floating, low_float, float8, complex, integral, boolean, other };

std::string_view to_string(Category);
Category category_of(Dtype);

/// Every dtype that the library names (c10::getDtypeNames), simplest first. Which of them it can make a
/// tensor of is another question, see `whole_space`.
std::span<const Dtype> all_dtypes();

/// `float32`, `bfloat16`, `int64`, ... as torch prints it; `undefined` for no dtype.
std::string_view name_of(Dtype);
/// The inverse of `name_of` over `all_dtypes`; nothing for an unknown name.
std::optional<Dtype> parse_dtype(std::string_view name);

/// A set of categories, as contracts declare what an operand takes.
struct Categories {
  uint8_t bits = 0;
  constexpr bool has(Category c) const { return (bits >> static_cast<int>(c)) & 1; }
  constexpr Categories operator|(Categories other) const { return {static_cast<uint8_t>(bits | other.bits)}; }
  bool operator==(const Categories&) const = default;
};
constexpr Categories only(Category c) {
  return {static_cast<uint8_t>(1 << static_cast<int>(c))};
}
inline constexpr Categories kFloating =
    only(Category::floating) | only(Category::low_float) | only(Category::float8);
inline constexpr Categories kComplex = only(Category::complex);
inline constexpr Categories kIntegral = only(Category::integral);
inline constexpr Categories kBoolean = only(Category::boolean);
inline constexpr Categories kAnything{0xFF};
/// 16 bits: bfloat16 and float16.
inline constexpr Categories kLowFloat = only(Category::low_float);
/// What counts and flags are kept in.
inline constexpr Categories kWhole = kIntegral | kBoolean;
inline bool is_whole(Dtype dtype) {
  return kWhole.has(category_of(dtype));
}
/// `floating or bool`, as a person says it.
std::string words(Categories);

}  // namespace dtypefuzz
