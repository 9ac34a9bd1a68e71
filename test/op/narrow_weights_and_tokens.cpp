// Linear layers with weights and tokens in bf16, sums in float: the exact product of what both were rounded to, to the
// tolerance of float, on the target's dot products of bf16 or without them.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "op/linear_case.hpp"

namespace {

using bcr::bf16;
using bcr::test::check_linear;
using plain = bcr::test::plain_layer;
using everything = bcr::test::layer_with_everything;
using block = bcr::block<4, 16>;
using operands = bcr::test::operands<float, block, bcr::both<bf16>>;
using plan = bcr::test::linear_plan<float, bcr::epilogue::none, bcr::both<bf16>>;

TEST_CASE("narrow tokens: linear with every number of them") {
  SUBCASE("alone") { bcr::test::check_every_token_count<plain, operands>(); }
  SUBCASE("with bias, GELU and the output as residual, which are float") {
    bcr::test::check_every_token_count<everything, operands>();
  }
}

TEST_CASE("narrow tokens: linear with every number of rows and weights") {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<float>());
  bcr::test::random_source random(2);
  std::uint64_t seed = 1000;
  for (const std::size_t rows : {0u, 1u, 3u, 4u, 7u, 17u, 65u, 130u}) {
    for (const std::size_t inner : {0u, 1u, 2u, 3u, 7u, 8u, 9u, 17u, 130u}) {
      CAPTURE(rows);
      CAPTURE(inner);
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        const operands in(rows, inner, counts.back(), how, ++seed);
        in.visit_packing(static_cast<int>(seed % in.ways_to_pack), [&](const auto& packed) {
          for (int round = 0; round < 4; ++round) {
            const auto s = bcr::test::any_linear_setting(random, counts[random.below(counts.size())]);
            check_linear<plain>(in, packed, s);
          }
        });
      }
    }
  }
}

TEST_CASE("narrow tokens: linear has the same bits for any threads, tiles and some of the tokens") {
  const std::size_t tokens = 9 * bcr::test::lanes_of<float>() + 5;
  const operands in(150, 61, tokens, {.density = 0.3, .rows_kept = 0.75}, 5);
  in.for_each_packing([&](const auto& packed) { bcr::test::check_linear_bits<plain>(in, tokens, packed); });
}

// Places beside the tokens of a ragged tile are filled with zeros, whatever the workspace held; and what only pruned
// weights would meet leaves no trace.
TEST_CASE("narrow tokens: infinity and NaN stay with their token and with those that keep their column") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  constexpr std::size_t rows = 8, inner = 40;
  auto kept = *bcr::pattern<bcr::block<1, 1>>::create(rows, inner);
  bcr::test::dense_matrix<float> weights(rows, inner);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k <= i; ++k) {
      kept.keep_block(i, k);
      weights(i, k) = 1;
    }
  }
  const auto packed = bcr::pack<bf16>(kept, weights.view());
  for (const std::size_t tokens : {std::size_t{1}, std::size_t{9}, 5 * bcr::test::lanes_of<float>() + 1}) {
    CAPTURE(tokens);
    const auto made = plan::create(*packed, {.tokens = tokens});
    std::vector<std::byte> workspace(made->workspace_bytes(), std::byte{0xff});
    std::vector<bf16> x(tokens * inner, bf16(0.5f));
    std::vector<float> y(tokens * rows);
    for (std::size_t t = 0; t < tokens; ++t) x[t * inner + 39] = bf16(std::numeric_limits<float>::quiet_NaN());
    x[(tokens - 1) * inner + 3] = bf16(infinity);
    REQUIRE(made->run({x.data(), tokens, inner}, {y.data(), tokens, rows}, workspace).ok());
    std::size_t wrong = 0;
    for (std::size_t t = 0; t < tokens; ++t) {
      for (std::size_t i = 0; i < rows; ++i) {
        const bool meets_infinity = t == tokens - 1 && i >= 3;
        wrong += y[t * rows + i] != (meets_infinity ? infinity : 0.5f * static_cast<float>(i + 1));
      }
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("narrow tokens: kernel_name says whether the target has dot products") {
  const operands in(9, 9, 1, {}, 1);
  const std::string name = plan::create(in.packed(), {.tokens = 1})->kernel_name();
  std::string expected = std::string("linear_bf16_b4x16_t4x1_") + bcr::test::target_name();
#if BCR_DOTS_PAIRS
  expected += "_bf16";
#endif
  CHECK(name == expected);
}

TEST_CASE("narrow tokens: a shape that is wrong, in words, and matrices without elements") {
  const operands in(9, 20, 7, {}, 1);
  const auto packed = in.packed();
  const auto made = plan::create(packed, {.tokens = 7});
  std::vector<std::byte> workspace(made->workspace_bytes());
  const std::vector<bf16> x(20 * 7, bf16(0.0f));
  std::vector<float> y(9 * 7, 3.0f);
  CHECK(made->run({x.data(), 7, 19}, {y.data(), 7, 9}, workspace).message() ==
        doctest::String("The input of the layer does not have the plan's shape, T x K."));
  const operands nothing(9, 0, 7, {}, 1);
  const auto packed_nothing = nothing.packed();
  const auto empty = plan::create(packed_nothing, {.tokens = 7});
  workspace.resize(empty->workspace_bytes());
  CHECK(empty->run({nullptr, 7, 0, 5}, {y.data(), 7, 9}, workspace).ok());
  for (const float value : y) CHECK(value == 0.0f);
}

}  // namespace
