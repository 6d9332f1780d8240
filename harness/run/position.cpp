#include "harness/run/position.h"

#include <iterator>
#include <utility>

namespace dtypefuzz {
namespace {

PositionWord* written_to = nullptr;
bool within_backward_too = false;
uint64_t bits_of_run = 0;  // device and region of the run that is on, where the word has them
std::optional<Culprit> runs_for;

// The first bit of each part. The layer takes 16 bits, the kind and the phase 4 each, the rest 8 each.
constexpr int kLayerAt = 0, kInputAt = 16, kKindAt = 24, kPhaseAt = 28, kAutocastAt = 32, kDeviceAt = 40;

uint64_t at_bit(int bit, auto value) {
  return static_cast<uint64_t>(value) << bit;
}

uint64_t run_bits(Device device, std::optional<Dtype> autocast) {
  return at_bit(kDeviceAt, index_of(device)) |
         at_bit(kAutocastAt, autocast ? static_cast<int>(*autocast) + 1 : 0);
}

uint64_t turn_bits(Phase phase, Culprit culprit, Dtype input) {
  return at_bit(kPhaseAt, phase) | at_bit(kKindAt, culprit.kind) | at_bit(kInputAt, input) |
         at_bit(kLayerAt, culprit.layer + 1);
}

}  // namespace

uint64_t word_of(const Position& at) {
  return run_bits(at.device, at.autocast) | turn_bits(at.phase, at.culprit, at.input);
}

Position position_of(uint64_t word, Device own) {
  constexpr uint64_t kByte = 0xFF;
  const auto device = static_cast<size_t>(word >> kDeviceAt & kByte);
  const auto autocast = static_cast<int>(word >> kAutocastAt & kByte);  // 0: none
  return {.phase = static_cast<Phase>(word >> kPhaseAt & 0xF),
          .culprit = {static_cast<Culprit::Kind>(word >> kKindAt & 0xF),
                      static_cast<int>(word >> kLayerAt & 0xFFFF) - 1},
          .input = static_cast<Dtype>(word >> kInputAt & kByte),
          .device = device < std::size(kDevices) ? Device(*kDevices[device]) : own,
          .autocast = autocast == 0 ? std::nullopt : std::optional(static_cast<Dtype>(autocast - 1))};
}

void write_positions_to(PositionWord* word, bool within_backward) {
  written_to = word;
  within_backward_too = within_backward;
}

bool traces_positions_within_backward() {
  return within_backward_too;
}

bool writes_positions() {
  return written_to != nullptr;
}

Position position_now() {
  return written_to ? position_of(written_to->load(std::memory_order_relaxed)) : Position{};
}

void begin_positions(Device device, std::optional<Dtype> autocast) {
  bits_of_run = run_bits(device, autocast);
}

void write_position(Phase phase, Culprit culprit, Dtype input) {
  if (!written_to) return;
  if (runs_for && (culprit.kind != Culprit::kStage || phase == Phase::backward)) culprit = *runs_for;
  written_to->store(bits_of_run | turn_bits(phase, culprit, input), std::memory_order_relaxed);
}

RunsFor::RunsFor(Culprit culprit) : was_(std::exchange(runs_for, culprit)) {}
RunsFor::~RunsFor() {
  runs_for = was_;
}

}  // namespace dtypefuzz
