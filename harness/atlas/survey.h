#pragma once
#include <atomic>
#include <functional>

#include "dtypefuzz/space.h"
#include "harness/atlas/atlas.h"

namespace dtypefuzz {

struct AtlasSettings {
  Space space;  ///< modules, losses and dtypes; devices are those that an atlas has
  Space whole;  ///< what cells may be drawn from beside their module
  int jobs = 1;
  double cell_seconds = 10;  ///< a cell that takes longer hangs
  bool derives = true;       ///< false: every cell is run, see below
};

struct AtlasProgress {
  uint64_t cells = 0, all_cells = 0;
  uint64_t runs = 0;  ///< of LibTorch; fewer than cells, see below
  uint64_t crashes = 0;
  bool interrupted = false;
};

/// Runs every module alone, a loss behind an Identity, in each variant: the simplest answers, and each other
/// answer to one of its settings and flags (no sizes, no regions). In each: cpu with autocast off, bfloat16
/// and float16, and meta; train, eval, no_grad, inference; the input requires gradients, as inside of a
/// stack. The cells of each are the layout's: all parameters as one axis by each other operand, and each
/// single parameter alone against float32 and bfloat16 for the rest.
///
/// Where making the module or giving its parameters their dtype fails, no operand and no region has come into
/// play yet: that is run once for a row of cells. Of what a module refuses, most follows from a few cells of
/// a row, see PieceRun; such results say so.
///
/// Cells run in worker processes and depend on nothing but themselves: any number of jobs gives the same
/// table. `on_section` gets the sections in their order, each when it and those before it are done.
using OnSection =
    std::function<void(const Section&, const Layout&, std::span<const uint32_t> cells, const Atlas& so_far)>;
Atlas run_atlas(const AtlasSettings&, const OnSection& on_section,
                const std::function<void(const AtlasProgress&)>& tick, const std::atomic<int>& interrupted,
                AtlasProgress& progress);

}  // namespace dtypefuzz
