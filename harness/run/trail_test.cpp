// What LibTorch runs, as a trail tells it. The operators are LibTorch's own; three of the test's do what no
// operator of LibTorch's does on demand.
#include "harness/run/trail.h"

#include <gtest/gtest.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <algorithm>
#include <cstring>

#include "harness/run/autocast.h"
#include "harness/run/plans_for_test.h"
#include "harness/run/position.h"
#include "harness/run/run.h"

namespace dtypefuzz {
namespace {

using Names = std::vector<std::string>;
using Work = std::function<void()>;

Trail trail_of(const Work& work, const TrailRecorder::Terms& terms = {}) {
  TrailRecorder recorder(terms);
  work();
  return recorder.take();
}

Names names_of(const Trail& trail) {
  Names names;
  for (const Operation& operation : trail.operations) names.push_back(operation.name);
  return names;
}

/// The first one of that name; one without a name where there is none.
Operation named(const Trail& trail, std::string_view name) {
  const auto at = std::ranges::find(trail.operations, name, &Operation::name);
  EXPECT_NE(at, trail.operations.end()) << name << " is not in " << testing::PrintToString(names_of(trail));
  return at == trail.operations.end() ? Operation{} : *at;
}

std::vector<Dtype> dtypes_of(const std::vector<Passed>& all) {
  std::vector<Dtype> dtypes;
  for (const Passed& passed : all) dtypes.push_back(passed.dtype);
  return dtypes;
}

// Operators of the test's own

char in_flight[TrailRecorder::kInFlightBytes];
Names seen_in_flight;
#define DTYPEFUZZ_LONG_NAME                        \
  "an_operator_of_a_name_that_is_longer_than_what" \
  "_anybody_has_kept_room_for_so_that_it_has_to_be_cut_somewhere_and_is_cut_where_its_room_ends_not_later"

at::Tensor peek(const at::Tensor& x) {
  seen_in_flight.emplace_back(in_flight);
  return x.clone();
}
at::Tensor peek_between(const at::Tensor& x) {
  const at::Tensor negative = x.neg();
  seen_in_flight.emplace_back(in_flight);
  return negative;
}
at::Tensor switch_autocast(const at::Tensor& x) {
  const bool on = at::autocast::is_autocast_enabled(at::kCPU);
  at::autocast::set_autocast_enabled(at::kCPU, !on);
  return x.clone();
}
at::Tensor change_autocast(const at::Tensor& x) {
  at::autocast::set_autocast_dtype(at::kCPU, at::kHalf);
  return x.clone();
}

TORCH_LIBRARY(trail_test, library) {
  library.def("peek(Tensor x) -> Tensor", peek);
  library.def("peek_between(Tensor x) -> Tensor", peek_between);
  library.def(DTYPEFUZZ_LONG_NAME "(Tensor x) -> Tensor", peek);
  library.def("switch_autocast(Tensor x) -> Tensor", switch_autocast);
  library.def("change_autocast(Tensor x) -> Tensor", change_autocast);
}

at::Tensor call(const std::string& name, const at::Tensor& x) {
  return c10::Dispatcher::singleton()
      .findSchemaOrThrow(("trail_test::" + name).c_str(), "")
      .typed<at::Tensor(const at::Tensor&)>()
      .call(x);
}

// Operations

TEST(Trail, HasEachOperationUnderTheOneThatCalledItInTheOrderInWhichTheyBegan) {
  const at::Tensor x = at::ones({2, 3}), weight = at::ones({4, 3}), bias = at::ones({4});
  const Trail trail = trail_of([&] {
    at::linear(x, weight, bias);
    x.neg();
  });
  ASSERT_EQ(names_of(trail), (Names{"aten::linear", "aten::t", "aten::transpose", "aten::as_strided",
                                    "aten::addmm", "aten::expand", "aten::as_strided", "aten::copy_",
                                    "aten::resolve_conj", "aten::resolve_conj", "aten::neg"}));
  EXPECT_EQ(trail.operations[0].parent, -1);
  EXPECT_EQ(trail.operations[2].parent, 1);
  EXPECT_EQ(trail.operations[4].parent, 0);
  EXPECT_EQ(trail.operations.back().parent, -1);
  for (const Operation& operation : trail.operations) {
    EXPECT_FALSE(operation.is_node) << operation.name;
    EXPECT_FALSE(operation.threw) << operation.name;
    EXPECT_FALSE(operation.left_region_changed) << operation.name;
    EXPECT_FALSE(operation.frames.empty()) << operation.name;
  }
}

TEST(Trail, TellsTheDtypesThatAnOperatorTakesAndGives) {
  const at::Tensor x = at::ones({3}), y = at::ones({3}, at::kDouble);
  const Trail trail = trail_of([&] {
    at::add(x, y);
    at::max(x, /*dim=*/0);
  });
  const Operation add = named(trail, "aten::add");
  EXPECT_EQ(dtypes_of(add.taken), (std::vector{Dtype::Float, Dtype::Double}));
  EXPECT_EQ(dtypes_of(add.given), (std::vector{Dtype::Double}));
  EXPECT_EQ(dtypes_of(named(trail, "aten::max").given), (std::vector{Dtype::Float, Dtype::Long}));
}

TEST(Trail, TellsOfTensorsInListsAndOfNoneThatIsLeftOut) {
  const at::Tensor x = at::ones({3}), y = at::ones({3}, at::kDouble), half = at::ones({3}, at::kHalf),
                   at_two = at::tensor({2});
  const Trail trail = trail_of([&] {
    at::cat({x, y});
    at::index(at::ones({3, 3}), {std::optional<at::Tensor>(), at_two});
    at::layer_norm(half, {3}, /*weight=*/{}, /*bias=*/x);
  });
  EXPECT_EQ(dtypes_of(named(trail, "aten::cat").taken), (std::vector{Dtype::Float, Dtype::Double}));
  EXPECT_EQ(dtypes_of(named(trail, "aten::index").taken), (std::vector{Dtype::Float, Dtype::Int}));
  EXPECT_EQ(dtypes_of(named(trail, "aten::layer_norm").taken), (std::vector{Dtype::Half, Dtype::Float}));
}

TEST(Trail, TakesNoNumberForAnOperand) {
  const at::Tensor x = at::ones({3}), two = at::scalar_tensor(2, at::kDouble);
  const auto taken = [&](const Work& work) { return named(trail_of(work), "aten::mul").taken.size(); };
  EXPECT_EQ(taken([&] { x * 2.5; }), 1u);
  EXPECT_EQ(taken([&] { x* two; }), 2u) << "a tensor without a dimension is none";
}

TEST(Trail, TellsWhoseTurnItWas) {
  const Plan plan = plan_with({{"layers", "2"}, {"layers[1].module", "ReLU"}, {"loss", "MSELoss"}});
  const Trail trail = trail_of([&] { run(plan); });
  const Operation linear = named(trail, "aten::addmm"), relu = named(trail, "aten::relu"),
                  loss = named(trail, "aten::mse_loss");
  EXPECT_EQ(linear.phase, Phase::forward);
  EXPECT_EQ(linear.culprit, (Culprit{Culprit::kLayer, 0}));
  EXPECT_EQ(relu.culprit, (Culprit{Culprit::kLayer, 1}));
  EXPECT_EQ(loss.phase, Phase::loss);
  EXPECT_EQ(loss.culprit.kind, Culprit::kLoss);
}

TEST(Trail, TellsNodesOfTheGraphFromOperators) {
  const Trail trail = trail_of([&] { run(plan_with({})); });
  const Operation node = named(trail, "AddmmBackward0");
  EXPECT_TRUE(node.is_node);
  EXPECT_EQ(node.phase, Phase::backward);
  EXPECT_EQ(node.culprit, (Culprit{Culprit::kLayer, 0}));
  const auto product = std::ranges::find_if(trail.operations, [](const Operation& operation) {
    return operation.name == "aten::mm" && operation.phase == Phase::backward;
  });
  ASSERT_NE(product, trail.operations.end());
  EXPECT_FALSE(product->is_node);
  EXPECT_EQ(trail.operations[static_cast<size_t>(product->parent)].name, "AddmmBackward0");
  for (const Operation& operation : trail.operations)
    if (operation.is_node) EXPECT_EQ(operation.phase, Phase::backward) << operation.name;
}

TEST(Trail, TellsWhoHasAGradient) {
  const at::Tensor x = at::ones({3}), weight = at::ones({3}).requires_grad_();
  const Trail trail = trail_of([&] { at::mul(x, weight).detach(); });
  const Operation mul = named(trail, "aten::mul"), detach = named(trail, "aten::detach");
  EXPECT_FALSE(mul.taken[0].requires_grad);
  EXPECT_TRUE(mul.taken[1].requires_grad);
  EXPECT_TRUE(detach.taken[0].requires_grad);
  EXPECT_FALSE(detach.given[0].requires_grad);
}

TEST(Trail, TellsWhatSharesMemory) {
  const at::Tensor x = at::ones({3}), y = at::ones({3}), out = at::empty({3});
  const Trail trail = trail_of([&] {
    at::Tensor there = out;
    at::add_out(there, x, y);
  });
  const Operation add = named(trail, "aten::add");
  ASSERT_EQ(add.taken.size(), 3u);
  EXPECT_EQ(add.given[0].memory, add.taken[2].memory);
  EXPECT_NE(add.given[0].memory, add.taken[0].memory);
}

// Operands

/// Of which operands the numbers are that `make` makes of `x` and `y`, both in float32; and of nothing else
/// where another recorder did not see it.
Names followed(const std::function<at::Tensor(const at::Tensor& x, const at::Tensor& y)>& make) {
  const at::Tensor x = at::ones({2, 2}), y = at::ones({2, 2});
  TrailRecorder recorder({});
  note_operand("x", x);
  note_operand("y", y);
  const at::Tensor made = make(x, y);
  recorder.take();
  at::alias(made);
  return recorder.take().operations.front().taken.front().operands;
}
#define FOLLOWED(...) followed([](const at::Tensor& x, const at::Tensor& y) -> at::Tensor { __VA_ARGS__; })

TEST(Operands, AreFollowedThroughViews) {
  EXPECT_EQ(FOLLOWED((void)y; return x), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)y; return x.t().unsqueeze(0).narrow(1, 1, 1)), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)y; return x.select(0, 1).expand({3, 2}).detach()), Names{"x"});
}

