#pragma once
#include <cstdint>

namespace dtypefuzz {

/// The generator behind every random answer: splitmix64 (Steele, Lea, Flood 2014), chosen because a stream is
/// one integer, seeding costs nothing and the same seed gives the same stream with every compiler.
class Rng {
 public:
  explicit Rng(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9E3779B97F4A7C15u);
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, bound); 0 for bound 0. The bias (below 2^-32 for our bounds) does not matter here.
  uint64_t below(uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  /// True with probability `odds` in [0, 1].
  bool chance(double odds) { return static_cast<double>(next() >> 11) * 0x1.0p-53 < odds; }

 private:
  uint64_t state_;
};

/// The stream of case `index` in a run seeded with `seed`: depends on the two alone.
inline Rng rng_for(uint64_t seed, uint64_t index) {
  Rng mix(seed ^ (index * 0xD1B54A32D192ED03u));
  mix.next();
  return Rng(mix.next());
}

}  // namespace dtypefuzz
