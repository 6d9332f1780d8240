#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

using Names = std::vector<std::string_view>;
const Names kWithState = {"input", "hx", "*"};
const Names kWithStates = {"input", "hx", "cx", "*"};  // an LSTM's

/// Input, states and all weights meet in matrix products, and a cell state in sums with them. In a region the
/// products (`linear`, `matmul`, `addmm`) are in the lower precision list and the element-wise operators
/// between them in none, so that a state keeps its dtype or is promoted; on some processors oneDNN's fused
/// layer runs, which is in the lower precision list as a whole. CUDA's `_thnn_fused_*_cell` and cuDNN's
/// layers are in CUDA's: aten/src/ATen/autocast_mode.h.
Contract recurs(std::string_view source, std::vector<std::string_view> operands) {
  return {.source = source,
          .share_a_dtype = {std::move(operands)},
          .autocast_cpu = AutocastPolicy::by_parts,
          .autocast_cuda = AutocastPolicy::by_parts,
          .special = {
              promises_nothing_where({some({"lengths"}, other_than(kIntegral))},
                                     "pack_padded_sequence of C++ converts `lengths` to int64 and does not "
                                     "say from which dtypes")}};
}

/// A cell is one operator, which is in CUDA's lower precision list (ATen/autocast_mode.h) with its states; on
/// CPU it is made of `linear`, which is in the CPU's, and of element-wise operators, which are in none. tanh
/// makes floats of whole numbers and relu does not; documentation knows floats alone.
Contract recurs_in_a_cell(std::string_view source, std::vector<std::string_view> operands) {
  return {.source = source,
          .share_a_dtype = {std::move(operands)},
          .output = same_float_as("input"),
          .autocast_cpu = AutocastPolicy::by_parts,
          .autocast_cuda = AutocastPolicy::lower_precision};
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
  bool packed = false, enforce_sorted = true;
  int64_t projection = 0;
  int64_t batch = 0, length = 0;
  int64_t directions() const { return bidirectional ? 2 : 1; }
  int64_t features() const { return projection ? projection : hidden; }
};

