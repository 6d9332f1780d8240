#pragma once
#include <cstdint>

#include "harness/atlas/atlas.h"
#include "harness/atlas/exceptions.h"
#include "harness/check/check.h"
#include "harness/isolate/guard.h"

namespace dtypefuzz {

/// What became of a cell. A cell that violates a property has the outcome `violated:` and the name of the
/// property, the most severe one where there are several. A cell that ends a process, or does not end, is a
/// `crash`, its family the signal or `hang`.
enum class Outcome : uint8_t {
  none,            ///< not run: never in a file
  succeeded,       ///< forward, and backward where the mode has one
  refused,         ///< the operands disagree or have a category that is not taken, and the message says so
  unsupported,     ///< a clean refusal of a dtype or its category as not implemented or not supported
  failed,          ///< another error where nothing is promised
  not_applicable,  ///< not about dtypes (no meta kernel, a range of values, autograd), or not to be set up
  crash,
  first_violation,  ///< and one more for each property
};

/// A result as a word that processes share; zero: not run.
struct Word {
  static constexpr uint32_t kNone = 0, kExact = 1, kVague = 2, kBlamesOther = 3, kBlames = 4;  // grades
  uint64_t outcome : 6 = 0;
  uint64_t phase : 4 = 0;
  uint64_t family : 10 = 0;
  uint64_t grade : 6 = kNone;  ///< from `kBlames` on: which operand of the layout
  uint64_t output : 6 = static_cast<uint64_t>(Dtype::Undefined);
  uint64_t exception : 29 = Exceptions::kNone;
  uint64_t derived : 1 = 0;  ///< not run: others like it say what it comes to
  enum Judged : uint8_t { kByNothing, kByPromise, kByWords, kByNumbers };
  uint64_t judged : 2 = kByNothing;

  bool is_set() const { return outcome != 0; }
  bool threw() const { return exception != Exceptions::kNone; }
  bool operator==(const Word&) const = default;
};
static_assert(sizeof(Word) == sizeof(uint64_t) && static_cast<uint32_t>(Dtype::NumOptions) <= 64);
/// Throws where there are more outcomes or families than a word holds.
void require_words_to_suffice();

Word word_of(const Checked&, const Layout&, Exceptions&);
/// Of a cell that ended its process.
Word word_of_crash(const Plan&, const Remains&, int status);
CellResult result_of(Word, const Layout&, const Exceptions&);

}  // namespace dtypefuzz
