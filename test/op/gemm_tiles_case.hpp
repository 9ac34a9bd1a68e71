// Products for tests of tiles side by side: shapes, and numbers of columns around as many tiles as a target takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "op/gemm_case.hpp"

namespace bcr::test {

struct tiles_shape {
  std::size_t rows, inner;
  pattern_options how;
};

// The last group of 130 rows has a panel of two; of the last shape whole blocks of rows keep nothing.
inline constexpr tiles_shape tiles_shapes[] = {
    {16, 64, {.density = 0.1}},
    {130, 70, {.density = 0.2}},
    {64, 700, {.density = 0.1}},
    {48, 16, {.density = 0.2, .empty_blocks = 0.4}},
};

// Of blocks whose rows are pruned as well, so that panels have segments of any mask, and sums that wait for other
// panels. Long ones, of the last shape, are side by side where rows of the input are 4096 bytes apart.
inline constexpr tiles_shape partial_tiles_shapes[] = {
    {16, 64, {.density = 0.1, .rows_kept = 0.75}},
    {130, 70, {.density = 0.2, .rows_kept = 0.5, .empty_blocks = 0.2}},
    {48, 400, {.density = 0.2, .rows_kept = 0.5, .how = selection::bernoulli}},
};

// Around some tiles of two and three vectors, as many as a target takes together, and one more.
template <class T>
std::vector<std::size_t> columns_of_tiles() {
  const std::size_t lanes = lanes_of<T>();
  std::vector<std::size_t> counts = {lanes + 1, 2 * lanes};
  for (const std::size_t vectors : {4u, 6u, 9u, 64u, 72u, 75u}) {
    counts.insert(counts.end(), {vectors * lanes - 1, vectors * lanes, vectors * lanes + 1});
  }
  return counts;
}

// Calls visit(operands, numbers of columns) for each shape of both lists.
template <class T, class Visit>
void for_each_tiles_shape(std::uint64_t seed, const Visit& visit) {
  const std::vector<std::size_t> counts = columns_of_tiles<T>();
  for (const tiles_shape& of : tiles_shapes) {
    visit(operands<T, block<4, 16>>(of.rows, of.inner, counts.back(), of.how, ++seed), counts);
  }
  for (const tiles_shape& of : partial_tiles_shapes) {
    visit(operands<T, block<8, 32>>(of.rows, of.inner, counts.back(), of.how, ++seed), counts);
  }
}

}  // namespace bcr::test
