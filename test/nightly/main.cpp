// Layers of random shapes, blocks, patterns, types, epilogues, tiles, threads and places in memory, packed, saved,
// opened and compared with the reference in double precision:  bcr_test_nightly CASES [SEED]
// Each case has a seed of its own, which a failure names: `bcr_test_nightly 1 SEED` repeats it.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <type_traits>
#include <utility>
#include <vector>

#include "op/gemm_case.hpp"

namespace ep = bcr::epilogue;

namespace {

using bcr::test::exact_value;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::operands;
using bcr::test::random_source;

std::uint64_t wanted_cases = 1000, first_seed = 1, done_cases = 0;

// Mostly small, now and then beyond every block, tile and group.
std::size_t any_extent(random_source& random, std::size_t largest) {
  const std::size_t bounds[] = {3, 9, 20, 70, 70, largest};
  return random.below(bounds[random.below(6)] + 1);
}

bcr::test::pattern_options any_pattern_options(random_source& random) {
  const double densities[] = {0, 0.02, 0.1, 0.3, 0.6, 1}, rows_kept[] = {1, 1, 0.75, 0.5, 0.25};
  return {.density = densities[random.below(6)],
          .rows_kept = rows_kept[random.below(5)],
          .empty_blocks = random.chance(0.3) ? 0.4 : 0.0,
          .how = random.chance(0.5) ? bcr::test::selection::exactly : bcr::test::selection::bernoulli};
}

double bias_of(std::size_t row) { return static_cast<double>(row % 9) / 4 - 1; }
exact_value plus(const exact_value& x, double y) { return {x.value + y, x.magnitude + std::abs(y)}; }

// Epilogues, made for an output and a bias, and what they come to.
struct nothing {
  static constexpr bool reads_output = false;
  template <class T>
  static ep::none make(bcr::matrix_view<T>, const T*) {
    return {};
  }
  static exact_value exactly(exact_value x, double, double) { return x; }
};
struct bias_and_relu {
  static constexpr bool reads_output = false;
  template <class T>
  static auto make(bcr::matrix_view<T>, const T* bias) {
    return ep::chain(ep::bias<T>{bias}, ep::relu());
  }
  static exact_value exactly(exact_value x, double bias, double) {
    x = plus(x, bias);
    return {std::max(x.value, 0.), x.magnitude};
  }
};
struct bias_gelu_and_residual {
  static constexpr bool reads_output = true;
  template <class T>
  static auto make(bcr::matrix_view<T> output, const T* bias) {
    return ep::chain(ep::bias<T>{bias}, ep::gelu(), ep::residual<T>{output.data, output.leading_dimension});
  }
  static exact_value exactly(exact_value x, double bias, double residual) {
    x = plus(x, bias);
    return plus({x.value * std::erfc(-x.value / std::sqrt(2.)) / 2, x.magnitude}, residual);
  }
};

// Runs and compares, for any block and layout.
template <class How, class T, class Plan>
void check_linear_plan(const Plan& plan, const bcr::test::dense_matrix<T>& input,
                       const bcr::test::exact_product<T>& exact, std::size_t rows, std::size_t tokens,
                       random_source& random) {
  guarded_matrix<T> x(tokens, input.rows, bcr::test::any_placement(random)),
      y(tokens, rows, bcr::test::any_placement(random));
  guarded_array<T> bias(rows, random.below(4), bcr::test::guard_side::after);
  for (std::size_t i = 0; i < rows; ++i) bias[i] = static_cast<T>(bias_of(i));
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t k = 0; k < input.rows; ++k) x(t, k) = input(k, t);
    for (std::size_t i = 0; How::reads_output && i < rows; ++i)
      y(t, i) = static_cast<T>(bcr::test::output_before(i, t));
  }
  guarded_array<std::byte> workspace(plan.workspace_bytes(), random.below(70), bcr::test::guard_side::after);
  const auto epilogue = How::make(y.view(), static_cast<const T*>(bias.data()));
  CHECK(plan.run(x.view(), y.view(), workspace.span(), epilogue).ok());
  CHECK(x.surroundings_intact());
  CHECK(y.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  double worst = 0;
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t i = 0; i < rows; ++i) {
      const auto expected = How::exactly(exact(i, t), bias_of(i), bcr::test::output_before(i, t));
      worst = std::max(worst, exact.excess(i, y(t, i), expected));
    }
  }
  CHECK(worst <= 1);
}

