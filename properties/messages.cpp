// One table of message families, a matcher over literals, and a parser of dtype spellings.
#include "properties/messages.h"

#include <algorithm>
#include <array>
#include <bitset>
#include <cstddef>
#include <utility>

namespace dtypefuzz {
namespace {

using enum MessageKind;

// A restriction of autograd that tells the dtypes of nothing in particular, so both.
constexpr std::string_view kNoComplexAutograd =
    "does not support automatic differentiation for outputs with complex dtype";

// Specific before general, the first hit wins. Spellings of one complaint share a name.
// clang-format off
constexpr Family kFamilies[] = {
    // ATen/native/Convolution.cpp, check_input_same_type_as_parameters: the classic device mismatch in a dtype's clothes
    {"conv_device_in_dtype_clothes", device, "Input type (torch.cuda.{input}Tensor) and {*} type (torch.{weight}Tensor)"},
    {"conv_device_in_dtype_clothes", device, "Input type (torch.{input}Tensor) and {*} type (torch.cuda.{weight}Tensor)"},
    {"conv_device_in_dtype_clothes", device, "Input type (Meta{input}Type) and {*} type (CPU{weight}Type)"},
    {"conv_device_in_dtype_clothes", device, "Input type (CPU{input}Type) and {*} type (Meta{weight}Type)"},
    {"conv_device_in_dtype_clothes", device, "Input type (CUDA{input}Type) and {*} type (CPU{weight}Type)"},
    {"conv_device_in_dtype_clothes", device, "Input type (CPU{input}Type) and {*} type (CUDA{weight}Type)"},
    // ATen/native/Convolution.cpp
    {"conv_input_weight_mkldnn", mismatch, "Input type ({input}) and weight type ({weight}) should be the same or input should be a MKLDNN tensor"},
    {"conv_input_bias_mkldnn", mismatch, "Input type ({input}) and bias type ({bias}) should be the same or input should be a MKLDNN tensor"},
    {"conv_input_weight", mismatch, "Input type ({input}) and weight type ({weight}) should be the same"},
    {"conv_input_bias", mismatch, "Input type ({input}) and bias type ({bias}) should be the same"},
    // ATen/native/LinearAlgebra.cpp, mkldnn and sparse relatives
    {"mat1_mat2", mismatch, "mat1 and mat2 must have the same dtype, but got {mat1} and {mat2}"},
    {"self_mat2", mismatch, "self and mat2 must have the same dtype, but got {self} and {mat2}"},
    {"m1_m2", mismatch, "expected m1 and m2 to have the same dtype, but got: {m1} != {m2}"},
    {"addmv_same_dtype", mismatch, "addmv input tensors must have the same dtype, but got {self}, {mat}, and {vec}"},
    {"dot_same_dtype", mismatch, "expected both vectors to have same dtype, but found {self} and {other}"},
    {"baddbmm_same_dtype", mismatch, "Input dtypes must be the same, got: input {input}, batch1: {batch1}, batch2: {batch2}"},
    {"bmm_same_dtype", mismatch, "expected scalar type {expected} for batch2 but got {found}"},
    {"linalg_same_dtype", mismatch, "Expected {*} and {*} to have the same dtype, but found {*} of type {} and {*} of type {}"},
    {"lstsq_same_dtype", mismatch, "to have the same dtype, but got input's dtype {input} and other's dtype {other}"},
    // ATen/native/Linear.cpp, bilinear
    {"bilinear_with_bias", mismatch, "All tensors must have the same dtype, got input1: {input1}, input2: {input2}, weight: {weight}, bias: {bias}"},
    {"bilinear", mismatch, "All tensors must have the same dtype, got input1: {input1}, input2: {input2}, weight: {weight}"},
    // ATen/native/RNN.cpp
    {"rnn_input_hidden", mismatch, "Input and hidden tensors are not the same dtype, found input tensor with {input} and hidden tensor with {hidden}"},
    {"rnn_input_parameter", mismatch, "Input and parameter tensors are not the same dtype, found input tensor with {input} and parameter tensor with {parameter}"},
    {"rnn_input_state", mismatch, "tensors are not the same dtype, found input tensor with {input} and {*} tensor with {hidden}"},
    {"rnn_input_weight", mismatch, "RNN input dtype ({input}) does not match weight dtype ({weight})"},
    // ATen/native/transformers/attention.cpp, sdp_utils_cpp.cpp
    {"sdpa_query_key_value", mismatch, "query, key, and value to have the same dtype, but got query.dtype: {query} key.dtype: {key} and value.dtype: {value} instead"},
    {"sdpa_query_key_value", mismatch, "to have the same dtype, but got Query dtype: {query}, Key dtype: {key}, and Value dtype: {value}"},
    {"sdpa_attn_mask", mismatch, "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: {attn_mask} and  query.dtype: {query} instead"},
    {"sdpa_attn_mask", mismatch, "Expected attn_mask dtype to be bool or {*}but got attn_mask.dtype: {attn_mask} and  query.dtype: {query} instead"},
    // ATen/native/Activation.cpp
    {"prelu_promoting", mismatch, "prelu: Type promoting not supported. Got {input} and {weight}"},
    // ATen/native/mkldnn, mixed_data_type.h (norms)
    {"mixed_dtype_parameter", mismatch, "mixed dtype (CPU): expect parameter to have scalar type of {expected}"},
    {"mixed_dtype_inputs", mismatch, "mixed dtype (CPU): all inputs must share same datatype"},
    {"mixed_dtype_input", mismatch, "mixed dtype (CPU): expect input to have scalar type of {expected}"},
    {"mixed_dtype_other", mismatch, "mixed dtype (CPU): "},
    // ATen/native/Normalization.cpp
    {"norm_input_operand", mismatch, "xpected {*} to have the same dtype as {*}, but got {} and {}"},
    {"norm_mean_var", mismatch, "batch_norm: expected {*} to have type {expected} but got {found}"},
    // ATen/TensorIterator.cpp
    {"iterator_found_expected", mismatch, "Found dtype {found} but expected {expected}"},
    // ATen/core/TensorMethods.cpp / TensorBase data_ptr<T>, and Lerp, ScatterGather ...
    {"expected_found", mismatch, "xpected scalar type {expected} but found {found}"},
    {"expected_got_object", mismatch, "xpected object of scalar type {expected} but got scalar type {found} for argument"},
    {"lerp_dtype", mismatch, "expected dtype {expected} for `{*}` but got dtype {found}"},
    // ATen/TensorUtils.cpp
    {"argument_same_type", mismatch, "to have the same type as tensor for argument #{*}; but type {} does not equal {} (while"},
    {"argument_same_type", mismatch, "to have the same type as tensor for argument #{*}; but type {} does not equal {}"},
    {"argument_scalar_types", unsupported, "to have one of the following scalar types: {*}; but got {found} instead"},
    {"argument_scalar_type", mismatch, "to have scalar type {expected}; but got {found} instead"},
    // ATen/native indexing: TensorAdvancedIndexing.cpp, ScatterGatherChecks.h, IndexingUtils.h
    {"index_put_dtypes", mismatch, "Index put requires the source and destination dtypes match, got {destination} for the destination and {source} for the source"},
    {"self_source_dtypes", mismatch, "self ({self}) and source ({source}) must have the same scalar type"},
    {"self_source_dtypes", mismatch, "expected to have the same dtype, but got (self) {self} and (source) {source}"},
    {"self_source_dtypes", mismatch, "expected to have the same dtype, but got self.dtype = {self} and source.dtype = {source}"},
    {"masked_scatter_dtypes", mismatch, "expected self and source to have same dtypes but got{self} and {source}"},
    {"scatter_self_src", mismatch, "Expected self.dtype to be equal to src.dtype"},
    {"index_dtype_named", unsupported, "xpected dtype int32/int64 for index but got: {index}"},
    {"index_dtype_named", unsupported, "xpected a long tensor for index, but got {index}"},
    {"index_dtype_named", unsupported, "xpected indices to be long or int, got {index}"},
    {"index_dtype_named", unsupported, "elements in indices should be type int64 but got: {indices}"},
    {"index_dtype", unsupported, "xpected dtype int32/int64 for index"},
    {"index_dtype", unsupported, "xpected dtype int32 or int64 for index"},
    {"index_dtype", unsupported, "xpected dtype int64 for index"},
    {"index_dtype", unsupported, "tensors used as indices must be long, int, byte or bool tensors"},
    {"index_dtype", unsupported, "elements in indices should be type int64"},
    {"one_hot_index", unsupported, "one_hot is only applicable to index tensor"},
    {"mask_dtype_named", unsupported, "only supports boolean masks, but got mask with dtype {mask}"},
    {"mask_dtype_named", unsupported, "where expected condition to be a boolean tensor, but got a tensor with dtype {condition}"},
    {"mask_dtype", unsupported, "expected BoolTensor for mask"},
    {"mask_dtype", unsupported, "types are supported for attn_mask"},
    {"mask_dtype", unsupported, "only bool and floating types of key_padding_mask are supported"},
    {"mask_dtype", unsupported, "types are supported for key_padding_mask"},
    // ATen/native/Loss*.cpp
    {"target_dtype_named", unsupported, "xpected target dtype to be Long or Byte, but got {target}"},
    {"target_dtype_named", unsupported, "Expected floating point type for target with class probabilities, got {target}"},
    {"lengths_dtype", unsupported, "_lengths must be integral"},
    {"targets_dtype", unsupported, "targets must be integral"},
    {"category_inputs", unsupported, "Boolean inputs not supported for {*}"},
    {"category_inputs", unsupported, "Bool inputs not supported for {*}"},
    {"category_inputs", unsupported, "Complex inputs not supported"},
    {"category_inputs", unsupported, "Integral inputs not supported"},
    {"category_inputs", unsupported, "not supported for complex"},
    {"category_inputs", unsupported, "not support complex"},
    {"category_inputs", unsupported, "not yet support complex"},
    {"category_inputs", unsupported, "not intended to support complex numbers"},
    {"category_inputs", unsupported, "not support bool"},
    {"category_inputs", unsupported, "tensor of complex type is not supported. Got {found}"},
    {"category_inputs", unsupported, kNoComplexAutograd},
    {"hardtanh_unsigned", unsupported, "annot do hardtanh on an unsigned type with negative limits"},
    {"bool_negation", unsupported, "on a bool tensor is not supported"},
    {"bool_subtraction", unsupported, "with a bool tensor is not supported"},
    {"bool_subtraction", unsupported, "with two bool tensors is not supported"},
    // c10/core/ScalarType.cpp, promoteTypes
    {"float8_promotion", unsupported, "Promotion for Float8 Types is not supported, attempted to promote {} and {}"},
    {"unsigned_promotion", unsupported, "Promotion for uint16, uint32, uint64 types is not supported, attempted to promote {} and {}"},
    {"promotion", unsupported, "is not supported, attempted to promote {} and {}"},
    // casts: ATen/TensorIterator.cpp, ATen/native/TypeProperties.h, Resize, torch/_prims_common
    {"result_type_cast", cast, "result type {} can't be cast to the desired output type {}"},
    {"result_type_cast", cast, "result type {} can't be cast to the desired out= type {}"},
    {"out_not_safe", cast, "Attempting to cast from {} to out tensor with dtype {}, but this can't be cast because it is not safe"},
    {"out_dtype", cast, "Expected out tensor to have dtype {}, but got {} instead"},
    {"in_place_promotion", cast, "Promotion of int.{*} in in-place ops are not possible"},
    {"argument_not_safe", cast, "cannot be safely cast to type"},
    {"alpha_integral", cast, "For integral input tensors, argument {*} must not be a floating point number"},
    {"alpha_boolean", cast, "Boolean {*} only supported for Boolean results"},
    // ATen/Dispatch.h: the kernel's name is free
    {"kernel_not_implemented", unsupported, "\" not implemented for '{}'"},
    {"kernel_not_implemented", unsupported, "not implemented for '{}'"},
    {"not_implemented_category", unsupported, "not implemented for tensors with non-complex dtypes"},
    {"not_implemented_type", unsupported, "not implemented for type {}"},
    {"not_implemented_type", unsupported, "not implemented for {}"},
    {"not_supported_type", unsupported, "not supported for {}"},
    // ATen/native/quantized, TensorFactories.cpp
    {"quantized_tensor", unsupported, "not supported on quantized tensors"},
    // ATen/native/UnaryOps.cpp, Distributions, ReduceOps, LinearAlgebraUtils, SpectralOps
    {"mean_dtype", unsupported, "could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: {input}"},
    {"distribution_dtype", unsupported, "dtype must be a floating point but you specified {}"},
    {"linalg_floating", unsupported, "xpected a floating point or complex tensor as input. Got {input}"},
    {"norm_dtype", unsupported, "input dtype should be either floating point or complex. Got {input} instead"},
    {"linalg_low_precision", unsupported, "Low precision dtypes not supported. Got {input}"},
    {"fft_dtype", unsupported, "MKL FFT doesn't support tensors of type: {input}"},
    {"real_input", unsupported, "expects a real input tensor, but got {input}"},
    {"only_floating_named", unsupported, "only supports floating-point dtypes{*} got: {input}"},
    {"only_floating_named", unsupported, "nly supports floating-point dtypes, but found: {input}"},
    {"floating_common_dtype", unsupported, "xpected common dtype to be floating point, yet common dtype is {}"},
    {"dense_tensor_dtype", unsupported, "expects float, bfloat16 or half tensor input"},
    {"weight_dtype", unsupported, "xpected weight to be floating point type, got {weight}"},
    {"per_sample_weights_shape", other, "If per_sample_weights ({*}) is not None, then it must have the same shape"},
    {"only_floating", unsupported, "std and var only support floating point and complex dtypes"},
    {"only_floating", unsupported, "only supports floating"},
    {"only_floating", unsupported, "only support floating"},
    {"only_floating", unsupported, "xpected a tensor of floating point or complex values"},
    {"only_floating", unsupported, "xpected a tensor with 2 or more dimensions of float"},
    {"only_floating", unsupported, "dtype should be floating point or complex, but got {found}"},
    {"float_double_only", unsupported, "doesn't handle types other than float and double"},
    {"view_as_real", unsupported, "is only supported for complex tensors"},
    {"unknown_complex", unsupported, "Unknown Complex ScalarType for {}"},
    {"default_dtype", unsupported, "only floating-point types are supported as the default type"},
    {"default_dtype", unsupported, "couldn't find storage object"},
    {"amp_float_tensor", unsupported, "must be a float tensor"},
    // ATen/autocast_mode.h and friends
    {"autocast_dtype", unsupported, "autocast {*} does not support {}"},
    {"autocast_dtype", unsupported, "Unexpected floating ScalarType in at::autocast::prioritize"},
    // unsupported dtypes, with and without a name
    {"autograd_dtype", unsupported, "Autograd not support dtype: {}"},
    {"unsupported_dtype_named", unsupported, "nsupported dtype {}"},
    {"unsupported_dtype_named", unsupported, "nsupported scalar type:{}"},
    {"unsupported_dtype_named", unsupported, "nhandled scalar type: {}"},
    {"unsupported_dtype", unsupported, "get_mkldnn_dtype: unsupported data type"},
    {"unsupported_dtype", unsupported, "nsupported dtype"},
    {"unsupported_dtype", unsupported, "nsupported data type"},
    {"unsupported_dtype", unsupported, "UNSUPPORTED DTYPE"},
    // ATen/native/mkldnn/*.cpp: a CPU without the instruction set
    {"mkldnn_isa", unsupported, "path needs the cpu support"},
    {"mkldnn_only", unsupported, "mkldnn_{*}only support"},
    // torch/csrc/autograd: VariableHooks, requires_grad, set_data, accumulate
    {"requires_grad_category", unsupported, "nly Tensors of floating point and complex dtype can require gradients"},
    {"requires_grad_category", unsupported, "nly Tensors of floating point dtype can require gradients"},
    {"set_data_category", unsupported, "data set to a tensor that requires gradients must be floating point or complex dtype"},
    {"grad_dtype", mismatch, "attempting to assign a gradient with dtype '{grad}' to a tensor with grad_dtype '{tensor}'"},
    {"grad_output_dtype", mismatch, "grad_output[0] has a dtype of {grad_output} and output[0] has a dtype of {output}"},
    {"assigned_grad", mismatch, "assigned grad has data of a different type"},
    {"set_data_type", mismatch, "incompatible tensor type"},
    {"inference_saved", autograd, "Inference tensors cannot be saved for backward"},
    {"inference_in_place", autograd, "Inplace update to inference tensor"},
    {"inference_requires_grad", autograd, "requires_grad=True on inference tensor"},
    {"inference_other", autograd, "nference tensor"},
    {"implicit_grad_real", autograd, "grad can be implicitly created only for real scalar outputs but got {}"},
    {"implicit_grad", autograd, "grad can be implicitly created only for"},
    {"no_grad_fn", autograd, "does not require grad and does not have a grad_fn"},
    {"leaf_view_in_place", autograd, "a view of a leaf Variable that requires grad"},
    {"leaf_in_place", autograd, "a leaf Variable that requires grad is being used in an in-place operation"},
    {"modified_in_place", autograd, "modified by an inplace operation"},
    {"backward_twice", autograd, "Trying to backward through the graph a second time"},
    {"not_differentiable", autograd, "derivative for {*} is not implemented"},
    // torch/csrc/api/src/optim: which optimizers take them is documented with torch.nn.Embedding
    {"sparse_gradients", autograd, "does not support sparse gradients"},
    // Meta kernels
    {"no_meta_kernel", no_meta, "there was no fake impl or Meta kernel"},
    {"convolution_overrideable", no_meta, "convolution_overrideable not implemented"},
    {"convolution_overrideable", no_meta, "convolution_backward_overrideable"},
    {"meta_item", no_meta, "cannot be called on meta tensors"},
    {"meta_backend", no_meta, "with arguments from the 'Meta' backend"},
    {"meta_copy", no_meta, "Cannot copy out of meta tensor"},
    {"backend", device, "Could not run '{*}' with arguments from the '{*}' backend"},
    {"same_device", device, "Expected all tensors to be on the same device"},
    {"same_device", device, "is not on the expected device"},
    {"same_device", device, "tensors are not at the same device"},
    {"same_device", device, "to be on the same device"},
    // values
    {"value_overflow", range, "cannot be converted to type {*} without overflow"},
    // A checkpoint of a narrower dtype read into wider storage: says sizes, no dtype. aten/src/ATen/native/Resize.h
    {"set_storage", other, "setStorage: sizes"},
    {"index_out_of_range", range, "select(): index {*} out of range for tensor of size"},
    {"index_out_of_range", range, "index out of range in self"},
    {"index_out_of_range", range, "which is not in the valid range ["},
    {"index_out_of_range", range, "Expected idx >= 0 && idx < num_embeddings"},
    {"index_out_of_range", range, "is out of bounds for dimension"},
    {"index_out_of_range", range, "out of bounds"},
    {"unpool_index", range, "Found an invalid max index"},
    {"bce_interval", range, "should be between 0 and 1"},
    {"target_range", range, "target out of range"},
    {"target_range", range, "'target' is out of range"},
    {"lengths_range", range, "Expected input_lengths to have value"},
    {"lengths_range", range, "Expected target_lengths to have value"},
    {"one_hot_range", range, "Class values must be"},
    {"offsets_range", range, "offsets[0] has to be 0"},
    {"singular", range, "input matrix is singular"},
    {"not_positive_definite", range, "is not positive-definite"},
    {"probabilities", range, "probability tensor contains"},
    {"non_negative_integral", range, "only supports 1-d non-negative integral inputs"},
    // mismatches in free words, after everything that names more
    {"same_dtype_named", mismatch, "to have the same dtype, but got {} and {}"},
    {"same_dtype_named", mismatch, "must have the same dtype, but got {} and {}"},
    {"same_dtype_named", mismatch, "to have the same dtype, but got {*}dtype {} and {*}dtype {}"},
    {"to_have_type", mismatch, "to have type {expected} but got {found}"},
    {"mismatch_input_weight", mismatch, "Mismatch dtype between input and weight: input dtype = {input}, weight dtype = {weight}"},
    {"same_dtype", mismatch, "must have the same dtype"},
    {"same_dtype", mismatch, "should have the same dtype"},
    {"same_dtype", mismatch, "to have the same dtype"},
    {"same_dtype", mismatch, "must be of the same dtype"},
    {"same_dtype", mismatch, "have the same scalar type"},
    {"same_dtype", mismatch, "expects all input tensors with the same dtype"},
    // known, and not about dtypes
    {"internal_assert", other, "INTERNAL ASSERT FAILED"},
    {"check_without_message", other, "to be true, but got false."},
    {"onednn_view", other, "itensor_view_from_dense expects float/bfloat16/half/int8/fp8 tensor input"},
    {"onednn_primitive", other, "could not create a primitive"},
    {"onednn_primitive", other, "could not execute a primitive"},
    {"onednn_primitive", other, "could not construct a memory descriptor"},
    {"invalid_gradient", other, "returned an invalid gradient at index"},
    {"shapes_multiplied", other, "shapes cannot be multiplied"},
    {"size_mismatch", other, "must match the size of tensor b"},
    {"size_mismatch", other, "size mismatch"},
    {"shape_invalid", other, "is invalid for input of size"},
    {"data_not_allocated", other, "its data is not allocated yet"},
    {"undefined_tensor", other, "Cannot access storage of UndefinedTensorImpl"},
    {"set_data_call", other, "set_data is not allowed"},
};
// clang-format on

constexpr size_t kLongestMessage = 16384;  // what is looked at
constexpr size_t kLongestGap = 600;        // `{*}`
constexpr size_t kLongestDtype = 48;

// Which families can match at all: a set of the message's three-letter pieces.

constexpr size_t kPieces = 4096;
constexpr size_t piece(std::string_view text, size_t at) {
  const auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(text[at + i])); };
  return (byte(0) * 31 * 31 + byte(1) * 31 + byte(2) * 7) % kPieces;
}

