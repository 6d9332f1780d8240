#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"
#include "generators/attention.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr std::string_view kMasks = "torch/csrc/api/include/torch/nn/modules/transformer.h, forward";

/// The masks of a module by what they do.
struct Masks {
  std::vector<std::string_view> padding, attention;
  std::vector<std::string_view> all() const {
    std::vector<std::string_view> both = padding;
    both.insert(both.end(), attention.begin(), attention.end());
    return both;
  }
};
const Masks kEncoderMasks = {{"src_key_padding_mask"}, {"src_mask"}};
const Masks kDecoderMasks = {{"tgt_key_padding_mask", "memory_key_padding_mask"},
                             {"tgt_mask", "memory_mask"}};
const Masks kTransformerMasks = {{"src_key_padding_mask", "tgt_key_padding_mask", "memory_key_padding_mask"},
                                 {"src_mask", "tgt_mask", "memory_mask"}};

/// "If a ByteTensor is provided", "a BoolTensor" and, of masks that are no padding, "a FloatTensor, it will
/// be added to the attention weight".
const DtypeSet kFlags = {Dtype::Bool, Dtype::Byte};

std::vector<CategoryRule> mask_rules(const Masks& masks) {
  std::vector<CategoryRule> rules;
  const auto takes = [&](std::string_view mask, const DtypeSet& set) {
    CategoryRule rule{.operand = mask, .takes = kAnything, .source = kMasks};
    for (const Dtype dtype : all_dtypes())
      if (set.has(dtype, {})) rule.only.push_back(dtype);
    rules.push_back(std::move(rule));
  };
  for (const auto mask : masks.padding) takes(mask, kFlags);
  for (const auto mask : masks.attention) takes(mask, kFlags | kFloating);
  return rules;
}

/// `norm1.weight`, `layers.0.norm1.weight`, `encoder.norm.weight`.
constexpr std::string_view kNorms = "*norm*";

/// bfloat16 or float16 throughout, with float32 parameters in one or several norms (each norm's two alike).
SpecialCase accepts_float32_norms_in_a_low_layer(std::string_view sequence, const Masks& masks) {
  auto apart = masks.all();
  apart.push_back(kNorms);
  return accepts_where({some({sequence}, kLowFloat), some({kNorms}, Dtype::Float),
                        each({kNorms}, Dtype::Float | dtype_of(sequence)), ModulesAgree{{kNorms}},
                        each(all_but(apart), dtype_of(sequence)), each({masks.padding, false}, kFlags),
                        each({masks.attention, false}, kFlags | kFloating)},
                       same_as(sequence),
                       "aten/src/ATen/native/cpu/mixed_data_type.h, check_mixed_data_type");
}

/// Sequences and parameters meet in matrix products and norms, and the masks of `forward` in the scores: see
/// MultiheadAttention. In a region the products are in the lower precision list, the sums and norms between
/// them in none of the CPU's: aten/src/ATen/autocast_mode.h.
Contract transforms(std::string_view source, std::vector<std::string_view> sequences, const Masks& masks) {
  const auto sequence = sequences.front();
  Contract contract{
      .source = source,
      .share_a_dtype = {sequences},
      .promotes = {sequence},
      .takes = mask_rules(masks),
      .output = same_as(sequence),
      .autocast_cpu = AutocastPolicy::by_parts,
      .autocast_cuda = AutocastPolicy::by_parts,
      .special = {silent_on_masks_of_unfamiliar_scores(sequence, masks.padding, masks.attention),
                  accepts_float32_norms_in_a_low_layer(sequence, masks)}};
  contract.share_a_dtype.front().push_back("*");
  contract.promotes.insert(contract.promotes.end(), masks.attention.begin(), masks.attention.end());
  // Bytes that are not zero and `true` mark what may not be attended.
  for (const auto mask : masks.attention)
    contract.equivalents.push_back({Equivalence::kLeftOut, mask, kFlags, kMasks});
  return contract;
}

/// Two features or more: one feature is zero after its norm whatever it was, so that memory and target are
/// equal there, and F::multi_head_attention_forward takes what `torch::equal` calls equal for self-attention:
/// memory then is not used at all, and the encoder has no gradient.
bool takes_sequence(const Shape& in, const Site& site) {
  return takes_attention_sequence(in, site) && in[2] > 1;
}
Shape draw_tokens(Draw& draw, const Site& site) {
  return draw_attention_sequence(draw, site, "d_model", {4, 8});
}

