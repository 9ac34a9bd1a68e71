// Products whose weights are pruned in whole columns, so that panels are visited for many tiles side by side where a
// target has narrow ones: groups of nothing but such panels, beside groups with others and with rows that keep nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::exact_value;

struct shape {
  std::size_t rows, inner;
  bcr::test::pattern_options how;
};

// The last group of 130 rows has a panel of two; of the last shape whole blocks of rows keep nothing.
constexpr shape shapes[] = {
    {16, 64, {.density = 0.1}},
    {130, 70, {.density = 0.2}},
    {64, 700, {.density = 0.1}},
    {48, 16, {.density = 0.2, .empty_blocks = 0.4}},
};

// Around some tiles of two and three vectors, as many as a target takes together, and one more.
template <class T>
std::vector<std::size_t> columns_of_tiles() {
  const std::size_t lanes = bcr::test::lanes_of<T>();
  std::vector<std::size_t> counts = {lanes + 1, 2 * lanes};
  for (const std::size_t vectors : {4u, 6u, 9u, 72u, 75u}) {
    counts.insert(counts.end(), {vectors * lanes - 1, vectors * lanes, vectors * lanes + 1});
  }
  return counts;
}

TEST_CASE_TEMPLATE("gemm: tiles side by side", T, float, double) {
  const std::vector<std::size_t> counts = columns_of_tiles<T>();
  bcr::test::random_source random(7);
  std::uint64_t seed = 70;
  for (const shape& of : shapes) {
    const bcr::test::operands<T, bcr::block<4, 16>> in(of.rows, of.inner, counts.back(), of.how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t columns : counts) {
        bcr::test::gemm_setting s = bcr::test::any_gemm_setting(random, columns);
        if (random.chance(0.7)) s.options.accumulate = false;
        if (random.chance(0.7)) s.options.copy = bcr::input_copy::never;
        if (random.chance(0.7)) s.options.tile_vectors = 0;
        bcr::test::check_gemm(
            in, packed, s, [](auto) { return ep::none(); },
            [](const exact_value& sum, std::size_t, std::size_t) { return sum; });
      }
    });
  }
}

TEST_CASE_TEMPLATE("gemm: tiles side by side with an epilogue", T, float, double) {
  const std::vector<std::size_t> counts = columns_of_tiles<T>();
  bcr::test::random_source random(8);
  std::uint64_t seed = 80;
  for (const shape& of : shapes) {
    const bcr::test::operands<T, bcr::block<4, 16>> in(of.rows, of.inner, counts.back(), of.how, ++seed);
    const auto packed = in.packed();
    bcr::test::guarded_array<T> bias(of.rows, 1, bcr::test::guard_side::after);
    for (std::size_t i = 0; i < of.rows; ++i) bias[i] = bcr::test::random_value<T>(random);
    for (const std::size_t columns : counts) {
      bcr::test::gemm_setting s = bcr::test::any_gemm_setting(random, columns);
      s.options.tile_vectors = 0;
      s.options.accumulate = false;
      s.output_matters = true;
      bcr::test::check_gemm(
          in, packed, s,
          [&](bcr::matrix_view<T> c) {
            return ep::chain(ep::bias<T>{bias.data()}, ep::residual<T>{c.data, c.leading_dimension});
          },
          [&](const exact_value& sum, std::size_t i, std::size_t j) {
            const double before = bcr::test::output_before(i, j), b = bias[i];
            return exact_value{sum.value + b + before, sum.magnitude + std::abs(b) + std::abs(before)};
          });
    }
  }
}

}  // namespace
