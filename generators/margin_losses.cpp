// Losses that compare a distance with a margin: hinges, rankings, triplets.
#include "generators/losses.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

template <class Impl>
std::vector<at::Tensor> three_tensors_in_one_out(nn::Module& module, std::span<const at::Tensor> inputs) {
  return {static_cast<Impl&>(module).forward(inputs[0], inputs[1], inputs[2])};
}

/// These losses keep their weight in the options alone.
template <class Impl>
std::vector<at::Tensor> weighted_by_option(nn::Module& module, std::span<const at::Tensor> inputs) {
  auto& loss = static_cast<Impl&>(module);
  loss.options.weight(inputs[2]);
  return {loss.forward(inputs[0], inputs[1])};
}

double draw_margin(Draw& draw, std::initializer_list<std::string_view> options) {
  return draw_number(draw, "margin", options);
}

// One input and a target
/// `target` is only compared with 1 and -1: hinge_embedding_loss, aten/src/ATen/native/Loss.cpp.
Contract hinge_embedding() {
  return {.source = "https://pytorch.org/docs/stable/generated/torch.nn.HingeEmbeddingLoss.html",
          .autocast_cpu = AutocastPolicy::float32,
          .autocast_cuda = AutocastPolicy::float32,
          .special = {of_real_numbers_alone(), any_output_of_integers_among(all_but({"target"}))}};
}

/// "Target: a tensor containing class indices", and the source which dtypes: it reads int64 alone
/// ("expected scalar type Long").
Contract of_class_indices(std::string_view source) {
  return {.source = source,
          .takes = {{"target", kIntegral, source, {Dtype::Long}}},
          .autocast_cpu = AutocastPolicy::float32,
          .autocast_cuda = AutocastPolicy::float32};
}

Contract of_weighted_class_indices(std::string_view source) {
  Contract contract = of_class_indices(source);
  contract.share_a_dtype = {{"input", "weight"}};
  return contract;
}

/// In no list of CPU's; on CUDA the sum over the classes, which comes last, is of float32.
Contract multi_label_soft_margin() {
  Contract contract =
      combines("https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelSoftMarginLoss.html",
               {"input", "target", "weight"}, {of_real_numbers_alone(), any_output_of_integers_alone()});
  contract.autocast_cpu = AutocastPolicy::leave;
  return contract;
}

// Two inputs and a target
/// `target` is only compared with 1 and -1: cosine_embedding_loss, aten/src/ATen/native/Loss.cpp.
Contract cosine_embedding() {
  return combines("https://pytorch.org/docs/stable/generated/torch.nn.CosineEmbeddingLoss.html",
                  {"input1", "input2"},
                  {of_real_numbers_alone(), any_output_of_integers_among(all_but({"target"}))});
}

// Triplets
Contract triplet(std::string_view source) {
  return combines(source, {"anchor", "positive", "negative"},
                  {of_real_numbers_alone(), any_output_of_integers_among(all_operands())});
}

/// Made of operators that are in no list of CPU's, and on CUDA of those that the given distance is made of.
Contract triplet_with_distance() {
  Contract contract =
      triplet("https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginWithDistanceLoss.html");
  contract.autocast_cpu = AutocastPolicy::leave;
  contract.autocast_cuda = AutocastPolicy::unspecified;
  return contract;
}

std::vector<InputSpec> positive_and_negative(const Shape& anchor) {
  return {{.name = "positive", .shape = anchor}, {.name = "negative", .shape = anchor}};
}

/// The largest difference along the last dimension, after the documentation's own example.
at::Tensor l_infinity(const at::Tensor& x1, const at::Tensor& x2) {
  return (x1 - x2).abs().amax(-1);
}

