// Layers as engines store their activations: tokens x features in, tokens x neurons out, everywhere in memory.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "op/linear_case.hpp"

namespace {

using bcr::test::operands;
using plain = bcr::test::plain_layer;
using everything = bcr::test::layer_with_everything;
using block = bcr::block<4, 16>;

TEST_CASE("linear: every number of tokens") {
  SUBCASE("f32") { bcr::test::check_every_token_count<plain, operands<float, block>>(); }
  SUBCASE("f64") { bcr::test::check_every_token_count<plain, operands<double, block>>(); }
  SUBCASE("f32 with bias, GELU and the output as residual") {
    bcr::test::check_every_token_count<everything, operands<float, block>>();
  }
}

TEST_CASE("linear: every number of rows and weights") {
  const std::vector<std::size_t> counts = bcr::test::counts_around(bcr::test::lanes_of<float>());
  bcr::test::random_source random(2);
  std::uint64_t seed = 1000;
  for (const std::size_t rows : {0u, 1u, 3u, 4u, 5u, 7u, 16u, 17u, 33u, 64u, 65u, 130u}) {
    for (const std::size_t inner : {0u, 1u, 3u, 7u, 16u, 17u, 130u}) {
      CAPTURE(rows);
      CAPTURE(inner);
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        const operands<float, block> in(rows, inner, counts.back(), how, ++seed);
        in.visit_packing(static_cast<int>(seed % in.ways_to_pack), [&](const auto& packed) {
          for (int round = 0; round < 4; ++round) {
            const bcr::test::linear_setting s =
                bcr::test::any_linear_setting(random, counts[random.below(counts.size())]);
            check_linear<plain>(in, packed, s);
            check_linear<everything>(in, packed, s);
          }
        });
      }
    }
  }
}

TEST_CASE("linear: the same bits for any threads, tiles and some of the tokens") {
  const auto check = [](auto how, auto zero) {
    using T = decltype(zero);
    const std::size_t tokens = 9 * bcr::test::lanes_of<T>() + 5;
    const operands<T, block> in(150, 60, tokens, {.density = 0.3, .rows_kept = 0.75}, 5);
    in.for_each_packing([&](const auto& packed) { bcr::test::check_linear_bits<decltype(how)>(in, tokens, packed); });
  };
  check(plain(), 0.0f);
  check(plain(), 0.0);
  check(everything(), 0.0f);
}

void says(const bcr::status& s, const char* sentence) {
  CHECK(s.code() == bcr::errc::invalid_argument);
  CHECK(s.message() == doctest::String(sentence));
}