TEST(Operands, AreFollowedThroughCopiesAndCasts) {
  EXPECT_EQ(FOLLOWED((void)y; return x.clone()), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)y; return x.t().contiguous()), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)x; return at::empty({2, 2}).copy_(y)), Names{"y"});
  EXPECT_EQ(FOLLOWED((void)y; return x.to(at::kDouble).to(at::kHalf)), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)y; return x.type_as(at::ones({1}, at::kInt))), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)x; return at::empty({2, 2}, at::kLong).copy_(y)), Names{"y"});
}

TEST(Operands, AreFollowedThroughOperatorsThatMixNothing) {
  EXPECT_EQ(FOLLOWED((void)y; return (x * 2).sum()), Names{"x"});
  EXPECT_EQ(FOLLOWED(return x + y), (Names{"x", "y"}));
  EXPECT_EQ(FOLLOWED(return at::cat({y, x})), (Names{"y", "x"}));
  EXPECT_EQ(FOLLOWED((void)y; return at::stack({x, x}).unbind().back()), Names{"x"});
}

TEST(Operands, AreFollowedThroughAutocastsCasts) {
  const at::Tensor x = at::ones({2, 2}), y = at::ones({2, 2});
  const AutocastRegion region(kCpu, Dtype::BFloat16);
  const Trail trail = trail_of([&] {
    note_operand("x", x);
    note_operand("y", y);
    at::mm(x, y);
  });
  std::vector<Operation> products;
  std::ranges::copy_if(trail.operations, std::back_inserter(products),
                       [](const Operation& operation) { return operation.name == "aten::mm"; });
  ASSERT_FALSE(products.empty());
  const Operation& product = products.back();
  EXPECT_EQ(dtypes_of(product.taken), (std::vector{Dtype::BFloat16, Dtype::BFloat16}));
  EXPECT_EQ(product.taken[0].operands, Names{"x"});
  EXPECT_EQ(product.taken[1].operands, Names{"y"});
}

