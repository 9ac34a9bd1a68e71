// Bands whose strips have any number of steps, with rows that fill vectors or do not: loops for one vector know both.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <vector>

#include "op/linear_case.hpp"

namespace {

// Blocks keep so many rows each, other ones than their neighbours, and 1, 2, 3, .. columns.
template <class Block>
void check_steps(std::size_t kept_rows, std::size_t most_steps) {
  constexpr std::size_t block_rows = 6, block_columns = 9, tokens = 9;
  constexpr std::size_t m = block_rows * Block::rows, k = block_columns * Block::columns;
  auto kept = bcr::pattern<Block>::create(m, k);
  REQUIRE(kept.ok());
  for (std::size_t bi = 0; bi < block_rows; ++bi) {
    for (std::size_t bj = 0; bj < block_columns; ++bj) {
      const std::size_t steps = 1 + (bi * block_columns + bj) % most_steps;
      for (std::size_t r = 0; r < kept_rows; ++r) kept->keep_row(bi, bj, (r * 3 + bj) % Block::rows, true);
      for (std::size_t c = 0; c < steps; ++c) kept->keep_column(bi, bj, (c * 5 + bi) % Block::columns, true);
    }
  }
  std::vector<float> dense(m * k), x(tokens * k), one(m), all(tokens * m);
  for (std::size_t i = 0; i < dense.size(); ++i) dense[i] = static_cast<float>(i * 7919 % 1021) / 512 - 1;
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i * 104729 % 997) / 512 - 1;
  const auto packed = bcr::pack<float, bcr::blob_layout::bands>(
      *kept, bcr::matrix_view<const float>{dense.data(), m, k}, {.strips = bcr::strip_cut::shared_columns});
  REQUIRE(packed.ok());
  const auto plan_of_one = bcr::test::linear_plan<float>::create(*packed, {.tokens = 1});
  const auto plan_of_all = bcr::test::linear_plan<float>::create(*packed, {.tokens = tokens});
  REQUIRE(plan_of_one.ok());
  REQUIRE(plan_of_all.ok());
  std::vector<std::byte> workspace(plan_of_all->workspace_bytes() + plan_of_one->workspace_bytes());
  REQUIRE(plan_of_all->run({x.data(), tokens, k}, {all.data(), tokens, m}, workspace).ok());
  for (std::size_t t = 0; t < tokens; ++t) {
    REQUIRE(plan_of_one->run({x.data() + t * k, 1, k}, {one.data(), 1, m}, workspace).ok());
    for (std::size_t row = 0; row < m; ++row) {
      double sum = 0, magnitude = 0;
      for (std::size_t column = 0; column < k; ++column) {
        if (!kept->keeps(row, column)) continue;
        const double product = static_cast<double>(dense[row * k + column]) * static_cast<double>(x[t * k + column]);
        sum += product;
        magnitude += std::abs(product);
      }
      CHECK(std::abs(static_cast<double>(one[row]) - sum) <= 1e-6 * magnitude);
      CHECK(one[row] == all[t * m + row]);
    }
  }
}

}  // namespace

TEST_CASE("linear on bands: strips of any number of steps") {
  for (const std::size_t rows : {3u, 7u, 8u, 11u, 16u}) check_steps<bcr::block<16, 64>>(rows, 45);
  for (const std::size_t rows : {17u, 32u, 64u}) check_steps<bcr::block<64, 64>>(rows, 54);
  check_steps<bcr::block<8, 32>>(8, 32);
}