// A few pieces of a pattern's longest literal.
using Fingerprint = std::array<uint16_t, 4>;
constexpr Fingerprint fingerprint(std::string_view pattern) {
  std::string_view longest;
  for (size_t at = 0; at < pattern.size();) {
    const size_t open = std::min(pattern.find('{', at), pattern.size());
    if (open - at > longest.size()) longest = pattern.substr(at, open - at);
    const size_t close = pattern.find('}', open);
    at = close == std::string_view::npos ? pattern.size() : close + 1;
  }
  Fingerprint pieces{};
  const size_t last = longest.size() - 3;
  for (size_t i = 0; i < pieces.size(); ++i)
    pieces[i] = static_cast<uint16_t>(piece(longest, last * i / (pieces.size() - 1)));
  return pieces;
}

constexpr auto kFingerprints = [] {
  std::array<Fingerprint, std::size(kFamilies)> all{};
  for (size_t i = 0; i < all.size(); ++i) all[i] = fingerprint(kFamilies[i].pattern);
  return all;
}();

// Matching

bool in_dtype(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '<' ||
         c == '>' || c == ':' || c == '.';
}

// The dtype at the start of `text`, of up to three words; its length goes to `length`.
std::optional<c10::ScalarType> leading_dtype(std::string_view text, size_t& length) {
  std::array<size_t, 3> ends{};
  size_t words = 0;
  size_t at = 0;
  while (words < ends.size()) {
    const size_t begin = at;
    while (at < text.size() && at < kLongestDtype && in_dtype(text[at])) ++at;
    if (at == begin) break;
    ends[words++] = at;
    if (at >= text.size() || text[at] != ' ') break;
    ++at;
  }
  while (words-- > 0) {
    length = ends[words];
    while (length > 0 && (text[length - 1] == '.' || text[length - 1] == ':')) --length;
    if (const auto dtype = dtype_named(text.substr(0, length))) return dtype;
  }
  return std::nullopt;
}

