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
  size_t like =
      0;  ///< the first piece that differs in its mode alone: one worker does all of these, in order
};

/// All that is to be run, in the order of the file.
struct Work {
  DtypeNumbers dtypes;
  std::vector<Subject> subjects;
  std::vector<Piece> pieces;
  std::vector<size_t> beginnings;  ///< pieces that are the first of those that differ in their mode alone
  size_t cells = 0;
  bool derives = true;  ///< false: every cell is run

  void add(const Row&, bool is_loss, const Space& whole);
  void add(const Alone&, const Variant&, std::string_view module, Device);
};
/// Of every module and loss of `space`, in each variant, mode, device and region that an atlas has.
Work work_of(const Space& space, const Space& whole);

}  // namespace dtypefuzz
