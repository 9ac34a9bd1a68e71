#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "op/plans.hpp"
#include "support/random_pattern.hpp"

namespace bcr::test {
namespace {

// Tiles of several widths take turns at one scratch tile: what a narrow one leaves there must not be a wide one's
// zeros.
TEST_CASE("tiles of different widths do not disturb each other") {
  using block = bcr::block<16, 64>;
  constexpr std::size_t m = 48, k = 192;
  const auto pattern = random_pattern<block>(m, k, {.density = 0.2, .rows_kept = 0.5}, 5);
  const auto weights = random_weights<float>(pattern, 6);
  const auto packed = pack<float>(pattern, weights.view(), {.cut = panel_cut::per_block});
  REQUIRE(packed.ok());
  for (std::size_t vectors = 1; vectors <= 15; ++vectors) {
    const std::size_t n = vectors * 16;
    const auto input = random_matrix<float>(k, n, 7);
    dense_matrix<float> output(m, n);
    const auto plan = gemm_plan<float>::create(*packed, {.columns = n, .copy = input_copy::never});
    REQUIRE(plan.ok());
    std::vector<std::byte> workspace(plan->workspace_bytes());
    REQUIRE(plan->run(input.view(), output.view(), workspace).ok());
    double worst = 0;
    for (std::size_t i = 0; i < m; ++i) {
      for (std::size_t j = 0; j < n; ++j) {
        double sum = 0;
        for (std::size_t q = 0; q < k; ++q)
          sum += static_cast<double>(weights(i, q)) * static_cast<double>(input(q, j));
        worst = std::fmax(worst, std::fabs(sum - static_cast<double>(output(i, j))));
      }
    }
    CHECK(worst < 1e-4);
  }
}

}  // namespace
}  // namespace bcr::test