struct Captures {
  std::array<std::pair<std::string_view, c10::ScalarType>, 8> items;
  size_t count = 0;
};

// Matches the whole of `pattern` at the start of `text`. A capture ends where the literal after it
// first appears; nothing is tried twice.
bool match_here(std::string_view pattern, std::string_view text, Captures& captures) {
  captures.count = 0;
  while (!pattern.empty()) {
    const auto literal = pattern.substr(0, pattern.find('{'));
    if (!text.starts_with(literal)) return false;
    text.remove_prefix(literal.size());
    pattern.remove_prefix(literal.size());
    if (pattern.empty()) break;

    const size_t close = pattern.find('}');
    const auto name = pattern.substr(1, close - 1);
    pattern.remove_prefix(close + 1);
    const auto next = pattern.substr(0, pattern.find('{'));
    if (name == "*") {
      const size_t end = next.empty() ? 0 : text.substr(0, kLongestGap + next.size()).find(next);
      if (end == std::string_view::npos) return false;
      text.remove_prefix(end);
      continue;
    }
    size_t end = 0;
    std::optional<c10::ScalarType> dtype;
    if (next.empty()) {
      dtype = leading_dtype(text, end);
    } else {
      end = text.substr(0, kLongestDtype + next.size()).find(next);
      if (end == std::string_view::npos) return false;
      dtype = dtype_named(text.substr(0, end));
    }
    if (!dtype || captures.count == captures.items.size()) return false;
    captures.items[captures.count++] = {name, *dtype};
    text.remove_prefix(end);
  }
  return true;
}

