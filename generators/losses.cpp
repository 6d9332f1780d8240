#include "generators/losses.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

// Element by element: MSELoss, L1Loss, SmoothL1Loss, HuberLoss, BCELoss, BCEWithLogitsLoss
/// `mse_loss`, `l1_loss`, `smooth_l1_loss`, `huber_loss`, `binary_cross_entropy_with_logits` are in the
/// float32 lists.
Contract combines_all(std::string_view source, std::vector<SpecialCase> special) {
  return combines(source, {"input", "target"}, std::move(special));
}

/// "Supports real-valued and complex-valued inputs", and the distance of complex numbers is real.
Contract l1(std::string_view source) {
  const auto gives = [&](Dtype complex, Dtype real) {
    return accepts_where({ResultIs{{"input", "target"}, complex}}, always(real), source);
  };
  return combines_all(source,
                      {gives(Dtype::ComplexFloat, Dtype::Float), gives(Dtype::ComplexDouble, Dtype::Double),
                       gives(Dtype::ComplexHalf, Dtype::Half), any_output_of_an_integral_result()});
}

/// With `beta` 0 this is L1Loss, otherwise nothing says what the distance of complex numbers is.
Contract smooth_l1(std::string_view source) {
  return combines_all(source,
                      {accepts_with_any_output_where({ResultIs{{"input", "target"}, kComplex}}, source),
                       any_output_of_an_integral_result()});
}

/// Nothing says what a Huber distance or a cross entropy of complex numbers is.
Contract of_real_numbers(std::string_view source, std::vector<std::string_view> operands) {
  return combines(source, std::move(operands), {of_real_numbers_alone(), any_output_of_an_integral_result()});
}

/// The documentation does not say that BCELoss promotes, and the source checks for one dtype: its
/// TensorIterator is built without `promote_inputs_to_common_dtype` ("Found dtype Double but expected
/// Float"), binary_cross_entropy_out_cpu, aten/src/ATen/native/Loss.cpp. `binary_cross_entropy` is in the
/// CPU's float32 list and refused inside a region on CUDA.
Contract binary_cross_entropy(std::string_view source) {
  return {.source = source,
          .share_a_dtype = {{"input", "target"}},
          .autocast_cpu = AutocastPolicy::float32,
          .autocast_cuda = AutocastPolicy::refused};
}

// Class weights: NLLLoss, CrossEntropyLoss, BCEWithLogitsLoss
/// The weight is an option of the module, set anew for each call so that it can be an operand like the
/// others.
template <class Impl>
std::vector<at::Tensor> weighted(nn::Module& module, std::span<const at::Tensor> inputs) {
  auto& loss = static_cast<Impl&>(module);
  loss.weight = inputs[2];
  loss.options.weight(inputs[2]);
  return {loss.forward(inputs[0], inputs[1])};
}

std::vector<at::Tensor> weighted_with_logits(nn::Module& module, std::span<const at::Tensor> inputs) {
  auto& loss = static_cast<nn::BCEWithLogitsLossImpl&>(module);
  loss.pos_weight = inputs[3];
  loss.options.pos_weight(inputs[3]);
  return weighted<nn::BCEWithLogitsLossImpl>(module, inputs);
}

/// [batch, classes, size...], or [classes] where one sample alone is legal.
Shape draw_scores(Draw& draw, const Site& site, bool may_be_unbatched) {
  const auto classes = draw_features(draw, "classes");
  Draw::AtRoot root(draw);
  const auto rank = may_be_unbatched ? draw.rank({2, 3, 4, 1}) : draw.rank({2, 3, 4});
  if (rank == 1) return {classes};
  Shape shape = {site.batch, classes};
  if (rank == 4) shape.push_back(draw.size("input.height", {2, 1, 5}));
  if (rank > 2) shape.push_back(draw.size(rank == 3 ? "input.length" : "input.width", {2, 1, 3, 9}));
  return shape;
}

int64_t classes_of(const Shape& scores) {
  return scores[scores.size() > 1 ? 1 : 0];
}

/// One index for each sample: the scores' shape without the classes.
Shape samples_of(const Shape& scores) {
  Shape shape = scores;
  shape.erase(shape.begin() + (scores.size() > 1 ? 1 : 0));
  return shape;
}

/// Ignores class 0 or none. A mean over ignored samples alone is 0 / 0, so a mean ignores none.
template <class Options>
Options draw_ignored(Draw& draw, Options options, std::string_view reduction) {
  if (reduction == "mean") return options;
  return options.ignore_index(draw.size("ignore_index", {-100, 0}));
}

/// The documentation says class indices, the source which dtypes: "expected target dtype to be Long or Byte".
const CategoryRule kIndices = {"target",
                               kIntegral,
                               "https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html, and "
                               "aten/src/ATen/native/LossNLL.cpp",
                               {Dtype::Long, Dtype::Byte}};

