#include <algorithm>

#include "dtypefuzz/calls.h"
#include "dtypefuzz/shapes.h"
#include "dtypefuzz/vocabulary.h"

namespace dtypefuzz {
namespace {

namespace nn = torch::nn;

constexpr int64_t kMostFeatures = 64;  // that draw_features may answer

/// Copies or views whatever they are given: no operator that could refuse a dtype.
Contract passes_through(std::string_view documentation) {
  return {.source = documentation};
}

bool has_a_dimension(const Shape& in, const Site&) {
  return !in.empty() && numel(in) <= kMostElements;
}

/// [..., features] with at least one feature: the initial bound 1 / sqrt(features) is infinite for none, and
/// `uniform_` refuses it. Without elements in the other dimensions these modules work.
bool rows_of_at_most(const Shape& in, int64_t features, int64_t elements_out_per_row, int64_t rows) {
  if (in.empty() || in.back() < 1 || in.back() > features) return false;
  const int64_t count = numel(in) / in.back();
  return count <= rows && count * elements_out_per_row <= kMostElements;
}

const Row kLinearRows[] = {
    {
        .name = "Linear",
        .source = "nn/modules/linear.h",
        // The C++ F::linear is `addmm` for matrices, else `matmul` and `output += bias`. Both products are in
        // the lower precision lists of CPU and CUDA, adding in place keeps the product's dtype: what
        // one `linear` promises. Source: nn/functional/linear.h, aten/src/ATen/autocast_mode.{h,cpp}.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Linear.html",
                     .share_a_dtype = {{"input", "weight", "bias"}},
                     .autocast_cpu = AutocastPolicy::lower_precision,
                     .autocast_cuda = AutocastPolicy::lower_precision},
        .forward = one_tensor_in_one_out<nn::LinearImpl>,
        .input =
            [](Draw& draw, const Site& site) {
              return draw_rows_of(draw, site, draw_features(draw, "in_features"));
            },
        .accepts = [](const Shape& in,
                      const Site&) { return rows_of_at_most(in, 1024, kMostFeatures, kMostElements); },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto out_features = draw_features(draw, "out_features");
          const bool bias = draw.flag("bias", true);
          Shape out = in;
          out.back() = out_features;
          return {.make = make<nn::Linear>(nn::LinearOptions(in.back(), out_features).bias(bias)),
                  .out = out,
                  .parameters = weight_and(bias)};
        },
    },
    {
        .name = "Identity",
        .source = "nn/modules/linear.h",
        .contract = passes_through("https://pytorch.org/docs/stable/generated/torch.nn.Identity.html"),
        .forward = one_tensor_in_one_out<nn::IdentityImpl>,
        .input = draw_any_input,
        .accepts = any_shape,
        .draw = [](Draw&, const Shape& in, const Site&) -> Drawn {
          return {.make = make<nn::Identity>(), .out = in};
        },
        .passes_on = true,
        .before_losses = true,  // the loss gets what the case gives
    },
    {
        .name = "Flatten",
        .source = "nn/modules/linear.h",
        .contract = passes_through("https://pytorch.org/docs/stable/generated/torch.nn.Flatten.html"),
        .forward = one_tensor_in_one_out<nn::FlattenImpl>,
        .input = draw_any_input,
        .accepts = has_a_dimension,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto rank = static_cast<int64_t>(in.size());
          const auto start = rank > 1 ? draw.size("start_dim", {1, 0}) : 0;
          const auto end = rank - start > 2 ? draw.size("end_dim", {-1, -2}) : -1;
          const auto first = in.begin() + start, last = in.end() + end;
          Shape out(in.begin(), first);
          out.push_back(numel(Shape(first, last + 1)));
          out.append(last + 1, in.end());
          return {.make = make<nn::Flatten>(nn::FlattenOptions().start_dim(start).end_dim(end)), .out = out};
        },
    },
    {
        .name = "Unflatten",
        .source = "nn/modules/linear.h",
        .contract = passes_through("https://pytorch.org/docs/stable/generated/torch.nn.Unflatten.html"),
        .forward = one_tensor_in_one_out<nn::UnflattenImpl>,
        .input = draw_any_input,
        .accepts = has_a_dimension,
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto rank = static_cast<int64_t>(in.size());
          const auto dim = rank > 1 ? draw.size("dim", {-1, 0}) : -1;
          const auto at = dim < 0 ? rank - 1 : dim;
          const auto size = in[static_cast<size_t>(at)];
          const auto pieces = size > 1 ? draw.size("pieces", {1, size}) : 1;
          // One size may be left open; of no elements it cannot be told.
          const bool inferred = size > 0 && draw.flag("inferred", false);
          Shape out(in.begin(), in.begin() + at);
          out.append({pieces, size / pieces});
          out.append(in.begin() + at + 1, in.end());
          const std::vector<int64_t> sizes = {pieces, inferred ? -1 : size / pieces};
          return {.make = make<nn::Unflatten>(nn::UnflattenOptions(dim, sizes)), .out = out};
        },
    },
    {
        .name = "Bilinear",
        .source = "nn/modules/linear.h",
        // "All tensors must have the same dtype": at::bilinear, aten/src/ATen/native/Linear.cpp. It is in
        // CUDA's promote list and in none of CPU's. There the products in `_trilinear` (bmm) are cast, but
        // they are added to an output of input1's dtype: the dtype is promised, bfloat16's accuracy is what
        // it has.
        .contract = {.source = "https://pytorch.org/docs/stable/generated/torch.nn.Bilinear.html",
                     .share_a_dtype = {{"input1", "input2", "weight", "bias"}},
                     .output = same_as("input1"),
                     .autocast_cuda = AutocastPolicy::promote},
        .forward = two_tensors_in_one_out<nn::BilinearImpl>,
        .input =
            [](Draw& draw, const Site& site) {
              return draw_rows_of(draw, site, draw_features(draw, "in1_features"));
            },
        .accepts =
            [](const Shape& in, const Site&) {
              // `_trilinear` holds rows * in2_features * out_features numbers in between.
              return rows_of_at_most(in, 128, 17 * 17, 300);
            },
        .draw = [](Draw& draw, const Shape& in, const Site&) -> Drawn {
          const auto in2_features = draw.size("in2_features", {3, 1, 4, 8, 17});
          const auto out_features = draw.size("out_features", {4, 1, 2, 3, 8, 17});
          const bool bias = draw.flag("bias", true);
          Shape input2 = in, out = in;
          input2.back() = in2_features;
          out.back() = out_features;
          return {.make = make<nn::Bilinear>(
                      nn::BilinearOptions(in.back(), in2_features, out_features).bias(bias)),
                  .out = out,
                  .inputs = {{.name = "input2", .shape = input2}},
                  .parameters = weight_and(bias)};
        },
        .input_name = "input1",
    },
};

}  // namespace

std::span<const Row> linear_rows() {
  return kLinearRows;
}

}  // namespace dtypefuzz
