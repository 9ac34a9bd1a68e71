// One run of a linear plan, every operand between guards.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "op/operands.hpp"

namespace bcr::test {

struct linear_setting {
  linear_options options = {};
  std::size_t first_token = 0;  // of the operands' input
  placement x = {}, y = {};
  std::size_t workspace_offset = 0;  // bytes
};

inline linear_setting any_linear_setting(random_source& random, std::size_t tokens) {
  linear_setting s;
  s.options = {.tokens = tokens, .threads = 1 + random.below(4), .tile_vectors = static_cast<int>(random.below(7))};
  s.x = any_placement(random);
  s.y = any_placement(random);
  s.workspace_offset = random.below(70);
  return s;
}

// Without an epilogue.
struct plain_layer {
  static constexpr bool reads_output = false;
  template <class T>
  static epilogue::none make(matrix_view<T>, const T*) {
    return {};
  }
  static exact_value exactly(exact_value sum, double, double) { return sum; }
};

// A bias by neuron, a dear activation, and the output itself as residual.
struct layer_with_everything {
  static constexpr bool reads_output = true;
  template <class T>
  static auto make(matrix_view<T> y, const T* bias) {
    return epilogue::chain(epilogue::bias<T>{bias}, epilogue::gelu(),
                           epilogue::residual<T>{y.data, y.leading_dimension});
  }
  static exact_value exactly(exact_value sum, double bias, double residual) {
    const double x = sum.value + bias;
    return {x * (1 + std::erf(x / std::sqrt(2.))) / 2 + residual, sum.magnitude + std::abs(bias) + std::abs(residual)};
  }
};

inline double bias_of(std::size_t neuron) { return static_cast<double>(neuron % 7) / 4 - 0.75; }

template <class How, class T, class Block, class W, blob_layout Layout, class Executor = serial_executor>
guarded_matrix<T> run_linear(const operands<T, Block, W>& in,
                             const packed_weights<stored_weight<W>, Block, Layout>& packed, const linear_setting& s,
                             Executor&& threads = {}) {
  using epilogue_type = decltype(How::make(matrix_view<T>(), static_cast<const T*>(nullptr)));
  const auto plan = linear_plan<T, epilogue_type, W>::create(packed, s.options);
  REQUIRE(plan.ok());
  REQUIRE(plan->tasks() <= s.options.threads);
  const std::size_t tokens = s.options.tokens;
  using input = input_for<T, W>;
  guarded_matrix<input> x(tokens, packed.columns(), s.x);
  guarded_matrix<T> y(tokens, packed.rows(), s.y);
  guarded_array<T> bias(packed.rows(), s.x.offset, s.y.side);
  for (std::size_t m = 0; m < packed.rows(); ++m) bias[m] = static_cast<T>(bias_of(m));
  for (std::size_t t = 0; t < tokens; ++t) {
    for (std::size_t k = 0; k < packed.columns(); ++k) {
      x(t, k) = static_cast<input>(in.input(k, s.first_token + t));
    }
    for (std::size_t m = 0; How::reads_output && m < packed.rows(); ++m) {
      y(t, m) = static_cast<T>(output_before(m, s.first_token + t));
    }
  }
  guarded_array<std::byte> workspace(plan->workspace_bytes(), s.workspace_offset, s.x.side);
  const status done = plan->run(x.view(), y.view(), workspace.span(), How::make(y.view(), bias.data()), threads);
  CHECK(done.message() == doctest::String("Success."));
  CHECK(x.surroundings_intact());
  CHECK(y.surroundings_intact());
  CHECK(bias.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return y;
}

inline doctest::String describe(const linear_setting& s) {
  return ("tokens " + std::to_string(s.first_token) + " + " + std::to_string(s.options.tokens) + " tile " +
          std::to_string(s.options.tile_vectors) + " threads " + std::to_string(s.options.threads))
      .c_str();
}

template <class How, class T, class Block, class W, blob_layout Layout>
void check_linear(const operands<T, Block, W>& in, const packed_weights<stored_weight<W>, Block, Layout>& packed,
                  const linear_setting& s) {
  INFO(describe(s));
  guarded_matrix<T> y = run_linear<How>(in, packed, s);
  double worst = 0;
  for (std::size_t t = 0; t < s.options.tokens; ++t) {
    for (std::size_t m = 0; m < packed.rows(); ++m) {
      const std::size_t token = s.first_token + t;
      const exact_value expected = How::exactly(in.exact(m, token), bias_of(m), output_before(m, token));
      worst = std::max(worst, in.exact.excess(m, y(t, m), expected));
    }
  }
  CHECK(worst <= roundings_of<W>());
}

// Every number of tokens, of a layer of Operands: rows of more than one stripe of results, and features that are no
// multiple of anything.
template <class How, class Operands>
void check_every_token_count() {
  const std::vector<std::size_t> counts = counts_around(lanes_of<typename Operands::activation>());
  random_source random(1);
  std::uint64_t seed = 10;
  for (const pattern_options& how : every_density) {
    const Operands in(149, 41, counts.back(), how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t tokens : counts) {
        linear_setting s = any_linear_setting(random, tokens);
        check_linear<How>(in, packed, s);
        s.options.tile_vectors = 0;
        check_linear<How>(in, packed, s);
      }
    });
  }
}

