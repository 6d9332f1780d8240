#include <algorithm>
#include <array>

#include "dtypefuzz/row.h"

namespace dtypefuzz {

// The families: one array each, in a file of that name.
std::span<const Row> linear_rows();
std::span<const Row> convolution_rows();
std::span<const Row> normalization_rows();
std::span<const Row> activation_rows();
std::span<const Row> softmax_rows();
std::span<const Row> dropout_rows();
std::span<const Row> pooling_rows();
std::span<const Row> adaptive_pooling_rows();
std::span<const Row> unpooling_rows();
std::span<const Row> upsampling_rows();
std::span<const Row> padding_rows();
std::span<const Row> folding_rows();
std::span<const Row> recurrent_rows();
std::span<const Row> attention_rows();
std::span<const Row> transformer_rows();
std::span<const Row> embedding_rows();
std::span<const Row> container_rows();
std::span<const Row> distance_rows();
std::span<const Row> loss_rows();
std::span<const Row> margin_loss_rows();
std::span<const Row> likelihood_loss_rows();

namespace {

using Family = std::span<const Row> (*)();
// Simplest first.
constexpr Family kFamilies[] = {
    linear_rows,      activation_rows, softmax_rows,          dropout_rows,   normalization_rows,
    convolution_rows, pooling_rows,    adaptive_pooling_rows, unpooling_rows, upsampling_rows,
    padding_rows,     folding_rows,    recurrent_rows,        attention_rows, transformer_rows,
    embedding_rows,   distance_rows,   container_rows,
};

std::vector<const Row*> pointers(std::span<const Family> families) {
  std::vector<const Row*> rows;
  for (const Family family : families)
    for (const Row& row : family()) rows.push_back(&row);
  return rows;
}

}  // namespace

std::span<const Row* const> module_rows() {
  static const auto rows = pointers(kFamilies);
  return rows;
}

std::span<const Row* const> losses() {
  constexpr Family kLosses[] = {loss_rows, margin_loss_rows, likelihood_loss_rows};
  static const auto rows = pointers(kLosses);
  return rows;
}

const Row& identity_row() {
  static const Row& row = **std::ranges::find_if(module_rows(), &Row::passes_on);
  return row;
}

}  // namespace dtypefuzz