TEST(Operands, EndWhereDtypesAreMixedOrAnotherOneIsGiven) {
  EXPECT_EQ(FOLLOWED(return x + y.to(at::kDouble)), Names{});
  EXPECT_EQ(FOLLOWED((void)y; return x.argmax()), Names{});
}

TEST(Operands, DoNotGoIntoNewMemoryOrAnswers) {
  EXPECT_EQ(FOLLOWED((void)y; return x.new_empty({2, 2})), Names{});
  EXPECT_EQ(FOLLOWED((void)y; return x.new_zeros({2, 2})), Names{});
  EXPECT_EQ(FOLLOWED((void)y; return at::zeros_like(x)), Names{});
  EXPECT_EQ(FOLLOWED((void)y; return at::empty_like(x)), Names{});
  EXPECT_EQ(FOLLOWED((void)y; return at::rand_like(x)), Names{});
  EXPECT_EQ(FOLLOWED(return x < y), Names{});
  EXPECT_EQ(FOLLOWED(return x.to(at::kBool) == y.to(at::kBool)), Names{}) << "though the dtype is the same";
}

TEST(Operands, KeepTheNameThatTheyHave) {
  EXPECT_EQ(FOLLOWED(return y.copy_(x)), Names{"y"});
  EXPECT_EQ(FOLLOWED(return x.add_(y)), Names{"x"});
  EXPECT_EQ(FOLLOWED((void)y; note_operand("z", x); return x), Names{"z"}) << "a later call gives another";
}

