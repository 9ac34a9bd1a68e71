// Weights of sixteen bits with activations in float: the product of what the weights were rounded to, to float's own
// tolerance, and to the bit what weights of these values give in float.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::bf16;
using bcr::f16;
using bcr::test::exact_value;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::operands;
using block = bcr::block<4, 16>;

constexpr auto no_epilogue = [](auto) { return ep::none(); };
constexpr auto unchanged = [](const exact_value& sum, std::size_t, std::size_t) { return sum; };
// Dear, so that results take the way through the scratch tile, and part of every dispatch library of the tests.
const std::vector<float> biases(300, 0.5f);
constexpr auto everything = [](bcr::matrix_view<float> c) {
  return ep::chain(ep::bias<float>{biases.data()}, ep::gelu(), ep::residual<float>{c.data, c.leading_dimension});
};

template <class W>
using problem = operands<float, block, W>;

TEST_CASE_TEMPLATE("narrow weights: gemm with every number of columns on every tile", W, bf16, f16) {
  bcr::test::check_every_tile<problem<W>>(no_epilogue, unchanged);
}

TEST_CASE_TEMPLATE("narrow weights: gemm with every number of rows and weights", W, bf16, f16) {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<float>());
  bcr::test::random_source random(2);
  std::uint64_t seed = 1000;
  for (const std::size_t rows : {0u, 1u, 3u, 4u, 5u, 7u, 16u, 17u, 130u}) {
    for (const std::size_t inner : {0u, 1u, 3u, 7u, 16u, 17u, 130u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        CAPTURE(rows);
        CAPTURE(inner);
        const problem<W> in(rows, inner, counts.back(), how, ++seed);
        in.visit_packing(static_cast<int>(seed % in.ways_to_pack), [&](const auto& packed) {
          for (int round = 0; round < 4; ++round) {
            auto s = bcr::test::any_gemm_setting(random, counts[random.below(counts.size())]);
            if (round == 0) s.options = {.columns = 1};  // has a kernel of its own
            check_gemm(in, packed, s, no_epilogue, unchanged);
          }
        });
      }
    }
  }
}

TEST_CASE_TEMPLATE("narrow weights: gemm has the same bits for any threads and tiles", W, bf16, f16) {
  const std::size_t columns = 9 * bcr::test::lanes_of<float>() + 5;
  std::uint64_t seed = 70;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const problem<W> in(70, 90, columns, how, ++seed);
    in.visit_packing(static_cast<int>(seed % in.ways_to_pack), [&](const auto& packed) {
      bcr::test::check_gemm_bits(in, packed, columns, no_epilogue, seed % 2 == 0);
    });
  }
  const problem<W> in(70, 90, columns, {.density = 0.3, .rows_kept = 0.75}, ++seed);
  bcr::test::check_gemm_bits(in, in.packed(), columns, everything, false);
}

// Packed in the same way, but with weights in float.
template <class W>
bcr::packed_weights<float, block> in_float(const problem<W>& in, bcr::panel_cut cut) {
  auto made = bcr::pack<float>(in.kept, bcr::test::converted<float>(in.weights).view(), {.cut = cut});
  REQUIRE(made.ok());
  return std::move(*made);
}

template <class Plan, class Packed, class Options>
std::vector<std::byte> bits_of_run(const Packed& packed, const Options& options, bcr::matrix_view<const float> input,
                                   std::size_t rows, std::size_t columns) {
  const auto plan = Plan::create(packed, options);
  REQUIRE(plan.ok());
  guarded_array<std::byte> workspace(plan->workspace_bytes(), 0, bcr::test::guard_side::after);
  guarded_matrix<float> output(rows, columns, {.padding = 3});
  bcr::test::random_source random(5);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) output(i, j) = bcr::test::random_value<float>(random);
  }
  const bcr::status done = plan->run(input, output.view(), workspace.span(), everything(output.view()));
  CHECK(done.message() == doctest::String("Success."));
  CHECK(output.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return bcr::test::bits_of(output);
}