const Row kMarginLossesRows[] = {
    {.name = "HingeEmbeddingLoss",
     .source = "nn/modules/loss.h",
     .contract = hinge_embedding(),
     .forward = two_tensors_in_one_out<nn::HingeEmbeddingLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto options = nn::HingeEmbeddingLossOptions().margin(draw_margin(draw, {"1", "0.5"}));
           return compares<nn::HingeEmbeddingLoss>(draw, in, options, Content::signs);
         }},
    {.name = "SoftMarginLoss",
     .source = "nn/modules/loss.h",
     .contract = combines("https://pytorch.org/docs/stable/generated/torch.nn.SoftMarginLoss.html",
                          {"input", "target"}, {of_real_numbers_alone(), any_output_of_integers_alone()}),
     .forward = two_tensors_in_one_out<nn::SoftMarginLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           return compares<nn::SoftMarginLoss>(draw, in, nn::SoftMarginLossOptions(), Content::signs);
         }},
    {.name = "MultiLabelSoftMarginLoss",
     .source = "nn/modules/loss.h",
     .contract = multi_label_soft_margin(),
     .forward = weighted_by_option<nn::MultiLabelSoftMarginLossImpl>,
     .input = draw_any_input,
     .accepts = [](const Shape& in, const Site&) { return !in.empty() && in.back() > 0; },
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           return reduces<nn::MultiLabelSoftMarginLoss>(
               draw, nn::MultiLabelSoftMarginLossOptions(), without_last(in),
               {{.name = "target", .shape = in, .content = Content::mask}, class_weight(draw, in.back())});
         }},
    {.name = "MultiLabelMarginLoss",
     .source = "nn/modules/loss.h",
     .contract =
         of_class_indices("https://pytorch.org/docs/stable/generated/torch.nn.MultiLabelMarginLoss.html"),
     .forward = two_tensors_in_one_out<nn::MultiLabelMarginLossImpl>,
     .input = draw_row_or_rows,
     .accepts = is_row_or_rows,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           return reduces<nn::MultiLabelMarginLoss>(draw, nn::MultiLabelMarginLossOptions(), without_last(in),
                                                    {{.name = "target",
                                                      .shape = in,
                                                      .content = Content::indices,
                                                      .limit = in.back(),
                                                      .natural = Dtype::Long}});
         }},
    {.name = "MultiMarginLoss",
     .source = "nn/modules/loss.h",
     .contract =
         of_weighted_class_indices("https://pytorch.org/docs/stable/generated/torch.nn.MultiMarginLoss.html"),
     .forward = weighted_by_option<nn::MultiMarginLossImpl>,
     .input = draw_row_or_rows,
     .accepts = is_row_or_rows,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto p = draw.size("p", {1, 2});
           const auto options = nn::MultiMarginLossOptions().p(p).margin(draw_margin(draw, {"1", "0.5"}));
           return reduces<nn::MultiMarginLoss>(draw, options, without_last(in),
                                               {{.name = "target",
                                                 .shape = without_last(in),
                                                 .content = Content::indices,
                                                 .limit = in.back(),
                                                 .natural = Dtype::Long},
                                                class_weight(draw, in.back())});
         }},
    {.name = "MarginRankingLoss",
     .source = "nn/modules/loss.h",
     .contract =
         combines("https://pytorch.org/docs/stable/generated/torch.nn.MarginRankingLoss.html",
                  {"input1", "input2", "target"}, {of_real_numbers_alone(), any_output_of_integers_alone()}),
     .forward = three_tensors_in_one_out<nn::MarginRankingLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto options = nn::MarginRankingLossOptions().margin(draw_margin(draw, {"0", "0.5"}));
           return reduces<nn::MarginRankingLoss>(
               draw, options, in,
               {{.name = "input2", .shape = in}, {.name = "target", .shape = in, .content = Content::signs}});
         },
     .input_name = "input1"},
    {.name = "CosineEmbeddingLoss",
     .source = "nn/modules/loss.h",
     .contract = cosine_embedding(),
     .forward = three_tensors_in_one_out<nn::CosineEmbeddingLossImpl>,
     .input = draw_row_or_rows,
     .accepts = is_row_or_rows,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto options = nn::CosineEmbeddingLossOptions().margin(draw_margin(draw, {"0", "0.5"}));
           return reduces<nn::CosineEmbeddingLoss>(
               draw, options, without_last(in),
               {{.name = "input2", .shape = in},
                {.name = "target", .shape = without_last(in), .content = Content::signs}});
         },
     .input_name = "input1"},
    {.name = "TripletMarginLoss",
     .source = "nn/modules/loss.h",
     .contract = triplet("https://pytorch.org/docs/stable/generated/torch.nn.TripletMarginLoss.html"),
     .forward = three_tensors_in_one_out<nn::TripletMarginLossImpl>,
     .input = draw_row_or_rows,
     .accepts = is_row_or_rows,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const auto options = nn::TripletMarginLossOptions()
                                    .margin(draw_margin(draw, {"1", "0.5"}))
                                    .p(draw_number(draw, "p", {"2", "1", "3", "inf"}))
                                    .swap(draw.flag("swap", false));
           return reduces<nn::TripletMarginLoss>(draw, options, without_last(in), positive_and_negative(in));
         },
     .input_name = "anchor"},
    {.name = "TripletMarginWithDistanceLoss",
     .source = "nn/modules/loss.h",
     .contract = triplet_with_distance(),
     .forward = three_tensors_in_one_out<nn::TripletMarginWithDistanceLossImpl>,
     .input = draw_row_or_rows,
     .accepts = is_row_or_rows,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           auto options = nn::TripletMarginWithDistanceLossOptions()
                              .margin(draw_margin(draw, {"1", "0.5"}))
                              .swap(draw.flag("swap", false));
           if (draw.word("distance", {"pairwise", "l_infinity"}) == "l_infinity")
             options.distance_function(l_infinity);
           return reduces<nn::TripletMarginWithDistanceLoss>(draw, options, without_last(in),
                                                             positive_and_negative(in));
         },
     .input_name = "anchor",
     .other_operators = {{"distance", "the distance is the caller's own function"}}},
};

}  // namespace

std::span<const Row> margin_loss_rows() {
  return kMarginLossesRows;
}

}  // namespace dtypefuzz
