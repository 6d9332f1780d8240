#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostIndices = 256;

CategoryRule takes_indices(std::string_view operand, std::string_view documentation) {
  return {operand, kIntegral, documentation, {Dtype::Int, Dtype::Long}};
}

/// The table of embeddings.
struct Table {
  int64_t rows = 0, features = 0;
};
Table draw_table(Draw& draw) {
  return {.rows = draw.size("num_embeddings", {10, 1, 2, 5}),
          .features = draw_features(draw, "embedding_dim")};
}

constexpr OtherOperator kMaxNorm = {"max_norm",
                                    "rows are scaled by their norms, which whole numbers have not"};

/// What forward writes to: with `max_norm` it renormalizes rows of `weight`.
template <class Options>
std::vector<std::string> draw_padding_and_norm(Draw& draw, Options& options) {
  const auto padding = draw.word("padding_idx", {"none", "0", "-1"});
  if (padding != "none") options.padding_idx(padding == "0" ? 0 : -1);
  if (!draw.flag("max_norm", false)) return {};
  options.max_norm(1.0);
  return {"weight"};
}

template <class Options>
void draw_gradient(Draw& draw, Options& options) {
  const bool scale = draw.flag("scale_grad_by_freq", false);
  options.scale_grad_by_freq(scale);
  if (!scale) options.sparse(draw.flag("sparse", false));  // backward refuses both together
}

When indices_of_int32_and_int64() {
  const DtypeSet indices = {Dtype::Int, Dtype::Long};
  return {some({"input"}, indices), some({"offsets"}, indices),
          some({"offsets"}, other_than(dtype_of("input"))), each({"per_sample_weights"}, dtype_of("weight"))};
}

/// Numbers of bags that so many indices can be divided into: some of them may be empty.
int64_t draw_bags(Draw& draw) {
  return draw.size("bags", {2, 1, 5});
}

constexpr std::string_view kBagIndices =
    "\"input (IntTensor or LongTensor) and offsets (IntTensor or LongTensor)\", "
    "torch.nn.functional.embedding_bag";

const Row kEmbeddingRows[] = {
    {
        .name = "Embedding",
        .source = "nn/modules/embedding.h",
        // A row of `weight` for every index: nothing is combined, so indices and weight share nothing.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
                     .takes = {takes_indices(
                         "input",
                         "\"Input: IntTensor or LongTensor of arbitrary shape\", torch.nn.Embedding")},
                     .output = same_as("weight"),
                     .carries_gradient = false},
        .forward = one_tensor_in_one_out<nn::EmbeddingImpl>,
        .input =
            [](Draw& draw, const Site& site) {
              int64_t features = 0;
              {
                const Draw::AtRoot root(draw);
                features = draw.size("input.features", {4, 1, 3, 9});
              }
              return draw_rows_of(draw, site, features);
            },
        .accepts = [](const Shape& in, const Site&) { return in.size() <= 4 && numel(in) <= kMostIndices; },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto table = draw_table(draw);
          nn::EmbeddingOptions options(table.rows, table.features);
          auto renews = draw_padding_and_norm(draw, options);
          draw_gradient(draw, options);
          Shape out = in;
          out.push_back(table.features);
          return {.make = make<nn::Embedding>(options),
                  .out = out,
                  .parameters = {"weight"},
                  .input_limit = table.rows,
                  .renews = std::move(renews)};
        },
        .content = Content::indices,
        .natural = Dtype::Long,
        .before_losses = true,  // the loss gets numbers of the parameters' dtype, whatever the input is
        .other_operators = {kMaxNorm},
    },
    {
        .name = "EmbeddingBag",
        .source = "nn/modules/embedding.h",
        // Rows of `weight` are added up, each times its own weight. No autocast list has `embedding_bag`.
        .contract =
            {.source = "https://pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html",
             .share_a_dtype = {{"weight", "per_sample_weights"}},
             .takes = {takes_indices("input", kBagIndices), takes_indices("offsets", kBagIndices)},
             .output = same_as("weight"),
             // The documentation still wants one dtype; that the operator takes both was made on purpose.
             .special = {accepts_where(indices_of_int32_and_int64(), same_as("weight"),
                                       "https://github.com/pytorch/pytorch/pull/55189")},
             .carries_gradient = false},
        .forward = [](nn::Module& module, std::span<const at::Tensor> in) -> std::vector<at::Tensor> {
          return {static_cast<nn::EmbeddingBagImpl&>(module).forward(in[0], in[1], in[2])};
        },
        .input = [](Draw& draw, const Site& site) -> Shape {
          const Draw::AtRoot root(draw);
          const auto features = draw.size("input.features", {4, 1, 3, 9});
          if (draw.rank({2, 1}) == 1) return {features};
          return {site.batch, features};
        },
        // [bags, indices] or [indices]; the step from bag to bag is the number of indices, which is not 0.
        .accepts =
            [](const Shape& in, const Site&) {
              return (in.size() == 1 || in.size() == 2) && in.back() > 0 && numel(in) <= kMostIndices;
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto table = draw_table(draw);
          nn::EmbeddingBagOptions options(table.rows, table.features);
          const auto mode = draw.word("mode", {"mean", "sum", "max"});
          if (mode == "sum") options.mode(torch::kSum);
          if (mode == "max") options.mode(torch::kMax);
          auto renews = draw_padding_and_norm(draw, options);
          if (mode != "max") draw_gradient(draw, options);  // which refuses both
          // Bags of a matrix are its rows; in a vector each begins at its offset.
          const bool matrix = in.size() == 2;
          const auto bags = matrix ? in[0] : draw_bags(draw);
          const bool last = !matrix && draw.flag("include_last_offset", false);
          options.include_last_offset(last);
          const bool weighted = mode == "sum" && draw.flag("per_sample_weights", false);
          return {.make = make<nn::EmbeddingBag>(options),
                  .out = {bags, table.features},
                  .inputs = {{.name = "offsets",
                              .shape = {bags + last},
                              .content = Content::offsets,
                              .limit = last ? in[0] : in[0] * (bags - 1) / std::max<int64_t>(bags, 1),
                              .natural = Dtype::Long,
                              .present = !matrix},
                             {.name = "per_sample_weights", .shape = in, .present = weighted}},
                  .parameters = {"weight"},
                  .input_limit = table.rows,
                  .renews = std::move(renews)};
        },
        .content = Content::indices,
        .natural = Dtype::Long,
        .other_operators = {{"mode", "a mean, a sum and a maximum are three reductions"}, kMaxNorm},
    },
};

}  // namespace

std::span<const Row> embedding_rows() {
  return kEmbeddingRows;
}

}  // namespace dtypefuzz
