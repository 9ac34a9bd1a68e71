#include "bcr/pack/cover.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "support/property.hpp"

#define BLOCKS bcr::block<1, 1>, bcr::block<4, 16>, bcr::block<3, 5>, bcr::block<65, 70>

namespace {

using bcr::test::dense_matrix;
using block = bcr::block<2, 4>;

TEST_CASE("cover_mask: rows times columns of each block") {
  const std::uint8_t mask[3][6] = {
      {1, 0, 0, 0, 0, 0},    //
      {0, 0, 255, 0, 0, 0},  //
      {0, 0, 0, 0, 0, 7},    //
  };
  auto made = bcr::cover_mask<block>({&mask[0][0], 3, 6});
  REQUIRE(made.ok());
  const auto& p = made->pattern;
  CHECK(p.kept_rows(0, 0) == 2);
  CHECK(p.kept_columns(0, 0) == 2);
  CHECK(p.keeps(0, 2));  // a zero, kept because row 0 and column 2 are
  CHECK(p.kept_rows(0, 1) == 0);
  CHECK(p.kept_columns(0, 1) == 0);
  CHECK(p.kept_rows(1, 0) == 0);
  CHECK(p.kept() == 5);
  CHECK(made->zeros_kept == 2);
}

TEST_CASE("cover_nonzeros: what counts as zero") {
  constexpr float quiet = std::numeric_limits<float>::quiet_NaN();
  const float w[2][4] = {{quiet, -0.0f, 0.0f, std::numeric_limits<float>::denorm_min()}, {0.0f, -0.0f, 0.0f, 0.0f}};
  auto made = bcr::cover_nonzeros<block>(bcr::matrix_view<const float>(&w[0][0], 2, 4));
  REQUIRE(made.ok());
  CHECK(made->pattern.keeps(0, 0));
  CHECK(!made->pattern.keeps(0, 1));
  CHECK(made->pattern.keeps(0, 3));
  CHECK(!made->pattern.keeps_row(0, 0, 1));
  CHECK(made->pattern.kept() == 2);
  CHECK(made->zeros_kept == 0);
}

TEST_CASE("cover_nonzeros: invalid and empty views") {
  double x = 0;
  for (const auto& view : {bcr::matrix_view<double>(nullptr, 2, 2), bcr::matrix_view<double>(&x, 1, 2, 1)}) {
    auto made = bcr::cover_nonzeros<block>(view);
    REQUIRE(!made.ok());
    CHECK(made.status().code() == bcr::errc::invalid_argument);
    CHECK(made.message() ==
          doctest::String("The dense matrix has no data or its leading dimension is less than its columns."));
  }
  auto none = bcr::cover_nonzeros<block>(bcr::matrix_view<double>(nullptr, 0, 5));
  REQUIRE(none.ok());
  CHECK(none->pattern.columns() == 5);
  CHECK(none->zeros_kept == 0);
}

TEST_CASE_TEMPLATE("cover: the smallest covering pattern", Block, BLOCKS) {
  PROPERTY("every nonzero is kept, and no row or column of a block without one", [] {
    const std::size_t rows = bcr::test::any_extent(2 * Block::rows + 3),
                      columns = bcr::test::any_extent(2 * Block::columns + 3);
    const double share = *rc::gen::element(0.0, 0.01, 0.1, 0.5, 1.0);
    bcr::test::random_source random(bcr::test::any_seed());
    // Nonzeros beyond the columns, up to the leading dimension, are no part of the matrix.
    dense_matrix<float> w(rows, columns, columns + random.below(3), 5.0f);
    std::vector<std::uint8_t> mask(rows * columns);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        const bool keep = random.chance(share);
        w(i, j) = keep ? bcr::test::random_value<float>(random) : 0.0f;
        mask[i * columns + j] = keep ? static_cast<std::uint8_t>(1 + random.below(255)) : std::uint8_t{0};
      }
    }
    auto made = bcr::cover_nonzeros<Block>(w.view());
    RC_ASSERT(made.ok());
    const auto& p = made->pattern;
    std::vector<char> row_used(rows * p.block_columns()), column_used(p.block_rows() * columns);
    std::size_t nonzeros = 0, kept = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        kept += p.keeps(i, j);
        if (w(i, j) == 0.0f) continue;
        RC_ASSERT(p.keeps(i, j));
        ++nonzeros;
        row_used[i * p.block_columns() + j / Block::columns] = 1;
        column_used[i / Block::rows * columns + j] = 1;
      }
    }
    RC_ASSERT(made->zeros_kept == kept - nonzeros);
    for (std::size_t bi = 0; bi < p.block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < p.block_columns(); ++bj) {
        for (std::size_t r = 0; r < p.block_height(bi); ++r) {
          RC_ASSERT(p.keeps_row(bi, bj, r) == (row_used[(bi * Block::rows + r) * p.block_columns() + bj] != 0));
        }
        for (std::size_t c = 0; c < p.block_width(bj); ++c) {
          RC_ASSERT(p.keeps_column(bi, bj, c) == (column_used[bi * columns + bj * Block::columns + c] != 0));
        }
      }
    }
    auto from_mask = bcr::cover_mask<Block>({mask.data(), rows, columns});
    RC_ASSERT(from_mask.ok());
    RC_ASSERT(from_mask->pattern == p);
    RC_ASSERT(from_mask->zeros_kept == made->zeros_kept);
  });
}

TEST_CASE_TEMPLATE("cover: weights pruned in BCR come back as their pattern, no zero kept", Block, BLOCKS) {
  PROPERTY("the pattern of the weights of a pattern", [] {
    const auto options = bcr::test::any_pattern_options();
    auto p =
        bcr::test::random_pattern<Block>(bcr::test::any_extent(3 * Block::rows),
                                         bcr::test::any_extent(3 * Block::columns), options, bcr::test::any_seed());
    const auto w = bcr::test::random_weights<double>(p, bcr::test::any_seed());
    for (std::size_t bi = 0; bi < p.block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < p.block_columns(); ++bj) {
        if (p.kept_rows(bi, bj) * p.kept_columns(bi, bj) != 0) continue;
        // Half an outer product: no weight tells of it.
        for (std::size_t r = 0; r < p.block_height(bi); ++r) p.keep_row(bi, bj, r, false);
        for (std::size_t c = 0; c < p.block_width(bj); ++c) p.keep_column(bi, bj, c, false);
      }
    }
    auto made = bcr::cover_nonzeros<Block>(w.view());
    RC_ASSERT(made.ok());
    RC_ASSERT(made->pattern == p);
    RC_ASSERT(made->zeros_kept == std::size_t{0});
  });
}

}  // namespace