TEST(Operands, DoNotLendTheirNameToWhoGetsTheirMemory) {
  TrailRecorder recorder({});
  at::Tensor x = at::ones({2, 2});
  note_operand("x", x);
  x.set_data(at::ones({2, 2}));  // what it had is nobody's now
  Names names;
  std::vector<at::Tensor> others;
  for (int i = 0; i < 8; ++i) others.push_back(at::ones({2, 2}));
  recorder.take();
  for (const at::Tensor& other : others) at::alias(other);
  for (const Operation& operation : recorder.take().operations)
    EXPECT_EQ(operation.taken.front().operands, Names{});
}

TEST(Operands, AreTheLayersOwn) {
  const Trail trail = trail_of([&] { run(plan_with({{"layers", "2"}, {"layers[1].module", "Linear"}})); });
  std::vector<Operation> products;
  std::ranges::copy_if(trail.operations, std::back_inserter(products),
                       [](const Operation& operation) { return operation.name == "aten::addmm"; });
  ASSERT_EQ(products.size(), 2u);
  for (const Operation& product : products) {
    EXPECT_EQ(product.taken[0].operands, Names{"bias"});
    EXPECT_EQ(product.taken[1].operands, Names{"input"}) << "the second layer's input is an input as well";
    EXPECT_EQ(product.taken[2].operands, Names{"weight"});
  }
}

// What an operator did

TEST(Trail, TellsWhatWasChangedInPlace) {
  at::Tensor x = at::ones({3}), y = at::ones({3}), shape = at::ones({3});
  const Trail trail = trail_of([&] {
    x.add_(y);
    x.mul(y);
    shape.unsqueeze_(0);
  });
  EXPECT_TRUE(named(trail, "aten::add_").taken[0].changed);
  EXPECT_FALSE(named(trail, "aten::add_").taken[1].changed);
  EXPECT_FALSE(named(trail, "aten::mul").taken[0].changed);
  EXPECT_TRUE(named(trail, "aten::unsqueeze_").taken[0].changed) << "its sizes are";
}

