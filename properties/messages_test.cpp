#include "properties/messages.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace dtypefuzz {
namespace {

using enum Dtype;

struct Example {
  std::string_view message;
  std::string_view family;
  std::vector<NamedDtype> named;
};

// clang-format off
const Example kExamples[] = {
    {"Input type (torch.cuda.FloatTensor) and weight type (torch.FloatTensor) should be the same", "conv_device_in_dtype_clothes", {{"input", Float}, {"weight", Float}}},
    {"Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same", "conv_device_in_dtype_clothes", {{"input", Float}, {"weight", Float}}},
    {"Input type (MetaFloatType) and weight type (CPUBFloat16Type) should be the same", "conv_device_in_dtype_clothes", {{"input", Float}, {"weight", BFloat16}}},
    {"Input type (CPUFloatType) and bias type (MetaFloatType) should be the same or input should be a MKLDNN tensor and bias is a dense tensor", "conv_device_in_dtype_clothes", {{"input", Float}, {"weight", Float}}},
    {"Input type (CUDABFloat16Type) and weight type (CPUBFloat16Type) should be the same", "conv_device_in_dtype_clothes", {{"input", BFloat16}, {"weight", BFloat16}}},
    {"Input type (CPUBFloat16Type) and weight type (CUDABFloat16Type) should be the same or input should be a MKLDNN tensor and weight is a dense tensor", "conv_device_in_dtype_clothes", {{"input", BFloat16}, {"weight", BFloat16}}},
    {"Input type (CPUHalfType) and weight type (CPUFloatType) should be the same or input should be a MKLDNN tensor and weight is a dense tensor", "conv_input_weight_mkldnn", {{"input", Half}, {"weight", Float}}},
    {"Input type (CPUBFloat16Type) and bias type (torch.LongTensor) should be the same or input should be a MKLDNN tensor and bias is a dense tensor", "conv_input_bias_mkldnn", {{"input", BFloat16}, {"bias", Long}}},
    {"Input type (double) and weight type (c10::BFloat16) should be the same", "conv_input_weight", {{"input", Double}, {"weight", BFloat16}}},
    {"Input type (double) and bias type (float) should be the same", "conv_input_bias", {{"input", Double}, {"bias", Float}}},
    {"mat1 and mat2 must have the same dtype, but got Double and Float", "mat1_mat2", {{"mat1", Double}, {"mat2", Float}}},
    {"self and mat2 must have the same dtype, but got Float8_e4m3fn and UInt16", "self_mat2", {{"self", Float8_e4m3fn}, {"mat2", UInt16}}},
    {"expected m1 and m2 to have the same dtype, but got: long int != short unsigned int", "m1_m2", {{"m1", Long}, {"m2", UInt16}}},
    {"addmv input tensors must have the same dtype, but got Float, Double, and Double", "addmv_same_dtype", {{"self", Float}, {"mat", Double}, {"vec", Double}}},
    {"dot : expected both vectors to have same dtype, but found ComplexHalf and BFloat16", "dot_same_dtype", {{"self", ComplexHalf}, {"other", BFloat16}}},
    {"Input dtypes must be the same, got: input c10::Half, batch1: float, batch2: float", "baddbmm_same_dtype", {{"input", Half}, {"batch1", Float}, {"batch2", Float}}},
    {"expected scalar type Float for batch2 but got Double", "bmm_same_dtype", {{"expected", Float}, {"found", Double}}},
    {"linalg.solve: Expected A and B to have the same dtype, but found A of type ComplexHalf and B of type BFloat16 instead", "linalg_same_dtype", {{"", ComplexHalf}, {"", BFloat16}}},
    {"torch.linalg.lstsq: Expected input and other to have the same dtype, but got input's dtype ComplexHalf and other's dtype BFloat16", "lstsq_same_dtype", {{"input", ComplexHalf}, {"other", BFloat16}}},
    {"All tensors must have the same dtype, got input1: short unsigned int, input2: c10::complex<float>, weight: float, bias: c10::BFloat16", "bilinear_with_bias", {{"input1", UInt16}, {"input2", ComplexFloat}, {"weight", Float}, {"bias", BFloat16}}},
    {"All tensors must have the same dtype, got input1: double, input2: float, weight: float", "bilinear", {{"input1", Double}, {"input2", Float}, {"weight", Float}}},
    {"Input and hidden tensors are not the same dtype, found input tensor with Double and hidden tensor with Float", "rnn_input_hidden", {{"input", Double}, {"hidden", Float}}},
    {"Input and parameter tensors are not the same dtype, found input tensor with Half and parameter tensor with Float", "rnn_input_parameter", {{"input", Half}, {"parameter", Float}}},
    {"Input and cell tensors are not the same dtype, found input tensor with Half and cell tensor with Float", "rnn_input_state", {{"input", Half}, {"hidden", Float}}},
    {"RNN input dtype (torch.uint16) does not match weight dtype (torch.complex128). Convert input: input.to(torch.complex128), or convert model: model.to(torch.uint16)", "rnn_input_weight", {{"input", UInt16}, {"weight", ComplexDouble}}},
    {"Expected query, key, and value to have the same dtype, but got query.dtype: float key.dtype: float and value.dtype: c10::Half instead.", "sdpa_query_key_value", {{"query", Float}, {"key", Float}, {"value", Half}}},
    {"Expected query, key and value to have the same dtype, but got Query dtype: float, Key dtype: double, and Value dtype: float instead.", "sdpa_query_key_value", {{"query", Float}, {"key", Double}, {"value", Float}}},
    {"Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: short unsigned int and  query.dtype: long int instead.", "sdpa_attn_mask", {{"attn_mask", UInt16}, {"query", Long}}},
    {"Expected attn_mask dtype to be bool or to match query dtype, but got attn_mask.dtype: double and  query.dtype: float instead.", "sdpa_attn_mask", {{"attn_mask", Double}, {"query", Float}}},
    {"prelu: Type promoting not supported. Got ComplexHalf and Int", "prelu_promoting", {{"input", ComplexHalf}, {"weight", Int}}},
    {"mixed dtype (CPU): expect parameter to have scalar type of Float", "mixed_dtype_parameter", {{"expected", Float}}},
    {"mixed dtype (CPU): all inputs must share same datatype.", "mixed_dtype_inputs", {}},
    {"mixed dtype (CPU): expect input to have scalar type of BFloat16", "mixed_dtype_input", {{"expected", BFloat16}}},
    {"mixed dtype (CPU): all the parameters must share same datatype.", "mixed_dtype_other", {}},
    {"Expected running_mean to have the same dtype as weight, but got Float and Double", "norm_input_operand", {{"", Float}, {"", Double}}},
    {"batch_norm: expected mean to have type Float but got Double", "norm_mean_var", {{"expected", Float}, {"found", Double}}},
    {"Found dtype Double but expected Float", "iterator_found_expected", {{"found", Double}, {"expected", Float}}},
    {"expected scalar type Double but found Float", "expected_found", {{"expected", Double}, {"found", Float}}},
    {"Expected object of scalar type Float but got scalar type Double for argument #2 'mat2' in call to _th_mm", "expected_got_object", {{"expected", Float}, {"found", Double}}},
    {"expected dtype c10::complex<c10::Half> for `end` but got dtype c10::BFloat16", "lerp_dtype", {{"expected", ComplexHalf}, {"found", BFloat16}}},
    {"Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 'per_sample_weights'; but type torch.FloatTensor does not equal torch.HalfTensor (while checking arguments for embedding_bag)", "argument_same_type", {{"", Float}, {"", Half}}},
    {"Expected tensor for argument #2 'weight' to have the same type as tensor for argument #1 'input'; but type CPUDoubleType does not equal CPUFloatType", "argument_same_type", {{"", Double}, {"", Float}}},
    {"Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but got CPUUInt16Type instead (while checking arguments for embedding)", "argument_scalar_types", {{"found", UInt16}}},
    {"Expected tensor for argument #1 'indices' to have scalar type Long; but got CPUFloatType instead (while checking arguments for embedding_backward)", "argument_scalar_type", {{"expected", Long}, {"found", Float}}},
    {"Index put requires the source and destination dtypes match, got Byte for the destination and Half for the source.", "index_put_dtypes", {{"destination", Byte}, {"source", Half}}},
    {"index_add_(): self (Double) and source (Float) must have the same scalar type", "self_source_dtypes", {{"self", Double}, {"source", Float}}},
    {"index_copy_(): self and source expected to have the same dtype, but got (self) Double and (source) Float", "self_source_dtypes", {{"self", Double}, {"source", Float}}},
    {"put_(): self and source expected to have the same dtype, but got self.dtype = Double and source.dtype = Float", "self_source_dtypes", {{"self", Double}, {"source", Float}}},
    {"masked_scatter: expected self and source to have same dtypes but gotBFloat16 and Int", "masked_scatter_dtypes", {{"self", BFloat16}, {"source", Int}}},
    {"scatter(): Expected self.dtype to be equal to src.dtype", "scatter_self_src", {}},
    {"index_add_(): Expected dtype int32/int64 for index but got: UInt16", "index_dtype_named", {{"index", UInt16}}},
    {"take(): Expected a long tensor for index, but got UInt16", "index_dtype_named", {{"index", UInt16}}},
    {"expected indices to be long or int, got torch.uint16", "index_dtype_named", {{"index", UInt16}}},
    {"elements in indices should be type int64 but got: torch.complex32", "index_dtype_named", {{"indices", ComplexHalf}}},
    {"gather(): Expected dtype int32/int64 for index", "index_dtype", {}},
    {"index_select(): Expected dtype int32 or int64 for index", "index_dtype", {}},
    {"index_fill_(): Expected dtype int64 for index.", "index_dtype", {}},
    {"tensors used as indices must be long, int, byte or bool tensors", "index_dtype", {}},
    {"elements in indices should be type int64", "index_dtype", {}},
    {"one_hot is only applicable to index tensor of type LongTensor.", "one_hot_index", {}},
    {"masked_fill_ only supports boolean masks, but got mask with dtype float", "mask_dtype_named", {{"mask", Float}}},
    {"where expected condition to be a boolean tensor, but got a tensor with dtype Float8_e4m3fn", "mask_dtype_named", {{"condition", Float8_e4m3fn}}},
    {"masked_select: expected BoolTensor for mask", "mask_dtype", {}},
    {"only bool and floating types are supported for attn_mask", "mask_dtype", {}},
    {"only bool and floating types of key_padding_mask are supported", "mask_dtype", {}},
    {"Only float, byte, and bool types are supported for key_padding_mask", "mask_dtype", {}},
    {"expected target dtype to be Long or Byte, but got Float", "target_dtype_named", {{"target", Float}}},
    {"Expected floating point type for target with class probabilities, got Long", "target_dtype_named", {{"target", Long}}},
    {"input_lengths must be integral", "lengths_dtype", {}},
    {"targets must be integral", "targets_dtype", {}},
    {"Boolean inputs not supported for relu", "category_inputs", {}},
    {"Bool inputs not supported for hardtanh", "category_inputs", {}},
    {"kl_div: Complex inputs not supported.", "category_inputs", {}},
    {"kl_div: Integral inputs not supported.", "category_inputs", {}},
    {"ceil is not supported for complex inputs", "category_inputs", {}},
    {"topk does not support complex dtypes on CPU", "category_inputs", {}},
    {"std does not yet support complex input", "category_inputs", {}},
    {"Unlike NumPy, torch.sign is not intended to support complex numbers. Please use torch.sgn instead.", "category_inputs", {}},
    {"argmax(): does not support bool input", "category_inputs", {}},
    {"clip_grad: tensor of complex type is not supported. Got ComplexFloat", "category_inputs", {{"found", ComplexFloat}}},
    {"native_batch_norm does not support automatic differentiation for outputs with complex dtype.", "category_inputs", {}},
    {"cannot do hardtanh on an unsigned type with negative limits", "hardtanh_unsigned", {}},
    {"Negation, the `-` operator, on a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.", "bool_negation", {}},
    {"Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert a mask, use the `~` or `logical_not()` operator instead.", "bool_subtraction", {}},
    {"Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or `logical_xor()` operator instead.", "bool_subtraction", {}},
    {"Promotion for Float8 Types is not supported, attempted to promote Float8_e4m3fn and UInt16", "float8_promotion", {{"", Float8_e4m3fn}, {"", UInt16}}},
    {"Promotion for uint16, uint32, uint64 types is not supported, attempted to promote UInt16 and Byte", "unsigned_promotion", {{"", UInt16}, {"", Byte}}},
    {"Promotion for Bits Types is not supported, attempted to promote Bits8 and Byte", "promotion", {{"", Bits8}, {"", Byte}}},
    {"result type Float can't be cast to the desired output type Long", "result_type_cast", {{"", Float}, {"", Long}}},
    {"result type Float can't be cast to the desired out= type Int", "result_type_cast", {{"", Float}, {"", Int}}},
    {"Attempting to cast from torch.float32 to out tensor with dtype torch.uint16, but this can't be cast because it is not safe!", "out_not_safe", {{"", Float}, {"", UInt16}}},
    {"Expected out tensor to have dtype float, but got double instead", "out_dtype", {{"", Float}, {"", Double}}},
    {"Promotion of int.add/sub_(float) in in-place ops are not possible due to element size change.", "in_place_promotion", {}},
    {"beta argument of type <class 'float'> cannot be safely cast to type <class 'int'>!", "argument_not_safe", {}},
    {"For integral input tensors, argument alpha must not be a floating point number.", "alpha_integral", {}},
    {"Boolean alpha only supported for Boolean results.", "alpha_boolean", {}},
    {"\"addmm_impl_cpu_\" not implemented for 'Half'", "kernel_not_implemented", {{"", Half}}},
    {"mkldnn_gemm not implemented for 'Float8_e5m2'", "kernel_not_implemented", {{"", Float8_e5m2}}},
    {"imag is not implemented for tensors with non-complex dtypes.", "not_implemented_category", {}},
    {"sparse add not implemented for type Half", "not_implemented_type", {{"", Half}}},
    {"\"sum\" not implemented for Half", "not_implemented_type", {{"", Half}}},
    {"dropout not supported for Int", "not_supported_type", {{"", Int}}},
    {"mean(): could not infer output dtype. Input dtype must be either a floating point or complex dtype. Got: Long", "mean_dtype", {{"input", Long}}},
    {"Exponential distribution is a continuous probability distribution. dtype must be a floating point but you specified UInt16", "distribution_dtype", {{"", UInt16}}},
    {"linalg.inv: Expected a floating point or complex tensor as input. Got UInt16", "linalg_floating", {{"input", UInt16}}},
    {"linalg.inv: Low precision dtypes not supported. Got Float8_e4m3fn", "linalg_low_precision", {{"input", Float8_e4m3fn}}},
    {"empty_strided not supported on quantized tensors yet see https://github.com/pytorch/pytorch/issues/74540", "quantized_tensor", {}},
    {"MKL FFT doesn't support tensors of type: Half", "fft_dtype", {{"input", Half}}},
    {"rfft expects a real input tensor, but got ComplexFloat", "real_input", {{"input", ComplexFloat}}},
    {"multinomial only supports floating-point dtypes for input, got: UInt16", "only_floating_named", {{"input", UInt16}}},
    {"cdist only supports floating-point dtypes, X1 got: UInt16", "only_floating_named", {{"input", UInt16}}},
    {"Only supports floating-point dtypes, but found: Long", "only_floating_named", {{"input", Long}}},
    {"expected common dtype to be floating point, yet common dtype is ComplexHalf", "floating_common_dtype", {{"", ComplexHalf}}},
    {"itensor_view_from_dense expects float, bfloat16 or half tensor input", "dense_tensor_dtype", {}},
    {"expected weight to be floating point type, got torch.int64", "weight_dtype", {{"weight", Long}}},
    {"embedding_bag: If per_sample_weights (torch.Size([3])) is not None, then it must have the same shape as the input", "per_sample_weights_shape", {}},
    {"std and var only support floating point and complex dtypes", "only_floating", {}},
    {"norm(): input dtype should be either floating point or complex. Got Long instead.", "norm_dtype", {{"input", Long}}},
    {"norm(): only supports floating point and complex dtypes", "only_floating", {}},
    {"linalg ops only support floating point and complex dtypes", "only_floating", {}},
    {"stft(torch.ByteTensor[12], n_fft=4, hop_length=1) : expected a tensor of floating point or complex values", "only_floating", {}},
    {"linalg.pinv(UInt16{[2, 2]}): expected a tensor with 2 or more dimensions of float, double, cfloat or cdouble types", "only_floating", {}},
    {"norm: dtype should be floating point or complex, but got Long", "only_floating", {{"found", Long}}},
    {"This function doesn't handle types other than float and double", "float_double_only", {}},
    {"view_as_real is only supported for complex tensors", "view_as_real", {}},
    {"Unknown Complex ScalarType for UInt16", "unknown_complex", {{"", UInt16}}},
    {"only floating-point types are supported as the default type", "default_dtype", {}},
    {"couldn't find storage object Float8_e4m3fnStorage", "default_dtype", {}},
    {"inv_scale must be a float tensor.", "amp_float_tensor", {}},
    {"CPU autocast currently does not support double", "autocast_dtype", {{"", Double}}},
    {"Unexpected floating ScalarType in at::autocast::prioritize", "autocast_dtype", {}},
    {"Autograd not support dtype: UInt16", "autograd_dtype", {{"", UInt16}}},
    {"std_var_all: Unsupported dtype Float8_e4m3fn", "unsupported_dtype_named", {{"", Float8_e4m3fn}}},
    {"Unsupported scalar type:Half", "unsupported_dtype_named", {{"", Half}}},
    {"Unhandled scalar type: Half", "unsupported_dtype_named", {{"", Half}}},
    {"get_mkldnn_dtype: unsupported data type", "unsupported_dtype", {}},
    {"Unsupported dtype for oneDNN", "unsupported_dtype", {}},
    {"unsupported data type", "unsupported_dtype", {}},
    {"UNSUPPORTED DTYPE", "unsupported_dtype", {}},
    {"mkldnn_matmul: mkldnn_matmul bf16 path needs the cpu support avx_ne_convert or avx512bw, avx512vl and avx512dq", "mkldnn_isa", {}},
    {"mkldnn_linear: only support dense tensor with bf16", "mkldnn_only", {}},
    {"Only Tensors of floating point and complex dtype can require gradients", "requires_grad_category", {}},
    {"only Tensors of floating point dtype can require gradients", "requires_grad_category", {}},
    {"data set to a tensor that requires gradients must be floating point or complex dtype", "set_data_category", {}},
    {"attempting to assign a gradient with dtype 'short unsigned int' to a tensor with grad_dtype 'Float'. The gradient must match the tensor's grad_dtype (defaults to the tensor's dtype).", "grad_dtype", {{"grad", UInt16}, {"tensor", Float}}},
    {"For complex Tensors, both grad_output and output are required to have the same dtype. Mismatch in dtype: grad_output[0] has a dtype of torch.bfloat16 and output[0] has a dtype of torch.complex32.", "grad_output_dtype", {{"grad_output", BFloat16}, {"output", ComplexHalf}}},
    {"assigned grad has data of a different type", "assigned_grad", {}},
    {"Attempted to call `variable.set_data(tensor)`, but `variable` and `tensor` have incompatible tensor type.", "set_data_type", {}},
    {"Inference tensors cannot be saved for backward. To work around you can make a clone to get a normal tensor and use it in autograd.", "inference_saved", {}},
    {"Inplace update to inference tensor outside InferenceMode is not allowed.", "inference_in_place", {}},
    {"Setting requires_grad=True on inference tensor outside InferenceMode is not allowed.", "inference_requires_grad", {}},
    {"Cannot set version_counter for inference tensor", "inference_other", {}},
    {"grad can be implicitly created only for real scalar outputs but got torch.complex64", "implicit_grad_real", {{"", ComplexFloat}}},
    {"grad can be implicitly created only for scalar outputs", "implicit_grad", {}},
    {"element 0 of tensors does not require grad and does not have a grad_fn", "no_grad_fn", {}},
    {"a view of a leaf Variable that requires grad is being used in an in-place operation.", "leaf_view_in_place", {}},
    {"a leaf Variable that requires grad is being used in an in-place operation.", "leaf_in_place", {}},
    {"one of the variables needed for gradient computation has been modified by an inplace operation", "modified_in_place", {}},
    {"Trying to backward through the graph a second time (or directly access saved tensors after they have already been freed).", "backward_twice", {}},
    {"the derivative for 'target' is not implemented.", "not_differentiable", {}},
    {"Adam does not support sparse gradients", "sparse_gradients", {}},
    {"aten::fractional_max_pool3d_backward: attempted to run this operator with Meta tensors, but there was no fake impl or Meta kernel registered.", "no_meta_kernel", {}},
    {"convolution_overrideable not implemented. You are likely triggering this with tensor backend other than CPU/CUDA/MKLDNN", "convolution_overrideable", {}},
    {"convolution_backward_overrideable: You are likely triggering this with tensor backend other than CPU/CUDA/MKLDNN", "convolution_overrideable", {}},
    {"Tensor.item() cannot be called on meta tensors", "meta_item", {}},
    {"Could not run 'aten::_local_scalar_dense' with arguments from the 'Meta' backend.", "meta_backend", {}},
    {"Cannot copy out of meta tensor; no data!", "meta_copy", {}},
    {"Could not run 'aten::mkldnn_linear' with arguments from the 'CPU' backend.", "backend", {}},
    {"Expected all tensors to be on the same device, but found at least two devices, cpu and cuda:0!", "same_device", {}},
    {"Tensor on device cpu is not on the expected device meta!", "same_device", {}},
    {"Input and parameter tensors are not at the same device, found input tensor at cpu and parameter tensor at meta", "same_device", {}},
    {"Expected query, key, and value to be on the same device type, to be on the same device", "same_device", {}},
    {"value cannot be converted to type uint16_t without overflow", "value_overflow", {}},
    {"setStorage: sizes [20, 10], strides [10, 1], storage offset 0, and itemsize 8 requiring a storage size of 1600 are out of bounds for storage of size 800", "set_storage", {}},
    {"select(): index -8085 out of range for tensor of size [10, 4] at dimension 0", "index_out_of_range", {}},
    {"index out of range in self", "index_out_of_range", {}},
    {"Index 1 of input takes value -1 which is not in the valid range [0, 10)", "index_out_of_range", {}},
    {"embedding_bag: Expected idx >= 0 && idx < num_embeddings but found idx to be -1", "index_out_of_range", {}},
    {"index 7 is out of bounds for dimension 0 with size 4", "index_out_of_range", {}},
    {"Target 5 is out of bounds.", "index_out_of_range", {}},
    {"start (3) + length (1) exceeds dimension size (3).", "index_out_of_range", {}},
    {"Found an invalid max index: 9 (output volumes are of size 2x2)", "unpool_index", {}},
    {"all elements of input should be between 0 and 1", "bce_interval", {}},
    {"argument #2 'target' target out of range", "target_range", {}},
    {"argument #2 'target' is out of range", "target_range", {}},
    {"Expected input_lengths to have value at most 5, but got value 7 (while checking arguments for ctc_loss_cpu)", "lengths_range", {}},
    {"Expected target_lengths to have value at least 0, but got value -1 (while checking arguments for ctc_loss_cpu)", "lengths_range", {}},
    {"Class values must be non-negative.", "one_hot_range", {}},
    {"offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0.", "offsets_range", {}},
    {"linalg.inv: The diagonal element 2 is zero, the inversion could not be completed because the input matrix is singular.", "singular", {}},
    {"linalg.cholesky: The factorization could not be completed because the input is not positive-definite", "not_positive_definite", {}},
    {"probability tensor contains either `inf`, `nan` or element < 0", "probabilities", {}},
    {"bincount only supports 1-d non-negative integral inputs.", "non_negative_integral", {}},
    {"Expected self and other to have the same dtype, but got Float and Double", "same_dtype_named", {{"", Float}, {"", Double}}},
    {"x and y must have the same dtype, but got Float and Double", "same_dtype_named", {{"", Float}, {"", Double}}},
    {"Expected the inputs to have the same dtype, but got input with dtype Float and weight with dtype Double", "same_dtype_named", {{"", Float}, {"", Double}}},
    {"expected running_var to have type Float but got Half", "to_have_type", {{"expected", Float}, {"found", Half}}},
    {"Mismatch dtype between input and weight: input dtype = Float, weight dtype = Half", "mismatch_input_weight", {{"input", Float}, {"weight", Half}}},
    {"All the tensors must have the same dtype", "same_dtype", {}},
    {"q, k and v should have the same dtype", "same_dtype", {}},
    {"Expect _random_samples to have the same dtype as input", "same_dtype", {}},
    {"Expected grad and input to have the same dtype", "same_dtype", {}},
    {"inputs must be of the same dtype", "same_dtype", {}},
    {"expected src and weight to have the same scalar type", "same_dtype", {}},
    {"_chunk_cat expects all input tensors with the same dtype", "same_dtype", {}},
    {"isDifferentiableType(grad.scalar_type()) INTERNAL ASSERT FAILED at \"/__w/pytorch/pytorch/torch/csrc/autograd/engine.cpp\":998, please report a bug to PyTorch.", "internal_assert", {}},
    {"Expected isFloatingType(grad.scalar_type()) || (input_is_complex == grad_is_complex) to be true, but got false.  (Could this error message be improved?  If so, please report an enhancement request to PyTorch.)", "check_without_message", {}},
    {"itensor_view_from_dense expects float/bfloat16/half/int8/fp8 tensor inputDouble", "onednn_view", {}},
    {"could not create a primitive descriptor for a matmul primitive", "onednn_primitive", {}},
    {"could not execute a primitive", "onednn_primitive", {}},
    {"could not construct a memory descriptor using strides", "onednn_primitive", {}},
    {"Function MmBackward0 returned an invalid gradient at index 0 - got [2, 3] but expected shape compatible with [2, 4]", "invalid_gradient", {}},
    {"mat1 and mat2 shapes cannot be multiplied (2x3 and 4x5)", "shapes_multiplied", {}},
    {"The size of tensor a (3) must match the size of tensor b (4) at non-singleton dimension 1", "size_mismatch", {}},
    {"size mismatch, got input (3), mat (3x4), vec (5)", "size_mismatch", {}},
    {"shape '[2, 2]' is invalid for input of size 2", "shape_invalid", {}},
    {"Cannot access storage of UndefinedTensorImpl", "undefined_tensor", {}},
    {"The tensor has a non-zero number of elements, but its data is not allocated yet.", "data_not_allocated", {}},
    {"set_data is not allowed on a Tensor created from .data or .detach()", "set_data_call", {}},
    {"[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 70368744177664 bytes. Error code 12 (Cannot allocate memory)", "out_of_memory", {}},
    {"std::bad_alloc", "out_of_memory", {}},
};
// clang-format on

TEST(Messages, EveryExampleIsOfItsFamilyAndNamesItsDtypes) {
  for (const Example& example : kExamples) {
    SCOPED_TRACE(example.message);
    const auto known = recognize(example.message);
    if (!known) {
      ADD_FAILURE() << "not recognized";
      continue;
    }
    EXPECT_EQ(known->family->name, example.family) << known->family->pattern;
    ASSERT_EQ(known->named.size(), example.named.size());
    for (size_t i = 0; i < known->named.size(); ++i) {
      EXPECT_EQ(known->named[i].operand, example.named[i].operand);
      EXPECT_EQ(known->named[i].dtype, example.named[i].dtype);
    }
  }
}

TEST(Messages, EveryRowOfTheTableHasAnExample) {
  std::set<const Family*> met;
  for (const Example& example : kExamples)
    if (const auto known = recognize(example.message)) met.insert(known->family);
  for (const Family& family : message_families())
    EXPECT_TRUE(met.contains(&family)) << family.name << ": " << family.pattern;
}

TEST(Messages, NamesAreShortSnakeCaseAndOfOneKind) {
  for (const Family& family : message_families()) {
    EXPECT_LE(family.name.size(), 32U);
    EXPECT_TRUE(std::ranges::all_of(family.name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    })) << family.name;
    for (const Family& other : message_families()) {
      if (other.name == family.name) EXPECT_EQ(other.kind, family.kind) << family.name;
    }
  }
}

