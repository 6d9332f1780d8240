#include "dtypefuzz/shapes.h"

#include <algorithm>
#include <cstdlib>

namespace dtypefuzz {

int64_t draw_features(Draw& draw, std::string_view name) {
  return draw.size(name, {4, 1, 2, 3, 5, 8, 10, 16, 17, 20, 33, 64});
}

Shape draw_rows_of(Draw& draw, const Site& site, int64_t features) {
  Draw::AtRoot root(draw);
  const auto rank = draw.rank({2, 3, 1});
  if (rank == 1) return {features};
  if (rank == 2) return {site.batch, features};
  return {site.batch, draw.size("input.length", {2, 1, 3, 9}), features};
}

bool draw_inplace(Draw& draw, const Site& site) {
  return !site.first && draw.flag("inplace", false);
}

double draw_number(Draw& draw, std::string_view name, std::initializer_list<std::string_view> options) {
  return std::strtod(std::string(draw.word(name, options)).c_str(), nullptr);
}

Shape draw_any_input(Draw& draw, const Site& site) {
  Draw::AtRoot root(draw);
  const auto rank = draw.rank({2, 3, 1, 4});
  Shape shape;
  if (rank > 1) shape.push_back(site.batch);
  if (rank > 2) shape.push_back(draw.size("input.length", {2, 1, 3, 9}));
  if (rank > 3) shape.push_back(draw.size("input.height", {2, 1, 5}));
  shape.push_back(draw_features(draw, "input.features"));
  return shape;
}

Shape draw_image(Draw& draw, const Site& site, int64_t channels, int dimensions, int64_t least,
                 bool may_be_unbatched) {
  Draw::AtRoot root(draw);
  bool batched = true;
  if (may_be_unbatched) batched = draw.rank({dimensions + 2, dimensions + 1}) == dimensions + 2;
  Shape shape;
  if (batched) shape.push_back(site.batch);
  shape.push_back(channels);
  constexpr std::string_view kNames[] = {"input.depth", "input.height", "input.width"};
  for (int i = 0; i < dimensions; ++i) {
    const auto name = dimensions == 1 ? "input.length" : kNames[3 - dimensions + i];
    shape.push_back(draw.size(name, {least + 1, least, least + 3, least + 8}));
  }
  return shape;
}

int64_t draw_image_channels(Draw& draw, int dimensions) {
  const Draw::AtRoot root(draw);
  if (dimensions == 3) return draw.size("input.channels", {2, 1, 3});
  return draw.size("input.channels", {2, 1, 3, 4, 8, 17});
}

bool is_image(const Shape& in, int dimensions, bool may_be_unbatched) {
  const int rank = static_cast<int>(in.size());
  const bool batched = rank == dimensions + 2;
  if (!batched && !(may_be_unbatched && rank == dimensions + 1)) return false;
  return std::all_of(in.begin() + (batched ? 1 : 0), in.end(), [](int64_t size) { return size > 0; });
}

int64_t slide(int64_t in, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation) {
  const int64_t room = in + 2 * padding - dilation * (kernel - 1) - 1;
  return room < 0 ? 0 : room / stride + 1;
}

bool any_shape(const Shape&, const Site&) {
  return true;
}

}  // namespace dtypefuzz
