// Weights of eight bits: how they are rounded as they are packed, what is refused, and damage to their saved form.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include "bcr/pack/pack.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::blob_layout;
using bcr::test::dense_matrix;
using bcr::test::tampered;
using block = bcr::block<8, 4>;
using weights = bcr::packed_weights<std::int8_t, block, blob_layout::bands>;

constexpr std::size_t rows = 37, columns = 290;

auto some_pattern() {
  return bcr::test::random_pattern<block>(rows, columns, {.density = 0.4, .rows_kept = 0.75, .empty_blocks = 0.2}, 3);
}

TEST_CASE("bytes: each weight is within half a step of what it was, and the largest of a row is 127") {
  auto dense = bcr::test::random_matrix<float>(rows, columns, 4);
  for (std::size_t k = 0; k < columns; ++k) dense(3, k) = 0, dense(5, k) *= 1e-20f, dense(6, k) = 0x1p-101f;
  const auto kept = some_pattern();
  const auto packed = bcr::pack<std::int8_t, blob_layout::bands>(kept, std::as_const(dense).view());
  REQUIRE(packed.ok());
  CHECK(packed->kept() >= kept.kept());
  CHECK(packed->bands().scales[3] == 0.0f);
  CHECK(packed->bands().scales[6] == 0.0f);
  dense_matrix<float> back(rows, columns, columns + 3, 7.0f);
  REQUIRE(bcr::unpack(*packed, back.view()).ok());
  for (std::size_t i = 0; i < rows; ++i) {
    const float scale = packed->bands().scales[i];
    float largest = 0, worst = 0, most = 0;
    for (std::size_t k = 0; k < columns; ++k) {
      if (!kept.keeps(i, k)) {
        CHECK(back(i, k) == 0.0f);
        continue;
      }
      largest = std::max(largest, std::abs(dense(i, k)));
      most = std::max(most, std::abs(back(i, k)));
      worst = std::max(worst, std::abs(back(i, k) - dense(i, k)));
    }
    if (scale == 0) continue;
    CHECK(scale == largest / 127);
    CHECK(most == scale * 127);
    CHECK(worst <= 0.50001f * scale);
  }
  const auto again = weights::open(packed->bytes());
  REQUIRE(again.ok());
  dense_matrix<float> other(rows, columns);
  REQUIRE(bcr::unpack(*again, other.view()).ok());
  for (std::size_t i = 0; i < rows; ++i) {
    CHECK(std::memcmp(&other(i, 0), &back(i, 0), columns * sizeof(float)) == 0);
  }
}

TEST_CASE("bytes: blocks that keep other rows than their neighbours become one strip, if that pays") {
  using small = bcr::block<8, 32>;
  const auto kept = bcr::test::random_pattern<small>(64, 1024, {.density = 0.1, .rows_kept = 0.5}, 1);
  const auto dense = bcr::test::random_matrix<float>(64, 1024, 2);
  const auto packed = bcr::pack<std::int8_t, blob_layout::bands>(kept, dense.view());
  REQUIRE(packed.ok());
  CHECK(packed->kept() > kept.kept());
  std::size_t strips = 0, wrong = 0;
  for (const bcr::strip_run& run : packed->bands().runs) strips += run.strips;
  CHECK(strips == 8);
  packed->for_each_weight(
      [&](std::size_t i, std::size_t k, std::int8_t weight) { wrong += !kept.keeps(i, k) && weight != 0; });
  CHECK(wrong == 0);
  // One row of blocks has nothing to gain.
  const auto few = bcr::test::random_pattern<small>(64, 64, {.density = 0.9, .rows_kept = 0.5}, 1);
  const auto narrow =
      bcr::pack<std::int8_t, blob_layout::bands>(few, bcr::test::random_matrix<float>(64, 64, 2).view());
  CHECK(narrow->kept() >= few.kept());
}

TEST_CASE("bytes: small blocks below each other are a strip with columns of their own, if bytes are looked up") {
  using small = bcr::block<8, 32>;
  const auto kept = bcr::test::random_pattern<small>(128, 1024, {.density = 0.1, .rows_kept = 0.5}, 1);
  const auto dense = bcr::test::random_matrix<float>(128, 1024, 2);
  const auto packed =
      bcr::pack<std::int8_t, blob_layout::bands>(kept, dense.view(), {.strips = bcr::strip_cut::looked_up});
  REQUIRE(packed.ok());
  CHECK(packed->kept() == kept.kept());
  std::size_t strips = 0, kept_at_all = 0, wrong = 0;
  for (const bcr::strip_run& run : packed->bands().runs) {
    CHECK(run.kind == bcr::strip_kind::own_bytes);
    strips += run.strips;
  }
  CHECK(strips < 512 / 2);
  packed->for_each_weight([&](std::size_t i, std::size_t k, std::int8_t) {
    ++kept_at_all;
    wrong += !kept.keeps(i, k);
  });
  CHECK(wrong == 0);
  CHECK(kept_at_all == kept.kept());
}

