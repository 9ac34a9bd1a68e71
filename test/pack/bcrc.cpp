#include "bcr/pack/bcrc.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "support/property.hpp"

#define BLOCKS bcr::block<1, 1>, bcr::block<4, 16>, bcr::block<3, 5>, bcr::block<65, 70>

namespace {

using bcr::test::dense_matrix;
using indices = std::vector<std::uint32_t>;

indices listed(const bcr::buffer<std::uint32_t>& array) { return {array.begin(), array.end()}; }

TEST_CASE("pack_bcrc: the six arrays of a small matrix") {
  // One block row of two blocks: rows 0 and 2 keep columns 0 and 2, row 1 keeps column 4, row 3 nothing.
  auto p = bcr::pattern<bcr::block<4, 3>>::create(4, 5);
  p->keep_row(0, 0, 0);
  p->keep_row(0, 0, 2);
  p->keep_column(0, 0, 0);
  p->keep_column(0, 0, 2);
  p->keep_row(0, 1, 1);
  p->keep_column(0, 1, 1);
  dense_matrix<double> w(4, 5);
  for (std::size_t n = 0; n < 20; ++n) w.elements[n] = static_cast<double>(n);
  auto b = bcr::pack_bcrc<double>(*p, w.view());
  REQUIRE(b.ok());
  CHECK(listed(b->reorder) == indices{0, 2, 1, 3});
  CHECK(listed(b->row_offset) == indices{0, 2, 4, 5, 5});
  CHECK(listed(b->occurrence) == indices{0, 2, 3, 4});
  CHECK(listed(b->column_stride) == indices{0, 2, 3, 3});
  CHECK(listed(b->compact_column) == indices{0, 2, 4});
  CHECK(std::vector<double>(b->weights.begin(), b->weights.end()) == std::vector<double>{0, 2, 10, 12, 9});
}

TEST_CASE("pack_bcrc and unpack: shapes that do not fit") {
  auto p = bcr::pattern<bcr::block<4, 16>>::create(3, 5);
  dense_matrix<float> fits(3, 5), wide(3, 6);
  for (const auto& view : {bcr::matrix_view<const float>(wide.view()), bcr::matrix_view<const float>(nullptr, 3, 5),
                           bcr::matrix_view<const float>(fits.elements.data(), 3, 5, 4)}) {
    auto b = bcr::pack_bcrc<float>(*p, view);
    REQUIRE(!b.ok());
    CHECK(b.status().code() == bcr::errc::invalid_argument);
    CHECK(b.message() == doctest::String("BCRC: the dense matrix and the pattern must have the same valid shape."));
  }
  auto b = bcr::pack_bcrc<float>(*p, fits.view());
  REQUIRE(b.ok());
  const bcr::status s = bcr::unpack(b->view(), wide.view());
  CHECK(s.code() == bcr::errc::invalid_argument);
  CHECK(s.message() == doctest::String("BCRC: the dense matrix must be valid and have the packed weights' shape."));
}

TEST_CASE("pack_bcrc: more than 32 bits is refused") {
  constexpr std::size_t rows = std::size_t{1} << 32;
  auto p = bcr::pattern<bcr::block<4, 16>>::create(rows, 0);
  auto b = bcr::pack_bcrc<float>(*p, bcr::matrix_view<const float>(nullptr, rows, 0));
  REQUIRE(!b.ok());
  CHECK(b.status().code() == bcr::errc::unsupported);
  CHECK(b.message() == doctest::String("BCRC: its indices have 32 bits, which the matrix exceeds."));
}

TEST_CASE("unpack: damaged arrays are refused and nothing is written") {
  auto p = bcr::pattern<bcr::block<4, 16>>::create(3, 5);
  p->keep_all();
  const auto w = bcr::test::random_weights<float>(*p, 1);
  auto b = bcr::pack_bcrc<float>(*p, w.view());
  REQUIRE(b.ok());
  b->reorder[1] = 3;
  dense_matrix<float> out(3, 5, 5, 7.0f);
  CHECK(bcr::unpack(b->view(), out.view()).code() == bcr::errc::corrupt);
  CHECK(out.elements == std::vector<float>(15, 7.0f));
}

// Any bit pattern at all, NaNs with payloads and -0.0 among them.
template <class T>
dense_matrix<T> random_bits(std::size_t rows, std::size_t columns, std::size_t leading_dimension, std::uint64_t seed) {
  bcr::test::random_source random(seed);
  dense_matrix<T> made(rows, columns, leading_dimension);
  for (T& element : made.elements) {
    const std::uint64_t word = random.word();
    std::memcpy(&element, &word, sizeof element);
    if (random.chance(0.1)) element = -T(0);
  }
  return made;
}

template <class T, class Block>
void comes_back() {
  const auto options = bcr::test::any_pattern_options();
  const auto p =
      bcr::test::random_pattern<Block>(bcr::test::any_extent(3 * Block::rows),
                                       bcr::test::any_extent(3 * Block::columns), options, bcr::test::any_seed());
  const auto w = random_bits<T>(p.rows(), p.columns(), p.columns() + 2, bcr::test::any_seed());
  auto b = bcr::pack_bcrc<T>(p, w.view());
  RC_ASSERT(b.ok());
  RC_ASSERT(bcr::validate(b->view()).ok());
  RC_ASSERT(b->weights.size() == p.kept());
  dense_matrix<T> expected(p.rows(), p.columns(), p.columns() + 1, T(5)), out = expected;
  for (std::size_t i = 0; i < p.rows(); ++i) {
    for (std::size_t j = 0; j < p.columns(); ++j) expected(i, j) = p.keeps(i, j) ? w(i, j) : T(0);
  }
  RC_ASSERT(bcr::unpack(b->view(), out.view()).ok());
  const bool same = out.elements.empty() ||
                    std::memcmp(out.elements.data(), expected.elements.data(), out.elements.size() * sizeof(T)) == 0;
  RC_ASSERT(same);
}

TEST_CASE_TEMPLATE("bcrc: dense, packed, dense", Block, BLOCKS) {
  PROPERTY("f32 comes back bit for bit, the rest is +0", &comes_back<float, Block>);
  PROPERTY("f64 comes back bit for bit, the rest is +0", &comes_back<double, Block>);
}

TEST_CASE_TEMPLATE("bcrc: rows with equal columns, and only those, share a group", Block, BLOCKS) {
  PROPERTY("groups are the classes of equal rows, those with more columns first", [] {
    const auto options = bcr::test::any_pattern_options();
    const auto p =
        bcr::test::random_pattern<Block>(bcr::test::any_extent(3 * Block::rows),
                                         bcr::test::any_extent(3 * Block::columns), options, bcr::test::any_seed());
    const auto w = bcr::test::random_weights<float>(p, 1);
    auto made = bcr::pack_bcrc<float>(p, w.view());
    RC_ASSERT(made.ok());
    const auto b = made->view();
    std::map<indices, indices> rows_with;  // columns -> rows, both ascending
    for (std::uint32_t i = 0; i < p.rows(); ++i) {
      indices columns;
      for (std::uint32_t j = 0; j < p.columns(); ++j) {
        if (p.keeps(i, j)) columns.push_back(j);
      }
      rows_with[columns].push_back(i);
    }
    RC_ASSERT(b.groups() == rows_with.size());
    for (std::size_t g = 0; g < b.groups(); ++g) {
      const auto columns = b.group_columns(g);
      const auto rows = b.reorder.subspan(b.occurrence[g], b.occurrence[g + 1] - b.occurrence[g]);
      const auto found = rows_with.find(indices(columns.begin(), columns.end()));
      RC_ASSERT(found != rows_with.end());
      RC_ASSERT(indices(rows.begin(), rows.end()) == found->second);
      if (g != 0) RC_ASSERT(b.group_columns(g - 1).size() >= columns.size());
    }
  });
}

}  // namespace
