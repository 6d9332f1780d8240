#pragma once
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generators/stack.h"
#include "harness/atlas/layout.h"

namespace dtypefuzz {

/// One row and the cases that it is alone in. A loss stands behind a module that changes nothing.
struct Alone {
  bool is_loss = false;
  Space space;
  Case simplest;

  std::string_view path() const { return is_loss ? "loss" : "layers[0]"; }
  Reading reading(const Case& c) const { return reading_of(c, space); }
};
Alone alone(const Row&, bool is_loss, const Space& whole);

/// A module's answers: the simplest, or one of its settings answered otherwise.
struct Variant {
  std::string name, value;  ///< none: the simplest answers
  bool operator==(const Variant&) const = default;
};
/// The simplest answers, then each other answer to each setting of the row's own, in any mode on any of the
/// devices.
std::vector<Variant> variants_of(const Alone&, std::span<const Device>, std::span<const Mode>);
/// How the atlas calls it: `simplest`, `bias=false`.
std::string text_of(const Variant&, const Alone&);

/// All dtypes that grids name: those that axes run over, then those that an operand has by nature.
class DtypeNumbers {
 public:
  explicit DtypeNumbers(const std::vector<Dtype>& axis) : all_(axis), axis_(axis.size()) {}
  uint32_t index(Dtype dtype);
  const std::vector<Dtype>& all() const { return all_; }
  size_t axis() const { return axis_; }
  bool on_axis(uint32_t dtype) const { return dtype < axis_; }

 private:
  std::vector<Dtype> all_;
  size_t axis_;
};

/// A module's variant in one mode on one device, ready to be given dtypes.
struct Subject {
  Plan plan;
  bool is_loss = false;
  Layout layout;
  size_t parameters = 0;       ///< operands before `input`, which is followed by the inputs that are there
  std::vector<size_t> inputs;  ///< of the operands after `input`: their indices in the plan
  LayerPlan& module() { return is_loss ? *plan.loss : plan.layers.front(); }
};
/// Nothing where the variant is not offered in this mode on this device.
std::optional<Subject> subject_of(const Alone&, const Variant&, Mode, Device, DtypeNumbers&);
/// Sets the operands' dtypes to those with these numbers, as a cell of this grid has them.
void set_dtypes(Subject&, const Grid&, std::span<const uint32_t> dtype_of, const std::vector<Dtype>& dtypes);

}  // namespace dtypefuzz
