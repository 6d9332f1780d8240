#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// Input, states and all weights meet in matrix products. Inside an autocast region these are several operators with
/// policies of their own (and oneDNN's fused layer on some processors), and documentation is silent.
Contract recurs(std::string_view source) {
  return {.source = source,
          .share_a_dtype = {{"input", "hx", "cx", "*"}},
          .autocast_cpu = AutocastPolicy::unspecified,
          .autocast_cuda = AutocastPolicy::unspecified};
}

/// The C++ front end takes no unbatched sequences.
bool sequence(const Shape& in, const Site&) { return in.size() == 3 && numel(in) > 0 && in[2] <= 64; }
Shape draw_sequence(Draw& draw, const Site& site) {
  const auto features = draw.size("input_size", {4, 1, 3, 8});
  const Draw::AtRoot root(draw);
  return {draw.size("input.length", {2, 1, 3}), std::max<int64_t>(site.batch, 1), features};
}

std::vector<std::string> weights(int64_t layers, bool bidirectional, bool bias, bool projected) {
  std::vector<std::string> names;
  for (int64_t layer = 0; layer < layers; ++layer)
    for (const auto* direction : {"", "_reverse"}) {
      if (*direction && !bidirectional) continue;
      const auto suffix = "_l" + std::to_string(layer) + direction;
      for (const auto* name : {"weight_ih", "weight_hh"}) names.push_back(name + suffix);
      if (bias)
        for (const auto* name : {"bias_ih", "bias_hh"}) names.push_back(name + suffix);
      if (projected) names.push_back("weight_hr" + suffix);
    }
  return names;
}

struct Sizes {
  int64_t hidden, layers;
  bool bidirectional, bias, batch_first, state;
};
Sizes draw_sizes(Draw& draw) {
  return {draw.size("hidden_size", {4, 2, 8}), draw.size("num_layers", {1, 2}), draw.flag("bidirectional", false),
          draw.flag("bias", true), draw.flag("batch_first", false), draw.flag("state", false)};
}

template <class Module, class Options>
Drawn draw_simple(const Shape& in, Options options, const Sizes& s) {
  options.num_layers(s.layers).bidirectional(s.bidirectional).bias(s.bias).batch_first(s.batch_first);
  Shape out = in;
  out[2] = s.hidden * (s.bidirectional ? 2 : 1);
  const Shape state = {s.layers * (s.bidirectional ? 2 : 1), in[s.batch_first ? 0 : 1], s.hidden};
  return {.make = make<Module>(options),
          .out = out,
          .inputs = {{.name = "hx", .shape = state, .present = s.state}},
          .parameters = weights(s.layers, s.bidirectional, s.bias, false)};
}

template <class Impl>
std::vector<at::Tensor> with_state(nn::Module& module, std::span<const at::Tensor> in) {
  auto [output, state] = static_cast<Impl&>(module).forward(in[0], in[1]);
  return {output, state};
}

const Row kRows[] = {
    {.name = "RNN",
     .source = "nn/modules/rnn.h",
     .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.RNN.html"),
     .forward = with_state<nn::RNNImpl>,
     .input = draw_sequence,
     .accepts = sequence,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const Sizes s = draw_sizes(draw);
       nn::RNNOptions options(in[2], s.hidden);
       if (draw.word("nonlinearity", {"tanh", "relu"}) == "relu") options.nonlinearity(torch::kReLU);
       return draw_simple<nn::RNN>(in, options, s);
     }},
    {.name = "LSTM",
     .source = "nn/modules/rnn.h",
     .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html"),
     .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
       torch::optional<std::tuple<at::Tensor, at::Tensor>> state;
       if (in[1].defined()) state = std::make_tuple(in[1], in[2]);
       auto [output, states] = static_cast<nn::LSTMImpl&>(module).forward(in[0], state);
       return {output, std::get<0>(states), std::get<1>(states)};
     },
     .input = draw_sequence,
     .accepts = sequence,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const Sizes s = draw_sizes(draw);
       const auto projection = s.hidden > 1 ? draw.size("proj_size", {0, 1}) : 0;
       const auto options = nn::LSTMOptions(in[2], s.hidden).num_layers(s.layers).bidirectional(s.bidirectional)
                                .bias(s.bias).batch_first(s.batch_first).proj_size(projection);
       const auto given = projection ? projection : s.hidden;
       Shape out = in;
       out[2] = given * (s.bidirectional ? 2 : 1);
       const auto count = s.layers * (s.bidirectional ? 2 : 1), batch = in[s.batch_first ? 0 : 1];
       return {.make = make<nn::LSTM>(options),
               .out = out,
               .inputs = {{.name = "hx", .shape = {count, batch, given}, .present = s.state},
                          {.name = "cx", .shape = {count, batch, s.hidden}, .present = s.state}},
               .parameters = weights(s.layers, s.bidirectional, s.bias, projection > 0)};
     }},
    {.name = "GRU",
     .source = "nn/modules/rnn.h",
     .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.GRU.html"),
     .forward = with_state<nn::GRUImpl>,
     .input = draw_sequence,
     .accepts = sequence,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const Sizes s = draw_sizes(draw);
       return draw_simple<nn::GRU>(in, nn::GRUOptions(in[2], s.hidden), s);
     }},
    {.name = "LSTMCell",
     .source = "nn/modules/rnn.h",
     .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html"),
     .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
       torch::optional<std::tuple<at::Tensor, at::Tensor>> state;
       if (in[1].defined()) state = std::make_tuple(in[1], in[2]);
       auto [h, c] = static_cast<nn::LSTMCellImpl&>(module).forward(in[0], state);
       return {h, c};
     },
     .input = [](Draw& draw, const Site& site) -> Shape {
       return {std::max<int64_t>(site.batch, 1), draw.size("input_size", {4, 1, 3, 8})};
     },
     .accepts = [](const Shape& in, const Site&) { return in.size() == 2 && numel(in) > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto hidden = draw.size("hidden_size", {4, 2, 8});
       const bool bias = draw.flag("bias", true), state = draw.flag("state", false);
       std::vector<std::string> parameters = {"weight_ih", "weight_hh"};
       if (bias) parameters.insert(parameters.end(), {"bias_ih", "bias_hh"});
       const Shape out = {in[0], hidden};
       return {.make = make<nn::LSTMCell>(nn::LSTMCellOptions(in[1], hidden).bias(bias)),
               .out = out,
               .inputs = {{.name = "hx", .shape = out, .present = state}, {.name = "cx", .shape = out, .present = state}},
               .parameters = parameters};
     }},
};

}  // namespace

std::span<const Row> recurrent_rows() { return kRows; }

}  // namespace dtypefuzz
