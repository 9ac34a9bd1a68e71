// Products with epilogues: cheap ones, which kernels apply to registers, and dear ones, which wait in the scratch tile.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::exact_value;
using bcr::test::operands;
using block = bcr::block<4, 16>;

constexpr std::size_t rows = 37, inner = 45;

// A bias and a residual between guards, for rows x columns of output.
template <class T>
struct parameters {
  bcr::test::guarded_array<T> bias;
  bcr::test::guarded_matrix<T> residual;

  parameters(std::size_t columns, bcr::test::random_source& random)
      : bias(rows, random.below(4), bcr::test::guard_side::after),
        residual(rows, columns, bcr::test::any_placement(random)) {
    for (std::size_t i = 0; i < rows; ++i) {
      bias[i] = bcr::test::random_value<T>(random);
      for (std::size_t j = 0; j < columns; ++j) residual(i, j) = bcr::test::random_value<T>(random);
    }
  }
};

exact_value plus(exact_value x, double y) { return {x.value + y, x.magnitude + std::abs(y)}; }
double exact_relu(double x) { return x > 0 ? x : 0; }
double exact_gelu(double x) { return x * (1 + std::erf(x / std::sqrt(2.))) / 2; }

// Every count of columns, then any columns of a wide output for the same bits. `with` makes the epilogue from bias and
// residual, `exactly` applies it to a sum.
template <class T, class With, class Exactly>
void check_epilogue(bool residual_is_output, With&& with, Exactly&& exactly) {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<T>());
  bcr::test::random_source random(5);
  std::uint64_t seed = 500;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const operands<T, block> in(rows, inner, counts.back(), how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t columns : counts) {
        parameters<T> p(columns, random);
        auto s = bcr::test::any_gemm_setting(random, columns);
        s.output_matters = residual_is_output;
        const auto make = [&](bcr::matrix_view<T> c) {
          const bcr::matrix_view<T> r = residual_is_output ? c : p.residual.view();
          return with(ep::bias<T>{p.bias.data()}, ep::residual<T>{r.data, r.leading_dimension});
        };
        bcr::test::check_gemm(in, packed, s, make, [&](exact_value sum, std::size_t i, std::size_t j) {
          return exactly(sum, p.bias[i], residual_is_output ? bcr::test::output_before(i, j) : p.residual(i, j));
        });
      }
    });
    const std::size_t wide = counts.back();
    parameters<T> p(0, random);
    bcr::test::check_gemm_bits(
        in, in.packed(), wide,
        [&](bcr::matrix_view<T> c) {
          return with(ep::bias<T>{p.bias.data()}, ep::residual<T>{c.data, c.leading_dimension});
        },
        seed % 2 == 0);
  }
}

TEST_CASE("gemm: bias and ReLU") {
  check_epilogue<float>(
      false, [](auto bias, auto) { return ep::chain(bias, ep::relu()); },
      [](exact_value x, double bias, double) {
        x = plus(x, bias);
        return exact_value{exact_relu(x.value), x.magnitude};
      });
}

// Dear, or cheap but for its type; the residual apart, or the output itself.
const auto with_gelu = [](auto bias, auto residual) { return ep::chain(bias, ep::gelu(), residual); };
const auto exactly_gelu = [](exact_value x, double bias, double residual) {
  x = plus(x, bias);
  return plus({exact_gelu(x.value), x.magnitude}, residual);
};
TEST_CASE("gemm: bias, GELU and a residual") { check_epilogue<float>(false, with_gelu, exactly_gelu); }
TEST_CASE("gemm: bias, GELU and the output as residual") { check_epilogue<float>(true, with_gelu, exactly_gelu); }

const auto with_relu6 = [](auto, auto residual) { return ep::chain(residual, ep::relu6()); };
const auto exactly_relu6 = [](exact_value x, double, double residual) {
  x = plus(x, residual);
  return exact_value{exact_relu(x.value) < 6 ? exact_relu(x.value) : 6, x.magnitude};
};
TEST_CASE("gemm: a residual and ReLU6 in double precision") {
  check_epilogue<double>(false, with_relu6, exactly_relu6);
}
TEST_CASE("gemm: the output as residual and ReLU6") { check_epilogue<double>(true, with_relu6, exactly_relu6); }

}  // namespace
