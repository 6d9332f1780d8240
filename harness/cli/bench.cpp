#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "dtypefuzz/error.h"
#include "harness/cli/commands.h"
#include "harness/engines/engines.h"
#include "harness/run/bare.h"
#include "harness/run/position.h"
#include "harness/run/prepare.h"
#include "harness/run/ticks.h"
#include "harness/search/draw_case.h"

namespace dtypefuzz {
namespace {

/// What is timed: forward and backward of random stacks. Steps, checkpoints and conversions are left out, so
/// that both sides do the same; so is meta, which computes nothing.
struct Workload {
  std::string_view name;
  std::vector<std::string> modules;  ///< empty: all
  Bias bias;
};

const std::vector<Workload>& workloads() {
  static const std::vector<Workload> all = {
      // More dtypes agree here than in a campaign, so that half of the cases and more reach backward.
      {"mlp",
       {"Linear", "LayerNorm", "BatchNorm1d", "ReLU", "GELU", "Softmax"},
       {.setting = 0.95, .count = 0.5, .dtype = 0.92}},
      {"all", {}, {}},
  };
  return all;
}

std::vector<Reading> drawn(const Workload& workload, const Space& whole, size_t count, uint64_t seed) {
  SpaceOptions options;
  options.modules = workload.modules;
  options.devices = {"cpu"};
  const Space space = options.space(whole);
  std::vector<Reading> made;
  for (uint64_t index = 0; made.size() < count; ++index) {
    Reading one = draw_case(rng_for(seed, index), space, workload.bias);
    if (one.plan.steps > 0 || one.plan.load != Load::none || one.plan.convert != Convert::none) continue;
    made.push_back(std::move(one));
  }
  return made;
}

struct Rates {
  double bare = 0, harness = 0, ratio = 0;  ///< cases/s, cases/s, harness over bare
  double outside = 0;                       ///< share of the harness's time that is not in LibTorch's calls
  double finished = 0, backward = 0;  ///< shares of the cases that end without an error, that reach backward
};

/// The same cases bare and through the harness, block by block in turn, so that a noisy machine hits both
/// alike.
Rates measure(const Workload& workload, double seconds) {
  constexpr size_t kBlock = 250;
  const Space& whole = whole_space();
  const auto made = drawn(workload, whole, 16 * kBlock, 1);
  Checker checker;
  Slot& slot = *new Slot;
  write_positions_to(&slot.remains.position);
  Rates rates;
  for (const Reading& one : made) {  // kernels warm, support probed
    const Checked checked = checker.check(one.plan, Siblings::sampled);
    rates.finished += !checked.seen.error;
    rates.backward += checked.seen.backward_ran;
    run_bare(one.plan);
  }
  rates.finished /= static_cast<double>(made.size());
  rates.backward /= static_cast<double>(made.size());
  uint64_t bare = 0, harness = 0, inside = 0, cases = 0;
  const uint64_t until = ticks() + static_cast<uint64_t>(seconds * 1e9);
  const auto run_harness = [&](size_t at) {
    count_ticks_inside(&inside);
    for (size_t i = at; i < at + kBlock; ++i) {
      // All that a campaign does for a case: answer the questions, note it, run, observe, judge.
      Draw draw(made[i].body);
      Plan plan = plan_of(draw, whole);
      slot.in_flight.enter(draw.result());
      slot.remains.begin();
      checker.check(std::move(plan), Siblings::sampled);
      slot.remains.end();
      ++slot.served;
    }
    count_ticks_inside(nullptr);
  };
  const auto run_alone = [&](size_t at) {
    for (size_t i = at; i < at + kBlock; ++i) run_bare(made[i].plan);
  };
  const auto timed = [](const auto& work, size_t at) {
    const uint64_t begin = ticks();
    work(at);
    return ticks() - begin;
  };
  // What runs second finds the caches warm, so the two take turns.
  bool bare_first = true;
  for (size_t at = 0; ticks() < until; at = (at + kBlock) % made.size(), bare_first = !bare_first) {
    uint64_t alone = 0;
    if (bare_first) alone = timed(run_alone, at);
    const uint64_t observed = timed(run_harness, at);
    if (!bare_first) alone = timed(run_alone, at);
    bare += alone, harness += observed, cases += kBlock;
    if (at + kBlock == made.size()) bare_first = !bare_first;  // each block goes both ways, pass by pass
  }
  write_positions_to(nullptr);
  rates.bare = static_cast<double>(cases) / (static_cast<double>(bare) * 1e-9);
  rates.harness = static_cast<double>(cases) / (static_cast<double>(harness) * 1e-9);
  rates.ratio = rates.harness / rates.bare;
  rates.outside = 1 - static_cast<double>(inside) / static_cast<double>(harness);
  return rates;
}

void print(const Workload& workload, const Rates& rates, bool json) {
  if (json) {
    for (const auto& [system, rate, ratio] :
         {std::tuple("bare", rates.bare, 1.0), std::tuple("rapidcheck", rates.harness, rates.ratio)})
      print_json("bench", {{"workload", workload.name},
                           {"system", system},
                           {"jobs", 1},
                           {"cases_per_second", rate},
                           {"ratio_to_bare", ratio},
                           {"finished", rates.finished},
                           {"reached_backward", rates.backward},
                           {"outside_libtorch", system == std::string_view("bare") ? 0 : rates.outside}});
    return;
  }
  std::string mix = workload.modules.empty() ? "all modules and losses" : "";
  for (const auto& module : workload.modules) mix += (mix.empty() ? "" : ", ") + module;
  fmt::print(
      "{}: {}; {:.0f} % reach backward, {:.0f} % end without an error\n"
      "  bare        {:8.0f} cases/s\n"
      "  harness     {:8.0f} cases/s, {:.2f} of bare, {:.0f} % of its time outside LibTorch's calls\n",
      workload.name, mix, 100 * rates.backward, 100 * rates.finished, rates.bare, rates.harness, rates.ratio,
      100 * rates.outside);
}

}  // namespace

void add_bench(CLI::App& app, int&) {
  struct Options {
    std::string workload = "*", time = "10s";
    bool json = false;
  };
  auto o = std::make_shared<Options>();
  auto* command = app.add_subcommand(
      "bench", "Cases per second, held against the same plans run bare.  Example: dtypefuzz bench");
  std::vector<std::string> names = {"*"};
  for (const auto& workload : workloads()) names.emplace_back(workload.name);
  command->add_option("--workload", o->workload, "which mix, or * for all")
      ->type_name("MIX")
      ->check(CLI::IsMember(names))
      ->capture_default_str();
  command->add_option("--time", o->time, "how long each")->type_name("TIME")->capture_default_str();
  command->add_flag("--json", o->json, "JSON lines on stdout");
  command->callback([o] {
    prepare_process();
    for (const auto& workload : workloads())
      if (o->workload == "*" || o->workload == workload.name)
        print(workload, measure(workload, seconds_of("--time", o->time)), o->json);
  });
}

}  // namespace dtypefuzz
