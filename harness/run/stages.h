#pragma once
#include <array>
#include <cstdint>
#include <string_view>

namespace dtypefuzz {

/// What the time of a process that runs cases goes into.
enum class Stage : uint8_t {
  engine,    ///< whatever chooses the next case
  make,      ///< a case drawn, mutated or read, and the plan of it
  libtorch,  ///< inside of calls into LibTorch
  observe,   ///< the rest of a run: what is noted before and after those calls
  judge,     ///< what was promised, and the properties
  probe,     ///< dtypes that are asked whether they are supported
  sibling,   ///< layers held against their siblings
  tell,      ///< what was met, written to the parent
};
constexpr size_t kStages = static_cast<size_t>(Stage::tell) + 1;
std::string_view to_string(Stage);

/// Nanoseconds of the steady clock.
uint64_t ticks();

/// Where a process's time went, by stage.
struct StageTimes {
  std::array<uint64_t, kStages> nanoseconds{};
  uint64_t& of(Stage stage) { return nanoseconds[static_cast<size_t>(stage)]; }
  uint64_t sum() const;
};

/// From now on the time of this process is added to `times`, `engine` at first; null: to nothing.
void keep_stage_times(StageTimes* times);

/// The process is at this stage while it lives, and then at the one before. What happens within a probe or a
/// sibling belongs to that, whatever it is. Nothing where no times are kept, but for two branches.
class InStage {
 public:
  explicit InStage(Stage);
  ~InStage();
  InStage(const InStage&) = delete;
  InStage& operator=(const InStage&) = delete;

 private:
  Stage before_;
};

/// Stands round calls into LibTorch.
struct InsideLibTorch : InStage {
  InsideLibTorch() : InStage(Stage::libtorch) {}
};

}  // namespace dtypefuzz
