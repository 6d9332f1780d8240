#include "generators/losses.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

const Row kDistanceRows[] = {
    {.name = "CosineSimilarity",
     .source = "nn/modules/distance.h",
     // "Supports type promotion"; of integers alone there is none: "expected common dtype to be floating
     // point", cosine_similarity, aten/src/ATen/native/Distance.cpp. It is in CUDA's float32 list and in none
     // of CPU's.
     .contract = {.source =
                      "https://pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html",
                  .promotes = {"input1", "input2"},
                  .output = promoted(),
                  .autocast_cuda = AutocastPolicy::float32},
     .forward = two_tensors_in_one_out<nn::CosineSimilarityImpl>,
     .input = [](Draw& draw, const Site& site) -> Shape {
       const Draw::AtRoot root(draw);
       const auto rank = draw.rank({2, 3});
       Shape shape = {site.batch};
       if (rank == 3) shape.push_back(draw.size("input.length", {2, 1, 9}));
       shape.push_back(draw_features(draw, "input.features"));
       return shape;
     },
     .accepts = [](const Shape& in, const Site&) { return in.size() >= 2; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       const auto dim = draw.size("dim", {1, 0, -1});
       Shape out = in;
       out.erase(dim < 0 ? out.end() - 1 : out.begin() + dim);
       return {.make = make<nn::CosineSimilarity>(nn::CosineSimilarityOptions().dim(dim)),
               .out = out,
               .inputs = {{.name = "input2", .shape = in}}};
     },
     .input_name = "input1"},
    {.name = "PairwiseDistance",
     .source = "nn/modules/distance.h",
     // A difference and its `linalg_vector_norm`, which gives float32 in CUDA's regions and is in none of
     // CPU's lists.
     .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html",
                  .promotes = {"input1", "input2"},
                  .output = promoted(),
                  .autocast_cuda = AutocastPolicy::float32,
                  .special = {of_real_numbers_alone(), any_output_of_integers_alone()}},
     .forward = two_tensors_in_one_out<nn::PairwiseDistanceImpl>,
     .input = draw_any_input,
     .accepts = [](const Shape& in, const Site&) { return !in.empty() && in.back() > 0; },
     .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
       // With p = 0 it counts, and a count has no gradient.
       const double p = draw_number(draw, "p", {"2", "1", "3", "inf"});
       // What comes out of one vector is a scalar, with which no other layer goes on.
       const bool keepdim = in.size() == 1 || draw.flag("keepdim", false);
       Shape out = without_last(in);
       if (keepdim) out.push_back(1);
       return {.make = make<nn::PairwiseDistance>(nn::PairwiseDistanceOptions().p(p).keepdim(keepdim)),
               .out = out,
               .inputs = {{.name = "input2", .shape = in}}};
     },
     .input_name = "input1"},
};

}  // namespace

std::span<const Row> distance_rows() {
  return kDistanceRows;
}

}  // namespace dtypefuzz
