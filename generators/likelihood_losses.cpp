// Losses that are negative logarithms of likelihoods, and divergences.
#include "generators/losses.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

/// "kl_div: Integral inputs not supported" and complex ones neither: kl_div, aten/src/ATen/native/Loss.cpp.
Contract kl_div() {
  Contract contract =
      combines("https://pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html", {"input", "target"}, {});
  for (const auto* operand : {"input", "target"})
    contract.takes.push_back({operand, kFloating, "aten/src/ATen/native/Loss.cpp: not supported"});
  return contract;
}

// AdaptiveLogSoftmaxWithLoss
bool is_of_the_tail(const OperandFacts& operand) {
  return operand.name.starts_with("tail");
}

/// Whether the operands that `concerned` picks have the input's dtype.
bool agree_with_input(const Received& seen, bool (*concerned)(const OperandFacts&)) {
  return std::all_of(seen.operands.begin(), seen.operands.end(), [&](const OperandFacts& operand) {
    return !concerned(operand) || operand.dtype == seen.dtype_of("input");
  });
}

bool head_agrees(const Received& seen) {
  return agree_with_input(seen, [](const OperandFacts& o) { return o.name.starts_with("head"); });
}

bool target_is_an_index(const Received& seen) {
  const Dtype target = seen.dtype_of("target");
  return target == Dtype::Long || target == Dtype::Int;
}

bool tail_alone_disagrees(const Received& seen) {
  return target_is_an_index(seen) && head_agrees(seen) && !agree_with_input(seen, is_of_the_tail);
}

bool agrees_in_a_region(const Received& seen) {
  return seen.autocast && target_is_an_index(seen) && head_agrees(seen) &&
         agree_with_input(seen, is_of_the_tail);
}

/// A stack of linear layers, each in the lower precision lists, and `log_softmax`, which is in CUDA's float32
/// list, all collected in a tensor of the input's dtype: torch/csrc/api/src/nn/modules/adaptive.cpp.
Contract adaptive_log_softmax() {
  constexpr std::string_view kSource =
      "https://pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html";
  return {.source = kSource,
          .share_a_dtype = {{"input", "head.weight", "head.bias"}},
          .takes = {{"target",
                     kIntegral,
                     "torch.nn.AdaptiveLogSoftmaxWithLoss: class indices, and gather: int32/int64",
                     {Dtype::Int, Dtype::Long}}},
          .autocast_cpu = AutocastPolicy::lower_precision,
          .autocast_cuda = AutocastPolicy::lower_precision,
          .special = {unspecified_where(tail_alone_disagrees,
                                        "a cluster of the tail is computed where a target lies in it"),
                      {agrees_in_a_region, unspecified_output(), kSource}}};
}

const Row kRows[] = {
    {.name = "KLDivLoss",
     .source = "nn/modules/loss.h",
     .contract = kl_div(),
     .forward = two_tensors_in_one_out<nn::KLDivLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const bool log_target = draw.flag("log_target", false);
       auto options = nn::KLDivLossOptions().log_target(log_target);
       const auto reduction = draw.word("reduction", {"mean", "sum", "none", "batchmean"});
       options =
           reduction == "batchmean" ? options.reduction(torch::kBatchMean) : reduced(options, reduction);
       return {.make = make<nn::KLDivLoss>(options),
               .out = reduction == "none" ? in : Shape{},
               .inputs = {{.name = "target",
                           .shape = in,
                           .content = log_target ? Content::log_probabilities : Content::probabilities}}};
     },
     .content = Content::log_probabilities},
    {.name = "PoissonNLLLoss",
     .source = "nn/modules/loss.h",
     .contract = combines("https://pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html",
                          {"input", "target"}, {kOfRealNumbers, kIntegersAmongOthers}),
     .forward = two_tensors_in_one_out<nn::PoissonNLLLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto options = nn::PoissonNLLLossOptions()
                                    .log_input(draw.flag("log_input", true))
                                    .full(draw.flag("full", false));
           return compares<nn::PoissonNLLLoss>(draw, in, options, Content::positive);
         },
     .content = Content::positive},
    {.name = "AdaptiveLogSoftmaxWithLoss",
     .source = "nn/modules/adaptive.h",
     .contract = adaptive_log_softmax(),
     // In C++ the loss itself is a `double`, so `output` is the only tensor.
     .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
       return {static_cast<nn::AdaptiveLogSoftmaxWithLossImpl&>(module).forward(in[0], in[1]).output};
     },
     .input = draw_row_or_rows,
     // Its first cluster's hidden layer has as many features as the input.
     .accepts = [](const Shape& in,
                   const Site& site) { return is_row_or_rows(in, site) && in.back() <= 256; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto shortlist = draw.size("shortlist", {2, 1, 5});
       const auto clusters = draw.size("clusters", {1, 2});
       const auto cluster_size = draw.size("cluster_size", {2, 1, 9});
       const auto classes = shortlist + clusters * cluster_size;
       std::vector<int64_t> cutoffs;
       for (int64_t i = 0; i < clusters; ++i) cutoffs.push_back(shortlist + i * cluster_size);
       // A cluster's hidden layer has in_features / div_value^(its number) features, which may not be none.
       const bool may_narrow = in.back() >= (int64_t{1} << clusters);
       const double div_value = may_narrow ? draw_number(draw, "div_value", {"2", "1"}) : 1.0;
       const bool head_bias = draw.flag("head_bias", false);
       const auto lies_in = draw.word("target_lies_in", {"shortlist", "last_cluster", "all"});
       std::vector<std::string> parameters = {"head.weight"};
       if (head_bias) parameters.emplace_back("head.bias");
       for (int64_t i = 0; i < clusters; ++i)
         for (const auto* layer : {".0.weight", ".1.weight"})
           parameters.push_back("tail." + std::to_string(i) + layer);
       return {.make = make<nn::AdaptiveLogSoftmaxWithLoss>(
                   nn::AdaptiveLogSoftmaxWithLossOptions(in.back(), classes, cutoffs)
                       .div_value(div_value)
                       .head_bias(head_bias)),
               .out = without_last(in),
               .inputs = {{.name = "target",
                           .shape = without_last(in),
                           .content = lies_in == "all" ? Content::indices : Content::lengths,
                           .limit = lies_in == "all"         ? classes
                                    : lies_in == "shortlist" ? 0
                                                             : classes - 1,
                           .natural = Dtype::Long}},
               .parameters = std::move(parameters)};
     }},
};

}  // namespace

std::span<const Row> likelihood_loss_rows() {
  return kRows;
}

}  // namespace dtypefuzz
