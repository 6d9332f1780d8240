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
When target_and_head_fit() {
  return {some({"target"}, {Dtype::Long, Dtype::Int}), each({"head.*"}, dtype_of("input"))};
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
          .special = {
              promises_nothing_where(
                  target_and_head_fit() & When{some({"tail.*"}, other_than(dtype_of("input")))},
                  "a cluster of the tail is computed where a target lies in it"),
              accepts_with_any_output_where(
                  target_and_head_fit() & When{InRegion{}, each({"tail.*"}, dtype_of("input"))}, kSource)}};
}

const Row kLikelihoodLossesRows[] = {
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
                          {"input", "target"},
                          {of_real_numbers_alone(), any_output_of_integers_among(all_but({"target"}))}),
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
     .content = Content::positive,
     .other_operators =
         {{"full", "its term is added where the target is above 1, and complex numbers have no order"}}},
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
  return kLikelihoodLossesRows;
}

}  // namespace dtypefuzz
