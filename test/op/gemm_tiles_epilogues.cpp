// Tiles side by side with an epilogue that panels store through.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>

#include "op/gemm_tiles_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::exact_value;

TEST_CASE_TEMPLATE("gemm: tiles side by side with an epilogue", T, float, double) {
  bcr::test::random_source random(8);
  bcr::test::for_each_tiles_shape<T>(80, [&](const auto& in, const auto& counts) {
    const auto packed = in.packed();
    bcr::test::guarded_array<T> bias(packed.rows(), 1, bcr::test::guard_side::after);
    for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = bcr::test::random_value<T>(random);
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
  });
}

}  // namespace