const Row kLossesRows[] = {
    {.name = "MSELoss",
     .source = "nn/modules/loss.h",
     .contract = combines_all("https://pytorch.org/docs/stable/generated/torch.nn.MSELoss.html", {}),
     .forward = two_tensors_in_one_out<nn::MSELossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in,
                const Site&) { return compares<nn::MSELoss>(draw, in, nn::MSELossOptions()); }},
    {.name = "L1Loss",
     .source = "nn/modules/loss.h",
     .contract = l1("https://pytorch.org/docs/stable/generated/torch.nn.L1Loss.html"),
     .forward = two_tensors_in_one_out<nn::L1LossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw = [](Draw& draw, const Shape& in,
                const Site&) { return compares<nn::L1Loss>(draw, in, nn::L1LossOptions()); }},
    {.name = "SmoothL1Loss",
     .source = "nn/modules/loss.h",
     .contract = smooth_l1("https://pytorch.org/docs/stable/generated/torch.nn.SmoothL1Loss.html"),
     .forward = two_tensors_in_one_out<nn::SmoothL1LossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const double beta = draw_number(draw, "beta", {"1", "0.5", "0"});
           return compares<nn::SmoothL1Loss>(draw, in, nn::SmoothL1LossOptions().beta(beta));
         }},
    {.name = "HuberLoss",
     .source = "nn/modules/loss.h",
     .contract = of_real_numbers("https://pytorch.org/docs/stable/generated/torch.nn.HuberLoss.html",
                                 {"input", "target"}),
     .forward = two_tensors_in_one_out<nn::HuberLossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           const double delta = draw_number(draw, "delta", {"1", "0.5"});
           return compares<nn::HuberLoss>(draw, in, nn::HuberLossOptions().delta(delta));
         }},
    {.name = "CrossEntropyLoss",
     .source = "nn/modules/loss.h",
     // The target is either of two operands, told apart by its shape as LibTorch does: `target` holds
     // indices, `class_probabilities` holds a distribution for each sample. `cross_entropy_loss` is in the
     // CPU's float32 list; on CUDA it is made of `log_softmax` and `nll_loss`, which are in CUDA's.
     .contract =
         {.source = "https://pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html",
          .share_a_dtype = {{"input", "weight"}},
          .promotes = {"input", "class_probabilities", "weight"},
          .takes = {kIndices,
                    {"class_probabilities", kFloating,
                     "torch.nn.CrossEntropyLoss: `required to be float when using class probabilities`"},
                    {"weight", kFloating,
                     "torch.nn.CrossEntropyLoss: `a Tensor of size C and floating point dtype`"}},
          .autocast_cpu = AutocastPolicy::float32,
          .autocast_cuda = AutocastPolicy::float32,
          // A distribution is multiplied element by element; only indices go through `nll_loss`.
          .special = {accepts_where(
              {some({"class_probabilities"}, kFloating), each({"weight"}, kFloating)}, promoted(),
              "https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc")}},
     .forward = weighted<nn::CrossEntropyLossImpl>,
     .input = [](Draw& draw, const Site& site) { return draw_scores(draw, site, true); },
     .accepts = [](const Shape& in, const Site&) { return !in.empty() && classes_of(in) > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto classes = classes_of(in);
       const bool indices = draw.word("target_holds", {"indices", "probabilities"}) == "indices";
       const InputSpec target =
           indices ? InputSpec{.name = "target",
                               .shape = samples_of(in),
                               .content = Content::indices,
                               .limit = classes,
                               .natural = Dtype::Long}
                   : InputSpec{.name = "class_probabilities", .shape = in, .content = Content::probabilities};
       const double smoothing = draw_number(draw, "label_smoothing", {"0", "0.1"});
       std::string_view reduction;
       const bool unreduced = draw_unreduced_or(draw, reduction);
       auto options = reduced(nn::CrossEntropyLossOptions().label_smoothing(smoothing), reduction);
       // "ignore_index is not supported for floating point target": cross_entropy_loss_prob_target.
       if (indices) options = draw_ignored(draw, options, reduction);
       return {.make = make<nn::CrossEntropyLoss>(options),
               .out = unreduced ? samples_of(in) : Shape{},
               .inputs = {target, class_weight(draw, classes)}};
     },
     .other_operators = {{"target_holds", "indices are picked, probabilities are multiplied"}}},
    {.name = "NLLLoss",
     .source = "nn/modules/loss.h",
     // `nll_loss` and `nll_loss2d` are in the float32 lists of CPU and CUDA.
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.NLLLoss.html",
                  .share_a_dtype = {{"input", "weight"}},
                  .takes = {kIndices},
                  .autocast_cpu = AutocastPolicy::float32,
                  .autocast_cuda = AutocastPolicy::float32},
     .forward = weighted<nn::NLLLossImpl>,
     // F::nll_loss of the C++ front end: "Expected 2 or more dimensions".
     .input = [](Draw& draw, const Site& site) { return draw_scores(draw, site, false); },
     .accepts = [](const Shape& in, const Site&) { return in.size() >= 2 && in[1] > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       std::string_view reduction;
       const bool unreduced = draw_unreduced_or(draw, reduction);
       const auto options = draw_ignored(draw, reduced(nn::NLLLossOptions(), reduction), reduction);
       return {.make = make<nn::NLLLoss>(options),
               .out = unreduced ? samples_of(in) : Shape{},
               .inputs = {{.name = "target",
                           .shape = samples_of(in),
                           .content = Content::indices,
                           .limit = in[1],
                           .natural = Dtype::Long},
                          class_weight(draw, in[1])}};
     },
     .content = Content::log_probabilities},
    {.name = "BCELoss",
     .source = "nn/modules/loss.h",
     // After a layer whose values leave [0, 1] it refuses their range, which is no matter of dtypes.
     .contract = binary_cross_entropy("https://pytorch.org/docs/stable/generated/torch.nn.BCELoss.html"),
     .forward = two_tensors_in_one_out<nn::BCELossImpl>,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           return compares<nn::BCELoss>(draw, in, nn::BCELossOptions(), Content::probabilities);
         },
     .content = Content::probabilities},
    {.name = "BCEWithLogitsLoss",
     .source = "nn/modules/loss.h",
     .contract = of_real_numbers("https://pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html",
                                 {"input", "target", "weight", "pos_weight"}),
     .forward = weighted_with_logits,
     .input = draw_any_input,
     .accepts = any_shape,
     .draw =
         [](Draw& draw, const Shape& in, const Site&) {
           auto drawn = compares<nn::BCEWithLogitsLoss>(draw, in, nn::BCEWithLogitsLossOptions(),
                                                        Content::probabilities);
           // Both are broadcast against the input, so a vector as long as its last dimension fits.
           const Shape shape = in.empty() ? Shape{} : Shape{in.back()};
           for (const auto* name : {"weight", "pos_weight"})
             drawn.inputs.push_back({.name = name,
                                     .shape = shape,
                                     .content = Content::positive,
                                     .present = draw.flag(std::string("with_") + name, false)});
           return drawn;
         }},
    {.name = "CTCLoss",
     .source = "nn/modules/loss.h",
     // `ctc_loss` is in the CPU's float32 list and in none of CUDA's.
     .contract =
         {.source = "https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html",
          .takes = {{"targets", kIntegral, "https://pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html"},
                    {"input_lengths", kIntegral, "aten/src/ATen/native/LossCTC.cpp: must be integral"},
                    {"target_lengths", kIntegral, "aten/src/ATen/native/LossCTC.cpp: must be integral"}},
          .output = same_as("log_probs"),
          .autocast_cpu = AutocastPolicy::float32},
     .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
       return {static_cast<nn::CTCLossImpl&>(module).forward(in[0], in[1], in[2], in[3])};
     },
     .input = [](Draw& draw, const Site& site) -> Shape {
       const auto classes = draw.size("classes", {4, 2, 3, 5, 8, 17, 33});
       Draw::AtRoot root(draw);
       return {draw.size("input.length", {3, 2, 9}), std::max<int64_t>(site.batch, 1), classes};
     },
     // [time, batch, classes]; one class is the blank.
     .accepts = [](const Shape& in, const Site&) { return in.size() == 3 && numel(in) > 0 && in[2] > 1; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto steps = in[0], samples = in[1], blank = in[2] - 1;
       // The same label twice needs a blank between them, so three steps; with fewer the loss is infinite.
       const auto length = steps > 2 ? draw.size("target_length", {1, 2}) : 1;
       const bool zero_infinity = draw.flag("zero_infinity", false);
       std::string_view reduction;
       const bool unreduced = draw_unreduced_or(draw, reduction);
       // Targets may not be the blank, so it is the last class and not the first.
       const auto options = nn::CTCLossOptions().blank(blank).zero_infinity(zero_infinity);
       return {.make = make<nn::CTCLoss>(reduced(options, reduction)),
               .out = unreduced ? Shape{samples} : Shape{},
               .inputs = {{.name = "targets",
                           .shape = {samples, length},
                           .content = Content::indices,
                           .limit = blank,
                           .natural = Dtype::Long},
                          {.name = "input_lengths",
                           .shape = {samples},
                           .content = Content::lengths,
                           .limit = steps,
                           .natural = Dtype::Long},
                          {.name = "target_lengths",
                           .shape = {samples},
                           .content = Content::lengths,
                           .limit = length,
                           .natural = Dtype::Long}}};
     },
     .input_name = "log_probs",
     .content = Content::log_probabilities},
};

}  // namespace

std::span<const Row> loss_rows() {
  return kLossesRows;
}

}  // namespace dtypefuzz
