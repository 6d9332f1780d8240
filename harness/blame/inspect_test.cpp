// What LibTorch 2.13.0 is blamed for, on cases that show it, and what a fault that is planted in it is.
#include "harness/blame/inspect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstdlib>
#include <cstring>

#include "generators/stack.h"
#include "harness/faults/deeds.h"
#include "harness/files/case_file.h"

namespace dtypefuzz {
namespace {

bool all_of_them(const Signature&) {
  return true;
}
bool nowhere(const Cause&) {
  return false;
}
bool everywhere(const Cause&) {
  return true;
}

Case case_of(const std::string& text) {
  return read_case("# dtypefuzz case 1\nlayers = 1\nlayers[0].module = " + text, "a test", whole_space())
      .body;
}

std::vector<Inspected> inspected(const std::string& text,
                                 const std::function<bool(const Cause&)>& wants_where = nowhere) {
  return inspect(case_of(text), whole_space(), {}, all_of_them, wants_where);
}
std::vector<Inspected> inspected_isolated(const std::string& text, const std::string& isa = {}) {
  return inspect_isolated(case_of(text), whole_space(), {}, {}, all_of_them, nowhere, isa);
}

std::vector<std::string> causes_of(const std::vector<Inspected>& all) {
  std::vector<std::string> causes;
  for (const Inspected& one : all) causes.push_back(to_string(one.cause));
  return causes;
}
using Causes = std::vector<std::string>;

const std::string kBiasAdded = "Linear\ninput.rank = 3\nlayers[0].bias.dtype = float64\n";
const std::string kNorm = "BatchNorm1d\ninput.contiguous = false\nlayers[0].bias.dtype = float64\n";
const std::string kLate = "Linear\ninput.rank = 3\ndevice = meta\ninput.dtype = complex64\n";

// What LibTorch does

TEST(Inspected, ALinearAboveTwoDimensionsAddsABiasOfAnotherDtype) {
  const auto all = inspected(kBiasAdded);
  ASSERT_EQ(causes_of(all), Causes{"mismatch_is_refused_by_name:takes:add_:-:bias:-"});
  EXPECT_EQ(to_string(all[0].violation.signature),
            "mismatch_is_refused_by_name:Linear:input/bias:float:forward:accepted:cpu:off");
  EXPECT_EQ(all[0].where, Whereabouts{}) << "nobody asked, and nothing was thrown";
}

TEST(Inspected, OneCauseHasManySignatures) {
  for (const std::string text :
       {"Linear\ninput.rank = 3\nlayers[0].bias.dtype = int64\n",
        "Linear\ninput.rank = 3\nparams.dtype = float64\nlayers[0].bias.dtype = float32\n",
        "Linear\ninput.rank = 3\nlayers[0].bias.dtype = float64\nautocast = bfloat16\n",
        "Linear\ninput.rank = 3\nlayers[0].bias.dtype = float64\ndevice = meta\n"})
    EXPECT_EQ(causes_of(inspected(text)), Causes{"mismatch_is_refused_by_name:takes:add_:-:bias:-"}) << text;
}

TEST(Inspected, ARefusalThatTellsNothingIsThrownSomewhereByAnOperatorThatHadWritten) {
  const auto all = inspected(kNorm);
  ASSERT_EQ(
      causes_of(all),
      (Causes{"mismatch_is_refused_by_name:throws:native_batch_norm:_batch_norm_impl_index:-:cpu_kernel",
              "refusal_leaves_no_trace:writes:native_batch_norm:_batch_norm_impl_index:running_stats:-"}));
  for (const Inspected& one : all) {
    EXPECT_EQ(one.where.exception, "c10::Error");
    EXPECT_EQ(one.where.thrown.function, "cpu_kernel");
    EXPECT_EQ(one.where.thrown.file, "aten/src/ATen/native/cpu/Loops.h");
    EXPECT_GT(one.where.thrown.line, 0);
    EXPECT_EQ(one.where.stack, "");
  }
}

TEST(Inspected, ALateRefusalIsOfTheNodeThatGaveIt) {
  const auto all = inspected(kLate);
  ASSERT_EQ(causes_of(all), (Causes{"refusal_is_early:throws:MmBackward0:-:-:validate_outputs_impl",
                                    "refusal_leaves_no_trace:writes:AccumulateGrad:-:gradient:-"}));
  for (const Inspected& one : all) EXPECT_EQ(one.where.thrown.file, "torch/csrc/autograd/engine.cpp");
}

TEST(Inspected, WhatAStageDoesIsTheStagesDoing) {
  EXPECT_EQ(causes_of(inspected("Linear\nconvert = after_forward\nconvert.dtype = float64\n")),
            Causes{"gradients_match_their_leaves:converts:Module.to:-:gradient:-"});
  EXPECT_EQ(causes_of(inspected("Linear\nflat_vector = true\nlayers[0].weight.dtype = float64\n")),
            Causes{"only_conversion_changes_dtypes:converts:vector_to_parameters:-:parameter:-"});
}

TEST(Inspected, WrongNumbersAreOfTheOperatorWhereTheyPart) {
  EXPECT_EQ(causes_of(inspected("Softsign\nparams.dtype = uint8\ninput.fill = limits\nbatch = 17\n")),
            Causes{"values_agree_with_float64:departs:add:-:-:-"});
}

TEST(Inspected, WhatHoldsHasNoCause) {
  EXPECT_EQ(causes_of(inspected("Linear\n")), Causes{});
  EXPECT_EQ(causes_of(inspected("Linear\ninput.dtype = float64\n")), Causes{}) << "refused as promised";
}

TEST(Inspected, OneCaseIsInspectedTwiceWithTheSameResult) {
  for (const std::string& text : {kBiasAdded, kNorm, kLate}) {
    const auto once = inspected(text), again = inspected(text), isolated = inspected_isolated(text);
    ASSERT_FALSE(once.empty());
    ASSERT_EQ(causes_of(again), causes_of(once));
    ASSERT_EQ(causes_of(isolated), causes_of(once));
    for (size_t i = 0; i < once.size(); ++i) {
      EXPECT_EQ(again[i].violation, once[i].violation);
      EXPECT_EQ(again[i].where, once[i].where);
      EXPECT_EQ(isolated[i].violation.signature, once[i].violation.signature);
      EXPECT_EQ(isolated[i].cause, once[i].cause);
      EXPECT_EQ(isolated[i].where, once[i].where);
    }
  }
}

// What is asked for

TEST(Inspected, OnlyWhatIsWantedIs) {
  const auto wants_late = [](const Signature& s) { return s.property == "refusal_is_early"; };
  const auto wants_none = [](const Signature&) { return false; };
  const Causes late{"refusal_is_early:throws:MmBackward0:-:-:validate_outputs_impl"};
  EXPECT_EQ(causes_of(inspect(case_of(kLate), whole_space(), {}, wants_late, nowhere)), late);
  EXPECT_EQ(causes_of(inspect_isolated(case_of(kLate), whole_space(), {}, {}, wants_late, nowhere)), late);
  EXPECT_EQ(causes_of(inspect(case_of(kLate), whole_space(), {}, wants_none, nowhere)), Causes{});
  EXPECT_EQ(causes_of(inspect(case_of(kBiasAdded), whole_space(), {}, wants_none, nowhere)), Causes{});
}

TEST(Inspected, TheWhereaboutsOfWhatIsAskedForAreLibTorchsFunctions) {
  std::vector<std::string> asked;
  const auto one_of_them = [&](const Cause& cause) {
    asked.push_back(to_string(cause));
    return cause.deed == "throws";
  };
  const auto all = inspected(kLate, one_of_them);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(asked, causes_of(all));
  EXPECT_NE(all[0].where.stack.find("torch::autograd::Engine"), std::string::npos) << all[0].where.stack;
  EXPECT_EQ(all[1].where.stack, "");

  for (const std::string& text : {kBiasAdded, kNorm}) {
    const std::string stack = inspected(text, everywhere).at(0).where.stack;
    EXPECT_TRUE(stack.starts_with("at::")) << stack;
    EXPECT_EQ(stack.find("dtypefuzz"), std::string::npos) << stack;
    EXPECT_EQ(stack.find("RecordFunction"), std::string::npos) << stack;
    EXPECT_LE(std::ranges::count(stack, '<'), 5) << stack;
  }
}

// What is planted

void abort_here(Call&) {
  std::abort();
}

/// A case whose process ends, on which inspecting says so.
Inspected ending_of(const std::string& text) {
  auto all = inspected_isolated(text);
  EXPECT_EQ(all.size(), 1u) << text;
  return all.empty() ? Inspected{} : std::move(all.front());
}

TEST(Ended, AProcessIsInTheOperatorThatWasInFlight) {
  const Planted fault({on_cpu("elu", abort_here)});
  const Inspected found = ending_of("ELU\n");
  EXPECT_EQ(to_string(found.violation.signature), "process_survives:ELU:-:float:forward:SIGABRT:cpu:off");
  EXPECT_EQ(found.cause.property, "process_survives");
  EXPECT_EQ(found.cause.deed, "ends");
  EXPECT_EQ(found.cause.operation, "elu");
  EXPECT_NE(found.cause.function, "");
  EXPECT_NE(found.where.stack.find(found.cause.function), std::string::npos) << found.where.stack;
  EXPECT_EQ(parse_cause(to_string(found.cause)), found.cause);
}

TEST(Ended, AProcessIsInAnOperatorOfBackwardToo) {
  const Planted fault({on_cpu("elu_backward", abort_here)});
  const Inspected found = ending_of("ELU\ninput.requires_grad = true\n");
  EXPECT_EQ(found.violation.signature.phase, "backward");
  EXPECT_EQ(found.cause.operation, "elu_backward");
}

TEST(Ended, AProcessIsInTheOperatorThatRanAndNotInOneThatItHadCalled) {
  const Planted fault({on_cpu("elu", [](Call& call) {
    call.tensor(0).neg();
    std::abort();
  })});
  EXPECT_EQ(ending_of("ELU\n").cause.operation, "elu");
}

TEST(Ended, AProcessOfASiblingIsInItsOperator) {
  const Planted fault(
      {on_cpu("elu", where([](const Call&) { return !at::GradMode::is_enabled(); }, abort_here))});
  EXPECT_EQ(ending_of("ELU\n").cause.operation, "elu");
}

TEST(Ended, AProcessThatNobodyWantsToKnowOfIsNothing) {
  const Planted fault({on_cpu("elu", abort_here)});
  const auto wants_none = [](const Signature&) { return false; };
  EXPECT_EQ(causes_of(inspect_isolated(case_of("ELU\n"), whole_space(), {}, {}, wants_none, nowhere)),
            Causes{});
}

TEST(Planted, ARefusalInOneModeIsOfTheOperatorThatRefuses) {
  const Planted fault({on_cpu("gelu", where([](const Call&) { return !at::GradMode::is_enabled(); },
                                            throws("\"gelu\" not implemented for 'Float'")))});
  const auto all = inspected("GELU\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].violation.signature.property, "modes_agree");
  EXPECT_EQ(all[0].cause.deed, "throws");
  EXPECT_EQ(all[0].cause.operation, "gelu");
}

TEST(Planted, ADtypeOnOneDeviceIsOfTheOperatorThatGivesIt) {
  const Planted fault(
      {on_meta("div.Tensor", where([](const Call& call) { return !call.tensor(0).is_floating_point(); },
                                   gives(at::kDouble)))});
  EXPECT_EQ(causes_of(inspected("LocalResponseNorm\nparams.dtype = int64\n")),
            Causes{"devices_agree:gives:div:-:-:-"});
}

TEST(Planted, ARefusedRepairIsOfTheOperatorThatRefusesIt) {
  const auto agree = [](const Call& call) { return !disagree(call); };
  const Planted fault(
      {on_cpu("addmm", where(agree, throws_for(at::kDouble, "Found dtype Double but expected Float")))});
  const auto all = inspected("Linear\nlayers[0].weight.dtype = float64\nlayers[0].bias.dtype = float64\n");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].violation.signature.property, "suggested_repair_works");
  EXPECT_EQ(all[0].cause.operation, "addmm");
}

TEST(Planted, ADtypeThatIsNotPromisedIsOfTheOperatorThatGivesIt) {
  const Planted fault({on_cpu("addmm", gives(at::kDouble))});
  EXPECT_THAT(causes_of(inspected("Linear\n")),
              testing::Contains("output_dtype_is_as_promised:gives:addmm:-:-:-"));
}

TEST(Isolated, RunsAsIfTheCpuHadNoMoreThanItIsTold) {
  // oneDNN asks once a process, so that a process is told and not asked.
  const Planted fault({on_cpu("elu", where(
                                         [](const Call&) {
                                           const char* isa = std::getenv("ONEDNN_MAX_CPU_ISA");
                                           return isa && std::strcmp(isa, "SSE41") == 0;
                                         },
                                         throws("told so")))});
  EXPECT_EQ(causes_of(inspected_isolated("ELU\n")), Causes{});
  const auto all = inspected_isolated("ELU\n", "SSE41");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].cause.operation, "elu");
  EXPECT_EQ(std::getenv("ONEDNN_MAX_CPU_ISA"), nullptr) << "here it is as it was";
  EXPECT_EQ(causes_of(inspected_isolated(kBiasAdded, "SSE41")),
            Causes{"mismatch_is_refused_by_name:takes:add_:-:bias:-"});
}

}  // namespace
}  // namespace dtypefuzz
