#include "bcr/format/pattern.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/property.hpp"

#define BLOCKS bcr::block<1, 1>, bcr::block<4, 16>, bcr::block<3, 5>, bcr::block<64, 64>, bcr::block<128, 1000>

namespace {

constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();

static_assert(std::is_nothrow_move_constructible_v<bcr::pattern<bcr::block<4, 16>>>);
static_assert(!std::is_copy_constructible_v<bcr::pattern<bcr::block<4, 16>>>, "a copy can fail: clone() says so");

TEST_CASE("bits: sets of words") {
  std::uint64_t words[3] = {~0u, 7, 7};
  bcr::bits::assign_first(words, 70);
  CHECK(words[0] == ~std::uint64_t{0});
  CHECK(words[1] == 63);
  CHECK(words[2] == 0);
  CHECK(bcr::bits::count(words) == 70);
  bcr::bits::assign_first(words, 0);
  CHECK(bcr::bits::count(words) == 0);
  for (const std::size_t i : {0u, 63u, 64u, 191u}) bcr::bits::assign(words, i, true);
  std::vector<std::size_t> visited;
  bcr::bits::for_each(words, [&](std::size_t i) { visited.push_back(i); });
  CHECK(visited == std::vector<std::size_t>{0, 63, 64, 191});
  static_assert(bcr::bits::words_for(0) == 0);
  static_assert(bcr::bits::words_for(64) == 1);
  static_assert(bcr::bits::words_for(65) == 2);
}

TEST_CASE("pattern: shape and ragged edges") {
  auto p = bcr::pattern<bcr::block<4, 16>>::create(10, 35);
  REQUIRE(p.ok());
  CHECK(p->rows() == 10);
  CHECK(p->columns() == 35);
  CHECK(p->block_rows() == 3);
  CHECK(p->block_columns() == 3);
  CHECK(p->block_height(1) == 4);
  CHECK(p->block_height(2) == 2);
  CHECK(p->block_width(1) == 16);
  CHECK(p->block_width(2) == 3);
  CHECK(p->kept() == 0);
  CHECK(p->density() == 0.0);
}

TEST_CASE("pattern: matrices without elements") {
  for (const auto& [rows, columns] :
       {std::pair<std::size_t, std::size_t>{0, 7}, {9, 0}, {0, 0}, {huge, 0}, {0, huge}}) {
    auto p = bcr::pattern<bcr::block<4, 16>>::create(rows, columns);
    REQUIRE(p.ok());
    CHECK(p->rows() == rows);
    CHECK(p->columns() == columns);
    p->keep_all();
    CHECK(p->kept() == 0);
    CHECK(p->density() == 1.0);
    auto copy = p->clone();
    REQUIRE(copy.ok());
    CHECK(*copy == *p);
  }
}

TEST_CASE("pattern: too large is a sentence") {
  auto uncountable = bcr::pattern<bcr::block<4, 16>>::create(huge / 2, 3);
  REQUIRE(!uncountable.ok());
  CHECK(uncountable.status().code() == bcr::errc::invalid_argument);
  CHECK(uncountable.message() == doctest::String("The matrix has more elements than this machine can count."));
  // As many blocks as elements, and two words a block.
  auto overflowing = bcr::pattern<bcr::block<1, 1>>::create(huge / 2 + 1, 1);
  REQUIRE(!overflowing.ok());
  CHECK(overflowing.status().code() == bcr::errc::out_of_memory);
  CHECK(overflowing.message() == doctest::String("There is not enough memory for a pattern of this size."));
  CHECK(bcr::pattern<bcr::block<1, 1>>::create(huge / 16, 1).status().code() == bcr::errc::out_of_memory);
}

TEST_CASE("pattern: a weight is kept if its block keeps both its row and its column") {
  auto p = bcr::pattern<bcr::block<4, 16>>::create(10, 35);
  p->keep_row(2, 1, 1);
  CHECK(p->kept_rows(2, 1) == 1);
  CHECK(p->kept() == 0);  // rows without columns keep nothing
  p->keep_column(2, 1, 0);
  p->keep_column(2, 1, 15);
  CHECK(p->kept_columns(2, 1) == 2);
  CHECK(p->kept() == 2);
  CHECK(p->keeps(9, 16));
  CHECK(p->keeps(9, 31));
  CHECK(!p->keeps(8, 16));
  CHECK(!p->keeps(9, 17));
  CHECK(p->density() == doctest::Approx(2.0 / 350.0));
  p->keep_column(2, 1, 15, false);
  CHECK(!p->keeps(9, 31));
  CHECK(p->kept() == 1);
}

TEST_CASE("pattern: copies are equal and independent") {
  auto p = bcr::pattern<bcr::block<4, 16>>::create(10, 35);
  auto wider = bcr::pattern<bcr::block<4, 16>>::create(10, 36);
  CHECK(!(*p == *wider));
  p->keep_block(1, 1);
  auto copy = p->clone();
  REQUIRE(copy.ok());
  CHECK(*copy == *p);
  copy->keep_row(1, 1, 0, false);
  CHECK(!(*copy == *p));
  CHECK(p->kept() == 64);
}

TEST_CASE_TEMPLATE("pattern: keep_all keeps every weight and sets no bit past a ragged edge", Block, BLOCKS) {
  for (const std::size_t rows : {1u, 3u, 64u, 127u, 128u, 130u}) {
    for (const std::size_t columns : {1u, 16u, 63u, 65u, 1000u, 1001u}) {
      auto p = bcr::pattern<Block>::create(rows, columns);
      p->keep_all();
      CHECK(p->kept() == rows * columns);
      CHECK(p->density() == 1.0);
      // By height and width as by counts: a stray bit would show in the last block.
      const std::size_t bi = p->block_rows() - 1, bj = p->block_columns() - 1;
      CHECK(p->kept_rows(bi, bj) == p->block_height(bi));
      CHECK(p->kept_columns(bi, bj) == p->block_width(bj));
    }
  }
}

// One flag a row and one a column of every block: what a pattern should be, written the long way.
struct model {
  std::size_t rows, columns, block_height, block_width;
  std::vector<char> row_kept, column_kept;  // [row][block column], [block row][column]

