#include "properties/messages/dtype_names.h"

#include <span>

#include "properties/messages.h"

namespace dtypefuzz {
namespace {

struct Spelling {
  std::string_view text;
  Dtype dtype;
};

/// What c10::toString and torch's Python names do not cover: C++ types as the compilers print them.
constexpr Spelling kCppTypes[] = {
    {"double", Dtype::Double},
    {"float", Dtype::Float},
    {"half", Dtype::Half},
    {"bool", Dtype::Bool},
    {"char", Dtype::Char},
    {"signed char", Dtype::Char},
    {"int8_t", Dtype::Char},
    {"unsigned char", Dtype::Byte},
    {"uint8_t", Dtype::Byte},
    {"short", Dtype::Short},
    {"short int", Dtype::Short},
    {"int16_t", Dtype::Short},
    {"int", Dtype::Int},
    {"int32_t", Dtype::Int},
    {"long", Dtype::Long},
    {"long int", Dtype::Long},
    {"long long", Dtype::Long},
    {"long long int", Dtype::Long},
    {"int64_t", Dtype::Long},
    {"unsigned short", Dtype::UInt16},
    {"short unsigned int", Dtype::UInt16},
    {"uint16_t", Dtype::UInt16},
    {"unsigned int", Dtype::UInt32},
    {"unsigned", Dtype::UInt32},
    {"uint32_t", Dtype::UInt32},
    {"unsigned long", Dtype::UInt64},
    {"long unsigned int", Dtype::UInt64},
    {"unsigned long long", Dtype::UInt64},
    {"long long unsigned int", Dtype::UInt64},
    {"uint64_t", Dtype::UInt64},
    {"qint8", Dtype::QInt8},
    {"quint8", Dtype::QUInt8},
    {"qint32", Dtype::QInt32},
    {"quint4x2", Dtype::QUInt4x2},
    {"quint2x4", Dtype::QUInt2x4},
    {"bits1x8", Dtype::Bits1x8},
    {"bits2x4", Dtype::Bits2x4},
    {"bits4x2", Dtype::Bits4x2},
    {"bits8", Dtype::Bits8},
    {"bits16", Dtype::Bits16},
    {"complex<float>", Dtype::ComplexFloat},
    {"complex<double>", Dtype::ComplexDouble},
    {"complex<Half>", Dtype::ComplexHalf},
    {"complex<c10::Half>", Dtype::ComplexHalf},
};

/// Names of torch's in Python beside those that core knows: its abbreviations.
constexpr Spelling kAbbreviations[] = {
    {"chalf", Dtype::ComplexHalf},
    {"cfloat", Dtype::ComplexFloat},
    {"cdouble", Dtype::ComplexDouble},
};

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (!text.ends_with(suffix)) return false;
  text.remove_suffix(suffix.size());
  return true;
}

std::optional<Dtype> find_in(std::span<const Spelling> table, std::string_view text) {
  for (const auto& spelling : table)
    if (spelling.text == text) return spelling.dtype;
  return std::nullopt;
}

/// `float32`, as Python says it.
std::optional<Dtype> python_name(std::string_view text) {
  if (const auto dtype = parse_dtype(text)) return dtype;
  return find_in(kAbbreviations, text);
}

/// `Double`, as c10::toString says it.
std::optional<Dtype> scalar_type_named(std::string_view text) {
  for (int i = 0; i < static_cast<int>(Dtype::NumOptions); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    if (dtype != Dtype::Undefined && text == c10::toString(dtype)) return dtype;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Dtype> dtype_named(std::string_view text) {
  if (text.empty() || text.size() > kLongestDtype) return std::nullopt;

  // torch.FloatTensor, torch.cuda.HalfTensor, torch.float32
  if (drop_prefix(text, "torch.")) {
    const bool elsewhere = drop_prefix(text, "cuda.") || drop_prefix(text, "mps.") ||
                           drop_prefix(text, "xpu.") || drop_prefix(text, "sparse.");
    if (drop_suffix(text, "Tensor")) return scalar_type_named(text);
    if (elsewhere) return std::nullopt;
    if (const auto dtype = python_name(text)) return dtype;
    return find_in(std::span(kCppTypes), text);
  }
  // CPUFloatType, MetaComplexHalfType
  if (text.ends_with("Type")) {
    if (!drop_prefix(text, "CPU") && !drop_prefix(text, "CUDA") && !drop_prefix(text, "Meta") &&
        !drop_prefix(text, "MkldnnCPU") && !drop_prefix(text, "SparseCPU") &&
        !drop_prefix(text, "QuantizedCPU"))
      return std::nullopt;
    drop_suffix(text, "Type");
    return scalar_type_named(text);
  }
  // Double, c10::Half, c10::complex<float>, at::BFloat16
  if (!drop_prefix(text, "c10::")) drop_prefix(text, "at::");
  if (const auto dtype = scalar_type_named(text)) return dtype;
  if (const auto dtype = find_in(kCppTypes, text)) return dtype;
  return python_name(text);
}

}  // namespace dtypefuzz