TEST(Trail, TellsWhatWasChangedByOneThatThrew) {
  // Its statistics are updated before it looks at the bias's dtype.
  const at::Tensor mean = at::zeros({2}), variance = at::ones({2}), bias = at::ones({2}, at::kDouble);
  const Trail trail = trail_of([&] {
    EXPECT_ANY_THROW(at::native_batch_norm(at::ones({2, 4}).t(), at::ones({2}), bias, mean, variance,
                                           /*training=*/true, 0.1, 1e-5));
  });
  const Operation norm = named(trail, "aten::native_batch_norm");
  EXPECT_TRUE(norm.threw);
  EXPECT_TRUE(norm.given.empty());
  ASSERT_EQ(norm.taken.size(), 5u);
  EXPECT_FALSE(norm.taken[0].changed);
  EXPECT_TRUE(norm.taken[3].changed);
}

TEST(Trail, TellsWhoThrewTheInnermostLast) {
  const Trail trail = trail_of([&] {
    EXPECT_ANY_THROW(at::linear(at::ones({2, 3}), at::ones({4, 3}, at::kDouble), at::ones({4})));
    at::ones({2}).neg();
  });
  Names threw;
  for (const Operation& operation : trail.operations)
    if (operation.threw) threw.push_back(operation.name);
  EXPECT_EQ(threw, (Names{"aten::linear", "aten::addmm"}));
  EXPECT_EQ(trail.operations.back().name, "aten::neg");
  EXPECT_EQ(trail.operations.back().parent, -1) << "those that threw are closed";
}

TEST(Trail, DoesNotSayThatSomethingThrewThatRanWhileAnotherExceptionWasOnItsWay) {
  struct Cleanup {
    at::Tensor x = at::ones({2});
    ~Cleanup() { x.neg(); }
  };
  const Trail trail = trail_of([&] {
    const auto clean_up_and_throw = [] {
      const Cleanup cleanup;
      throw std::runtime_error("somebody else's");
    };
    EXPECT_THROW(clean_up_and_throw(), std::runtime_error);
  });
  EXPECT_FALSE(named(trail, "aten::neg").threw);
  EXPECT_EQ(named(trail, "aten::neg").given.size(), 1u);
}

TEST(Trail, TellsWhoLeftAutocastAsItWasNot) {
  const AutocastFacts before = autocast_now(kCpu);
  const Trail trail = trail_of([&] {
    const at::Tensor x = at::ones({2});
    x.neg();
    call("switch_autocast", x);
    call("switch_autocast", x);
    call("change_autocast", x);
    x.exp();
  });
  EXPECT_FALSE(named(trail, "aten::neg").left_region_changed);
  for (const Operation& operation : trail.operations)
    EXPECT_EQ(operation.left_region_changed, operation.name.starts_with("trail_test::")) << operation.name;
  set_autocast(before, kCpu);
}

TEST(Trail, KeepsNumbersOnlyWhereItIsAskedTo) {
  const at::Tensor x = at::tensor({1.5, -2.0}), z = at::complex(x, x), many = at::ones({5000});
  const Work work = [&] { x.neg(), z.neg(), many.neg(); };
  for (const Operation& operation : trail_of(work).operations)
    for (const Passed& passed : operation.taken) EXPECT_TRUE(passed.numbers.empty()) << operation.name;

  const Trail trail = trail_of(work, {.numbers = true});
  ASSERT_EQ(names_of(trail), (Names{"aten::neg", "aten::neg", "aten::neg"}));
  EXPECT_EQ(trail.operations[0].taken[0].numbers, (std::vector<double>{1.5, -2}));
  EXPECT_EQ(trail.operations[0].given[0].numbers, (std::vector<double>{-1.5, 2}));
  EXPECT_EQ(trail.operations[1].given[0].numbers, (std::vector<double>{-1.5, -1.5, 2, 2}));
  EXPECT_TRUE(trail.operations[2].given[0].numbers.empty()) << "too many";
}

TEST(Trail, TellsWhetherNumbersAreFinite) {
  const at::Tensor zero = at::zeros({2});
  const Trail trail = trail_of([&] { zero.reciprocal(); });
  EXPECT_TRUE(named(trail, "aten::reciprocal").taken[0].finite);
  EXPECT_FALSE(named(trail, "aten::reciprocal").given[0].finite);
  const Trail on_meta = trail_of([&] { at::zeros({2}, at::kMeta).reciprocal(); }, {.device = kMeta});
  EXPECT_TRUE(named(on_meta, "aten::reciprocal").given[0].finite) << "there are none";
}