bool match_anywhere(std::string_view pattern, std::string_view message, Captures& captures) {
  const auto first = pattern.substr(0, pattern.find('{'));
  for (size_t at = message.find(first); at != std::string_view::npos; at = message.find(first, at + 1))
    if (match_here(pattern, message.substr(at), captures)) return true;
  return false;
}

// Dtypes

struct Spelling {
  std::string_view text;
  c10::ScalarType dtype;
};

// What c10::toString and torch's Python names do not cover: C++ types as the compilers print them.
constexpr Spelling kCppTypes[] = {
    {"double", c10::ScalarType::Double},
    {"float", c10::ScalarType::Float},
    {"half", c10::ScalarType::Half},
    {"bool", c10::ScalarType::Bool},
    {"char", c10::ScalarType::Char},
    {"signed char", c10::ScalarType::Char},
    {"int8_t", c10::ScalarType::Char},
    {"unsigned char", c10::ScalarType::Byte},
    {"uint8_t", c10::ScalarType::Byte},
    {"short", c10::ScalarType::Short},
    {"short int", c10::ScalarType::Short},
    {"int16_t", c10::ScalarType::Short},
    {"int", c10::ScalarType::Int},
    {"int32_t", c10::ScalarType::Int},
    {"long", c10::ScalarType::Long},
    {"long int", c10::ScalarType::Long},
    {"long long", c10::ScalarType::Long},
    {"long long int", c10::ScalarType::Long},
    {"int64_t", c10::ScalarType::Long},
    {"unsigned short", c10::ScalarType::UInt16},
    {"short unsigned int", c10::ScalarType::UInt16},
    {"uint16_t", c10::ScalarType::UInt16},
    {"unsigned int", c10::ScalarType::UInt32},
    {"unsigned", c10::ScalarType::UInt32},
    {"uint32_t", c10::ScalarType::UInt32},
    {"unsigned long", c10::ScalarType::UInt64},
    {"long unsigned int", c10::ScalarType::UInt64},
    {"unsigned long long", c10::ScalarType::UInt64},
    {"long long unsigned int", c10::ScalarType::UInt64},
    {"uint64_t", c10::ScalarType::UInt64},
    {"qint8", c10::ScalarType::QInt8},
    {"quint8", c10::ScalarType::QUInt8},
    {"qint32", c10::ScalarType::QInt32},
    {"quint4x2", c10::ScalarType::QUInt4x2},
    {"quint2x4", c10::ScalarType::QUInt2x4},
    {"bits1x8", c10::ScalarType::Bits1x8},
    {"bits2x4", c10::ScalarType::Bits2x4},
    {"bits4x2", c10::ScalarType::Bits4x2},
    {"bits8", c10::ScalarType::Bits8},
    {"bits16", c10::ScalarType::Bits16},
    {"complex<float>", c10::ScalarType::ComplexFloat},
    {"complex<double>", c10::ScalarType::ComplexDouble},
    {"complex<Half>", c10::ScalarType::ComplexHalf},
    {"complex<c10::Half>", c10::ScalarType::ComplexHalf},
};