TEST(Messages, PatternsAreWellFormed) {
  for (const Family& family : message_families()) {
    SCOPED_TRACE(family.pattern);
    EXPECT_NE(family.pattern.front(), '{');
    EXPECT_EQ(std::ranges::count(family.pattern, '{'), std::ranges::count(family.pattern, '}'));
    EXPECT_EQ(family.pattern.find("}{"), std::string_view::npos);
  }
}

TEST(Messages, AMessageIsRecognizedInsideAnother) {
  const auto known =
      recognize("in layer 2: mat1 and mat2 must have the same dtype, but got Double and Float (cpu)");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->family->name, "mat1_mat2");
  EXPECT_EQ(known->family->kind, MessageKind::mismatch);
  ASSERT_EQ(known->named.size(), 2U);
  EXPECT_EQ(known->named[1].dtype, Float);
}

TEST(Messages, WhatIsNoDtypeIsNotCaptured) {
  EXPECT_FALSE(recognize("mat1 and mat2 must be alike, but got Banana and Float"));
  const auto known = recognize("mat1 and mat2 must have the same dtype, but got Banana and Float");
  ASSERT_TRUE(known);  // by the family that names none
  EXPECT_EQ(known->family->name, "same_dtype");
  EXPECT_TRUE(known->named.empty());
}

