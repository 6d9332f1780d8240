#include "harness/run/thrown.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "harness/run/plans_for_test.h"
#include "harness/run/run.h"
#include "harness/run/trail.h"

namespace dtypefuzz {

void PrintTo(const ThrowSite& site, std::ostream* out) {
  *out << site.function << " at " << site.file << ":" << site.line;
}

namespace {

/// How LibTorch begins a backtrace, and goes on.
std::string backtrace_from(std::string_view site) {
  return "Exception raised from " + std::string(site) +
         " (most recent call first):\nframe #0: c10::Error::Error at 0x7f (0x7f in "
         "/lib/libc10.so)\nframe #1: <unknown function> + 0x1: 2 at x.cpp:3\n";
}

TEST(Site, IsTheFunctionAndTheFileFromTheRootOfLibTorchOn) {
  struct {
    std::string_view text;
    ThrowSite site;
  } const kTexts[] = {
      {"addmm_impl_cpu_ at /__w/pytorch/pytorch/aten/src/ATen/native/LinearAlgebra.cpp:1448",
       {"addmm_impl_cpu_", "aten/src/ATen/native/LinearAlgebra.cpp", 1448}},
      {"compute_types at /pytorch/aten/src/ATen/TensorIterator.cpp:473",
       {"compute_types", "aten/src/ATen/TensorIterator.cpp", 473}},
      {"validate_outputs_impl at ../torch/csrc/autograd/engine.cpp:966",
       {"validate_outputs_impl", "torch/csrc/autograd/engine.cpp", 966}},
      {"check at ../../c10/util/x.h:1", {"check", "c10/util/x.h", 1}},
      {"operator() at /pytorch/aten/src/ATen/native/cpu/batch_norm_kernel.cpp:7",
       {"operator()", "aten/src/ATen/native/cpu/batch_norm_kernel.cpp", 7}},
      {"look at me at /pytorch/c10/a at b/C:D.h:12", {"look at me at /pytorch/c10/a", "b/C:D.h", 12}},
      {"f at /elsewhere/torch/csrc/x.cpp:9", {"f", "/elsewhere/torch/csrc/x.cpp", 9}},
  };
  for (const auto& [text, site] : kTexts) EXPECT_EQ(site_in(backtrace_from(text)), site) << text;
}

TEST(Site, IsThereWithoutWhatFollowsToo) {
  EXPECT_EQ(site_in("Exception raised from f at g.cpp:3"), (ThrowSite{"f", "g.cpp", 3}));
}

TEST(Site, OfATextWithoutOneIsNone) {
  for (const std::string_view text : {"", "mat1 and mat2 must have the same dtype", "Exception raised from ",
                                      "raised from f", " at :", "raised from f at g", "raised from f: at g",
                                      "raised from  (most recent call first): f at g:1"})
    EXPECT_EQ(site_in(text), std::nullopt) << text;
  EXPECT_EQ(site_in(std::string_view("\0\0raised\0from", 13)), std::nullopt);
}

TEST(Site, OfJunkHasNoLineAndEndsNothing) {
  EXPECT_EQ(site_in("raised from f at g:"), (ThrowSite{"f", "g", 0}));
  EXPECT_EQ(site_in("raised from f at g:99999999999999999999"), (ThrowSite{"f", "g", 0}));
  EXPECT_EQ(site_in("raised from f at g:x"), (ThrowSite{"f", "g", 0}));
  const std::string junk(1 << 16, '\xff');
  EXPECT_EQ(site_in(junk), std::nullopt);
  EXPECT_TRUE(site_in("raised from " + junk + " at " + junk + ":1"));
}

TEST(Site, OfWhatLibTorchThrowsIsWhereItDidSo) {
  try {
    torch::mm(torch::ones({2, 2}), torch::ones({2, 2}, torch::kDouble));
    FAIL() << "LibTorch multiplies float32 by float64";
  } catch (const c10::Error& e) {
    const auto site = site_of(e);
    ASSERT_TRUE(site);
    EXPECT_EQ(site->function, "addmm_impl_cpu_");
    EXPECT_EQ(site->file, "aten/src/ATen/native/LinearAlgebra.cpp");
    EXPECT_GT(site->line, 0);
  }
}

TEST(Site, OfAnotherExceptionIsNone) {
  EXPECT_EQ(site_of(std::runtime_error("Exception raised from f at g.cpp:3 (most recent call first):")),
            std::nullopt);
  EXPECT_EQ(site_of(c10::Error("no backtrace", nullptr)), std::nullopt);
}

TEST(Site, IsAFactOfARunWhereOperatorsAreRecorded) {
  const Plan plan = plan_with({{"input.dtype", "float64"}});
  ASSERT_TRUE(run(plan).error);
  EXPECT_FALSE(run(plan).error->site) << "looking it up takes 69 ms";
  const TrailRecorder recorder({});
  const Observation seen = run(plan);
  ASSERT_TRUE(seen.error && seen.error->site);
  EXPECT_EQ(seen.error->site->file, "aten/src/ATen/native/LinearAlgebra.cpp");
}

}  // namespace
}  // namespace dtypefuzz
