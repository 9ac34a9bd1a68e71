// Weights of eight bits: every result is, to the bit, a sum of whole numbers, turned into float and multiplied by one
// scale, and is as near to the product of the weights that were packed as the rounding of both sides allows.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "op/operands.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::blob_layout;
using bcr::test::dense_matrix;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::random_source;
using bcr::test::random_value;

// Numbers by the rule of core/quantise.hpp, read once more.
struct whole_numbers {
  std::vector<int> numbers;
  float scale = 0;
};
whole_numbers by_rule(const std::vector<float>& x) {
  whole_numbers made{std::vector<int>(x.size()), 0};
  float largest = 0;
  for (const float value : x) largest = std::max(largest, std::abs(value));
  if (largest < 0x1p-100f) return made;
  made.scale = largest / 127;
  const float factor = 127 / largest;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const float scaled = x[i] * factor;
    // To the nearest, and the even one: in double nothing is rounded before.
    const double up = std::floor(static_cast<double>(scaled) + 0.5), exact = static_cast<double>(scaled);
    const double nearest = up - exact == 0.5 && std::fmod(up, 2) != 0 ? up - 1 : up;
    made.numbers[i] = static_cast<int>(std::clamp(nearest, -127., 127.));
  }
  return made;
}

// A pattern, weights and vectors.
template <class Block>
struct bytes_case {
  bcr::pattern<Block> kept;
  dense_matrix<float> weights, vectors;  // M x K, and T x K

  bytes_case(std::size_t rows, std::size_t inner, std::size_t count, const bcr::test::pattern_options& how,
             std::uint64_t seed)
      : kept(bcr::test::random_pattern<Block>(rows, inner, how, seed)),
        weights(bcr::test::random_matrix<float>(rows, inner, seed + 1)),
        vectors(bcr::test::random_matrix<float>(count, inner, seed + 2)) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < inner; ++k) {
        if (!kept.keeps(i, k)) weights(i, k) = std::numeric_limits<float>::quiet_NaN();
      }
    }
  }

  auto packed(bcr::strip_cut strips = bcr::strip_cut::automatic) const {
    auto made = bcr::pack<std::int8_t, blob_layout::bands>(kept, weights.view(), {.strips = strips});
    REQUIRE(made.message() == doctest::String("Success."));
    return std::move(*made);
  }
  whole_numbers row(std::size_t i) const {
    std::vector<float> some(kept.columns());
    for (std::size_t k = 0; k < some.size(); ++k) some[k] = kept.keeps(i, k) ? weights(i, k) : 0;
    return by_rule(some);
  }
  whole_numbers vector(std::size_t t) const {
    const float* const first = vectors.elements.data() + t * vectors.leading_dimension;
    return by_rule(std::vector<float>(first, first + kept.columns()));
  }
  // T x M results, and how far each may be from the product before anything was rounded.
  std::vector<float> expected() const {
    std::vector<float> made;
    for (std::size_t t = 0; t < vectors.rows; ++t) {
      const whole_numbers x = vector(t);
      for (std::size_t i = 0; i < kept.rows(); ++i) {
        const whole_numbers w = row(i);
        std::int64_t sum = 0;
        for (std::size_t k = 0; k < kept.columns(); ++k) sum += w.numbers[k] * x.numbers[k];
        const float scale = std::min(w.scale * x.scale, std::numeric_limits<float>::max());
        made.push_back(static_cast<float>(static_cast<std::int32_t>(sum)) * scale);
      }
    }
    return made;
  }
};

struct setting {
  bool as_tokens = false;
  std::size_t threads = 1;
  bcr::test::placement in = {}, out = {};
  std::size_t workspace_offset = 0;
};
setting any_setting(random_source& random) {
  return {random.chance(0.5), 1 + random.below(4), bcr::test::any_placement(random), bcr::test::any_placement(random),
          random.below(70)};
}

// T x M, by gemm or linear.
template <class Block, class Executor = bcr::serial_executor>
std::vector<float> run(const bytes_case<Block>& in,
                       const bcr::packed_weights<std::int8_t, Block, blob_layout::bands>& packed, const setting& s,
                       Executor&& threads = {}) {
  const std::size_t count = in.vectors.rows, rows = packed.rows(), inner = packed.columns();
  std::vector<float> found;
  const auto finish = [&](const auto& plan, guarded_matrix<float>& x, guarded_matrix<float>& y) {
    REQUIRE(plan.ok());
    REQUIRE(plan->tasks() <= s.threads);
    guarded_array<std::byte> workspace(plan->workspace_bytes(), s.workspace_offset, s.in.side);
    const bcr::status done = plan->run(x.view(), y.view(), workspace.span(), {}, threads);
    REQUIRE(done.message() == doctest::String("Success."));
    CHECK(x.surroundings_intact());
    CHECK(y.surroundings_intact());
    CHECK(workspace.surroundings_intact());
    for (std::size_t t = 0; t < count; ++t) {
      for (std::size_t i = 0; i < rows; ++i) found.push_back(s.as_tokens ? y(t, i) : y(i, t));
    }
  };
  guarded_matrix<float> x(s.as_tokens ? count : inner, s.as_tokens ? inner : count, s.in);
  guarded_matrix<float> y(s.as_tokens ? count : rows, s.as_tokens ? rows : count, s.out);
  for (std::size_t t = 0; t < count; ++t) {
    for (std::size_t k = 0; k < inner; ++k) (s.as_tokens ? x(t, k) : x(k, t)) = in.vectors(t, k);
  }
  if (s.as_tokens) {
    finish(
        bcr::test::linear_plan<float, ep::none, std::int8_t>::create(packed, {.tokens = count, .threads = s.threads}),
        x, y);
  } else {
    finish(bcr::test::gemm_plan<float, ep::none, std::int8_t>::create(packed, {.columns = count, .threads = s.threads}),
           x, y);
  }
  return found;
}

