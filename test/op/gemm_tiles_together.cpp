// Products whose panels are visited for many tiles side by side: weights pruned in whole columns, with groups of
// nothing but such panels beside groups with others and with rows that keep nothing; and weights whose blocks lose rows
// as well.
#include <doctest/doctest.h>

#include <cstddef>

#include "op/gemm_tiles_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::exact_value;

TEST_CASE_TEMPLATE("gemm: tiles side by side", T, float, double) {
  bcr::test::random_source random(7);
  bcr::test::for_each_tiles_shape<T>(70, [&](const auto& in, const auto& counts) {
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
  });
}

}  // namespace