constexpr Spelling kPythonNames[] = {
    {"float64", c10::ScalarType::Double},
    {"float32", c10::ScalarType::Float},
    {"float16", c10::ScalarType::Half},
    {"bfloat16", c10::ScalarType::BFloat16},
    {"complex32", c10::ScalarType::ComplexHalf},
    {"chalf", c10::ScalarType::ComplexHalf},
    {"complex64", c10::ScalarType::ComplexFloat},
    {"cfloat", c10::ScalarType::ComplexFloat},
    {"complex128", c10::ScalarType::ComplexDouble},
    {"cdouble", c10::ScalarType::ComplexDouble},
    {"int8", c10::ScalarType::Char},
    {"uint8", c10::ScalarType::Byte},
    {"int16", c10::ScalarType::Short},
    {"int32", c10::ScalarType::Int},
    {"int64", c10::ScalarType::Long},
    {"uint16", c10::ScalarType::UInt16},
    {"uint32", c10::ScalarType::UInt32},
    {"uint64", c10::ScalarType::UInt64},
    {"float8_e4m3fn", c10::ScalarType::Float8_e4m3fn},
    {"float8_e5m2", c10::ScalarType::Float8_e5m2},
    {"float8_e4m3fnuz", c10::ScalarType::Float8_e4m3fnuz},
    {"float8_e5m2fnuz", c10::ScalarType::Float8_e5m2fnuz},
    {"float8_e8m0fnu", c10::ScalarType::Float8_e8m0fnu},
    {"float4_e2m1fn_x2", c10::ScalarType::Float4_e2m1fn_x2},
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

std::optional<c10::ScalarType> find_in(std::span<const Spelling> table, std::string_view text) {
  for (const auto& spelling : table)
    if (spelling.text == text) return spelling.dtype;
  return std::nullopt;
}

// `Double`, as c10::toString says it.
std::optional<c10::ScalarType> scalar_type_named(std::string_view text) {
  for (int i = 0; i < static_cast<int>(c10::ScalarType::NumOptions); ++i) {
    const auto dtype = static_cast<c10::ScalarType>(i);
    if (dtype != c10::ScalarType::Undefined && text == c10::toString(dtype)) return dtype;
  }
  return std::nullopt;
}

}  // namespace

