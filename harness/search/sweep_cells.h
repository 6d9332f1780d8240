#pragma once
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "generators/stack.h"

namespace dtypefuzz {

/// Among an axis's values: every dtype of the space.
constexpr const char* kEvery = "*";

struct Axis {
  std::string name;
  std::vector<std::string> values;
};

/// What is swept: one part of a case, the module or the loss, and what the case is read in meanwhile.
struct Part {
  std::string path;
  const Space& space;
  const Space& after_another;  ///< with any module as the layer before
};

/// Counts the cells of a sweep; makes those that are wanted. Its functions return false where it is to stop.
class Cells {
 public:
  Cells(const Space& space, const Space& whole, const std::function<std::optional<bool>(uint64_t)>& wants,
        const std::function<void(const Case&)>& visit)
      : space_(space), whole_(whole), wants_(wants), visit_(visit) {}

  /// The product of the axes over `base`, the last axis fastest. Values that the space leaves out make none.
  bool product(const Case& base, std::span<const Axis>);
  /// Whether the space has the dtype or the device of this name; true for every other word.
  bool has(std::string_view value) const;

 private:
  bool cell(const Case&);

  const Space& space_;
  const Space& whole_;
  const std::function<std::optional<bool>(uint64_t)>& wants_;
  const std::function<void(const Case&)>& visit_;
  uint64_t index_ = 0;
};

/// The questions about the dtype of one operand: the input's, and those of the part.
std::vector<std::string> operands_of(const Case&, const Part&);
/// Every other answer of every question about the part, one at a time, over two dtypes of the rest.
bool one_at_a_time(const Case& base, const Part&, Cells&);
/// Each single operand in another dtype, a dtype of each category, in the case and in each that has another
/// answer: kernels are picked by options (padding, an empty batch, strides), and each looks at operands in
/// its own way.
bool answer_by_operand(const Case& base, const Part&, Cells&);
/// Dtypes of which every category has one.
std::vector<std::string> of_each_category();

}  // namespace dtypefuzz
