#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/faults/plant.h"

namespace dtypefuzz {

/// What a faulty LibTorch does wrong.
enum class Wrong : uint8_t {
  accepts_mismatch,
  wrong_names,
  wrong_order,
  unrelated_error,
  backward_only,
  wrong_dtype,
  gradient_dtype,
  drops_gradient,
  changes_before_throw,
  leaks_autocast,
  differs_in_no_grad,
  differs_on_meta,
  differs_by_region,
  wrong_in_float16,
  loses_loaded_values,
  changes_dtypes,
  spoils_steps,
  refuses_repair,
  takes_a_dtype_away,
  misreads_an_operand,
  wrong_numbers,
  wrong_gradient,
  wrong_arithmetic,
  untrue_words,
  casts_wrongly,
  changes_besides,
  crash,
  hang,
  memory,
};
/// All of them, in words: `accepts a mismatch silently`.
std::span<const std::string_view> classes();
std::string_view to_string(Wrong);

/// One fault of LibTorch, planted by replacing kernels. Nothing but the table knows of it: cases are drawn,
/// run and judged as in any campaign.
struct Fault {
  std::string name;  ///< the operator's noun and what is wrong with it
  Wrong what;
  std::string_view property;  ///< that must catch it
  std::vector<Kernel> kernels;
  std::string_view modules;      ///< to hunt over, separated by commas
  std::string_view losses = "";  ///< none: stacks have no loss
};

/// All faults, by class.
const std::vector<Fault>& planted_faults();

std::vector<Fault> joined(std::initializer_list<std::vector<Fault>>);

// The families of the table, one file each.
std::vector<Fault> faults_of_refusals();
std::vector<Fault> faults_of_dtypes();
std::vector<Fault> faults_of_gradients();
std::vector<Fault> faults_of_state();
std::vector<Fault> faults_of_siblings();
std::vector<Fault> faults_of_silence();
std::vector<Fault> faults_of_processes();

}  // namespace dtypefuzz