TEST(Messages, TheClassicDeviceMismatchIsNoDtypeMismatch) {
  const auto known =
      recognize("Input type (torch.FloatTensor) and weight type (torch.cuda.FloatTensor) should be the same");
  ASSERT_TRUE(known);
  EXPECT_EQ(known->family->kind, MessageKind::device);
  const auto both = recognize(
      "Input type (torch.cuda.HalfTensor) and weight type (torch.cuda.FloatTensor) should be the same");
  ASSERT_TRUE(both);
  EXPECT_EQ(both->family->kind, MessageKind::mismatch);
}

TEST(Messages, UnrelatedTextIsUnknown) {
  for (std::string_view text : {"", " ", "hello", "vector::_M_range_check", "Float", "{}", "{*}"})
    EXPECT_FALSE(recognize(text)) << text;
}

TEST(Messages, HostileInputsAreSurvived) {
  using namespace std::string_literals;
  EXPECT_FALSE(recognize(std::string(1 << 20, 'x')));
  EXPECT_FALSE(recognize(std::string(1 << 20, '{')));
  EXPECT_FALSE(recognize("\0\0\0"s));
  EXPECT_FALSE(recognize("{}{*}{input}}{{"));
  EXPECT_FALSE(recognize("\xff\xfe\x80"));
  const auto known = recognize("\0expected scalar type Double but found Float\0"s);
  ASSERT_TRUE(known);
  EXPECT_EQ(known->named[1].dtype, Float);
  for (const Family& family : message_families()) {
    std::string text;
    while (text.size() < (1U << 14)) text += family.pattern.substr(0, family.pattern.find('{'));
    (void)recognize(text);
    (void)recognize(family.pattern);
    for (size_t cut = 0; cut <= family.pattern.size(); ++cut) (void)recognize(family.pattern.substr(0, cut));
  }
  for (const Example& example : kExamples)
    for (size_t cut = 0; cut <= example.message.size(); ++cut)
      (void)recognize(example.message.substr(0, cut));
}

