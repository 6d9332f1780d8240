#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr std::string_view kAttention =
    "https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html";
constexpr std::string_view kEncoder =
    "https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html";
constexpr std::string_view kMixedTypes = "aten/src/ATen/native/cpu/mixed_data_type.h, check_mixed_data_type";

/// [length, batch, features]: the C++ front end takes nothing else. An empty batch cannot be told apart from
/// the length in its `view({-1, batch * heads, ...})`; a length of zero works.
bool sequence(const Shape& in, const Site&) {
  return in.size() == 3 && in[0] <= 32 && in[1] > 0 && in[1] <= 32 && in[2] > 0 && in[2] <= 64;
}
Shape draw_sequence(Draw& draw, const Site& site, std::string_view features_name) {
  const auto features = draw.size(features_name, {4, 8, 1});
  const Draw::AtRoot root(draw);
  return {draw.size("input.length", {2, 1, 3}), std::max<int64_t>(site.batch, 1), features};
}

int64_t draw_heads(Draw& draw, std::string_view name, int64_t embed_dim) {
  return embed_dim % 2 ? 1 : draw.size(name, {1, 2});
}

/// The mask that is added to the scores, [target length, source length]; its natural dtype is the stack's.
/// A row that masks every key makes its softmax NaN, and one key is a whole row: masks come with two keys or
/// more.
InputSpec draw_attn_mask(Draw& draw, std::string_view name, int64_t target, int64_t source) {
  return {.name = std::string(name),
          .shape = {target, source},
          .content = Content::mask,
          .present = source > 1 && draw.flag(name, false)};
}
/// Which keys are padding, [batch, source length].
InputSpec draw_padding_mask(Draw& draw, std::string_view name, int64_t batch, int64_t source) {
  return {.name = std::string(name),
          .shape = {batch, source},
          .content = Content::mask,
          .natural = Dtype::Bool,
          .present = source > 1 && draw.flag(name, false)};
}

/// "Binary and float masks are supported" is said of both masks.
std::vector<CategoryRule> masks(std::string_view padding, std::string_view attention) {
  return {{padding, kBoolean | kFloating, kAttention}, {attention, kBoolean | kFloating, kAttention}};
}

/// Complex or integral throughout, with the mask that is added to the scores: it has their dtype.
bool mask_of_unfamiliar_scores(const Received& seen) {
  const Dtype dtype = seen.operands.front().dtype;
  constexpr auto kMasks = kBoolean | kFloating;
  bool masked = false;
  for (const auto& operand : seen.operands) {
    const bool padding = operand.name.ends_with("key_padding_mask");
    masked = masked || (!padding && operand.name.ends_with("_mask"));
    if (padding ? !kMasks.has(category_of(operand.dtype)) : operand.dtype != dtype) return false;
  }
  return masked && !kMasks.has(category_of(dtype));
}
constexpr SpecialCase kUnfamiliarScores = unspecified_where(
    mask_of_unfamiliar_scores, "masks are documented for floating scores, not for complex or integral ones");

bool is_low(Dtype dtype) {
  return dtype == Dtype::BFloat16 || dtype == Dtype::Half;
}

/// bfloat16 or float16 throughout, with float32 parameters in one or both norms (each norm's two alike).
bool float32_norms_in_low_layer(const Received& seen) {
  const Dtype low = seen.dtype_of("src");
  if (!is_low(low)) return false;
  for (const auto& operand : seen.operands)
    if (operand.role == Role::parameter && !operand.name.starts_with("norm") && operand.dtype != low)
      return false;
  bool mixed = false;
  for (const auto* norm : {"norm1", "norm2"}) {
    const std::string name = norm;
    const Dtype weight = seen.dtype_of(name + ".weight"), bias = seen.dtype_of(name + ".bias");
    if (weight != bias || (weight != low && weight != Dtype::Float)) return false;
    mixed = mixed || weight == Dtype::Float;
  }
  return mixed;
}

