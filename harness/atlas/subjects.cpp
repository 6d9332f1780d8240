#include "harness/atlas/subjects.h"

#include <algorithm>

#include "dtypefuzz/error.h"

namespace dtypefuzz {
namespace {

struct Operand {
  std::string name;
  std::optional<Dtype> natural;  ///< nothing: as the parameters
};

/// The parameters, the input, the further inputs that are there.
std::vector<Operand> operands_of(Subject& subject) {
  const LayerPlan& module = subject.module();
  std::vector<Operand> operands;
  for (const auto& parameter : module.drawn.parameters) operands.push_back({parameter, std::nullopt});
  subject.parameters = operands.size();
  operands.push_back({std::string(module.input_name), module.input_natural});
  for (size_t i = 0; i < module.drawn.inputs.size(); ++i) {
    const InputSpec& input = module.drawn.inputs[i];
    if (!input.present) continue;
    operands.push_back({input.name, input.natural});
    subject.inputs.push_back(i);
  }
  return operands;
}

/// Lays the grids of a subject.
class Grids {
 public:
  Grids(const std::vector<Operand>& operands, size_t parameters, DtypeNumbers& dtypes)
      : operands_(operands), parameters_(parameters), dtypes_(dtypes) {
    for (uint32_t i = 0; i < operands_.size(); ++i)
      if (!operands_[i].natural) followers_.push_back(i);
  }

  std::vector<Grid> laid() && {
    along_the_inputs();
    along_each_parameter();
    return std::move(grids_);
  }

 private:
  /// Whatever has no dtype by nature is the rows' axis.
  Grid along(uint32_t column) {
    Grid grid;
    grid.column = column;
    for (uint32_t i = 0; i < operands_.size(); ++i) {
      if (i == column) continue;
      if (operands_[i].natural)
        grid.fixed.emplace_back(i, dtypes_.index(*operands_[i].natural));
      else
        grid.rows.push_back(i);
    }
    return grid;
  }

  void along_the_inputs() {
    const auto input = static_cast<uint32_t>(parameters_);
    grids_.push_back(along(input));
    // Two inputs and nothing else that follows: rows and columns swap.
    const bool mirrored = followers_.size() == 2 && followers_[0] == input;
    for (uint32_t i = input + 1; i < operands_.size(); ++i) {
      const bool alone = followers_.size() == 1 && followers_[0] == i;  // a column of the first grid
      if (alone || (mirrored && followers_[1] == i)) continue;
      Grid grid = along(i);
      // Where `i` is as it is by itself, the cell stands in the grid before.
      if (!operands_[i].natural)
        grid.leaves_out = Grid::kDtypeOfTheRow;
      else if (const uint32_t own = dtypes_.index(*operands_[i].natural); dtypes_.on_axis(own))
        grid.leaves_out = own;
      grids_.push_back(std::move(grid));
    }
  }

  /// One parameter alone, the rest in a usual dtype.
  void along_each_parameter() {
    // Where it has one operand beside it, those cells are there.
    if (parameters_ == 1 && followers_.size() <= 2) return;
    for (uint32_t parameter = 0; parameter < parameters_; ++parameter)
      for (const Dtype rest : {Dtype::Float, Dtype::BFloat16}) {
        const uint32_t usual = dtypes_.index(rest);
        if (!dtypes_.on_axis(usual)) continue;  // `--dtypes` leaves it aside
        Grid grid = along(parameter);
        for (const uint32_t operand : grid.rows) grid.fixed.emplace_back(operand, usual);
        grid.rows.clear();
        grid.leaves_out = usual;
        grids_.push_back(std::move(grid));
      }
  }

