#include <gtest/gtest.h>

#include <set>

#include "harness/faults/deeds.h"
#include "harness/faults/trial.h"
#include "harness/run/prepare.h"
#include "harness/search/minimize.h"
#include "properties/property.h"

namespace dtypefuzz {
namespace {

TEST(PlantedFaults, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Fault& fault : planted_faults()) EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
  EXPECT_GE(names.size(), 60u);
}

TEST(PlantedFaults, AreOfEveryClassAndForEveryProperty) {
  std::set<std::string_view> wrong, properties, known;
  for (const Fault& fault : planted_faults())
    wrong.insert(to_string(fault.what)), properties.insert(fault.property);
  for (const Property& property : all_properties()) known.insert(property.name);
  EXPECT_EQ(wrong, (std::set<std::string_view>(classes().begin(), classes().end())));
  EXPECT_EQ(properties, known);
}

TEST(PlantedFaults, AreGoneAfterTheirScope) {
  prepare_process();
  for (const Fault& fault : planted_faults()) {
    std::vector<std::string> before;
    for (const Kernel& kernel : fault.kernels) before.push_back(kernels_of(kernel.op));
    {
      const Planted planted(fault.kernels);
      for (size_t i = 0; i < before.size(); ++i)
        EXPECT_NE(kernels_of(fault.kernels[i].op), before[i]) << fault.name << ": nothing is replaced";
    }
    for (size_t i = 0; i < before.size(); ++i)
      EXPECT_EQ(kernels_of(fault.kernels[i].op), before[i]) << fault.name << ": stays replaced";
  }
}

TEST(PlantedFaults, ChangeWhatLibTorchDoesAndOnlyInTheirScope) {
  prepare_process();
  const auto linear = [] { return torch::nn::Linear(4, 4)->forward(torch::ones({2, 4})).scalar_type(); };
  const auto it = std::find_if(planted_faults().begin(), planted_faults().end(),
                               [](const Fault& fault) { return fault.name == "addmm gives float64"; });
  ASSERT_NE(it, planted_faults().end());
  EXPECT_EQ(linear(), at::kFloat);
  {
    const Planted planted(it->kernels);
    EXPECT_EQ(linear(), at::kDouble);
  }
  EXPECT_EQ(linear(), at::kFloat);
}

TEST(PlantedFaults, AreHuntedOverModulesThatThereAre) {
  for (const Fault& fault : planted_faults()) {
    EXPECT_FALSE(space_of(fault).modules.empty()) << fault.name;
    EXPECT_EQ(space_of(fault).losses.empty(), fault.losses.empty()) << fault.name;
  }
}

TEST(Processes, ThatEndInASiblingOfALayerEndForThatLayer) {
  // Softmax is the second layer of two, and only what stands for it in no_grad and inference crashes.
  const auto it = std::find_if(planted_faults().begin(), planted_faults().end(), [](const Fault& fault) {
    return fault.name == "softmax writes to nowhere in no_grad";
  });
  ASSERT_NE(it, planted_faults().end());
  const Planted planted(it->kernels);
  const Case stack{{{"layers", "2"}, {"layers[0].module", "Linear"}, {"layers[1].module", "Softmax"}}};
  const auto violations = check_isolated(stack, whole_space(), Limits{}, {}).violations;
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(to_string(violations[0].signature), "process_survives:Softmax:-:float:forward:SIGSEGV:cpu:off");
}

TEST(Processes, ThatEndInASiblingOnAnotherDeviceEndThere) {
  // One fault is one finding, whether the layer itself ran on the CPU or what stands for it there.
  const Planted planted({{"hardshrink", c10::DispatchKey::CPU, [](Call&) { std::abort(); }}});
  for (const std::string device : {"cpu", "meta"}) {
    const Case alone{{{"device", device}, {"layers[0].module", "Hardshrink"}}};
    const auto violations = check_isolated(alone, whole_space(), Limits{}, {}).violations;
    ASSERT_EQ(violations.size(), 1u);
    EXPECT_EQ(to_string(violations[0].signature),
              "process_survives:Hardshrink:-:float:forward:SIGABRT:cpu:off");
  }
}

TEST(Processes, ThatEndInASiblingInAnotherRegionEndThere) {
  // What stands for the layer in the other region gets the dtype that crashes.
  const auto in_float16 = [](const Call& call) { return call.tensor(1).scalar_type() == at::kHalf; };
  const Planted planted({on_cpu("addmm", where(in_float16, [](Call&) { std::abort(); }))});
  const Case region{{{"autocast", "bfloat16"}, {"batch", "3"}, {"layers[0].module", "Linear"}}};
  const auto violations = check_isolated(region, whole_space(), Limits{}, {}).violations;
  ASSERT_EQ(violations.size(), 1u);
  Violation violation = violations[0];
  const Case small = minimize(region, whole_space(), violation, [](const Reading& step) {
    return check_isolated(step.body, whole_space(), Limits{}, {}).violations;
  });
  EXPECT_EQ(small["batch"], "1");
  EXPECT_EQ(to_string(violation.signature),
            "process_survives:Linear:-:low_float:forward:SIGABRT:cpu:float16");
}

TEST(Processes, ThatEndWhileACacheIsWarmedEndForTheLayer) {
  const Planted planted({{"hardshrink", c10::DispatchKey::CPU, [](Call&) { std::abort(); }}});
  const Case warmed{
      {{"autocast", "bfloat16"}, {"autocast.warmup", "no_grad"}, {"layers[0].module", "Hardshrink"}}};
  const auto violations = check_isolated(warmed, whole_space(), Limits{}, {}).violations;
  ASSERT_EQ(violations.size(), 1u);
  EXPECT_EQ(to_string(violations[0].signature),
            "process_survives:Hardshrink:-:float:forward:SIGABRT:cpu:bfloat16");
}

/// End to end, in a second or so each. Cases are counted, not seconds.
TEST(PlantedFaults, AreCaughtByTheirPropertyAndRepeat) {
  const TrialSettings settings{.seconds = 600, .cases = 200};
  for (const auto* name : {"addmm names dtypes that no operand has", "gelu gives float64",
                           "addmm's bias gets a gradient of another dtype", "leaky_relu writes to nowhere"}) {
    const auto it = std::find_if(planted_faults().begin(), planted_faults().end(),
                                 [&](const Fault& fault) { return fault.name == name; });
    ASSERT_NE(it, planted_faults().end()) << name;
    const Trial trial = trial_of(*it, control_for(*it, settings), settings);
    EXPECT_TRUE(trial.caught) << name;
    EXPECT_TRUE(trial.fired.contains(std::string(it->property))) << name;
    EXPECT_EQ(trial.layers, 1u) << name;
    EXPECT_EQ(trial.signature.substr(0, it->property.size()), it->property) << name;
  }
}

TEST(PlantedFaults, AreNotFoundWhereThereIsNone) {
  Fault none = planted_faults().front();
  none.kernels.clear();
  const TrialSettings settings{.seconds = 600, .cases = 500};
  const Trial trial = trial_of(none, control_for(none, settings), settings);
  EXPECT_FALSE(trial.caught);
  EXPECT_TRUE(trial.fired.empty());
}

}  // namespace
}  // namespace dtypefuzz
