// Weights and activations in bf16, sums in float: the exact product of what both were rounded to, to the tolerance of
// float, on the target's dot products of bf16 or without them.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "op/gemm_case.hpp"
#include "op/linear_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::bf16;
using bcr::test::exact_value;
using block = bcr::block<4, 16>;
using operands = bcr::test::operands<float, block, bcr::both<bf16>>;
template <class Epilogue = ep::none>
using plan = bcr::test::gemm_plan<float, Epilogue, bcr::both<bf16>>;

constexpr auto no_epilogue = [](auto) { return ep::none(); };
constexpr auto unchanged = [](const exact_value& sum, std::size_t, std::size_t) { return sum; };

TEST_CASE("narrow input: gemm with every number of columns on every tile") {
  bcr::test::check_every_tile<operands>(no_epilogue, unchanged);
}

TEST_CASE("narrow input: gemm with every number of rows and weights") {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<float>());
  bcr::test::random_source random(2);
  std::uint64_t seed = 1000;
  for (const std::size_t rows : {0u, 1u, 3u, 4u, 5u, 7u, 16u, 17u, 130u}) {
    for (const std::size_t inner : {0u, 1u, 2u, 3u, 7u, 16u, 17u, 130u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        CAPTURE(rows);
        CAPTURE(inner);
        const operands in(rows, inner, counts.back(), how, ++seed);
        in.visit_packing(static_cast<int>(seed % in.ways_to_pack), [&](const auto& packed) {
          for (int round = 0; round < 4; ++round) {
            const auto s = bcr::test::any_gemm_setting(random, counts[random.below(counts.size())]);
            check_gemm(in, packed, s, no_epilogue, unchanged);
          }
        });
      }
    }
  }
}

TEST_CASE("narrow input: gemm has the same bits for any threads and tiles") {
  const std::size_t columns = 9 * bcr::test::lanes_of<float>() + 5;
  std::uint64_t seed = 70;
  for (const bcr::test::pattern_options& how : bcr::test::every_density) {
    const operands in(70, 90, columns, how, ++seed);
    in.visit_packing(static_cast<int>(seed % in.ways_to_pack),
                     [&](const auto& packed) { check_gemm_bits(in, packed, columns, no_epilogue, seed % 2 == 0); });
  }
}

// A layer of 12 rows of which row i keeps columns 0 to i and 20 of 40: an odd number and an even one.
struct small_layer {
  static constexpr std::size_t rows = 12, inner = 40;
  bcr::pattern<bcr::block<1, 1>> kept = *bcr::pattern<bcr::block<1, 1>>::create(rows, inner);
  bcr::test::dense_matrix<float> weights{rows, inner};

  small_layer() {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < inner; ++k) {
        if (k <= i || k == 20) kept.keep_block(i, k);
        weights(i, k) = 1;
      }
    }
  }
  std::vector<float> times(const std::vector<bf16>& b, std::size_t n) const {
    const auto packed = bcr::pack<bf16>(kept, weights.view());
    const auto made = plan<>::create(*packed, {.columns = n});
    std::vector<std::byte> workspace(made->workspace_bytes());
    std::vector<float> c(rows * n);
    CHECK(made->run({b.data(), inner, n}, {c.data(), rows, n}, workspace).ok());
    return c;
  }
};

TEST_CASE("narrow input: infinity and NaN reach those that keep their column, and nobody else") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const std::size_t n : {std::size_t{1}, bcr::test::lanes_of<float>(), 5 * bcr::test::lanes_of<float>() + 1}) {
    for (std::size_t bad = 0; bad < small_layer::rows; ++bad) {
      CAPTURE(n);
      CAPTURE(bad);
      const small_layer layer;
      std::vector<bf16> b(small_layer::inner * n, bf16(0.5f));
      for (std::size_t j = 0; j < n; ++j) {
        b[bad * n + j] = bf16(infinity);
        b[39 * n + j] = bf16(std::numeric_limits<float>::quiet_NaN());  // kept by none
      }
      const std::vector<float> c = layer.times(b, n);
      std::size_t wrong = 0;
      for (std::size_t i = 0; i < small_layer::rows; ++i) {
        const float right = i >= bad ? infinity : 0.5f * static_cast<float>(i + 2);
        for (std::size_t j = 0; j < n; ++j) wrong += c[i * n + j] != right;
      }
      CHECK(wrong == 0);
      b[bad * n] = bf16(std::numeric_limits<float>::quiet_NaN());
      const float first = layer.times(b, n)[bad * n];
      CHECK(first != first);
    }
  }
}

TEST_CASE("narrow input: subnormal numbers are themselves or zero") {
  small_layer layer;
  const bf16 least = bf16::from_bits(1);
  const std::size_t n = 2 * bcr::test::lanes_of<float>() + 1;
  for (std::size_t i = 0; i < small_layer::rows; ++i) layer.weights(i, 0) = static_cast<float>(least);
  std::vector<bf16> b(small_layer::inner * n, bf16(0.0f));
  for (std::size_t j = 0; j < n; ++j) b[j] = bf16(0x1p20f);
  for (const float found : layer.times(b, n)) {
    const bool right = found == 0 || found == static_cast<float>(least) * 0x1p20f;
    CHECK(right);
  }
}

TEST_CASE("narrow input: an epilogue computes in float") {
  using everything = bcr::test::layer_with_everything;
  const std::vector<float> biases(300, 0.5f);
  const std::size_t n = 3 * bcr::test::lanes_of<float>() + 5;
  const operands in(37, 90, n, {.density = 0.3, .rows_kept = 0.75}, 5);
  check_gemm(
      in, in.packed(), {.options = {.columns = n}, .output_matters = true},
      [&](auto c) { return everything::make(c, biases.data()); },
      [](const exact_value& sum, std::size_t i, std::size_t j) {
        return everything::exactly(sum, 0.5, bcr::test::output_before(i, j));
      });
}

TEST_CASE("narrow input: kernel_name says whether the target has dot products") {
  const operands in(9, 9, 1, {}, 1);
  const auto packed = in.packed();
  const auto made = plan<>::create(packed, {.columns = 1});
  const std::string name = made->kernel_name();
  std::string expected = std::string("gemm_bf16_b4x16_t4x1_") + bcr::test::target_name();
#if BCR_DOTS_PAIRS
  expected += "_bf16";
#endif
  CHECK(name == expected);
#if defined(__AVX512BF16__) && !defined(BCR_SIMD_SCALAR)
  CHECK(name.ends_with("_bf16"));
#endif
}

TEST_CASE("narrow input: weights have to fit in type, and the input in shape") {
  const operands in(9, 20, 7, {}, 1);
  const auto packed = in.packed();
  const auto made = plan<>::create(packed, {.columns = 7});
  std::vector<std::byte> workspace(made->workspace_bytes());
  const std::vector<bf16> b(19 * 7, bf16(0.0f));
  std::vector<float> c(9 * 7);
  CHECK(made->run({b.data(), 19, 7}, {c.data(), 9, 7}, workspace).message() ==
        doctest::String("The input of the product does not have the plan's shape, K x N."));
}

}  // namespace