TEST(Trail, HasTheNameOfWhatRunsWhereItIsAskedFor) {
  seen_in_flight.clear();
  const at::Tensor x = at::ones({2});
  trail_of(
      [&] {
        call("peek", x);
        call("peek_between", x);
        EXPECT_STREQ(in_flight, "") << "nothing runs";
        call(DTYPEFUZZ_LONG_NAME, x);
      },
      {.in_flight = in_flight});
  const std::string name = "trail_test::" DTYPEFUZZ_LONG_NAME;
  ASSERT_GE(name.size(), sizeof in_flight);
  EXPECT_EQ(seen_in_flight,
            (Names{"trail_test::peek", "trail_test::peek_between", name.substr(0, sizeof in_flight - 1)}));
}

// The recorder

TEST(Recorder, IsThereWhileItLives) {
  EXPECT_FALSE(records_trail());
  {
    TrailRecorder recorder({});
    EXPECT_TRUE(records_trail());
    at::ones({2}).neg();
    EXPECT_FALSE(recorder.take().operations.empty());
    EXPECT_TRUE(recorder.take().operations.empty()) << "it was given away";
  }
  EXPECT_FALSE(records_trail());
  note_operand("x", at::ones({2}));  // to nobody
}

TEST(Recorder, BeginsWithoutTheOperandsOfTheOneBefore) {
  const at::Tensor x = at::ones({2});
  trail_of([&] { note_operand("x", x); });
  EXPECT_EQ(named(trail_of([&] { x.neg(); }), "aten::neg").taken[0].operands, Names{});
}

TEST(Recorder, WritesPositionsOfItsOwnOnlyWhereNobodyWritesAny) {
  ASSERT_FALSE(writes_positions());
  trail_of([&] { EXPECT_TRUE(writes_positions()); });
  EXPECT_FALSE(writes_positions());

  PositionWord word{0};
  write_positions_to(&word);
  const Trail trail = trail_of([&] {
    write_position(Phase::step, {Culprit::kStage});
    at::ones({2}).neg();
  });
  EXPECT_EQ(named(trail, "aten::neg").phase, Phase::step);
  EXPECT_TRUE(writes_positions());
  EXPECT_EQ(position_of(word).phase, Phase::step);
  write_position(Phase::clip, {Culprit::kStage});
  EXPECT_EQ(position_of(word).phase, Phase::clip);
  EXPECT_FALSE(traces_positions_within_backward());
  write_positions_to(nullptr);
}

TEST(Recorder, DoesNotChangeWhatARunDoes) {
  for (const auto& plan :
       {plan_with({{"steps", "2"}, {"optimizer", "Adam"}, {"input.requires_grad", "true"}}),
        plan_with({{"layers[0].module", "BatchNorm1d"}, {"layers[0].running_var.dtype", "int64"}}),
        plan_with({{"autocast", "bfloat16"}, {"input.dtype", "float64"}}),
        plan_with({{"convert", "after_forward"}, {"convert.dtype", "float64"}})}) {
    const auto outcome = [&] {
      const Observation seen = run(plan);
      std::vector<std::vector<Dtype>> given;
      for (const CallFacts& call : seen.calls) given.push_back(call.given);
      return std::tuple(seen.reached, seen.error ? seen.error->message : "", given, seen.backward_ran,
                        seen.traces.size(), seen.leaves.size(), seen.dtype_changes.size(),
                        seen.autocast_restored);
    };
    const auto wanted = outcome();
    std::optional<decltype(outcome())> got;
    trail_of([&] { got = outcome(); });
    EXPECT_EQ(got, wanted);
  }
}

TEST(Recorder, LeavesTheRestOfAVeryLongRunOut) {
  const at::Tensor x = at::ones({1});
  const Trail trail = trail_of([&] {
    for (int i = 0; i < 20'100; ++i) at::alias(x);
  });
  EXPECT_EQ(trail.operations.size(), 20'000u);
}

}  // namespace
}  // namespace dtypefuzz