template <class Block>
void check_shapes(const std::vector<std::size_t>& rows, const std::vector<std::size_t>& inner, std::uint64_t seed) {
  random_source random(seed);
  const std::size_t counts[] = {1, 1, 2, 3, 4, 5, 16, 21};
  for (const std::size_t m : rows) {
    for (const std::size_t k : inner) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        const bytes_case<Block> in(m, k, counts[random.below(8)], how, ++seed * 10);
        CAPTURE(m);
        CAPTURE(k);
        CAPTURE(in.vectors.rows);
        const std::vector<float> expected = in.expected();
        for (const auto strips : {bcr::strip_cut::automatic, bcr::strip_cut::own_columns, bcr::strip_cut::looked_up}) {
          CAPTURE(static_cast<int>(strips));
          CHECK(run(in, in.packed(strips), any_setting(random)) == expected);
        }
      }
    }
  }
}

TEST_CASE("bytes: the whole numbers that the rule gives, for every shape") {
  const std::vector<std::size_t> few{1, 5, 130}, some{0, 1, 3, 4, 7, 16, 17, 33, 150};
  SUBCASE("blocks of one row") { check_shapes<bcr::block<1, 8>>(few, {1, 7, 40}, 1); }
  SUBCASE("small blocks") { check_shapes<bcr::block<4, 16>>(some, {0, 1, 3, 4, 5, 16, 17, 63, 150}, 2); }
  SUBCASE("blocks that vectors do not fit") { check_shapes<bcr::block<7, 5>>(few, {4, 29, 60}, 3); }
  SUBCASE("blocks of two words of rows") { check_shapes<bcr::block<32, 32>>(few, {31, 100}, 6); }
  SUBCASE("blocks that fill a vector together") { check_shapes<bcr::block<8, 32>>({8, 33, 130}, {32, 70, 200}, 7); }
  SUBCASE("tall blocks") { check_shapes<bcr::block<64, 64>>(few, {64, 200}, 4); }
  SUBCASE("the tallest and widest blocks") { check_shapes<bcr::block<128, 1024>>({3, 129, 200}, {700, 1300}, 5); }
}

TEST_CASE("bytes: the largest sums there are") {
  // All weights and inputs are 127 or -127, in every combination of signs.
  bytes_case<bcr::block<16, 64>> in(4, 2000, 2, {.density = 1}, 1);
  for (std::size_t i = 0; i < 4; ++i) {
    for (std::size_t k = 0; k < 2000; ++k) in.weights(i, k) = (i >> 1 & k) % 2 == 1 || i % 2 == 1 ? -127.f : 127.f;
  }
  for (std::size_t k = 0; k < 2000; ++k) in.vectors(0, k) = 127, in.vectors(1, k) = k % 2 == 1 ? -127.f : 127.f;
  const std::vector<float> expected = in.expected();
  CHECK(expected[0] == 2000.f * 127 * 127);
  CHECK(expected[1] == -2000.f * 127 * 127);
  CHECK(run(in, in.packed(), {}) == expected);
}

TEST_CASE("bytes: halves are rounded to the even number") {
  constexpr std::size_t inner = 100;
  bytes_case<bcr::block<4, 16>> in(inner, inner, 1, {.density = 1}, 1);
  for (std::size_t i = 0; i < inner; ++i) {
    for (std::size_t k = 0; k < inner; ++k) in.weights(i, k) = i == k ? 127.f : 0.f;
  }
  for (std::size_t k = 0; k < inner; ++k) in.vectors(0, k) = static_cast<float>(k) - 48.5f;
  in.vectors(0, 99) = 127;
  const std::vector<float> found = run(in, in.packed(), {.as_tokens = true});
  for (std::size_t k = 0; k + 1 < inner; ++k) {
    const float below = static_cast<float>(k) - 49;
    CHECK(found[k] == 127 * (std::fmod(below, 2.f) == 0 ? below : below + 1));
  }
}

