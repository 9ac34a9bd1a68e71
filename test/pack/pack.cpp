// Packing and unpacking: bit for bit, for every block, edge and way of cutting.
#include "bcr/pack/pack.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "support/property.hpp"

namespace {

using bcr::test::dense_matrix;

constexpr bcr::panel_cut every_cut[] = {bcr::panel_cut::automatic, bcr::panel_cut::whole_rows,
                                        bcr::panel_cut::per_block};

constexpr bcr::strip_cut every_strip_cut[] = {bcr::strip_cut::automatic, bcr::strip_cut::shared_columns,
                                              bcr::strip_cut::own_columns};
using panels = std::integral_constant<bcr::blob_layout, bcr::blob_layout::panels>;
using bands = std::integral_constant<bcr::blob_layout, bcr::blob_layout::bands>;
using both = std::integral_constant<bcr::blob_layout, bcr::blob_layout::panels_and_bands>;

template <class T>
using bits_type = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
template <class T>
bits_type<T> bits_of(const T& value) {
  bits_type<T> bits;
  std::memcpy(&bits, &value, sizeof bits);
  return bits;
}

// Every kind of number: payloads of not-a-number, both zeros, denormals, infinities, any bits at all.
template <class T>
T any_bits(bcr::test::random_source& random) {
  using limits = std::numeric_limits<T>;
  const T special[] = {T(0),
                       -T(0),
                       limits::denorm_min(),
                       -limits::denorm_min(),
                       limits::infinity(),
                       -limits::infinity(),
                       limits::quiet_NaN(),
                       limits::max(),
                       limits::lowest(),
                       T(1)};
  if (random.chance(0.3)) return special[random.below(std::size(special))];
  const auto bits = static_cast<bits_type<T>>(random.word());
  T value;
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

template <class T>
dense_matrix<T> any_matrix(std::size_t rows, std::size_t columns, std::size_t leading_dimension,
                           bcr::test::random_source& random) {
  dense_matrix<T> made(rows, columns, leading_dimension);
  for (T& element : made.elements) element = any_bits<T>(random);
  return made;
}

// What unpack gives: the kept weights' bits, +0 elsewhere, and nothing between the rows.
template <class T, class Block, bcr::blob_layout Layout>
bool unpacks_to(const bcr::packed_weights<T, Block, Layout>& packed, const bcr::pattern<Block>& kept,
                const dense_matrix<T>& dense) {
  const T mark = T(77);
  dense_matrix<T> back(dense.rows, dense.columns, dense.columns + 3, mark);
  if (!bcr::unpack(packed, back.view())) return false;
  bool same = true;
  for (std::size_t i = 0; i < back.rows; ++i) {
    for (std::size_t j = 0; j < back.leading_dimension; ++j) {
      const bits_type<T> expected = j >= back.columns ? bits_of(mark) : kept.keeps(i, j) ? bits_of(dense(i, j)) : 0;
      same = same && bits_of(back(i, j)) == expected;
    }
  }
  return same;
}

template <class Packed>
bool same_bytes(const Packed& a, const Packed& b) {
  return a.bytes().size() == b.bytes().size() && std::memcmp(a.bytes().data(), b.bytes().data(), a.bytes().size()) == 0;
}

// How many weights a walk through a layout meets.
template <class Layout>
std::size_t met_in(const Layout& layout) {
  std::size_t count = 0;
  layout.for_each_weight([&](std::size_t, std::size_t, auto) { ++count; });
  return count;
}

template <class T, class Block>
void pack_unpack_and_save() {
  const std::size_t most_rows = 2 * Block::rows + 5 < 200 ? 2 * Block::rows + 5 : 200;
  const std::size_t most_columns = 2 * Block::columns + 5 < 150 ? 2 * Block::columns + 5 + 50 : Block::columns + 100;
  const std::size_t rows = bcr::test::any_extent(most_rows), columns = bcr::test::any_extent(most_columns);
  const auto kept =
      bcr::test::random_pattern<Block>(rows, columns, bcr::test::any_pattern_options(), bcr::test::any_seed());
  bcr::test::random_source random(bcr::test::any_seed());
  const auto dense = any_matrix<T>(rows, columns, columns + random.below(4), random);
  const auto check = [&](auto layout, const bcr::pack_options& how) {
    using weights = bcr::packed_weights<T, Block, layout()>;
    const auto packed = bcr::pack<T, layout()>(kept, dense.view(), how);
    RC_ASSERT(packed.ok());
    RC_ASSERT(packed->rows() == rows);
    RC_ASSERT(packed->columns() == columns);
    RC_ASSERT(packed->kept() == kept.kept());
    RC_ASSERT(packed->density() == kept.density());
    if constexpr (weights::has_panels) RC_ASSERT(met_in(packed->panels()) == kept.kept());
    if constexpr (weights::has_bands) RC_ASSERT(met_in(packed->bands()) == kept.kept());
    RC_ASSERT(unpacks_to(*packed, kept, dense));

    const auto again = bcr::pack<T, layout()>(kept, dense.view(), how);
    RC_ASSERT(same_bytes(*packed, *again));
    const auto opened = weights::open(packed->bytes());
    RC_ASSERT(opened.ok());
    RC_ASSERT(opened->bytes().data() != packed->bytes().data());
    RC_ASSERT(same_bytes(*packed, *opened));
    RC_ASSERT(unpacks_to(*opened, kept, dense));
  };
  for (const bcr::panel_cut cut : every_cut) check(panels(), {.cut = cut});
  for (const bcr::strip_cut strips : every_strip_cut) check(bands(), {.strips = strips});
  check(both(), {});
}

TEST_CASE("pack: any pattern comes back bit for bit") {
  PROPERTY("1x1", pack_unpack_and_save<float, bcr::block<1, 1>>);
  PROPERTY("3x5", pack_unpack_and_save<double, bcr::block<3, 5>>);
  PROPERTY("4x16", pack_unpack_and_save<float, bcr::block<4, 16>>);
  PROPERTY("8x32", pack_unpack_and_save<double, bcr::block<8, 32>>);
  PROPERTY("16x64", pack_unpack_and_save<float, bcr::block<16, 64>>);
  PROPERTY("65x70", pack_unpack_and_save<double, bcr::block<65, 70>>);
  PROPERTY("128x1024", pack_unpack_and_save<float, bcr::block<128, 1024>>);
}

TEST_CASE("pack: matrices wider than sixteen bits can number") {
  using block = bcr::block<4, 64>;
  bcr::test::random_source random(3);
  for (const std::size_t columns : {32767u, 32768u, 32769u, 65535u, 65536u, 65537u, 140000u}) {
    CAPTURE(columns);
    for (const double density : {0.02, 1.0}) {
      const auto kept = bcr::test::random_pattern<block>(5, columns, {.density = density}, columns);
      const auto dense = any_matrix<float>(5, columns, columns, random);
      for (const bcr::panel_cut cut : every_cut) {
        auto packed = bcr::pack<float>(kept, dense.view(), {.cut = cut});
        REQUIRE(packed.ok());
        CHECK(packed->kept() == kept.kept());
        CHECK(unpacks_to(*packed, kept, dense));
      }
      for (const bcr::strip_cut strips : every_strip_cut) {
        auto packed = bcr::pack<float, bcr::blob_layout::bands>(kept, dense.view(), {.strips = strips});
        REQUIRE(packed.ok());
        CHECK(packed->kept() == kept.kept());
        CHECK(unpacks_to(*packed, kept, dense));
      }
    }
  }
}

TEST_CASE("pack: all kept and nothing kept") {
  using block = bcr::block<4, 16>;
  auto kept = bcr::pattern<block>::create(9, 33);
  dense_matrix<float> dense(9, 33, 33, 2.0f);
  auto nothing = bcr::pack<float>(*kept, dense.view());
  REQUIRE(nothing.ok());
  CHECK(nothing->kept() == 0);
  CHECK(nothing->density() == 0.0);
  CHECK(nothing->panels().panels.empty());
  CHECK(unpacks_to(*nothing, *kept, dense));
  kept->keep_all();
  auto all = bcr::pack<float>(*kept, dense.view());
  REQUIRE(all.ok());
  CHECK(all->kept() == 9 * 33);
  CHECK(all->density() == 1.0);
  CHECK(unpacks_to(*all, *kept, dense));
  // Four rows that keep the same columns make one panel of one segment.
  CHECK(all->panels().panels.size() == 3);
  CHECK(all->panels().segments.size() == 3);
}

TEST_CASE("pack: rows that keep the same columns share panels wherever they are") {
  using block = bcr::block<1, 16>;
  auto kept = bcr::pattern<block>::create(16, 64);
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t bj = 0; bj < 4; ++bj) {
      if (bj == i % 4) kept->keep_block(i, bj);
    }
  }
  const dense_matrix<float> dense(16, 64, 64, 1.0f);
  auto packed = bcr::pack<float>(*kept, dense.view(), {.cut = bcr::panel_cut::whole_rows});
  REQUIRE(packed.ok());
  CHECK(packed->panels().panels.size() == 4);
  CHECK(packed->panels().segments.size() == 4);
  for (const bcr::segment& s : packed->panels().segments) CHECK(s.mask == 15);
}

