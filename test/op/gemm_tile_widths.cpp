// Tiles of several widths take turns at one scratch tile: what a narrow one leaves there must not be a wide one's
// zeros.
#include <doctest/doctest.h>

#include <cstddef>

#include "op/gemm_case.hpp"

namespace {

TEST_CASE("tiles of different widths do not disturb each other") {
  const std::size_t lanes = bcr::test::lanes_of<float>();
  const bcr::test::operands<float, bcr::block<16, 64>> in(48, 192, 15 * lanes, {.density = 0.2, .rows_kept = 0.5}, 5);
  const auto packed = in.packed({.cut = bcr::panel_cut::per_block});
  for (std::size_t vectors = 1; vectors <= 15; ++vectors) {
    bcr::test::check_gemm(
        in, packed, {.options = {.columns = vectors * lanes, .copy = bcr::input_copy::never}},
        [](auto) { return bcr::epilogue::none(); },
        [](const bcr::test::exact_value& sum, std::size_t, std::size_t) { return sum; });
  }
}

}  // namespace