const Row kRows[] = {
    {
        .name = "MultiheadAttention",
        .source = "nn/modules/activation.h",
        // F::multi_head_attention_forward is `matmul` (what F::linear is above two dimensions) and `bmm`,
        // which are in the CPU's lower precision list, `cat`, which is in its promote list, and operators in
        // none of its lists, so weights and output are in the region's dtype. On CUDA `softmax` is in the
        // float32 list, so the two outputs differ, and that depends on the order of operators inside. The
        // scores take `attn_mask` by an addition in place, so they keep their dtype; `promotes` is there
        // because nothing is promised where no result type is defined (float8). `need_weights` false would
        // only drop the second output.
        .contract = {.source = kAttention,
                     .share_a_dtype = {{"query", "key", "value", "*"}},
                     .promotes = {"query", "attn_mask"},
                     .takes = masks("key_padding_mask", "attn_mask"),
                     .output = same_as("query"),
                     .more_outputs = {same_as("query")},
                     .autocast_cpu = AutocastPolicy::lower_precision,
                     .autocast_cuda = AutocastPolicy::unspecified,
                     .special = {kUnfamiliarScores}},
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          auto [output, weights] = static_cast<nn::MultiheadAttentionImpl&>(module).forward(
              in[0], in[1], in[2], in[3], /*need_weights=*/true, in[4]);
          return {output, weights};
        },
        .input = [](Draw& draw, const Site& site) { return draw_sequence(draw, site, "embed_dim"); },
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto heads = draw_heads(draw, "num_heads", in[2]);
          const bool bias = draw.flag("bias", true), bias_kv = draw.flag("add_bias_kv", false);
          const bool zero = draw.flag("add_zero_attn", false);
          // `kdim` and `vdim` of the features have one packed weight, others a weight each. C++ asserts that
          // key and value are of one size, so one answer serves both.
          const auto kdim = draw.size("kdim", {in[2], in[2] + 1});
          const auto source = draw.size("key_length", {2, 1, 3});
          const Shape key = {source, in[1], kdim};
          auto options = nn::MultiheadAttentionOptions(in[2], heads).bias(bias).add_bias_kv(bias_kv);
          options.add_zero_attn(zero).kdim(kdim).vdim(kdim);
          std::vector<std::string> parameters = {"out_proj.weight"};
          if (kdim == in[2]) parameters.push_back("in_proj_weight");
          if (kdim != in[2])
            parameters.insert(parameters.end(), {"q_proj_weight", "k_proj_weight", "v_proj_weight"});
          if (bias) parameters.insert(parameters.end(), {"in_proj_bias", "out_proj.bias"});
          if (bias_kv) parameters.insert(parameters.end(), {"bias_k", "bias_v"});
          return {.make = make<nn::MultiheadAttention>(options),
                  .out = in,
                  .inputs = {{.name = "key", .shape = key},
                             {.name = "value", .shape = key},
                             draw_padding_mask(draw, "key_padding_mask", in[1], source),
                             draw_attn_mask(draw, "attn_mask", in[0], source)},
                  .parameters = parameters};
        },
        .input_name = "query",
    },
    {
        .name = "TransformerEncoderLayer",
        .source = "nn/modules/transformerlayer.h",
        // In a region the products are in its dtype, the sums and norms between them are not: no promise.
        .contract = {.source = kEncoder,
                     .share_a_dtype = {{"src", "*"}},
                     .promotes = {"src", "src_mask"},
                     .takes = masks("src_key_padding_mask", "src_mask"),
                     .output = same_as("src"),
                     .autocast_cpu = AutocastPolicy::unspecified,
                     .autocast_cuda = AutocastPolicy::unspecified,
                     .special = {kUnfamiliarScores,
                                 {float32_norms_in_low_layer, same_as("src"), kMixedTypes}}},
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          return {static_cast<nn::TransformerEncoderLayerImpl&>(module).forward(in[0], in[1], in[2])};
        },
        .input = [](Draw& draw, const Site& site) { return draw_sequence(draw, site, "d_model"); },
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto heads = draw_heads(draw, "nhead", in[2]);
          auto options = nn::TransformerEncoderLayerOptions(in[2], heads);
          options.dim_feedforward(draw.size("dim_feedforward", {4, 8}));
          options.dropout(0.0);  // so that values can be compared: the Dropout row covers the operator
          if (draw.word("activation", {"relu", "gelu"}) == "gelu") options.activation(torch::kGELU);
          std::vector<std::string> parameters;
          for (const auto* name :
               {"self_attn.in_proj_", "self_attn.out_proj.", "linear1.", "linear2.", "norm1.", "norm2."})
            for (const auto* kind : {"weight", "bias"}) parameters.push_back(std::string(name) + kind);
          return {.make = make<nn::TransformerEncoderLayer>(options),
                  .out = in,
                  .inputs = {draw_attn_mask(draw, "src_mask", in[0], in[0]),
                             draw_padding_mask(draw, "src_key_padding_mask", in[1], in[0])},
                  .parameters = parameters};
        },
        .input_name = "src",
    },
};

}  // namespace

std::span<const Row> attention_rows() {
  return kRows;
}

}  // namespace dtypefuzz