TEST(DtypeNamed, KnowsEverySpelling) {
  const std::pair<std::string_view, Dtype> spellings[] = {
      {"double", Double},
      {"Double", Double},
      {"c10::Half", Half},
      {"CPUBFloat16Type", BFloat16},
      {"CPUFloatType", Float},
      {"CUDAHalfType", Half},
      {"MetaComplexHalfType", ComplexHalf},
      {"torch.FloatTensor", Float},
      {"torch.cuda.HalfTensor", Half},
      {"torch.float32", Float},
      {"torch.bool", Bool},
      {"torch.complex32", ComplexHalf},
      {"torch.uint8", Byte},
      {"float", Float},
      {"ComplexFloat", ComplexFloat},
      {"c10::complex<float>", ComplexFloat},
      {"c10::complex<double>", ComplexDouble},
      {"c10::complex<c10::Half>", ComplexHalf},
      {"signed char", Char},
      {"unsigned char", Byte},
      {"long", Long},
      {"long int", Long},
      {"long long", Long},
      {"Long", Long},
      {"int", Int},
      {"short", Short},
      {"short int", Short},
      {"bool", Bool},
      {"short unsigned int", UInt16},
      {"unsigned int", UInt32},
      {"long unsigned int", UInt64},
      {"uint16_t", UInt16},
      {"Float8_e4m3fn", Float8_e4m3fn},
      {"c10::Float8_e5m2", Float8_e5m2},
      {"torch.float8_e8m0fnu", Float8_e8m0fnu},
      {"QInt8", QInt8},
      {"c10::qint8", QInt8},
      {"c10::bits1x8", Bits1x8},
      {"c10::BFloat16", BFloat16},
  };
  for (const auto& [text, dtype] : spellings) EXPECT_EQ(dtype_named(text), dtype) << text;
}

