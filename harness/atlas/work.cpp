#include "harness/atlas/work.h"

namespace dtypefuzz {
namespace {

constexpr Mode kModes[] = {Mode::train, Mode::eval, Mode::no_grad, Mode::inference};
constexpr Device kOn[] = {kCpu, kMeta};

}  // namespace

void Work::add(const Row& row, bool is_loss, const Space& whole) {
  const Alone by_itself = alone(row, is_loss, whole);
  for (const Variant& variant : variants_of(by_itself, kOn, kModes))
    for (const Device device : kOn) add(by_itself, variant, row.name, device);
}

void Work::add(const Alone& row, const Variant& variant, std::string_view module, Device device) {
  std::vector<std::optional<size_t>> by_mode;
  for (const Mode mode : kModes) {
    auto subject = subject_of(row, variant, mode, device, dtypes);
    by_mode.push_back(subject ? std::optional(subjects.size()) : std::nullopt);
    if (subject) subjects.push_back(std::move(*subject));
  }
  std::vector<std::optional<Dtype>> regions = {std::nullopt};
  regions.insert(regions.end(), device->autocast_dtypes.begin(), device->autocast_dtypes.end());
  for (const auto& autocast : regions) {
    const size_t like = pieces.size();
    for (size_t mode = 0; mode < by_mode.size(); ++mode) {
      if (!by_mode[mode]) continue;
      pieces.push_back({.section = {.module = std::string(module),
                                    .variant = text_of(variant, row),
                                    .device = std::string(to_string(device)),
                                    .autocast = std::string(autocast ? name_of(*autocast) : "off"),
                                    .mode = std::string(to_string(kModes[mode]))},
                        .subject = *by_mode[mode],
                        .autocast = autocast,
                        .first = cells,
                        .like = like});
      cells += subjects[*by_mode[mode]].layout.cell_count(dtypes.axis());
    }
    if (pieces.size() > like) beginnings.push_back(like);
  }
}

Work work_of(const Space& space, const Space& whole) {
  Work work{.dtypes = DtypeNumbers(space.dtypes), .subjects = {}, .pieces = {}, .beginnings = {}};
  for (const Row* row : space.modules) work.add(*row, /*is_loss=*/false, whole);
  for (const Row* row : space.losses) work.add(*row, /*is_loss=*/true, whole);
  return work;
}

}  // namespace dtypefuzz
