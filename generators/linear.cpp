#include "generators/calls.h"
#include "generators/row.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

const Row kRows[] = {
    {
        .name = "Linear",
        .source = "nn/modules/linear.h",
        // `linear` is in the lower precision list of CPU and CUDA: aten/src/ATen/autocast_mode.{h,cpp}.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Linear.html",
                     .share_a_dtype = {{"input", "weight", "bias"}},
                     .autocast_cpu = AutocastPolicy::lower_precision,
                     .autocast_cuda = AutocastPolicy::lower_precision},
        .forward = one_tensor_in_one_out<nn::LinearImpl>,
        .input = [](Draw& draw, const Site& site) { return draw_rows_of(draw, site, draw_features(draw, "in_features")); },
        .accepts = [](const Shape& in, const Site&) { return !in.empty(); },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto out_features = draw_features(draw, "out_features");
          const bool bias = draw.flag("bias", true);
          Shape out = in;
          out.back() = out_features;
          std::vector<std::string> parameters = {"weight"};
          if (bias) parameters.push_back("bias");
          return {.make = make<nn::Linear>(nn::LinearOptions(in.back(), out_features).bias(bias)),
                  .out = out,
                  .parameters = parameters};
        },
    },
    {
        .name = "Identity",
        .source = "nn/modules/linear.h",
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Identity.html"},
        .forward = one_tensor_in_one_out<nn::IdentityImpl>,
        .input = draw_any_input,
        .accepts = [](const Shape&, const Site&) { return true; },
        .draw = [](Draw&, const Shape& in, const Site&) -> Drawn { return {.make = make<nn::Identity>(), .out = in}; },
    },
    {
        .name = "Flatten",
        .source = "nn/modules/linear.h",
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html"},
        .forward = one_tensor_in_one_out<nn::FlattenImpl>,
        .input = draw_any_input,
        .accepts = [](const Shape& in, const Site&) { return in.size() >= 2; },
        .draw = [](Draw&, const Shape& in, const Site&) -> Drawn {
          Shape out = in;
          if (in.size() >= 2) {
            int64_t rest = 1;
            for (size_t i = 1; i < in.size(); ++i) rest *= in[i];
            out = {in[0], rest};
          }
          return {.make = make<nn::Flatten>(nn::FlattenOptions().start_dim(in.size() >= 2 ? 1 : 0)), .out = out};
        },
    },
    {
        .name = "Bilinear",
        .source = "nn/modules/linear.h",
        // `bilinear` is in CUDA's promote list and in none of the CPU's, where the matrix products in it are cast.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html",
                     .share_a_dtype = {{"input1", "input2", "weight", "bias"}},
                     .output = same_as("input1"),
                     .autocast_cpu = AutocastPolicy::unspecified,
                     .autocast_cuda = AutocastPolicy::promote},
        .forward = two_tensors_in_one_out<nn::BilinearImpl>,
        .input = [](Draw& draw, const Site& site) -> Shape {
          return {std::max<int64_t>(site.batch, 1), draw_features(draw, "in1_features")};
        },
        .accepts = [](const Shape& in, const Site&) { return in.size() >= 2 && numel(in) > 0 && in.back() <= 64; },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto second = draw.size("in2_features", {4, 1, 3}), out_features = draw.size("out_features", {4, 1, 5});
          const bool bias = draw.flag("bias", true);
          Shape other = in, out = in;
          other.back() = second;
          out.back() = out_features;
          std::vector<std::string> parameters = {"weight"};
          if (bias) parameters.push_back("bias");
          return {.make = make<nn::Bilinear>(nn::BilinearOptions(in.back(), second, out_features).bias(bias)),
                  .out = out,
                  .inputs = {{.name = "input2", .shape = other}},
                  .parameters = parameters};
        },
        .input_name = "input1",
    },
    {
        .name = "Embedding",
        .source = "nn/modules/embedding.h",
        // Indices are IntTensor or LongTensor: https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Embedding.html",
                     .takes = {{"input", kIntegral, "aten/src/ATen/native/Embedding.cpp"}},
                     .output = same_as("weight"),
                     .carries_gradient = false},
        .forward = one_tensor_in_one_out<nn::EmbeddingImpl>,
        .input = [](Draw& draw, const Site& site) { return draw_any_input(draw, site); },
        .accepts = [](const Shape& in, const Site&) { return in.size() <= 3 && numel(in) <= 256; },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto count = draw.size("num_embeddings", {8, 3, 20}), width = draw.size("embedding_dim", {4, 1, 8});
          Shape out = in;
          out.push_back(width);
          return {.make = make<nn::Embedding>(nn::EmbeddingOptions(count, width)),
                  .out = out,
                  .parameters = {"weight"},
                  .input_limit = count};
        },
        .content = Content::indices,
        .natural = Dtype::Long,
    },
};

}  // namespace

std::span<const Row> linear_rows() { return kRows; }

}  // namespace dtypefuzz
