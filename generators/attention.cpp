#include "generators/attention.h"

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr std::string_view kAttention =
    "https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html";

}  // namespace

// An empty batch cannot be told apart from the length in C++'s `view({-1, batch * heads, ...})`; a length of
// zero works.
bool takes_attention_sequence(const Shape& in, const Site&) {
  return in.size() == 3 && in[0] <= 32 && in[1] > 0 && in[1] <= 32 && in[2] > 0 && in[2] <= 64;
}

Shape draw_attention_sequence(Draw& draw, const Site& site, std::string_view name,
                              std::initializer_list<int64_t> features) {
  const auto taken = draw.size(name, features);
  const Draw::AtRoot root(draw);
  return {draw.size("input.length", {2, 1, 3}), std::max<int64_t>(site.batch, 1), taken};
}

int64_t draw_heads(Draw& draw, std::string_view name, int64_t embed_dim) {
  return embed_dim % 2 ? 1 : draw.size(name, {1, 2});
}

// A row that masks every key makes its softmax NaN, and one key is a whole row: masks come with two keys or
// more.
InputSpec draw_attention_mask(Draw& draw, std::string_view name, int64_t target, int64_t source) {
  return {.name = std::string(name),
          .shape = {target, source},
          .content = Content::mask,
          .present = source > 1 && draw.flag(name, false)};
}

InputSpec draw_padding_mask(Draw& draw, std::string_view name, int64_t batch, int64_t source) {
  return {.name = std::string(name),
          .shape = {batch, source},
          .content = Content::mask,
          .natural = Dtype::Bool,
          .present = source > 1 && draw.flag(name, false)};
}

// Padding masks say what to leave out, attention masks may be added to the scores and have their dtype then.
SpecialCase silent_on_masks_of_unfamiliar_scores(std::string_view sequence,
                                                 const std::vector<std::string_view>& padding_masks,
                                                 const std::vector<std::string_view>& attention_masks) {
  constexpr auto kMasks = kBoolean | kFloating;
  std::vector<std::string_view> masks = padding_masks;
  masks.insert(masks.end(), attention_masks.begin(), attention_masks.end());
  return promises_nothing_where(
      {some({sequence}, other_than(kMasks)), each(all_but(masks), dtype_of(sequence)),
       each({padding_masks, false}, kMasks), each({attention_masks, false}, kMasks | dtype_of(sequence)),
       some({attention_masks, false}, dtype_of(sequence))},
      "masks are documented for floating scores, not for complex or integral ones");
}

namespace {

const Row kAttentionRows[] = {
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
                     // "Binary and float masks are supported" is said of both.
                     .takes = {{"key_padding_mask", kBoolean | kFloating, kAttention},
                               {"attn_mask", kBoolean | kFloating, kAttention}},
                     .output = same_as("query"),
                     .more_outputs = {same_as("query")},
                     .autocast_cpu = AutocastPolicy::lower_precision,
                     .autocast_cuda = AutocastPolicy::by_parts,
                     .special = {silent_on_masks_of_unfamiliar_scores("query", {"key_padding_mask"},
                                                                      {"attn_mask"})},
                     // `true` marks what may not be attended.
                     .equivalents = {{Equivalence::kLeftOut, "attn_mask", kBoolean, kAttention}}},
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          auto [output, weights] = static_cast<nn::MultiheadAttentionImpl&>(module).forward(
              in[0], in[1], in[2], in[3], /*need_weights=*/true, in[4]);
          return {output, weights};
        },
        .input = [](Draw& draw,
                    const Site& site) { return draw_attention_sequence(draw, site, "embed_dim", {4, 8, 1}); },
        .accepts = takes_attention_sequence,
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
                             draw_attention_mask(draw, "attn_mask", in[0], source)},
                  .parameters = parameters};
        },
        .input_name = "query",
    },
};

}  // namespace

std::span<const Row> attention_rows() {
  return kAttentionRows;
}

}  // namespace dtypefuzz
