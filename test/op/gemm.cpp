// Products without an epilogue: every count of rows, columns and weights, everywhere in memory, on every tile.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

using bcr::test::check_gemm;
using bcr::test::exact_value;
using bcr::test::operands;

constexpr auto no_epilogue = [](auto) { return bcr::epilogue::none(); };
constexpr auto unchanged = [](const exact_value& sum, std::size_t, std::size_t) { return sum; };

template <class T>
using problem = operands<T, bcr::block<4, 16>>;

TEST_CASE_TEMPLATE("gemm: every number of columns on every tile", T, float, double) {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<T>());
  bcr::test::random_source random(1);
  std::uint64_t seed = 10;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const problem<T> in(21, 50, counts.back(), how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t columns : counts) {
        for (int tile = 0; tile <= bcr::most_tile_vectors; ++tile) {
          for (const bool copied : {false, true}) {
            auto s = bcr::test::any_gemm_setting(random, columns);
            s.options.tile_vectors = tile;
            s.options.copy = copied ? bcr::input_copy::always : bcr::input_copy::never;
            s.options.accumulate = (columns + static_cast<std::size_t>(tile)) % 3 == 0;
            check_gemm(in, packed, s, no_epilogue, unchanged);
          }
        }
      }
    });
  }
}

TEST_CASE_TEMPLATE("gemm: every number of rows and weights", T, float, double) {
  const std::size_t lanes = bcr::test::lanes_of<T>();
  const std::vector<std::size_t> counts = bcr::test::counts_around(lanes);
  bcr::test::random_source random(2);
  std::uint64_t seed = 1000;
  for (const std::size_t rows : {0u, 1u, 3u, 4u, 5u, 7u, 16u, 17u, 130u}) {
    for (const std::size_t inner : {0u, 1u, 3u, 7u, 16u, 17u, 130u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        CAPTURE(rows);
        CAPTURE(inner);
        const problem<T> in(rows, inner, counts.back(), how, ++seed);
        in.for_each_packing([&](const auto& packed) {
          for (int round = 0; round < 4; ++round) {
            const auto s = bcr::test::any_gemm_setting(random, counts[random.below(counts.size())]);
            check_gemm(in, packed, s, no_epilogue, unchanged);
          }
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("gemm: the same bits for any threads, tiles and parts of the columns", T, float, double) {
  const std::size_t columns = 9 * bcr::test::lanes_of<T>() + 5;
  std::uint64_t seed = 70;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const problem<T> in(70, 90, columns, how, ++seed);
    in.for_each_packing(
        [&](const auto& packed) { bcr::test::check_gemm_bits(in, packed, columns, no_epilogue, seed % 2 == 0); });
  }
}

template <class Block>
void check_block(std::size_t rows, std::size_t inner) {
  const std::size_t columns = 7 * bcr::test::lanes_of<float>() + 3;
  bcr::test::random_source random(rows);
  std::uint64_t seed = rows;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const operands<float, Block> in(rows, inner, columns, how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (int round = 0; round < 3; ++round) {
        check_gemm(in, packed, bcr::test::any_gemm_setting(random, columns), no_epilogue, unchanged);
      }
    });
  }
}

TEST_CASE("gemm: blocks of every size, the last ones ragged") {
  SUBCASE("1x1") { check_block<bcr::block<1, 1>>(37, 41); }
  SUBCASE("3x5") { check_block<bcr::block<3, 5>>(50, 64); }
  SUBCASE("16x64") { check_block<bcr::block<16, 64>>(41, 200); }
  SUBCASE("100x7") { check_block<bcr::block<100, 7>>(230, 50); }
  SUBCASE("128x1024") { check_block<bcr::block<128, 1024>>(200, 1100); }
}

// Every number of columns that bands take together, and the same bits whatever that number is.
template <class Block>
void check_few_columns(std::size_t inner, const bcr::test::pattern_options& how) {
  bcr::test::random_source random(4);
  for (const std::size_t rows : {96u, 128u, 250u}) {
    CAPTURE(rows);
    const operands<float, Block> in(rows, inner, 21, how, rows);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t columns : {1u, 2u, 4u, 7u, 8u, 13u, 16u, 21u}) {
        check_gemm(in, packed, bcr::test::any_gemm_setting(random, columns), no_epilogue, unchanged);
      }
    });
    in.for_each_packing([&]<class Packed>(const Packed& packed) {
      if constexpr (Packed::has_bands) bcr::test::check_gemm_bits(in, packed, 21, no_epilogue, false);
    });
  }
}

// On bands such rows are summed in registers from one strip to the next, as many lanes and columns at a time as fit.
TEST_CASE("gemm: blocks that keep all of their rows") {
  SUBCASE("8x32") { check_few_columns<bcr::block<8, 32>>(100, {.density = 0.3}); }
  SUBCASE("32x16") { check_few_columns<bcr::block<32, 16>>(100, {.density = 0.3}); }
  SUBCASE("64x24") { check_few_columns<bcr::block<64, 24>>(100, {.density = 0.3}); }
}

// And so are these with AVX-512, whose weights are expanded.
TEST_CASE("gemm: blocks that keep some of sixteen rows") {
  SUBCASE("half of them") { check_few_columns<bcr::block<16, 64>>(150, {.density = 0.2, .rows_kept = 0.5}); }
  SUBCASE("most") { check_few_columns<bcr::block<16, 64>>(150, {.density = 0.2, .rows_kept = 0.75}); }
  SUBCASE("columns far apart") { check_few_columns<bcr::block<8, 400>>(700, {.density = 0.05, .rows_kept = 0.5}); }
}

TEST_CASE("gemm: more inner columns than sixteen bits can number") {
  const std::size_t columns = 4 * bcr::test::lanes_of<float>() + 3;
  bcr::test::random_source random(3);
  for (const std::size_t inner : {32768u, 32769u, 70000u}) {
    CAPTURE(inner);
    const problem<float> in(20, inner, columns, {.density = 0.01, .rows_kept = 0.75}, inner);
    in.for_each_packing([&](const auto& packed) {
      check_gemm(in, packed, bcr::test::any_gemm_setting(random, columns), no_epilogue, unchanged);
    });
  }
}

}  // namespace
