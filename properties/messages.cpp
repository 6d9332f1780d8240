#include "properties/messages.h"

#include <algorithm>
#include <array>

namespace dtypefuzz {
namespace {

using enum MessageKind;
using enum c10::ScalarType;

// Specific before general. A family is one row, whatever number of spellings share its name.
constexpr Family kFamilies[] = {
    // --- device, before the mismatch that it looks like ---
    {"device_in_dtype_clothes", device, "Input type (torch.FloatTensor) and weight type (torch.cuda"},
    {"device_in_dtype_clothes", device, "Input type (torch.cuda.FloatTensor) and weight type (torch.Float"},
    {"same_device", device, "Expected all tensors to be on the same device"},
    {"same_device", device, "is on {*}, but expected on"},
    {"same_device", device, "Tensor on device {*} is not on the expected device"},
    {"same_device", device, "is on {*} device"},
    {"meta_device", device, "Input type (Meta"},
    // --- no meta kernel ---
    {"no_meta_kernel", no_meta, "no fake impl or Meta kernel"},
    {"no_meta_kernel", no_meta, "convolution_overrideable not implemented"},
    {"no_meta_kernel", no_meta, "with arguments from the 'Meta' backend"},
    {"no_meta_item", no_meta, "cannot be called on meta tensors"},
    {"no_meta_item", no_meta, "meta tensor"},
    {"no_meta_item", no_meta, "aten::_local_scalar_dense"},
    // --- mismatch ---
    {"mat1_mat2_same_dtype", mismatch, "mat1 and mat2 must have the same dtype, but got {mat1} and {mat2}"},
    {"self_mat2_same_dtype", mismatch, "self and mat2 must have the same dtype, but got {self} and {mat2}"},
    {"self_mat2_same_dtype", mismatch, "expected self and mat2 to have the same dtype, but got: {self} != {mat2}"},
    {"m1_m2_same_dtype", mismatch, "expected m1 and m2 to have the same dtype, but got: {m1} != {m2}"},
    {"input_weight_mkldnn", mismatch,
     "Input type ({input}) and weight type ({weight}) should be the same or input should be a MKLDNN tensor"},
    {"input_weight_same_type", mismatch, "Input type ({input}) and weight type ({weight}) should be the same"},
    {"input_bias_same_type", mismatch, "Input type ({input}) and bias type ({bias}) should be the same"},
    {"hidden_not_same_dtype", mismatch,
     "Input and hidden tensors are not the same dtype, found input tensor with {input} and hidden tensor with {hx}"},
    {"parameter_not_same_dtype", mismatch,
     "Input and parameter tensors are not the same dtype, found input tensor with {input} and parameter tensor with "
     "{}"},
    {"query_key_value_same_dtype", mismatch,
     "Expected query, key, and value to have the same dtype, but got query.dtype: {query} key.dtype: {key} and "
     "value.dtype: {value} instead"},
    {"all_tensors_same_dtype", mismatch,
     "All tensors must have the same dtype, got input1: {input1}, input2: {input2}, weight: {weight}"},
    {"type_promoting_not_supported", mismatch, "prelu: Type promoting not supported. Got {input} and {weight}"},
    {"found_dtype_expected", mismatch, "Found dtype {found} but expected {expected}"},
    {"expected_scalar_type", mismatch, "expected scalar type {expected} but found {found}"},
    {"expected_have_type", mismatch, "to have type {expected} but got {found}"},
    {"expected_same_dtype_got", mismatch, "to have the same dtype, but got {} and {}"},
    {"expected_same_dtype_got", mismatch, "must have the same dtype, but got {} and {}"},
    {"expected_same_dtype_got", mismatch, "same dtype, got: {} and {}"},
    {"expected_dtype_for", mismatch, "Expected dtype {expected} for {*} but got dtype {found}"},
    {"expected_object_scalar_type", mismatch, "Expected object of scalar type {expected} but got scalar type {found}"},
    {"weight_tensor_scalar_type", mismatch, "weight tensor should be defined either for all or no classes"},
    {"mixed_dtype_cpu", mismatch, "mixed dtype (CPU): {*}"},
    {"batch_norm_same_dtype", mismatch, "Expected {*} to have the same dtype as {*}"},
    {"argument_scalar_type", mismatch,
     "Expected tensor for argument #{*} to have the same type as tensor for argument #{*}; but type {} does not equal "
     "{}"},
    {"same_type_as_argument", mismatch, "to have the same type as tensor for argument"},
    {"attn_mask_dtype", mismatch, "Expected attn_mask dtype to be bool or {expected}"},
    {"index_put_same_dtype", mismatch, "Index put requires the source and destination dtypes match, got {} for the "
                                       "destination and {} for the source"},
    {"embedding_bag_same_dtype", mismatch, "expected {*} to have the same scalar type"},
    {"assigned_grad_dtype", mismatch, "assigned grad has data of a different type"},
    {"same_dtype", mismatch, "must have the same dtype"},
    {"same_dtype", mismatch, "should have the same dtype"},
    {"same_dtype", mismatch, "expected to have the same dtype"},
    {"same_dtype", mismatch, "must be of the same dtype"},
    // --- cast ---
    {"result_type_cast", cast, "result type {} can't be cast to the desired output type {}"},
    {"float8_promotion", unsupported, "Promotion for Float8 Types is not supported, attempted to promote {} and {}"},
    {"promotion_unsupported", unsupported, "attempted to promote"},
    // --- unsupported ---
    {"not_implemented_for", unsupported, "not implemented for '{}'"},
    {"not_implemented_for", unsupported, "not implemented for {}"},
    {"not_supported_for", unsupported, "not supported for {}"},
    {"unsupported_dtype", unsupported, "nsupported dtype {}"},
    {"unsupported_dtype", unsupported, "nsupported data type"},
    {"unsupported_dtype", unsupported, "nsupported dtype"},
    {"unsupported_dtype", unsupported, "nsupported scalar type"},
    {"unsupported_dtype", unsupported, "data type is not supported"},
    {"unsupported_dtype", unsupported, "does not support {} dtype"},
    {"one_of_scalar_types", unsupported,
     "to have one of the following scalar types: {*}; but got {*} instead"},
    {"expected_floating", unsupported, "floating point types but got"},
    {"expected_floating", unsupported, "xpected floating point"},
    {"expected_floating", unsupported, "xpected a floating point"},
    {"expected_floating", unsupported, "only supports floating"},
    {"expected_floating", unsupported, "only supports float"},
    {"expected_floating", unsupported, "Can only calculate the mean of floating"},
    {"expected_floating", unsupported, "must be floating point"},
    {"expected_floating", unsupported, "Input dtype must be either a floating point or complex dtype"},
    {"expected_floating", unsupported, "Could not infer output dtype"},
    {"expected_floating", unsupported, "Expected a Half, BFloat16 or Float"},
    {"requires_grad_category", unsupported, "floating point and complex dtype can require gradients"},
    {"requires_grad_category", unsupported, "must be floating point or complex dtype"},
    {"set_data_category", unsupported, "incompatible tensor type"},
    {"complex_unsupported", unsupported, "not supported for complex"},
    {"complex_unsupported", unsupported, "does not support complex"},
    {"complex_unsupported", unsupported, "does not yet support complex"},
    {"complex_unsupported", unsupported, "not support complex"},
    {"complex_unsupported", unsupported, "complex inputs"},
    {"complex_unsupported", unsupported, "complex tensor"},
    {"bool_unsupported", unsupported, "is not supported. If you are trying to invert a mask"},
    {"bool_unsupported", unsupported, "with a bool tensor"},
    {"bool_unsupported", unsupported, "bool tensor"},
    {"target_category", unsupported, "xpected target to be"},
    {"target_category", unsupported, "targets must be integral"},
    {"target_category", unsupported, "target floating point type"},
    {"lengths_category", unsupported, "lengths must be integral"},
    {"index_category", unsupported, "tensors used as indices must be"},
    {"mask_category", unsupported, "key_padding_mask"},
    {"mask_category", unsupported, "types are supported for attn_mask"},
    {"mask_category", unsupported, "mask"},
    {"onednn_unsupported", unsupported, "mkldnn_{*} only {*}support"},
    {"onednn_unsupported", unsupported, "needs the cpu support"},
    {"no_kernel_for", unsupported, "Could not run"},
    // --- range ---
    {"index_out_of_range", range, "index out of range in self"},
    {"target_out_of_bounds", range, "out of bounds"},
    {"value_range", range, "should be between 0 and 1"},
    {"value_range", range, "cannot be converted to type {} without overflow"},
    {"value_range", range, "value cannot be converted"},
    {"lengths_range", range, "xpected input_lengths to"},
    {"lengths_range", range, "xpected target_lengths to"},
    {"lengths_range", range, "lengths"},
    // --- autograd ---
    {"inference_saved", autograd, "Inference tensors cannot be"},
    {"implicit_grad", autograd, "grad can be implicitly created only for"},
    {"no_grad_fn", autograd, "does not require grad and does not have a grad_fn"},
    {"leaf_in_place", autograd, "leaf Variable that requires grad"},
    {"modified_in_place", autograd, "modified by an inplace operation"},
    // --- other ---
    {"internal_assert", other, "INTERNAL ASSERT FAILED"},
    {"storage", other, "storage"},
    {"onednn_primitive", other, "could not create a primitive"},
    {"onednn_primitive", other, "could not "},
    {"set_data", other, "set_data"},
    {"output_type", other, "isDifferentiableType"},
    {"invalid_gradient", other, "returned an invalid gradient"},
    {"lazy_or_undefined", other, "undefined"},
};

struct Spelling {
  std::string_view text;
  c10::ScalarType dtype;
};
constexpr Spelling kSpellings[] = {
    {"double", Double}, {"float", Float}, {"half", Half}, {"long", Long}, {"long int", Long}, {"long long", Long},
    {"int", Int}, {"short", Short}, {"short int", Short}, {"signed char", Char}, {"char", Char},
    {"unsigned char", Byte}, {"bool", Bool}, {"complex<float>", ComplexFloat}, {"complex<double>", ComplexDouble},
    {"complex<c10::Half>", ComplexHalf}, {"complex<Half>", ComplexHalf}, {"uint8_t", Byte}, {"int8_t", Char},
    {"int16_t", Short}, {"int64_t", Long}, {"int32_t", Int}, {"at::Half", Half}, {"at::BFloat16", BFloat16},
};

bool drop_prefix(std::string_view& text, std::string_view prefix) {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}
bool drop_suffix(std::string_view& text, std::string_view suffix) {
  if (text.size() < suffix.size() || text.substr(text.size() - suffix.size()) != suffix) return false;
  text.remove_suffix(suffix.size());
  return true;
}

bool is_dtype_end(char c) {
  return !(std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '<' || c == '>' || c == ':' || c == '.');
}

/// Matches `pattern` at the start of `text`; captures go to `named`.
bool match_here(std::string_view pattern, std::string_view text, std::vector<NamedDtype>& named) {
  while (!pattern.empty()) {
    if (pattern[0] != '{') {
      const auto literal = pattern.substr(0, pattern.find('{'));
      if (text.substr(0, literal.size()) != literal) return false;
      text.remove_prefix(literal.size());
      pattern.remove_prefix(literal.size());
      continue;
    }
    const size_t close = pattern.find('}');
    const auto name = pattern.substr(1, close - 1);
    pattern.remove_prefix(close + 1);
    const auto next = pattern.substr(0, pattern.find('{'));
    size_t end = 0;
    if (name == "*") {
      end = next.empty() ? text.size() : text.find(next);
    } else if (next.empty()) {
      // A trailing dtype: as far as its letters go, without the full stop of the sentence.
      while (end < text.size() && !is_dtype_end(text[end])) ++end;
      while (end > 0 && (text[end - 1] == '.' || text[end - 1] == ':')) --end;
    } else {
      end = text.find(next);
    }
    if (end == std::string_view::npos) return false;
    if (name != "*") {
      const auto dtype = dtype_named(text.substr(0, end));
      if (!dtype) return false;
      named.push_back({std::string(name), dtype});
    }
    text.remove_prefix(end);
  }
  return true;
}

bool matches(std::string_view pattern, std::string_view message, std::vector<NamedDtype>& named) {
  const auto anchor = pattern.substr(0, pattern.find('{'));
  for (size_t at = message.find(anchor); at != std::string_view::npos; at = message.find(anchor, at + 1)) {
    named.clear();
    if (match_here(pattern, message.substr(at), named)) return true;
  }
  return false;
}

}  // namespace

std::string_view to_string(MessageKind kind) {
  constexpr std::string_view kNames[] = {"mismatch", "unsupported", "cast",     "range",
                                         "device",   "no_meta",     "autograd", "other"};
  return kNames[static_cast<size_t>(kind)];
}

std::span<const Family> message_families() { return kFamilies; }

std::optional<c10::ScalarType> dtype_named(std::string_view text) {
  if (text.size() > 40) return std::nullopt;
  drop_prefix(text, "torch.");
  if (drop_prefix(text, "cuda.") || text.ends_with("Tensor")) drop_suffix(text, "Tensor");
  if (text.ends_with("Type")) {
    drop_suffix(text, "Type");
    if (!drop_prefix(text, "CPU")) drop_prefix(text, "CUDA");
  }
  drop_prefix(text, "c10::");
  for (const Spelling& spelling : kSpellings)
    if (spelling.text == text) return spelling.dtype;
  for (int i = 0; i < static_cast<int>(NumOptions); ++i) {
    const auto dtype = static_cast<c10::ScalarType>(i);
    if (dtype == Undefined) continue;
    const auto names = c10::getDtypeNames(dtype);
    if (text == c10::toString(dtype) || text == names.first || (!names.second.empty() && text == names.second))
      return dtype;
  }
  return std::nullopt;
}

std::optional<Recognized> recognize(std::string_view message) {
  message = message.substr(0, 8192);
  std::vector<NamedDtype> named;
  for (const Family& family : kFamilies)
    if (matches(family.pattern, message, named)) return Recognized{&family, std::move(named)};
  return std::nullopt;
}

}  // namespace dtypefuzz