TEST(DtypeNamed, KnowsWhatLibTorchCallsEveryDtype) {
  for (int i = 0; i < static_cast<int>(NumOptions); ++i) {
    const auto dtype = static_cast<Dtype>(i);
    if (dtype == Undefined) continue;
    const std::string name = c10::toString(dtype);
    EXPECT_EQ(dtype_named(name), dtype) << name;
    EXPECT_EQ(dtype_named("CPU" + name + "Type"), dtype) << name;
    EXPECT_EQ(dtype_named("torch." + name + "Tensor"), dtype) << name;
  }
}

TEST(DtypeNamed, KnowsEveryDtypeByItsPythonName) {
  for (const Dtype dtype : all_dtypes()) {
    EXPECT_EQ(dtype_named("torch." + std::string(name_of(dtype))), dtype);
    EXPECT_EQ(dtype_named(name_of(dtype)), dtype);
  }
  EXPECT_EQ(dtype_named("torch.chalf"), ComplexHalf);
  EXPECT_EQ(dtype_named("cfloat"), ComplexFloat);
  EXPECT_EQ(dtype_named("torch.cdouble"), ComplexDouble);
}

TEST(DtypeNamed, RefusesWhatIsNone) {
  for (std::string_view text :
       {"", "Undefined", "floaty", "Type", "CPUType", "Tensor", "torch.", "torch.cuda.", "torch.cuda.float32",
        "cuda.Float", "c10::", "c10::c10::Half", " Float", "Float "})
    EXPECT_FALSE(dtype_named(text)) << text;
  EXPECT_FALSE(dtype_named(std::string(1 << 20, 'F')));
}

}  // namespace
}  // namespace dtypefuzz