TEST_CASE("bytes: damage to strips with columns of their own") {
  // Four columns of one row of a block, and of the one below it three: after them comes an index of no column.
  auto kept = bcr::pattern<block>::create(16, 4);
  for (std::size_t b = 0; b < 2; ++b) {
    for (std::size_t r = 0; r < 4; ++r) kept->keep_row(b, 0, r + b);
    for (std::size_t c = b; c < 4; ++c) kept->keep_column(b, 0, c);
  }
  const auto good = bcr::pack<std::int8_t, blob_layout::bands>(*kept, bcr::test::random_weights<float>(*kept, 1).view(),
                                                               {.strips = bcr::strip_cut::own_columns});
  REQUIRE(good.ok());
  const auto says = [&](const char* sentence, auto&& damage) {
    tampered t(good->bytes());
    damage(t);
    CHECK(weights::view(t.sealed()).message() == doctest::String(sentence));
  };
  tampered whole(good->bytes());
  REQUIRE(whole.runs().size() == 1);
  REQUIRE(whole.runs()[0].lanes == 8);
  REQUIRE(whole.runs()[0].steps == 4);
  REQUIRE(whole.indices()[7 + 7] == bcr::no_column);
  const auto numbers = [](tampered& t) { return t.section<std::int8_t>(bcr::bands_section::weights); };
  REQUIRE(numbers(whole)[4 * 4 + 3] == 0);
  says("Success.", [](tampered&) {});
  says("A strip of the packed weights is not padded with zeros.", [&](tampered& t) { numbers(t)[4 * 4 + 3] = 1; });
  says("A strip of the packed weights reaches outside of the matrix.", [](tampered& t) { t.indices()[7] = 4; });
  says("A strip of the packed weights reaches outside of the matrix.", [](tampered& t) { t.indices()[7] = 64; });
  says("A sum of a row's packed weights is wrong.", [&](tampered& t) { numbers(t)[0] ^= 1; });
  constexpr const char* shape = "A run of the packed weights has a shape that it cannot have.";
  says(shape, [](tampered& t) { t.runs()[0].steps = 3; });
  says(shape, [](tampered& t) { t.runs()[0].windows = 1; });
  says(shape, [](tampered& t) { t.runs()[0].words = 0; });
  says(shape, [](tampered& t) { t.runs()[0].group_bits = 6; });
  says(shape, [](tampered& t) { t.runs()[0].full_steps = 4; });
  says(shape, [](tampered& t) { t.runs()[0].padded = 2; });
}

TEST_CASE("bytes: a quarter of the bytes of weights in float") {
  const auto kept = bcr::test::random_pattern<bcr::block<16, 64>>(512, 1024, {.density = 0.1}, 1);
  const auto dense = bcr::test::random_matrix<float>(512, 1024, 2);
  const auto bytes = bcr::pack<std::int8_t, blob_layout::bands>(kept, dense.view());
  const auto wide = bcr::pack<float, blob_layout::bands>(kept, dense.view());
  CHECK(100 * bytes->bytes().size() < 31 * wide->bytes().size());
}

TEST_CASE("bytes: what is refused") {
  auto dense = bcr::test::random_matrix<float>(rows, columns, 4);
  auto kept = some_pattern();
  std::size_t i = 0, k = 0;
  while (!kept.keeps(i, k)) ++k;
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    dense(i, k) = odd;
    const auto packed = bcr::pack<std::int8_t, blob_layout::bands>(kept, std::as_const(dense).view());
    CHECK(packed.status().code() == bcr::errc::invalid_argument);
    CHECK(packed.message() == doctest::String("A weight that eight bits are to hold is infinite, or not a number."));
  }
  const auto wide = bcr::pattern<bcr::block<1, 1024>>::create(1, bcr::quantised_columns_limit + 1);
  const dense_matrix<float> row(1, bcr::quantised_columns_limit + 1);
  const auto packed = bcr::pack<std::int8_t, blob_layout::bands>(*wide, row.view());
  CHECK(packed.status().code() == bcr::errc::unsupported);
  CHECK(packed.message() == doctest::String("Weights of eight bits have at most 131072 columns."));
}

TEST_CASE("bytes: any field at any edge, and several at once, are refused or describe a matrix") {
  std::size_t accepted = 0, refused = 0, harmful = 0;
  const auto visit = [&](tampered& t) {
    const auto opened = weights::view(t.sealed());
    accepted += opened.ok();
    refused += !opened.ok();
    if (opened) harmful += !bcr::test::can_be_walked(*opened);
  };
  for (const auto strips : {bcr::strip_cut::automatic, bcr::strip_cut::own_columns}) {
    const auto good = bcr::test::victim<blob_layout::bands, std::int8_t>({.strips = strips});
    bcr::test::for_each_tampering(good.bytes(), visit);
    bcr::test::random_source random(1);
    for (int round = 0; round < 20000; ++round) {
      tampered t(good.bytes());
      bcr::test::tamper_at_random(t, t.fields(), random);
      visit(t);
    }
  }
  CHECK(harmful == 0);
  CHECK(accepted > 50);
  CHECK(refused > accepted);
}

