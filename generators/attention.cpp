#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr std::string_view kAttention = "https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html";
constexpr std::string_view kEncoder =
    "https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html";

Shape draw_sequence(Draw& draw, const Site& site) {
  const auto features = draw.size("embed_dim", {4, 8});
  const Draw::AtRoot root(draw);
  return {draw.size("input.length", {2, 1, 3}), std::max<int64_t>(site.batch, 1), features};
}
bool sequence(const Shape& in, const Site&) {
  return in.size() == 3 && numel(in) > 0 && in[2] % 2 == 0 && in[2] <= 16 && in[0] <= 16;
}

const Row kRows[] = {
    {.name = "MultiheadAttention",
     .source = "nn/modules/activation.h",
     .contract = {.source = kAttention,
                  .share_a_dtype = {{"query", "key", "value", "*"}},
                  .output = same_as("query"),
                  .autocast_cpu = AutocastPolicy::unspecified,
                  .autocast_cuda = AutocastPolicy::unspecified},
     .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
       auto [output, weights] = static_cast<nn::MultiheadAttentionImpl&>(module).forward(in[0], in[1], in[2]);
       return {output, weights};
     },
     .input = draw_sequence,
     .accepts = sequence,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto heads = draw.size("num_heads", {1, 2});
       const bool bias = draw.flag("bias", true), bias_kv = draw.flag("add_bias_kv", false);
       const bool zero = draw.flag("add_zero_attn", false);
       std::vector<std::string> parameters = {"in_proj_weight", "out_proj.weight"};
       if (bias) parameters.insert(parameters.end(), {"in_proj_bias", "out_proj.bias"});
       if (bias_kv) parameters.insert(parameters.end(), {"bias_k", "bias_v"});
       return {.make = make<nn::MultiheadAttention>(nn::MultiheadAttentionOptions(in[2], heads)
                                                        .bias(bias).add_bias_kv(bias_kv).add_zero_attn(zero)),
               .out = in,
               .inputs = {{.name = "key", .shape = in}, {.name = "value", .shape = in}},
               .parameters = parameters};
     },
     .input_name = "query"},
    {.name = "TransformerEncoderLayer",
     .source = "nn/modules/transformerlayer.h",
     .contract = {.source = kEncoder,
                  .share_a_dtype = {{"src", "*"}},
                  .output = same_as("src"),
                  .autocast_cpu = AutocastPolicy::unspecified,
                  .autocast_cuda = AutocastPolicy::unspecified},
     .forward = one_tensor_in_one_out<nn::TransformerEncoderLayerImpl>,
     .input = draw_sequence,
     .accepts = sequence,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto heads = draw.size("nhead", {1, 2});
       const auto feedforward = draw.size("dim_feedforward", {4, 8});
       auto options = nn::TransformerEncoderLayerOptions(in[2], heads).dim_feedforward(feedforward).dropout(0.0);
       if (draw.word("activation", {"relu", "gelu"}) == "gelu") options.activation(torch::kGELU);
       return {.make = make<nn::TransformerEncoderLayer>(options),
               .out = in,
               .parameters = {"self_attn.in_proj_weight", "self_attn.in_proj_bias", "self_attn.out_proj.weight",
                              "self_attn.out_proj.bias", "linear1.weight", "linear1.bias", "linear2.weight",
                              "linear2.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}};
     },
     .input_name = "src"},
};

}  // namespace

std::span<const Row> attention_rows() { return kRows; }

}  // namespace dtypefuzz
