#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// Input, states and all weights meet in matrix products, and a cell state in sums with them. In a region
/// these are several operators with policies of their own (and on some processors oneDNN's fused layer, which
/// is in the lower precision list as a whole), and documentation is silent.
Contract recurs(std::string_view source) {
  return {.source = source,
          .share_a_dtype = {{"input", "hx", "cx", "*"}},
          .autocast_cpu = AutocastPolicy::unspecified,
          .autocast_cuda = AutocastPolicy::unspecified};
}

/// [length, batch, features], or [batch, length, features] for `batch_first`: the C++ front end takes no
/// unbatched sequence. The batch may be empty, the length not ("Expected sequence length to be larger than 0
/// in RNN").
bool sequence(const Shape& in, const Site&) {
  return in.size() == 3 && in[0] + in[1] > 0 && in[0] <= 32 && in[1] <= 32 && in[2] > 0 && in[2] <= 64;
}
Shape draw_sequence(Draw& draw, const Site& site) {
  const auto features = draw.size("input_size", {4, 1, 3, 8});
  const Draw::AtRoot root(draw);
  return {draw.size("input.length", {2, 1, 3}), site.batch, features};
}

/// What RNN, LSTM and GRU have in common.
struct Recurrence {
  int64_t hidden = 0, layers = 1;
  bool bidirectional = false, bias = true, batch_first = false;
  bool state = false;  ///< the hidden (and cell) state is given
  int64_t projection = 0;
  int64_t batch = 0;
  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t features() const { return projection ? projection : hidden; }
};

Recurrence draw_recurrence(Draw& draw, const Shape& in) {
  Recurrence r{.hidden = draw.size("hidden_size", {4, 2, 8}),
               .layers = draw.size("num_layers", {1, 2}),
               .bidirectional = draw.flag("bidirectional", false),
               .bias = draw.flag("bias", true)};
  // Of an empty tensor the empty dimension is the batch.
  r.batch_first = in[0] == 0 || (in[1] != 0 && draw.flag("batch_first", false));
  r.state = draw.flag("state", false);
  r.batch = in[r.batch_first ? 0 : 1];
  return r;
}

std::vector<std::string> weights(const Recurrence& r) {
  std::vector<std::string> names;
  for (int64_t layer = 0; layer < r.layers; ++layer)
    for (const auto* direction : {"", "_reverse"}) {
      if (*direction && !r.bidirectional) continue;
      const auto suffix = "_l" + std::to_string(layer) + direction;
      for (const auto* name : {"weight_ih", "weight_hh"}) names.push_back(name + suffix);
      if (r.bias)
        for (const auto* name : {"bias_ih", "bias_hh"}) names.push_back(name + suffix);
      if (r.projection) names.push_back("weight_hr" + suffix);
    }
  return names;
}

template <class Module, class Options>
Drawn drawn(const Shape& in, const Recurrence& r, Options options) {
  options.num_layers(r.layers).bidirectional(r.bidirectional).bias(r.bias).batch_first(r.batch_first);
  const auto states = r.layers * r.directions();
  return {.make = make<Module>(options),
          .out = {in[0], in[1], r.features() * r.directions()},
          .inputs = {{.name = "hx", .shape = {states, r.batch, r.features()}, .present = r.state}},
          .parameters = weights(r)};
}

template <class Impl>
std::vector<at::Tensor> with_state(nn::Module& module, std::span<const at::Tensor> in) {
  auto [output, state] = static_cast<Impl&>(module).forward(in[0], in[1]);
  return {output, state};
}

/// Hidden and cell state, given together or not at all.
std::optional<std::tuple<at::Tensor, at::Tensor>> states_of(std::span<const at::Tensor> in) {
  if (!in[1].defined()) return std::nullopt;
  return std::make_tuple(in[1], in[2]);
}

const Row kRows[] = {
    {
        .name = "RNN",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.RNN.html"),
        .forward = with_state<nn::RNNImpl>,
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto r = draw_recurrence(draw, in);
          nn::RNNOptions options(in[2], r.hidden);
          if (draw.word("nonlinearity", {"tanh", "relu"}) == "relu") options.nonlinearity(torch::kReLU);
          return drawn<nn::RNN>(in, r, options);
        },
    },
    {
        .name = "LSTM",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html"),
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          auto [output, states] = static_cast<nn::LSTMImpl&>(module).forward(in[0], states_of(in));
          return {output, std::get<0>(states), std::get<1>(states)};
        },
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          auto r = draw_recurrence(draw, in);
          r.projection = draw.size("proj_size", {0, 1});  // less than `hidden_size`
          auto lstm = drawn<nn::LSTM>(in, r, nn::LSTMOptions(in[2], r.hidden).proj_size(r.projection));
          lstm.inputs.push_back(
              {.name = "cx", .shape = {r.layers * r.directions(), r.batch, r.hidden}, .present = r.state});
          return lstm;
        },
    },
    {
        .name = "GRU",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.GRU.html"),
        .forward = with_state<nn::GRUImpl>,
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto r = draw_recurrence(draw, in);
          return drawn<nn::GRU>(in, r, nn::GRUOptions(in[2], r.hidden));
        },
    },
    {
        .name = "LSTMCell",
        .source = "nn/modules/rnn.h",
        // One operator, `lstm_cell`, which is in CUDA's lower precision list (ATen/autocast_mode.h) with its
        // list of states; on CPU it is taken apart outside of the lists.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html",
                     .share_a_dtype = {{"input", "hx", "cx", "*"}},
                     .autocast_cpu = AutocastPolicy::unspecified,
                     .autocast_cuda = AutocastPolicy::lower_precision},
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          auto [h, c] = static_cast<nn::LSTMCellImpl&>(module).forward(in[0], states_of(in));
          return {h, c};
        },
        .input = [](Draw& draw, const Site& site) -> Shape {
          const auto features = draw.size("input_size", {4, 1, 3, 8});
          const Draw::AtRoot root(draw);
          if (draw.size("input.rank", {2, 1}) == 1) return {features};
          return {site.batch, features};
        },
        .accepts =
            [](const Shape& in, const Site&) {
              return (in.size() == 1 || (in.size() == 2 && in[0] <= 256)) && in.back() > 0 && in.back() <= 64;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto hidden = draw.size("hidden_size", {4, 2, 8});
          const bool bias = draw.flag("bias", true);
          // Without a state C++ makes one of `input.size(0)` rows, which for one sample is its features.
          const bool state = in.size() == 1 || draw.flag("state", false);
          std::vector<std::string> parameters = {"weight_ih", "weight_hh"};
          if (bias) parameters.insert(parameters.end(), {"bias_ih", "bias_hh"});
          Shape out = in;
          out.back() = hidden;
          return {.make = make<nn::LSTMCell>(nn::LSTMCellOptions(in.back(), hidden).bias(bias)),
                  .out = out,
                  .inputs = {{.name = "hx", .shape = out, .present = state},
                             {.name = "cx", .shape = out, .present = state}},
                  .parameters = parameters};
        },
    },
};

}  // namespace

std::span<const Row> recurrent_rows() {
  return kRows;
}

}  // namespace dtypefuzz