TEST_CASE("pack: matrices without rows or columns") {
  using block = bcr::block<4, 16>;
  constexpr std::size_t shapes[][2] = {{0, 0}, {0, 7}, {7, 0}, {300, 0}};
  for (const auto& shape : shapes) {
    const std::size_t rows = shape[0], columns = shape[1];
    CAPTURE(rows);
    CAPTURE(columns);
    const auto kept = bcr::pattern<block>::create(rows, columns);
    for (const bcr::panel_cut cut : every_cut) {
      auto packed = bcr::pack<double>(*kept, {nullptr, rows, columns}, {.cut = cut});
      REQUIRE(packed.ok());
      CHECK(packed->rows() == rows);
      CHECK(packed->columns() == columns);
      CHECK(packed->kept() == 0);
      CHECK(packed->density() == 1.0);
      CHECK(bcr::packed_weights<double, block>::open(packed->bytes()).ok());
      CHECK(bcr::unpack(*packed, {nullptr, rows, columns}).ok());
    }
  }
}

TEST_CASE("pack and unpack: matrices that do not fit") {
  using block = bcr::block<4, 16>;
  auto kept = bcr::pattern<block>::create(5, 7);
  kept->keep_all();
  std::vector<float> elements(64, 1.0f);
  const auto pack_says = [&](const float* data, std::size_t rows, std::size_t columns, std::size_t ld,
                             const char* sentence) {
    auto packed = bcr::pack<float>(*kept, {data, rows, columns, ld});
    REQUIRE(!packed.ok());
    CHECK(packed.status().code() == bcr::errc::invalid_argument);
    CHECK(packed.message() == doctest::String(sentence));
  };
  pack_says(elements.data(), 5, 8, 8, "The matrix to pack and its pattern have different shapes.");
  pack_says(elements.data(), 4, 7, 8, "The matrix to pack and its pattern have different shapes.");
  pack_says(nullptr, 5, 7, 8, "The matrix to pack has no data, or a leading dimension below its columns.");
  pack_says(elements.data(), 5, 7, 6, "The matrix to pack has no data, or a leading dimension below its columns.");

  auto packed = bcr::pack<float>(*kept, {elements.data(), 5, 7});
  std::vector<float> out(64, 3.0f);
  for (const bcr::matrix_view<float>& bad :
       {bcr::matrix_view<float>(out.data(), 5, 8), {out.data(), 6, 7}, {nullptr, 5, 7}, {out.data(), 5, 7, 6}}) {
    const bcr::status s = bcr::unpack(*packed, bad);
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(s.message() == doctest::String("The matrix to unpack into does not have the shape of the packed weights."));
  }
  for (const float value : out) CHECK(value == 3.0f);
}