/// The options that every transformer has.
struct Block {
  int64_t d_model = 0, heads = 1, feedforward = 4;
  bool gelu = false;
  /// As options of a layer, or of the whole.
  template <class Options>
  Options as(Options options) const {
    // No dropout, so that values can be compared: the Dropout row covers the operator.
    options.dim_feedforward(feedforward).dropout(0.0);
    if (gelu) options.activation(torch::kGELU);
    return options;
  }
  auto encoder_layer() const { return as(nn::TransformerEncoderLayerOptions(d_model, heads)); }
  auto decoder_layer() const { return as(nn::TransformerDecoderLayerOptions(d_model, heads)); }
  auto norm() const { return nn::AnyModule(nn::LayerNorm(nn::LayerNormOptions({d_model}))); }
};

Block draw_block(Draw& draw, int64_t d_model) {
  return {.d_model = d_model,
          .heads = draw_heads(draw, "nhead", d_model),
          .feedforward = draw.size("dim_feedforward", {4, 8}),
          .gelu = draw.word("activation", {"relu", "gelu"}) == "gelu"};
}

enum class Kind : uint8_t { encoder, decoder };

/// Appends the names of one layer's parameters.
void name_layer(Kind kind, const std::string& prefix, std::vector<std::string>& names) {
  const auto add = [&](std::initializer_list<const char*> modules) {
    for (const auto* module : modules)
      for (const auto* parameter : {"weight", "bias"}) names.push_back(prefix + module + parameter);
  };
  add({"self_attn.in_proj_", "self_attn.out_proj."});
  if (kind == Kind::decoder) add({"multihead_attn.in_proj_", "multihead_attn.out_proj."});
  add({"linear1.", "linear2.", "norm1.", "norm2."});
  if (kind == Kind::decoder) add({"norm3."});
}

/// Appends the names of a stack of layers and of the norm after the last.
void name_stack(Kind kind, const std::string& prefix, int64_t layers, bool norm,
                std::vector<std::string>& names) {
  for (int64_t i = 0; i < layers; ++i) name_layer(kind, prefix + "layers." + std::to_string(i) + ".", names);
  if (norm)
    for (const auto* parameter : {"weight", "bias"}) names.push_back(prefix + "norm." + parameter);
}

/// TransformerEncoder or TransformerDecoder: layers like this one, and perhaps a norm after the last.
template <class Module, class Options, class LayerOptions>
Drawn drawn_stack(Draw& draw, Kind kind, const Shape& in, const Block& block, LayerOptions layer) {
  const auto layers = draw.depth("num_layers", {1, 2});
  const bool norm = draw.flag("norm", false);
  std::vector<std::string> parameters;
  name_stack(kind, "", layers, norm, parameters);
  return {.make =
              [=] {
                Options options(layer, layers);
                if (norm) options.norm(block.norm());
                return nn::AnyModule(Module(options));
              },
          .out = in,
          .parameters = parameters};
}

/// The further inputs of an encoder or a decoder and its layers, in the order of their `forward`.
std::vector<InputSpec> draw_encoder_inputs(Draw& draw, const Shape& src) {
  return {draw_attention_mask(draw, "src_mask", src[0], src[0]),
          draw_padding_mask(draw, "src_key_padding_mask", src[1], src[0])};
}
std::vector<InputSpec> draw_decoder_inputs(Draw& draw, const Shape& tgt) {
  const auto source = draw.size("memory_length", {2, 1, 3});
  return {{.name = "memory", .shape = {source, tgt[1], tgt[2]}},
          draw_attention_mask(draw, "tgt_mask", tgt[0], tgt[0]),
          draw_attention_mask(draw, "memory_mask", tgt[0], source),
          draw_padding_mask(draw, "tgt_key_padding_mask", tgt[1], tgt[0]),
          draw_padding_mask(draw, "memory_key_padding_mask", tgt[1], source)};
}

template <class Impl>
std::vector<at::Tensor> encode(nn::Module& module, std::span<const at::Tensor> in) {
  return {static_cast<Impl&>(module).forward(in[0], in[1], in[2])};
}
template <class Impl>
std::vector<at::Tensor> decode(nn::Module& module, std::span<const at::Tensor> in) {
  return {static_cast<Impl&>(module).forward(in[0], in[1], in[2], in[3], in[4], in[5])};
}