TEST_CASE_TEMPLATE("narrow weights: the bits that weights in float give", W, bf16, f16) {
  using epilogue = decltype(everything({}));
  namespace test = bcr::test;
  constexpr std::size_t rows = 149, inner = 70;
  std::uint64_t seed = 400;
  for (const test::pattern_options& how : test::every_density) {
    for (const std::size_t n : test::counts_around(test::lanes_of<float>())) {
      const problem<W> in(rows, inner, n, how, ++seed);
      constexpr bcr::panel_cut cuts[] = {bcr::panel_cut::automatic, bcr::panel_cut::whole_rows,
                                         bcr::panel_cut::per_block};
      const bcr::panel_cut cut = cuts[seed % 3];
      const auto packed = in.packed({.cut = cut});
      const auto wide = in_float(in, cut);
      CAPTURE(n);
      const bcr::matrix_view<const float> b = in.input.view();
      CHECK(bits_of_run<test::gemm_plan<float, epilogue, W>>(packed, bcr::gemm_options{.columns = n}, b, rows, n) ==
            bits_of_run<test::gemm_plan<float, epilogue>>(wide, bcr::gemm_options{.columns = n}, b, rows, n));
      const auto tokens = test::random_matrix<float>(n, inner, seed);
      const bcr::matrix_view<const float> x = tokens.view();
      CHECK(bits_of_run<test::linear_plan<float, epilogue, W>>(packed, bcr::linear_options{.tokens = n}, x, n, rows) ==
            bits_of_run<test::linear_plan<float, epilogue>>(wide, bcr::linear_options{.tokens = n}, x, n, rows));
    }
  }
}

TEST_CASE_TEMPLATE("narrow weights: infinity, NaN and the smallest numbers are weights as any", W, bf16, f16) {
  constexpr std::size_t rows = 12, inner = 40;
  auto kept = bcr::pattern<block>::create(rows, inner);
  kept->keep_all();
  bcr::test::dense_matrix<float> weights(rows, inner);
  const float least = static_cast<float>(W::from_bits(1));
  weights(2, 30) = std::numeric_limits<float>::infinity();
  weights(5, 7) = std::numeric_limits<float>::quiet_NaN();
  weights(7, 39) = least;
  weights(8, 0) = -std::numeric_limits<float>::max();  // infinity in f16
  const auto packed = bcr::pack<W>(*kept, std::as_const(weights).view());
  for (const std::size_t n : {std::size_t{1}, bcr::test::lanes_of<float>(), 5 * bcr::test::lanes_of<float>() + 1}) {
    CAPTURE(n);
    const auto plan = bcr::test::gemm_plan<float, ep::none, W>::create(*packed, {.columns = n});
    std::vector<std::byte> workspace(plan->workspace_bytes());
    const std::vector<float> b(inner * n, 0x1p20f);
    std::vector<float> c(rows * n);
    REQUIRE(plan->run({b.data(), inner, n}, {c.data(), rows, n}, workspace).ok());
    for (std::size_t j = 0; j < n; ++j) {
      CHECK(c[2 * n + j] == std::numeric_limits<float>::infinity());
      CHECK(c[5 * n + j] != c[5 * n + j]);
      CHECK(c[7 * n + j] == least * 0x1p20f);
      CHECK(c[8 * n + j] == -std::numeric_limits<float>::infinity());
      CHECK(c[9 * n + j] == 0.0f);
    }
  }
}

TEST_CASE("narrow weights: kernel_name has the activations' type, then the weights'") {
  const auto name = []<class W>(std::type_identity<W>, std::size_t n) {
    const problem<W> in(9, 9, 1, {}, 1);
    const auto packed = in.packed();
    const auto gemm = bcr::test::gemm_plan<float, ep::none, W>::create(packed, {.columns = n, .tile_vectors = n > 1});
    const auto linear = bcr::test::linear_plan<float, ep::none, W>::create(packed, {.tokens = n});
    return doctest::String((std::string(gemm->kernel_name()) + " " + linear->kernel_name()).c_str());
  };
  const std::string target = bcr::test::target_name();
  const std::size_t wide = 2 * bcr::test::lanes_of<float>();
  CHECK(name(std::type_identity<bf16>(), wide) ==
        doctest::String(("gemm_f32_bf16_b4x16_t4x1_" + target + " linear_f32_bf16_b4x16_t4x2_" + target).c_str()));
  CHECK(name(std::type_identity<f16>(), 1) ==
        doctest::String(("gemv_f32_f16_b4x16_t4x1_" + target + " gemv_f32_f16_b4x16_t4x1_" + target).c_str()));
}

}  // namespace