  const std::vector<Operand>& operands_;
  size_t parameters_;
  DtypeNumbers& dtypes_;
  std::vector<uint32_t> followers_;  ///< whose dtype is the parameters' unless something else is said
  std::vector<Grid> grids_;
};

Layout layout_of(Subject& subject, DtypeNumbers& dtypes) {
  const auto operands = operands_of(subject);
  Layout layout;
  for (const Operand& operand : operands) layout.operands.push_back(operand.name);
  layout.grids = Grids(operands, subject.parameters, dtypes).laid();
  return layout;
}

/// The case in one mode on one device.
Case in_mode(Case c, Mode mode, Device device) {
  c.set("device", to_string(device));
  c.set("mode", to_string(mode));
  return c;
}

}  // namespace

uint32_t DtypeNumbers::index(Dtype dtype) {
  const auto at = std::find(all_.begin(), all_.end(), dtype);
  if (at == all_.end()) return all_.push_back(dtype), static_cast<uint32_t>(all_.size() - 1);
  return static_cast<uint32_t>(at - all_.begin());
}

Alone alone(const Row& row, bool is_loss, const Space& whole) {
  Alone a{.is_loss = is_loss, .space = whole, .simplest = {}};
  a.space.modules = {is_loss ? &identity_row() : &row};
  a.space.losses.clear();
  a.simplest.set("layers", "1");
  if (!is_loss) return a;
  a.space.losses = {&row};
  a.simplest.set("loss", row.name);
  for (const auto* batch : {"1", "2"})  // the first shape that it takes
    for (const auto* rank : {"2", "3", "1", "4"}) {
      a.simplest.set("input.rank", rank);
      a.simplest.set("batch", batch);
      if (a.reading(a.simplest).plan.loss) return a;
    }
  fail("no shape of an Identity's output fits the loss {}", row.name);
}

std::vector<Variant> variants_of(const Alone& row, std::span<const Device> devices,
                                 std::span<const Mode> modes) {
  std::vector<Variant> variants = {{}};
  const auto add_those_of = [&](const Reading& reading) {
    for (const auto& [name, value, answer] : reading.questions()) {
      if (answer.ask != Ask::setting || !lies_in(name, row.path())) continue;
      for (uint32_t option = 0; option < answer.options; ++option) {
        if (option == answer.taken) continue;
        const Reading other = with_option(reading.body, name, option, row.space);
        const Variant variant{name, std::string(other.body[name])};
        if (std::find(variants.begin(), variants.end(), variant) == variants.end())
          variants.push_back(variant);
      }
    }
  };
  for (const Device device : devices)
    for (const Mode mode : modes) add_those_of(row.reading(in_mode(row.simplest, mode, device)));
  return variants;
}

std::string text_of(const Variant& variant, const Alone& row) {
  if (variant.name.empty()) return "simplest";
  return variant.name.substr(row.path().size() + 1) + "=" + variant.value;
}

std::optional<Subject> subject_of(const Alone& row, const Variant& variant, Mode mode, Device device,
                                  DtypeNumbers& dtypes) {
  Case c = in_mode(row.simplest, mode, device);
  c.set("input.requires_grad", "true");
  if (!variant.name.empty()) c.set(variant.name, variant.value);
  Reading reading = row.reading(c);
  if (!variant.name.empty() && reading.body[variant.name] != variant.value) return std::nullopt;
  Subject subject{.plan = std::move(reading.plan), .is_loss = row.is_loss, .layout = {}, .inputs = {}};
  if (row.is_loss && !subject.plan.loss) return std::nullopt;
  if (row.is_loss) {
    LayerPlan& identity = subject.plan.layers.front();
    identity.input_content = subject.plan.loss->input_content;
    identity.drawn.input_limit = subject.plan.loss->drawn.input_limit;
  }
  subject.layout = layout_of(subject, dtypes);
  return subject;
}

void set_dtypes(Subject& subject, const Grid& grid, std::span<const uint32_t> dtype_of,
                const std::vector<Dtype>& dtypes) {
  Plan& plan = subject.plan;
  LayerPlan& module = subject.module();
  const size_t input = subject.parameters;
  plan.input_dtype = dtypes[dtype_of[input]];
  for (size_t i = 0; i < subject.inputs.size(); ++i)
    module.drawn.inputs[subject.inputs[i]].dtype = dtypes[dtype_of[input + 1 + i]];
  module.operand_dtypes.clear();
  if (subject.parameters == 0) return;
  // As a person would: all of them through `to()`, and what differs from the rest afterwards.
  const size_t usual = grid.column == 0 && subject.parameters > 1 ? 1 : 0;
  plan.params_dtype = dtypes[dtype_of[usual]];
  for (size_t i = 0; i < subject.parameters; ++i)
    if (dtype_of[i] != dtype_of[usual])
      module.operand_dtypes.emplace_back(module.drawn.parameters[i], dtypes[dtype_of[i]]);
}

}  // namespace dtypefuzz
