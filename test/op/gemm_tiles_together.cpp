// Products whose weights are pruned in whole columns, so that panels are visited for many tiles side by side where a
// target has narrow ones: groups of nothing but such panels, beside groups with others and with rows that keep nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "op/gemm_tiles_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::exact_value;

TEST_CASE_TEMPLATE("gemm: tiles side by side", T, float, double) {
  const std::vector<std::size_t> counts = bcr::test::columns_of_tiles<T>();
  bcr::test::random_source random(7);
  std::uint64_t seed = 70;
  for (const auto& of : bcr::test::tiles_shapes) {
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

}  // namespace