Recurrence draw_recurrence(Draw& draw, const Shape& in, const Site& site) {
  Recurrence r{.hidden = draw.size("hidden_size", {4, 2, 8}),
               .layers = draw.depth("num_layers", {1, 2}),
               .bidirectional = draw.flag("bidirectional", false),
               .bias = draw.flag("bias", true)};
  // Of an empty tensor the empty dimension is the batch.
  r.batch_first = in[0] == 0 || (in[1] != 0 && draw.flag("batch_first", false));
  r.state = draw.flag("state", false);
  r.batch = in[r.batch_first ? 0 : 1];
  r.length = in[r.batch_first ? 1 : 0];
  // Packing reads the lengths, which are on the CPU, and wants at least one sequence.
  r.packed = site.device->has_values && r.batch > 0 && draw.flag("packed", false);
  if (r.packed) r.enforce_sorted = draw.flag("enforce_sorted", true);
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

/// A recurrent module whose input is packed before it runs, and whose output is padded again: torch has no
/// module for these two functions.
template <class Impl>
struct Packed : Impl {
  template <class Options>
  Packed(const Options& options, bool sorted) : Impl(options), enforce_sorted(sorted) {}

  nn::utils::rnn::PackedSequence pack(const at::Tensor& input, const at::Tensor& lengths) const {
    return nn::utils::rnn::pack_padded_sequence(input, lengths.cpu(), this->options.batch_first(),
                                                enforce_sorted);
  }
  /// To the length of `input`, whatever its lengths say in a dtype that cannot count (bool).
  at::Tensor pad(const nn::utils::rnn::PackedSequence& sequence, const at::Tensor& input) const {
    const bool batch_first = this->options.batch_first();
    return std::get<0>(
        nn::utils::rnn::pad_packed_sequence(sequence, batch_first, 0, input.size(batch_first ? 1 : 0)));
  }

  bool enforce_sorted;
};

/// `states`: the features of each state.
template <class Impl, class Options>
Drawn drawn(const Shape& in, const Recurrence& r, Options options,
            std::initializer_list<std::pair<const char*, int64_t>> states) {
  options.num_layers(r.layers).bidirectional(r.bidirectional).bias(r.bias).batch_first(r.batch_first);
  Drawn result{.make = {}, .out = {in[0], in[1], r.features() * r.directions()}, .parameters = weights(r)};
  if (r.packed)
    result.make = [=] { return nn::AnyModule(std::make_shared<Packed<Impl>>(options, r.enforce_sorted)); };
  else
    result.make = [=] { return nn::AnyModule(std::make_shared<Impl>(options)); };
  for (const auto& [name, features] : states)
    result.inputs.push_back(
        {.name = name, .shape = {r.layers * r.directions(), r.batch, features}, .present = r.state});
  // The longest first, so that a sorted batch is one.
  result.inputs.push_back({.name = "lengths",
                           .shape = {r.batch},
                           .content = Content::falling_lengths,
                           .limit = r.length,
                           .natural = Dtype::Long,
                           .present = r.packed});
  return result;
}

/// Operands: input, hx, lengths.
template <class Impl>
std::vector<at::Tensor> with_state(nn::Module& module, std::span<const at::Tensor> in) {
  if (in[2].defined()) {
    auto& packed = static_cast<Packed<Impl>&>(module);
    auto [output, state] = packed.forward_with_packed_input(packed.pack(in[0], in[2]), in[1]);
    return {packed.pad(output, in[0]), state};
  }
  auto [output, state] = static_cast<Impl&>(module).forward(in[0], in[1]);
  return {output, state};
}

/// Hidden and cell state, given together or not at all.
std::optional<std::tuple<at::Tensor, at::Tensor>> states_of(std::span<const at::Tensor> in) {
  if (!in[1].defined()) return std::nullopt;
  return std::make_tuple(in[1], in[2]);
}

/// [batch, features] or [features].
Shape draw_sample(Draw& draw, const Site& site) {
  const auto features = draw.size("input_size", {4, 1, 3, 8});
  const Draw::AtRoot root(draw);
  if (draw.rank({2, 1}) == 1) return {features};
  return {site.batch, features};
}
bool sample(const Shape& in, const Site&) {
  return (in.size() == 1 || (in.size() == 2 && in[0] <= 256)) && in.back() > 0 && in.back() <= 64;
}

/// What RNNCell, LSTMCell and GRUCell have in common.
struct Cell {
  int64_t hidden = 0;
  bool bias = true, state = false;
};

Cell draw_cell(Draw& draw, const Shape& in) {
  Cell c{.hidden = draw.size("hidden_size", {4, 2, 8}), .bias = draw.flag("bias", true)};
  // Without a state C++ makes one of `input.size(0)` rows, which for one sample is its features.
  c.state = in.size() == 1 || draw.flag("state", false);
  return c;
}

template <class Module, class Options>
Drawn drawn_cell(const Shape& in, const Cell& c, Options options, std::initializer_list<const char*> states) {
  Drawn result{
      .make = make<Module>(options.bias(c.bias)), .out = in, .parameters = {"weight_ih", "weight_hh"}};
  result.out.back() = c.hidden;
  if (c.bias) result.parameters.insert(result.parameters.end(), {"bias_ih", "bias_hh"});
  for (const auto* name : states)
    result.inputs.push_back({.name = name, .shape = result.out, .present = c.state});
  return result;
}

const Row kRecurrentRows[] = {
    {
        .name = "RNN",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.RNN.html", kWithState),
        .forward = with_state<nn::RNNImpl>,
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
          const auto r = draw_recurrence(draw, in, site);
          nn::RNNOptions options(in[2], r.hidden);
          if (draw.word("nonlinearity", {"tanh", "relu"}) == "relu") options.nonlinearity(torch::kReLU);
          return drawn<nn::RNNImpl>(in, r, options, {{"hx", r.hidden}});
        },
        .other_operators = {{"nonlinearity", "tanh and relu are two functions"}},
    },
    {
        .name = "LSTM",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html", kWithStates),
        // Operands: input, hx, cx, lengths.
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          if (in[3].defined()) {
            auto& packed = static_cast<Packed<nn::LSTMImpl>&>(module);
            auto [output, states] =
                packed.forward_with_packed_input(packed.pack(in[0], in[3]), states_of(in));
            return {packed.pad(output, in[0]), std::get<0>(states), std::get<1>(states)};
          }
          auto [output, states] = static_cast<nn::LSTMImpl&>(module).forward(in[0], states_of(in));
          return {output, std::get<0>(states), std::get<1>(states)};
        },
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
          auto r = draw_recurrence(draw, in, site);
          r.projection = draw.size("proj_size", {0, 1});  // less than `hidden_size`
          return drawn<nn::LSTMImpl>(in, r, nn::LSTMOptions(in[2], r.hidden).proj_size(r.projection),
                                     {{"hx", r.features()}, {"cx", r.hidden}});
        },
    },
    {
        .name = "GRU",
        .source = "nn/modules/rnn.h",
        .contract = recurs("https://pytorch.org/docs/stable/generated/torch.nn.GRU.html", kWithState),
        .forward = with_state<nn::GRUImpl>,
        .input = draw_sequence,
        .accepts = sequence,
        .draw = [](Draw& draw, const Shape& in, const Site& site) -> Drawn {
          const auto r = draw_recurrence(draw, in, site);
          return drawn<nn::GRUImpl>(in, r, nn::GRUOptions(in[2], r.hidden), {{"hx", r.hidden}});
        },
    },
    {
        .name = "RNNCell",
        .source = "nn/modules/rnn.h",
        .contract =
            recurs_in_a_cell("https://pytorch.org/docs/stable/generated/torch.nn.RNNCell.html", kWithState),
        .forward = two_tensors_in_one_out<nn::RNNCellImpl>,
        .input = draw_sample,
        .accepts = sample,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto c = draw_cell(draw, in);
          nn::RNNCellOptions options(in.back(), c.hidden);
          if (draw.word("nonlinearity", {"tanh", "relu"}) == "relu") options.nonlinearity(torch::kReLU);
          return drawn_cell<nn::RNNCell>(in, c, options, {"hx"});
        },
        .other_operators = {{"nonlinearity", "tanh and relu are two functions"}},
    },
    {
        .name = "LSTMCell",
        .source = "nn/modules/rnn.h",
        .contract =
            recurs_in_a_cell("https://pytorch.org/docs/stable/generated/torch.nn.LSTMCell.html", kWithStates),
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          auto [h, c] = static_cast<nn::LSTMCellImpl&>(module).forward(in[0], states_of(in));
          return {h, c};
        },
        .input = draw_sample,
        .accepts = sample,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto c = draw_cell(draw, in);
          return drawn_cell<nn::LSTMCell>(in, c, nn::LSTMCellOptions(in.back(), c.hidden), {"hx", "cx"});
        },
    },
    {
        .name = "GRUCell",
        .source = "nn/modules/rnn.h",
        .contract =
            recurs_in_a_cell("https://pytorch.org/docs/stable/generated/torch.nn.GRUCell.html", kWithState),
        .forward = two_tensors_in_one_out<nn::GRUCellImpl>,
        .input = draw_sample,
        .accepts = sample,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto c = draw_cell(draw, in);
          return drawn_cell<nn::GRUCell>(in, c, nn::GRUCellOptions(in.back(), c.hidden), {"hx"});
        },
    },
};

}  // namespace

std::span<const Row> recurrent_rows() {
  return kRecurrentRows;
}

}  // namespace dtypefuzz