TEST_CASE("linear_plan: what cannot be, in words") {
  using plan_type = bcr::test::linear_plan<float, decltype(everything::make<float>({}, nullptr))>;
  constexpr std::size_t tokens = 20, features = 30, neurons = 10;
  const operands<float, block> in(neurons, features, tokens, {}, 1);
  const auto packed = in.packed();
  const auto refused = [&](const bcr::linear_options& options, const char* sentence) {
    says(plan_type::can_implement(options), sentence);
    says(plan_type::create(packed, options).status(), sentence);
  };
  refused({.tokens = 3, .threads = 0}, "A plan needs at least one thread.");
  refused({.tokens = 3, .tile_vectors = 7}, "A tile has 1 to 6 vectors, or 0 to let the library choose.");

  const auto plan = plan_type::create(packed, {.tokens = tokens});
  std::vector<float> x(tokens * features, 1.0f), y(tokens * neurons, 5.0f), bias(neurons);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const bcr::matrix_view<const float> good_x(x.data(), tokens, features);
  const bcr::matrix_view<float> good_y(y.data(), tokens, neurons);
  const auto epilogue = everything::make<float>(good_y, bias.data());
  constexpr const char* bad_x = "The input of the layer does not have the plan's shape, T x K.";
  says(plan->run({x.data(), tokens - 1, features}, good_y, workspace, epilogue), bad_x);
  says(plan->run({x.data(), tokens, features + 1}, good_y, workspace, epilogue), bad_x);
  says(plan->run({x.data(), tokens, features, features - 1}, good_y, workspace, epilogue), bad_x);
  says(plan->run({nullptr, tokens, features}, good_y, workspace, epilogue), bad_x);
  constexpr const char* bad_y = "The output of the layer does not have the plan's shape, T x M.";
  says(plan->run(good_x, {y.data(), tokens, neurons - 1}, workspace, epilogue), bad_y);
  says(plan->run(good_x, {y.data(), neurons, tokens}, workspace, epilogue), bad_y);
  says(plan->run(good_x, {nullptr, tokens, neurons}, workspace, epilogue), bad_y);
  says(plan->run(good_x, good_y, std::span(workspace).first(workspace.size() - 1), epilogue),
       "The workspace is smaller than the plan's workspace_bytes().");
  says(plan->run(good_x, good_y, workspace, everything::make<float>(good_y, nullptr)),
       "The epilogue's bias has no data: per_row is null.");
  says(plan->run(good_x, good_y, workspace, everything::make<float>({y.data(), tokens, neurons, 3}, bias.data())),
       "The epilogue's residual has a leading dimension shorter than a row of the output.");
  for (const float value : y) CHECK(value == 5.0f);
  CHECK(plan->run(good_x, good_y, workspace, epilogue).ok());
}

TEST_CASE("linear_plan: matrices without elements may be null") {
  for (const std::size_t tokens : {0u, 1u, 50u, 333u}) {
    const operands<float, block> in(9, 0, tokens, {}, 1);
    const auto packed = in.packed();
    const auto plan = bcr::test::linear_plan<float>::create(packed, {.tokens = tokens, .threads = 3});
    std::vector<std::byte> workspace(plan->workspace_bytes());
    std::vector<float> y(tokens * 9, 3.0f);
    CHECK(plan->run({nullptr, tokens, 0, 5}, {tokens == 0 ? nullptr : y.data(), tokens, 9}, workspace).ok());
    for (const float value : y) CHECK(value == 0.0f);
  }
}

TEST_CASE("linear_plan: kernel_name is operation, type, block, tile, target") {
  const operands<double, block> in(9, 9, 1, {}, 1);
  const auto packed = in.packed();
  const auto name = [&](std::size_t tokens) {
    return doctest::String(bcr::test::linear_plan<double>::create(packed, {.tokens = tokens})->kernel_name());
  };
  const std::size_t lanes = bcr::test::lanes_of<double>();
  CHECK(name(2 * lanes) == doctest::String((std::string("linear_f64_b4x16_t4x2_") + bcr::test::target_name()).c_str()));
  CHECK(name(1) == doctest::String((std::string("gemv_f64_b4x16_t4x1_") + bcr::test::target_name()).c_str()));
  const auto bands = in.packed<bcr::blob_layout::bands>();
  const auto both = in.packed<bcr::blob_layout::panels_and_bands>();
  const auto name_of = [](const auto& weights, std::size_t tokens) {
    return std::string(bcr::test::linear_plan<double>::create(weights, {.tokens = tokens})->kernel_name());
  };
  const std::string target = bcr::test::target_name();
  CHECK(name_of(bands, 1) == "gemv_f64_b4x16_t128x1_" + target);
  CHECK(name_of(bands, 3) == "skinny_f64_b4x16_t128x3_" + target);
  CHECK(name_of(bands, 100) == "skinny_f64_b4x16_t128x16_" + target);
  CHECK(name_of(both, 1) == "gemv_f64_b4x16_t128x1_" + target);
  CHECK(name_of(both, 17).substr(0, 7) == "linear_");
  if (lanes != 1) {
    CHECK(name(lanes) == doctest::String((std::string("linear_f64_b4x16_t4x1_") + bcr::test::target_name()).c_str()));
  }
}

}  // namespace