  std::size_t across() const { return (columns + block_width - 1) / block_width; }
  std::size_t down() const { return (rows + block_height - 1) / block_height; }
  char& row(std::size_t i, std::size_t bj) { return row_kept[i * across() + bj]; }
  char& column(std::size_t bi, std::size_t j) { return column_kept[bi * columns + j]; }
  bool keeps(std::size_t i, std::size_t j) { return row(i, j / block_width) && column(i / block_height, j); }
};

TEST_CASE_TEMPLATE("pattern agrees with a flag for every row and column of every block", Block, BLOCKS) {
  constexpr std::size_t height = Block::rows, width = Block::columns;
  PROPERTY("any sequence of keeping and pruning", [] {
    const std::size_t rows = 1 + bcr::test::any_extent(2 * height + 3),
                      columns = 1 + bcr::test::any_extent(2 * width + 3);
    bcr::test::random_source random(bcr::test::any_seed());
    model m{rows, columns, height, width, {}, {}};
    m.row_kept.resize(rows * m.across());
    m.column_kept.resize(m.down() * columns);
    auto p = bcr::pattern<Block>::create(rows, columns);
    const auto operations = *rc::gen::inRange<std::size_t>(0, 4 * (rows + columns));
    for (std::size_t n = 0; n < operations; ++n) {
      const std::size_t i = random.below(rows), j = random.below(columns);
      const std::size_t bi = i / height, bj = j / width;
      const bool keep = random.chance(0.7);
      if (random.chance(0.5)) {
        p->keep_row(bi, bj, i % height, keep);
        m.row(i, bj) = keep;
      } else {
        p->keep_column(bi, bj, j % width, keep);
        m.column(bi, j) = keep;
      }
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        RC_ASSERT(p->keeps(i, j) == m.keeps(i, j));
        kept += m.keeps(i, j);
      }
    }
    RC_ASSERT(p->kept() == kept);
    RC_ASSERT(p->density() == static_cast<double>(kept) / static_cast<double>(rows * columns));
    for (std::size_t bi = 0; bi < p->block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < p->block_columns(); ++bj) {
        std::vector<std::size_t> expected, seen;
        for (std::size_t r = 0; r < p->block_height(bi); ++r) {
          if (m.row(bi * height + r, bj)) expected.push_back(r);
        }
        bcr::bits::for_each(p->row_words(bi, bj), [&](std::size_t r) { seen.push_back(r); });
        RC_ASSERT(seen == expected);
        RC_ASSERT(p->kept_rows(bi, bj) == expected.size());
        expected.clear(), seen.clear();
        for (std::size_t c = 0; c < p->block_width(bj); ++c) {
          if (m.column(bi, bj * width + c)) expected.push_back(c);
        }
        bcr::bits::for_each(p->column_words(bi, bj), [&](std::size_t c) { seen.push_back(c); });
        RC_ASSERT(seen == expected);
        RC_ASSERT(p->kept_columns(bi, bj) == expected.size());
      }
    }
  });
}

TEST_CASE("random_pattern keeps what it is asked for") {
  using block = bcr::block<4, 16>;
  using bcr::test::random_pattern;
  const auto half_rows = random_pattern<block>(1024, 1024, {.density = 0.125, .rows_kept = 0.5}, 1);
  CHECK(half_rows.kept() == 1024 * 1024 / 8);  // 2 of 4 rows and 4 of 16 columns, everywhere
  CHECK(half_rows == random_pattern<block>(1024, 1024, {.density = 0.125, .rows_kept = 0.5}, 1));
  CHECK(!(half_rows == random_pattern<block>(1024, 1024, {.density = 0.125, .rows_kept = 0.5}, 2)));
  CHECK(random_pattern<block>(100, 100, {.density = 1.0}, 3).kept() == 100 * 100);
  CHECK(random_pattern<block>(100, 100, {.density = 0.0}, 3).kept() == 0);
  const auto rounded = random_pattern<block>(1024, 1024, {.density = 0.1}, 4);  // 1.6 of 16 columns: 1 or 2
  CHECK(rounded.density() == doctest::Approx(0.1).epsilon(0.02));
  const auto each =
      random_pattern<block>(1024, 1024, {.density = 0.1, .rows_kept = 0.75, .how = bcr::test::selection::bernoulli}, 5);
  CHECK(each.density() == doctest::Approx(0.1).epsilon(0.03));
  const auto gaps = random_pattern<block>(1024, 1024, {.density = 0.1, .empty_blocks = 0.5}, 6);
  CHECK(gaps.density() == doctest::Approx(0.1).epsilon(0.03));
}

}  // namespace
