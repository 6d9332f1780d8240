#include "dtypefuzz/dtype.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

namespace dtypefuzz {
namespace {

using enum c10::ScalarType;

/// The usual ones; the library's others follow in its own order.
constexpr Dtype kFirst[] = {Float, Double, BFloat16, Half,         Long,          Int,           Short,
                            Char,  Byte,   Bool,     ComplexFloat, ComplexDouble, Float8_e4m3fn, Float8_e5m2};

constexpr size_t kCount = static_cast<size_t>(NumOptions);

/// Strings of our own: some releases give views, others strings.
std::array<std::string, kCount + 1> make_names() {
  std::array<std::string, kCount + 1> names{};
  names.fill("undefined");
  for (size_t i = 0; i < kCount; ++i)
    if (static_cast<Dtype>(i) != Undefined) names[i] = c10::getDtypeNames(static_cast<Dtype>(i)).first;
  return names;
}

}  // namespace

std::span<const Dtype> all_dtypes() {
  static const auto all = [] {
    std::vector<Dtype> dtypes(std::begin(kFirst), std::end(kFirst));
    for (size_t i = 0; i < kCount; ++i)
      if (const auto dtype = static_cast<Dtype>(i);
          dtype != Undefined && std::find(dtypes.begin(), dtypes.end(), dtype) == dtypes.end())
        dtypes.push_back(dtype);
    return dtypes;
  }();
  return all;
}

std::string_view name_of(Dtype dtype) {
  static const auto names = make_names();
  const auto i = static_cast<size_t>(dtype);
  return i < kCount ? std::string_view(names[i]) : "undefined";
}

std::optional<Dtype> parse_dtype(std::string_view name) {
  for (const Dtype dtype : all_dtypes())
    if (name_of(dtype) == name) return dtype;
  return std::nullopt;
}

Category category_of(Dtype dtype) {
  switch (dtype) {
    case Float:
    case Double:
      return Category::floating;
    case Half:
    case BFloat16:
      return Category::low_float;
    case Bool:
      return Category::boolean;
    default:
      break;
  }
  if (c10::isFloat8Type(dtype)) return Category::float8;
  if (c10::isComplexType(dtype)) return Category::complex;
  if (c10::isIntegralType(dtype, /*includeBool=*/false) || dtype == UInt16 || dtype == UInt32 ||
      dtype == UInt64)
    return Category::integral;
  return Category::other;
}

std::string_view to_string(Category category) {
  constexpr std::string_view kNames[] = {"float",    "low_float", "float8", "complex",
                                         "integral", "bool",      "other"};
  return kNames[static_cast<size_t>(category)];
}

std::string words(Categories categories) {
  if (categories == kAnything) return "any dtype";
  // Sets that have a word of their own before what they are made of.
  constexpr std::pair<Categories, std::string_view> kWords[] = {
      {kFloating, "floating"},
      {only(Category::floating), "float32 or float64"},
      {only(Category::low_float), "bfloat16 or float16"},
      {only(Category::float8), "float8"},
      {kComplex, "complex"},
      {kIntegral, "integral"},
      {kBoolean, "bool"},
      {only(Category::other), "quantized or packed"},
  };
  std::string text;
  for (const auto& [set, word] : kWords) {
    if ((categories.bits & set.bits) != set.bits) continue;
    categories.bits = static_cast<uint8_t>(categories.bits & ~set.bits);
    text += (text.empty() ? "" : " or ") + std::string(word);
  }
  return text;
}

}  // namespace dtypefuzz