// The same bits with any number of threads, by any executor, in any tile of two or more vectors, and for any of the
// tokens; and the same again in tiles of one vector, and for single tokens. On bands there are no exceptions.
template <class How, class T, class Block, class W, blob_layout Layout>
void check_linear_bits(const operands<T, Block, W>& in, std::size_t tokens,
                       const packed_weights<stored_weight<W>, Block, Layout>& packed) {
  const std::size_t rows = packed.rows();
  linear_setting s{.options = {.tokens = tokens}};
  const auto bits_alone = [&] {
    guarded_matrix<T> alone = run_linear<How>(in, packed, s);
    return bits_of(alone);
  };
  const std::vector<std::byte> wide = bits_alone();
  s.options.tile_vectors = 1;
  const std::vector<std::byte> narrow = bits_alone();
  s.options.tile_vectors = 0;
  const auto expected = [&] {
    const auto token_alone = [&](std::size_t token) {
      const linear_setting asked = std::exchange(s, {.options = {.tokens = 1}, .first_token = token});
      const std::vector<std::byte> bits = bits_alone();
      s = asked;
      return bits;
    };
    if (packed.has_panels && !has_narrow_input<W> && is_vector_plan(s.options.tokens, s.options.tile_vectors)) {
      return token_alone(s.first_token);
    }
    const bool last_alone = ends_with_vector<T, W>(packed, s.options.tokens, s.options.tile_vectors);
    // A token is a row: its features are the elements of one column of the product.
    const std::size_t in_tiles = s.options.tokens - (last_alone ? 1 : 0);
    const std::size_t in_wide =
        packed.has_bands ? s.options.tokens : columns_in_wide_tiles<T>(in_tiles, s.options.tile_vectors);
    const auto at = [&](std::size_t token) { return static_cast<std::ptrdiff_t>(token * rows * sizeof(T)); };
    std::vector<std::byte> bits(wide.begin() + at(s.first_token), wide.begin() + at(s.first_token + in_wide));
    bits.insert(bits.end(), narrow.begin() + at(s.first_token + in_wide),
                narrow.begin() + at(s.first_token + in_tiles));
    if (last_alone) {
      const std::vector<std::byte> last = token_alone(s.first_token + in_tiles);
      bits.insert(bits.end(), last.begin(), last.end());
    }
    return bits;
  };
  const auto same = [&](auto&& threads) {
    INFO(describe(s));
    guarded_matrix<T> y = run_linear<How>(in, packed, s, threads);
    CHECK(bits_of(y) == expected());
  };
  for (const std::size_t threads : {1u, 2u, 3u, 7u, 100u}) {
    s.options.threads = threads;
    same(serial_executor());
    same(backward_executor());
    auto pool = thread_pool::create(std::min<std::size_t>(threads, 7));
    REQUIRE(pool.ok());
    same(*pool);
  }
  random_source random(3);
  for (int round = 0; round < rounds_of_bits; ++round) {
    s = any_linear_setting(random, 0);
    s.first_token = random.below(tokens);
    s.options.tokens = round % 6 == 0 ? 1 : 1 + random.below(tokens - s.first_token);
    same(serial_executor());
  }
}

}  // namespace bcr::test
