// One run of a gemm plan, every operand between guards.
#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "op/operands.hpp"

namespace bcr::test {

struct gemm_setting {
  gemm_options options = {};
  std::size_t first_column = 0;  // of the operands' input
  placement b = {}, c = {};
  std::size_t workspace_offset = 0;  // bytes
  bool output_matters = false;       // because something is added to it
};

inline gemm_setting any_gemm_setting(random_source& random, std::size_t columns) {
  gemm_setting s;
  s.options.columns = columns;
  s.options.tile_vectors = static_cast<int>(random.below(7));
  s.options.threads = 1 + random.below(4);
  s.options.accumulate = random.chance(0.3);
  s.options.copy = random.chance(0.3)   ? input_copy::always
                   : random.chance(0.5) ? input_copy::never
                                        : input_copy::automatic;
  s.b = any_placement(random);
  s.c = any_placement(random);
  s.workspace_offset = random.below(70);
  return s;
}

inline doctest::String describe(const gemm_setting& s) {
  const auto number = [](auto n) { return doctest::toString(n); };
  const auto place = [&](const placement& p) {
    return number(p.padding) + "/" + number(p.offset) + (p.side == guard_side::before ? "<" : ">");
  };
  return "columns " + number(s.first_column) + " + " + number(s.options.columns) + " tile " +
         number(s.options.tile_vectors) + " threads " + number(s.options.threads) + " accumulate " +
         number(s.options.accumulate) + " copy " + number(static_cast<int>(s.options.copy)) + " b " + place(s.b) +
         " c " + place(s.c) + " workspace " + number(s.workspace_offset);
}

// Runs a plan for `rows` rows, whose input is of type Input, and returns C: the same code for all blocks and layouts,
// which are the plan's affair.
template <class T, class Input, class Plan, class MakeEpilogue, class Executor>
guarded_matrix<T> run_plan(const Plan& plan, const dense_matrix<T>& input, std::size_t rows, const gemm_setting& s,
                           MakeEpilogue&& make_epilogue, Executor&& threads) {
  REQUIRE(plan.tasks() <= s.options.threads);
  const std::size_t columns = s.options.columns;
  guarded_matrix<Input> b(input.rows, columns, s.b);
  guarded_matrix<T> c(rows, columns, s.c);
  for (std::size_t k = 0; k < input.rows; ++k) {
    for (std::size_t j = 0; j < columns; ++j) b(k, j) = static_cast<Input>(input(k, s.first_column + j));
  }
  for (std::size_t i = 0; (s.output_matters || s.options.accumulate) && i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) c(i, j) = static_cast<T>(output_before(i, s.first_column + j));
  }
  guarded_array<std::byte> workspace(plan.workspace_bytes(), s.workspace_offset, s.b.side);
  const status done = plan.run(b.view(), c.view(), workspace.span(), make_epilogue(c.view()), threads);
  CHECK(done.message() == doctest::String("Success."));
  CHECK(b.surroundings_intact());
  CHECK(c.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return c;
}

// Runs W B and returns C. `make_epilogue` gets the output's view, so that a residual may be the output.
template <class T, class Block, class W, blob_layout Layout, class MakeEpilogue, class Executor = serial_executor>
guarded_matrix<T> run_gemm(const operands<T, Block, W>& in,
                           const packed_weights<stored_weight<W>, Block, Layout>& packed, const gemm_setting& s,
                           MakeEpilogue&& make_epilogue, Executor&& threads = {}) {
  using epilogue_type = decltype(make_epilogue(matrix_view<T>()));
  auto plan = gemm_plan<T, epilogue_type, W>::create(packed, s.options);
  REQUIRE(plan.ok());
  return run_plan<T, input_for<T, W>>(*plan, in.input, packed.rows(), s, make_epilogue, threads);
}

// Compares with `exact_epilogue` of the exact sums.
template <class T, class ExactEpilogue>
void check_output(guarded_matrix<T>& c, const exact_product<T>& exact, const gemm_setting& s,
                  ExactEpilogue&& exact_epilogue, double roundings = 1) {
  double worst = 0;
  for (std::size_t i = 0; i < c.view().rows; ++i) {
    for (std::size_t j = 0; j < s.options.columns; ++j) {
      const std::size_t column = s.first_column + j;
      exact_value expected = exact_epilogue(exact(i, column), i, column);
      if (s.options.accumulate) {
        expected.value += output_before(i, column);
        expected.magnitude += std::abs(output_before(i, column));
      }
      worst = std::max(worst, exact.excess(i, c(i, j), expected));
    }
  }
  CHECK(worst <= roundings);
}

// Runs and compares.
template <class T, class Block, class W, blob_layout Layout, class MakeEpilogue, class ExactEpilogue>
void check_gemm(const operands<T, Block, W>& in, const packed_weights<stored_weight<W>, Block, Layout>& packed,
                const gemm_setting& s, MakeEpilogue&& make_epilogue, ExactEpilogue&& exact_epilogue) {
  INFO(describe(s));
  guarded_matrix<T> c = run_gemm(in, packed, s, make_epilogue);
  check_output(c, in.exact, s, exact_epilogue, roundings_of<W>());
}

// Every number of columns in tiles of every width, of operands that are narrower than float.
template <class Operands, class MakeEpilogue, class ExactEpilogue>
void check_every_tile(MakeEpilogue&& make_epilogue, ExactEpilogue&& exact_epilogue) {
  const std::vector<std::size_t> counts = counts_around(lanes_of<float>());
  random_source random(1);
  std::uint64_t seed = 10;
  for (const pattern_options& how : every_density) {
    const Operands in(21, 50, counts.back(), how, ++seed);
    in.for_each_packing([&](const auto& packed) {
      for (const std::size_t columns : counts) {
        for (int tile = 0; tile <= most_tile_vectors; ++tile) {
          gemm_setting s = any_gemm_setting(random, columns);
          s.options.tile_vectors = tile;
          check_gemm(in, packed, s, make_epilogue, exact_epilogue);
        }
      }
    });
  }
}

// The same bits with any number of threads, by any executor, in any tile of two or more vectors, and for any part of
// the columns; and the same again in tiles of one vector, and for single columns. On bands there are no exceptions.
template <class T, class Block, class W, blob_layout Layout, class MakeEpilogue>
void check_gemm_bits(const operands<T, Block, W>& in, const packed_weights<stored_weight<W>, Block, Layout>& packed,
                     std::size_t columns, MakeEpilogue&& make_epilogue, bool accumulate) {
  gemm_setting s{.options = {.columns = columns, .accumulate = accumulate}, .output_matters = true};
  const auto bits_alone = [&] {
    guarded_matrix<T> alone = run_gemm(in, packed, s, make_epilogue);
    return bits_of(alone);
  };
  const std::vector<std::byte> wide = bits_alone();
  s.options.tile_vectors = 1;
  const std::vector<std::byte> narrow = bits_alone();
  s.options.tile_vectors = 0;
  const auto expected = [&] {
    const auto column_alone = [&](std::size_t column) {
      const gemm_setting asked = std::exchange(
          s, {.options = {.columns = 1, .accumulate = accumulate}, .first_column = column, .output_matters = true});
      const std::vector<std::byte> bits = bits_alone();
      s = asked;
      return bits;
    };
    const std::size_t begin = s.first_column, end = begin + s.options.columns;
    if (packed.has_panels && !has_narrow_input<W> && is_vector_plan(s.options.columns, s.options.tile_vectors)) {
      return column_alone(begin);
    }
    if (ends_with_vector<T, W>(packed, s.options.columns, s.options.tile_vectors)) {
      const std::size_t whole = s.options.columns - 1, middle = begin + columns_in_wide_tiles<T>(whole, 0);
      return with_column<T>(columns_of_two<T>(wide, narrow, columns, begin, middle, end - 1), whole,
                            column_alone(end - 1));
    }
    const std::size_t middle =
        packed.has_bands ? end : begin + columns_in_wide_tiles<T>(s.options.columns, s.options.tile_vectors);
    return columns_of_two<T>(wide, narrow, columns, begin, middle, end);
  };
  const auto same = [&](auto&& threads) {
    INFO(describe(s));
    guarded_matrix<T> c = run_gemm(in, packed, s, make_epilogue, threads);
    CHECK(bits_of(c) == expected());
  };
  for (const std::size_t threads : {1u, 2u, 3u, 7u, 100u}) {
    s.options.threads = threads;
    same(serial_executor());
    same(backward_executor());
    auto pool = thread_pool::create(std::min<std::size_t>(threads, 7));
    REQUIRE(pool.ok());
    same(*pool);
  }
  random_source random(columns);
  for (int round = 0; round < rounds_of_bits; ++round) {
    s = any_gemm_setting(random, columns);
    s.options.accumulate = accumulate;
    s.output_matters = true;
    s.first_column = random.below(columns);
    s.options.columns = round % 6 == 0 ? 1 : 1 + random.below(columns - s.first_column);
    same(serial_executor());
  }
}

}  // namespace bcr::test