// The epilogue and what it comes to, as check_gemm wants them.
template <class How, class T>
struct make_of {
  const T* bias;
  auto operator()(bcr::matrix_view<T> c) const { return How::make(c, bias); }
};
template <class How>
struct exactly_of {
  exact_value operator()(const exact_value& sum, std::size_t i, std::size_t j) const {
    return How::exactly(sum, bias_of(i), bcr::test::output_before(i, j));
  }
};

template <class How, class T, class Block, class W, bcr::blob_layout Layout>
void check_packed(const operands<T, Block, W>& in, const bcr::packed_weights<W, Block, Layout>& saved,
                  std::size_t columns, random_source& random) {
  const auto packed = bcr::packed_weights<W, Block, Layout>::open(saved.bytes());
  REQUIRE(packed.ok());
  if (random.chance(0.3)) {
    using epilogue_type = decltype(How::make(bcr::matrix_view<T>(), static_cast<const T*>(nullptr)));
    const auto plan = bcr::linear_plan<T, epilogue_type, W>::create(
        *packed,
        {.tokens = columns, .threads = 1 + random.below(4), .tile_vectors = static_cast<int>(random.below(7))});
    REQUIRE(plan.ok());
    return check_linear_plan<How>(*plan, in.input, in.exact, packed->rows(), columns, random);
  }

  auto s = bcr::test::any_gemm_setting(random, columns);
  s.output_matters = How::reads_output;
  std::vector<T> bias(packed->rows());
  for (std::size_t i = 0; i < bias.size(); ++i) bias[i] = static_cast<T>(bias_of(i));
  bcr::test::check_gemm(in, *packed, s, make_of<How, T>{bias.data()}, exactly_of<How>());
}

template <class How, class W, class Block>
void check_layer(random_source& random) {
  using T = std::conditional_t<bcr::narrow_float<W>, float, W>;
  const std::size_t columns = any_extent(random, 9 * bcr::test::lanes_of<T>());
  const operands<T, Block, W> in(any_extent(random, 300), any_extent(random, random.chance(0.02) ? 1100 : 200), columns,
                                 any_pattern_options(random), random.word());
  const int way = static_cast<int>(random.below(in.ways_to_pack));
  in.visit_packing(way, [&](const auto& packed) {
    INFO("M " << packed.rows() << " K " << packed.columns() << " N " << columns << " block " << Block::rows << "x"
              << Block::columns << " bytes " << sizeof(W) << " packing " << way);
    check_packed<How>(in, packed, columns, random);
  });
}

template <class W, class Block>
void check_any_epilogue(random_source& random) {
  switch (random.below(3)) {
    case 0:
      return check_layer<nothing, W, Block>(random);
    case 1:
      return check_layer<bias_and_relu, W, Block>(random);
    default:
      return check_layer<bias_gelu_and_residual, W, Block>(random);
  }
}

template <class W>
void check_any_block(random_source& random) {
  switch (random.below(7)) {
    case 0:
      return check_any_epilogue<W, bcr::block<1, 1>>(random);
    case 1:
      return check_any_epilogue<W, bcr::block<4, 16>>(random);
    case 2:
      return check_any_epilogue<W, bcr::block<8, 32>>(random);
    case 3:
      return check_any_epilogue<W, bcr::block<16, 64>>(random);
    case 4:
      return check_any_epilogue<W, bcr::block<5, 7>>(random);
    case 5:
      return check_any_epilogue<W, bcr::block<1, 1024>>(random);
    default:
      return check_any_epilogue<W, bcr::block<128, 16>>(random);
  }
}

TEST_CASE("random layers") {
  for (std::uint64_t seed = first_seed; seed != first_seed + wanted_cases; ++seed, ++done_cases) {
    CAPTURE(seed);
    random_source random(seed);
    const std::size_t type = random.below(10);
    if (type < 4) {
      check_any_block<float>(random);
    } else if (type < 6) {
      check_any_block<double>(random);
    } else if (type < 8) {
      check_any_block<bcr::bf16>(random);
    } else {
      check_any_block<bcr::f16>(random);
    }
  }
}

}  // namespace

int main(int count, char** arguments) {
  if (count > 1) wanted_cases = std::strtoull(arguments[1], nullptr, 10);
  if (count > 2) first_seed = std::strtoull(arguments[2], nullptr, 10);
  doctest::Context context;
  context.setOption("abort-after", 10);
  const int failed = context.run();
  std::printf("%s: %llu random layers from seed %llu, %s\n", bcr::target_name(),
              static_cast<unsigned long long>(done_cases), static_cast<unsigned long long>(first_seed),
              failed == 0 ? "all as the reference says." : "not all as the reference says.");
  return done_cases == wanted_cases ? failed : 1;
}