const Row kTransformerRows[] = {
    {
        .name = "TransformerEncoderLayer",
        .source = "nn/modules/transformerlayer.h",
        .contract =
            transforms("https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html",
                       {"src"}, kEncoderMasks),
        .forward = encode<nn::TransformerEncoderLayerImpl>,
        .input = draw_tokens,
        .accepts = takes_sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto block = draw_block(draw, in[2]);
          Drawn layer{.make = make<nn::TransformerEncoderLayer>(block.encoder_layer()), .out = in};
          layer.inputs = draw_encoder_inputs(draw, in);
          name_layer(Kind::encoder, "", layer.parameters);
          return layer;
        },
        .input_name = "src",
        .other_operators = {{"activation", "relu and gelu are two functions"}},
    },
    {
        .name = "TransformerDecoderLayer",
        .source = "nn/modules/transformerlayer.h",
        .contract =
            transforms("https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoderLayer.html",
                       {"tgt", "memory"}, kDecoderMasks),
        .forward = decode<nn::TransformerDecoderLayerImpl>,
        .input = draw_tokens,
        .accepts = takes_sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto block = draw_block(draw, in[2]);
          Drawn layer{.make = make<nn::TransformerDecoderLayer>(block.decoder_layer()), .out = in};
          layer.inputs = draw_decoder_inputs(draw, in);
          name_layer(Kind::decoder, "", layer.parameters);
          return layer;
        },
        .input_name = "tgt",
        .other_operators = {{"activation", "relu and gelu are two functions"}},
    },
    {
        .name = "TransformerEncoder",
        .source = "nn/modules/transformercoder.h",
        .contract = transforms("https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoder.html",
                               {"src"}, kEncoderMasks),
        .forward = encode<nn::TransformerEncoderImpl>,
        .input = draw_tokens,
        .accepts = takes_sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto block = draw_block(draw, in[2]);
          auto stack = drawn_stack<nn::TransformerEncoder, nn::TransformerEncoderOptions>(
              draw, Kind::encoder, in, block, block.encoder_layer());
          stack.inputs = draw_encoder_inputs(draw, in);
          return stack;
        },
        .input_name = "src",
        .other_operators = {{"activation", "relu and gelu are two functions"}},
    },
    {
        .name = "TransformerDecoder",
        .source = "nn/modules/transformercoder.h",
        .contract = transforms("https://pytorch.org/docs/stable/generated/torch.nn.TransformerDecoder.html",
                               {"tgt", "memory"}, kDecoderMasks),
        .forward = decode<nn::TransformerDecoderImpl>,
        .input = draw_tokens,
        .accepts = takes_sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto block = draw_block(draw, in[2]);
          auto stack = drawn_stack<nn::TransformerDecoder, nn::TransformerDecoderOptions>(
              draw, Kind::decoder, in, block, block.decoder_layer());
          stack.inputs = draw_decoder_inputs(draw, in);
          return stack;
        },
        .input_name = "tgt",
        .other_operators = {{"activation", "relu and gelu are two functions"}},
    },
    {
        .name = "Transformer",
        .source = "nn/modules/transformer.h",
        .contract = transforms("https://pytorch.org/docs/stable/generated/torch.nn.Transformer.html",
                               {"src", "tgt"}, kTransformerMasks),
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          return {static_cast<nn::TransformerImpl&>(module).forward(in[0], in[1], in[2], in[3], in[4], in[5],
                                                                    in[6], in[7])};
        },
        .input = draw_tokens,
        .accepts = takes_sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto block = draw_block(draw, in[2]);
          const auto encoders = draw.depth("num_encoder_layers", {1, 2});
          const auto decoders = draw.depth("num_decoder_layers", {1, 2});
          // The norms after the last layers go where the caller brings an encoder and a decoder without.
          const bool norm = draw.flag("norm", true);
          const auto target = draw.size("tgt_length", {2, 1, 3});
          const Shape tgt = {target, in[1], in[2]};
          std::vector<std::string> parameters;
          name_stack(Kind::encoder, "encoder.", encoders, norm, parameters);
          name_stack(Kind::decoder, "decoder.", decoders, norm, parameters);
          return {.make =
                      [=] {
                        auto options =
                            block.as(nn::TransformerOptions(block.d_model, block.heads, encoders, decoders));
                        if (!norm)
                          options
                              .custom_encoder(nn::AnyModule(nn::TransformerEncoder(
                                  nn::TransformerEncoderOptions(block.encoder_layer(), encoders))))
                              .custom_decoder(nn::AnyModule(nn::TransformerDecoder(
                                  nn::TransformerDecoderOptions(block.decoder_layer(), decoders))));
                        return nn::AnyModule(nn::Transformer(options));
                      },
                  .out = tgt,
                  .inputs = {{.name = "tgt", .shape = tgt},
                             draw_attention_mask(draw, "src_mask", in[0], in[0]),
                             draw_attention_mask(draw, "tgt_mask", target, target),
                             draw_attention_mask(draw, "memory_mask", target, in[0]),
                             draw_padding_mask(draw, "src_key_padding_mask", in[1], in[0]),
                             draw_padding_mask(draw, "tgt_key_padding_mask", in[1], target),
                             draw_padding_mask(draw, "memory_key_padding_mask", in[1], in[0])},
                  .parameters = parameters};
        },
        .input_name = "src",
        .other_operators = {{"activation", "relu and gelu are two functions"}},
    },
};

}  // namespace

std::span<const Row> transformer_rows() {
  return kTransformerRows;
}

}  // namespace dtypefuzz