TEST_CASE("bytes: as near to the product as half a step on either side") {
  random_source random(7);
  for (const std::size_t inner : {5u, 64u, 500u}) {
    const bytes_case<bcr::block<16, 64>> in(50, inner, 3, {.density = 0.5, .rows_kept = 0.75}, inner);
    const std::vector<float> found = run(in, in.packed(), any_setting(random));
    for (std::size_t t = 0; t < 3; ++t) {
      const double x_step = static_cast<double>(in.vector(t).scale);
      for (std::size_t i = 0; i < 50; ++i) {
        const double w_step = static_cast<double>(in.row(i).scale);
        double exact = 0, bound = 1e-30;
        for (std::size_t k = 0; k < inner; ++k) {
          if (!in.kept.keeps(i, k)) continue;
          const double w = static_cast<double>(in.weights(i, k)), x = static_cast<double>(in.vectors(t, k));
          exact += w * x;
          bound += (std::abs(w) * x_step + std::abs(x) * w_step) / 2 + w_step * x_step / 4;
        }
        CHECK(std::abs(static_cast<double>(found[t * 50 + i]) - exact) <= 1.00001 * bound);
      }
    }
  }
}

TEST_CASE("bytes: the same bits for any number of threads, and for a vector whatever is beside it") {
  const bytes_case<bcr::block<16, 64>> in(700, 300, 37, {.density = 0.3, .rows_kept = 0.75}, 5);
  const auto packed = in.packed();
  const std::vector<float> all = run(in, packed, {.as_tokens = true});
  CHECK(all == in.expected());
  for (const std::size_t threads : {2u, 3u, 7u}) {
    for (const bool as_tokens : {false, true}) {
      const setting s{.as_tokens = as_tokens, .threads = threads};
      CHECK(run(in, packed, s, bcr::test::backward_executor()) == all);
      CHECK(run(in, packed, s, std::move(*bcr::thread_pool::create(3))) == all);
    }
  }
}

TEST_CASE("bytes: what is not finite makes every result of its vector not a number, and none of another") {
  for (const float odd : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
                          -std::numeric_limits<float>::infinity()}) {
    for (const std::size_t at : {0u, 40u, 69u}) {
      // Rows that keep nothing are among them, and none keeps the column.
      bytes_case<bcr::block<4, 16>> in(30, 70, 3, {.density = 0.2, .rows_kept = 0.5}, 3);
      for (std::size_t bi = 0; bi < in.kept.block_rows(); ++bi) in.kept.keep_column(bi, at / 16, at % 16, false);
      const std::vector<float> before = run(in, in.packed(), {});
      in.vectors(1, at) = odd;
      for (const bool as_tokens : {false, true}) {
        const std::vector<float> found = run(in, in.packed(), {.as_tokens = as_tokens});
        for (std::size_t i = 0; i < found.size(); ++i) {
          if (i / 30 == 1) {
            CHECK(std::isnan(found[i]));
          } else {
            CHECK(found[i] == before[i]);
          }
        }
      }
    }
  }
}

TEST_CASE("bytes: vectors of the smallest and of the largest numbers") {
  bytes_case<bcr::block<4, 16>> in(8, 40, 4, {.density = 1}, 3);
  for (std::size_t k = 0; k < 40; ++k) {
    in.vectors(0, k) = 0;
    in.vectors(1, k) = 0x1p-101f;
    in.vectors(2, k) *= 0x1p-90f;
    in.vectors(3, k) = k % 2 == 0 ? std::numeric_limits<float>::max() : -std::numeric_limits<float>::max();
  }
  for (std::size_t k = 0; k < 40; ++k) in.weights(0, k) = 1e38f;  // with the last vector: zero times what overflows
  const std::vector<float> found = run(in, in.packed(), {.as_tokens = true});
  CHECK(found == in.expected());
  for (std::size_t i = 0; i < 16; ++i) CHECK(found[i] == 0.0f);
  CHECK(found[16] != 0.0f);
  CHECK(found[24] == 0.0f);
}

#ifndef BCR_DISPATCH_LIBRARY  // which is tested with other epilogues
TEST_CASE("bytes: epilogues, accumulation, and the kernel's name") {
  const bytes_case<bcr::block<4, 16>> in(33, 70, 5, {.density = 0.5}, 3);
  const auto packed = in.packed();
  const std::vector<float> expected = in.expected();
  const std::vector<float> bias(33, 0.5f);
  using epilogue = ep::chain_of<ep::bias<float>, ep::relu>;
  const auto plan =
      bcr::test::gemm_plan<float, epilogue, std::int8_t>::create(packed, {.columns = 5, .accumulate = true});
  REQUIRE(plan.ok());
  CHECK(plan->kernel_name() ==
        doctest::String((std::string("skinny_f32_i8_b4x16_t128x5_") + bcr::test::target_name()).c_str()));
  std::vector<float> b(70 * 5), c(33 * 5, 2.0f);
  for (std::size_t k = 0; k < 70; ++k) {
    for (std::size_t t = 0; t < 5; ++t) b[k * 5 + t] = in.vectors(t, k);
  }
  std::vector<std::byte> workspace(plan->workspace_bytes());
  REQUIRE(plan->run({b.data(), 70, 5}, {c.data(), 33, 5}, workspace, epilogue{{bias.data()}, {}}).ok());
  for (std::size_t i = 0; i < 33; ++i) {
    for (std::size_t t = 0; t < 5; ++t) CHECK(c[i * 5 + t] == 2 + std::max(0.f, expected[t * 33 + i] + 0.5f));
  }
}
#endif

}  // namespace