TEST_CASE("bytes: the sentence for each kind of damage") {
  const auto good = bcr::test::victim<blob_layout::bands, std::int8_t>({});
  const auto says = [&](const char* sentence, auto&& damage) {
    tampered t(good.bytes());
    damage(t);
    const auto opened = weights::view(t.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::corrupt);
    CHECK(opened.message() == doctest::String(sentence));
  };
  const auto scales = [](tampered& t) { return t.section<float>(bcr::bands_section::scales); };
  const auto sums = [](tampered& t) { return t.section<std::int32_t>(bcr::bands_section::sums); };
  const auto numbers = [](tampered& t) { return t.section<std::int8_t>(bcr::bands_section::weights); };

  constexpr const char* scale = "A scale of the packed weights is negative or not finite.";
  says(scale, [&](tampered& t) { scales(t)[3] = -1; });
  says(scale, [&](tampered& t) { scales(t)[36] = std::numeric_limits<float>::infinity(); });
  says(scale, [&](tampered& t) { scales(t)[0] = std::numeric_limits<float>::quiet_NaN(); });
  says("A sum of a row's packed weights is wrong.", [&](tampered& t) { ++sums(t)[36]; });
  says("A weight of the packed weights is -128, which no weight can be.",
       [&](tampered& t) { numbers(t)[0] = std::int8_t{-128}; });
  says("A section of the packed weights is missing.", [&](tampered& t) { t.entry(bcr::bands_section::sums).id = 99; });

  constexpr const char* shape = "A run of the packed weights has a shape that it cannot have.";
  says(shape, [](tampered& t) { t.runs()[0].kind = bcr::strip_kind::own; });
  says(shape, [](tampered& t) { t.runs()[0].kind = bcr::strip_kind::shared8; });
  says(shape, [](tampered& t) { t.runs()[0].windows = 0; });
  // The victim's strips begin with the window, a word of rows, and the count of columns.
  says("A strip of the packed weights miscounts its columns.", [](tampered& t) { ++t.indices()[5]; });
  says("The packed weights have more rows or columns than this layout can number.",
       [](tampered& t) { t.matrix().columns = bcr::quantised_columns_limit + 1; });
}

TEST_CASE("bytes: no window of columns begins outside of the matrix, not even an empty one") {
  auto kept = bcr::pattern<block>::create(8, 300);
  for (const std::size_t bj : {0u, 65u}) {
    for (std::size_t r = 0; r < 8; ++r) kept->keep_row(0, bj, r);
    kept->keep_column(0, bj, 0);
  }
  const auto good =
      bcr::pack<std::int8_t, blob_layout::bands>(*kept, bcr::test::random_weights<float>(*kept, 1).view());
  REQUIRE(good.ok());
  tampered t(good->bytes());
  REQUIRE(t.runs()[0].windows == 2);
  t.indices()[5] = 2;  // the columns of both windows
  t.indices()[6] = 0;
  REQUIRE(weights::view(t.sealed()).ok());
  t.matrix().columns = 250;
  CHECK(weights::view(t.sealed()).message() ==
        doctest::String("A strip of the packed weights reaches outside of the matrix."));
}

TEST_CASE("bytes: a strip's padding is zero, and no row has more weights than columns") {
  // One strip of three columns, and after them what fills up the quad.
  auto kept = bcr::pattern<block>::create(8, 4);
  for (std::size_t r = 0; r < 8; ++r) kept->keep_row(0, 0, r);
  for (std::size_t c = 0; c < 3; ++c) kept->keep_column(0, 0, c);
  const auto good =
      bcr::pack<std::int8_t, blob_layout::bands>(*kept, bcr::test::random_weights<float>(*kept, 1).view());
  REQUIRE(good.ok());
  tampered t(good->bytes());
  const auto all = t.section<std::int8_t>(bcr::bands_section::weights);
  REQUIRE(all[3] == 0);
  REQUIRE(all[2] != 0);
  all[3] = 1;
  CHECK(weights::view(t.sealed()).message() ==
        doctest::String("A strip of the packed weights is not padded with zeros."));

  // The same strip of a matrix that has fewer columns than the strip has, all of them the first.
  tampered narrow(good->bytes());
  narrow.matrix().columns = 2;
  for (std::size_t c = 6; c < 9; ++c) narrow.indices()[c] = 0;
  narrow.matrix().kept = 16;
  CHECK(weights::view(narrow.sealed()).message() ==
        doctest::String("A row of the packed weights has more weights than columns."));
}

}  // namespace