std::optional<c10::ScalarType> dtype_named(std::string_view text) {
  if (text.empty() || text.size() > kLongestDtype) return std::nullopt;

  // torch.FloatTensor, torch.cuda.HalfTensor, torch.float32
  if (drop_prefix(text, "torch.")) {
    const bool elsewhere = drop_prefix(text, "cuda.") || drop_prefix(text, "mps.") ||
                           drop_prefix(text, "xpu.") || drop_prefix(text, "sparse.");
    if (drop_suffix(text, "Tensor")) return scalar_type_named(text);
    if (elsewhere) return std::nullopt;
    if (const auto dtype = find_in(kPythonNames, text)) return dtype;
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
  return find_in(kPythonNames, text);
}

bool restricts_autograd(const Recognized& known) {
  return known.family->kind == autograd || known.family->pattern == kNoComplexAutograd;
}

std::span<const Family> message_families() {
  return kFamilies;
}

namespace {

std::optional<Recognized> looked_up(std::string_view message) {
  std::bitset<kPieces> pieces;
  for (size_t at = 0; at + 3 <= message.size(); ++at) pieces.set(piece(message, at));

  Captures captures;
  for (size_t i = 0; i < std::size(kFamilies); ++i) {
    if (!std::ranges::all_of(kFingerprints[i], [&](size_t p) { return pieces.test(p); })) continue;
    if (!match_anywhere(kFamilies[i].pattern, message, captures)) continue;
    Recognized known{&kFamilies[i], {}};
    known.named.reserve(captures.count);
    for (size_t c = 0; c < captures.count; ++c)
      known.named.push_back({std::string(captures.items[c].first), captures.items[c].second});
    return known;
  }
  return std::nullopt;
}

}  // namespace

std::optional<Recognized> recognize(std::string_view message) {
  message = message.substr(0, kLongestMessage);
  // Each property asks about the same message; some are pages long.
  thread_local std::string last;
  thread_local std::optional<Recognized> answer = looked_up(last);
  if (message != last) {
    last = message;
    answer = looked_up(last);
  }
  return answer;
}

}  // namespace dtypefuzz
