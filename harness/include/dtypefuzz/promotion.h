#pragma once
#include <optional>
#include <span>

#include "dtypefuzz/received.h"

namespace dtypefuzz {

/// torch::result_type of tensors that are added one after another, zero-dimensional rule included.  Source:
/// https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc
class ResultType {
 public:
  void add(Dtype, int rank);
  /// Nothing where LibTorch defines none (float8) and where no tensor was added.
  std::optional<Dtype> get() const;

 private:
  std::optional<Dtype> with_dimensions_, without_;
};
/// The same of all of these.
std::optional<Dtype> result_type_of(std::span<const OperandFacts>);

}  // namespace dtypefuzz
