#pragma once
#include <optional>
#include <vector>

#include "harness/atlas/atlas.h"
#include "harness/atlas/subjects.h"

namespace dtypefuzz {

/// A section of the file that is to be run.
struct Piece {
  Section section;
  size_t subject = 0;
  std::optional<Dtype> autocast;
  size_t first = 0;  ///< of its cells among all
};

/// All that is to be run, in the order of the file.
struct Work {
  DtypeNumbers dtypes;
  std::vector<Subject> subjects;
  std::vector<Piece> pieces;
  size_t cells = 0;

  void add(const Row&, bool is_loss, const Space& whole);
  void add(const Alone&, const Variant&, std::string_view module, Device);
};
/// Of every module and loss of `space`, in each variant, mode, device and region that an atlas has.
Work work_of(const Space& space, const Space& whole);

}  // namespace dtypefuzz