TEST_CASE("pack: segments that keep to a column of a window, and whatever is kept comes back") {
  using block = bcr::block<8, 16>;
  bcr::test::random_source random(5);
  for (const std::size_t width : {2u, 3u, 5u}) {
    for (const double rows_kept : {1.0, 0.5}) {
      const std::size_t columns = width * 47;
      const auto kept = bcr::test::random_pattern<block>(50, columns, {.density = 0.3, .rows_kept = rows_kept}, width);
      const auto dense = any_matrix<float>(50, columns, columns, random);
      for (const bcr::panel_cut cut : every_cut) {
        CAPTURE(width);
        auto packed = bcr::pack<float>(kept, dense.view(), {.cut = cut, .kernel_width = width});
        REQUIRE(packed.ok());
        CHECK(bcr::detail::segments_keep_to(packed->panels(), width));
        CHECK(!bcr::detail::segments_keep_to(bcr::pack<float>(kept, dense.view(), {.cut = cut})->panels(), width));
        CHECK(packed->kept() == kept.kept());
        CHECK(unpacks_to(*packed, kept, dense));
      }
    }
  }
  const auto kept = bcr::pattern<block>::create(3, 10);
  const auto dense = any_matrix<float>(3, 10, 10, random);
  for (const std::size_t width : {0u, 3u}) {
    const auto packed = bcr::pack<float>(*kept, dense.view(), {.kernel_width = width});
    CHECK(packed.status().code() == bcr::errc::invalid_argument);
    CHECK(packed.message() ==
          doctest::String("The columns of the matrix to pack do not divide into windows of the kernel's width."));
  }
}

TEST_CASE("pack: more rows or columns than can be numbered") {
  if constexpr (sizeof(std::size_t) > 4) {
    using block = bcr::block<4, 16>;
    const std::size_t many = std::size_t{1} << 32;
    const auto kept = bcr::pattern<block>::create(0, many);
    auto packed = bcr::pack<float>(*kept, {nullptr, 0, many});
    REQUIRE(!packed.ok());
    CHECK(packed.status().code() == bcr::errc::unsupported);
    CHECK(packed.message() == doctest::String("Packed weights have at most 4294967295 rows and columns."));
  }
}

}  // namespace
