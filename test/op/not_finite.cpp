// Infinity and not-a-number among the inputs and the weights. A kept weight meets them as IEEE 754 says, a kept zero
// included; a pruned weight is absent and meets nothing; and what stands in one row or column of the operands shows in
// no result of another, whatever the cut, the tile and the copy.
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

using bcr::test::exact_value;
using bcr::test::operands;
using bcr::test::random_source;
using block = bcr::block<4, 16>;

template <class T>
constexpr T infinity = std::numeric_limits<T>::infinity();

// A few of the elements become infinite, not-a-number, or (which matters beside the others) zero.
template <class T>
void sprinkle(bcr::test::dense_matrix<T>& matrix, std::size_t how_many, random_source& random) {
  const T values[] = {infinity<T>, -infinity<T>, std::numeric_limits<T>::quiet_NaN(), T(0)};
  for (; how_many > 0 && !matrix.elements.empty(); --how_many) {
    matrix.elements[random.below(matrix.elements.size())] = values[random.below(4)];
  }
}

// Pruned weights are not numbers either, as always in these tests.
template <class T>
operands<T, block> any_operands(random_source& random, std::size_t columns) {
  const auto& how = bcr::test::every_density[random.below(5)];
  operands<T, block> in(1 + random.below(40), 1 + random.below(70), columns, how, random.word());
  sprinkle(in.input, random.below(6), random);
  sprinkle(in.weights, random.below(4), random);
  in.exact = bcr::test::exact_product<T>(in.kept, in.weights, columns,
                                         [&](std::size_t k, std::size_t j) { return in.input(k, j); });
  return in;
}

template <class T>
bool as_expected(const operands<T, block>& in, std::size_t row, T found, const exact_value& expected) {
  if (std::isnan(expected.value)) return std::isnan(found);
  if (std::isinf(expected.value)) return static_cast<double>(found) == expected.value;
  return in.exact.excess(row, found, expected) <= 1;
}

template <class T, bcr::blob_layout Layout>
void check_packed(const operands<T, block>& in, const bcr::packed_weights<T, block, Layout>& packed,
                  std::size_t columns, random_source& random, bool one_column) {
  const std::size_t rows = packed.rows(), inner = packed.columns();

  auto s = bcr::test::any_gemm_setting(random, columns);
  s.options.accumulate = false;
  if (one_column) s.options.tile_vectors = 0;  // the kernel for vectors
  INFO(describe(s));
  auto c = bcr::test::run_gemm(in, packed, s, [](bcr::matrix_view<T>) { return bcr::epilogue::none(); });
  std::vector<T> x(columns * inner), y(columns * rows);
  for (std::size_t j = 0; j < columns; ++j) {
    for (std::size_t k = 0; k < inner; ++k) x[j * inner + k] = in.input(k, j);
  }
  const auto linear = bcr::test::linear_plan<T>::create(packed, {.tokens = columns, .threads = s.options.threads});
  std::vector<std::byte> workspace(linear->workspace_bytes(), std::byte{0xff});
  REQUIRE(linear->run({x.data(), columns, inner}, {y.data(), columns, rows}, workspace).ok());

  std::size_t wrong = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      wrong += !as_expected(in, i, c(i, j), in.exact(i, j));
      wrong += !as_expected(in, i, y[j * rows + i], in.exact(i, j));
    }
  }
  CHECK(wrong == 0);
}

template <class T>
void check_gemm_and_linear(random_source& random, bool one_column) {
  const std::size_t columns = one_column ? 1 : 1 + random.below(4 * bcr::test::lanes_of<T>());
  const operands<T, block> in = any_operands<T>(random, columns);
  in.visit_packing(static_cast<int>(random.below(in.ways_to_pack)),
                   [&](const auto& packed) { check_packed(in, packed, columns, random, one_column); });
}

TEST_CASE("gemm and linear: what is not finite goes where a kept weight takes it, and nowhere else") {
  random_source random(1);
  for (int round = 0; round < 300; ++round) {
    check_gemm_and_linear<float>(random, round % 3 == 0);
    check_gemm_and_linear<double>(random, round % 3 == 0);
  }
}

TEST_CASE("gemm: a kept zero is a weight") {
  auto kept = bcr::pattern<block>::create(1, 2);
  kept->keep_block(0, 0);
  const float weights[] = {0, 1}, input[] = {infinity<float>, 3};
  const auto packed = bcr::pack<float>(*kept, {weights, 1, 2});
  const auto plan = bcr::test::gemm_plan<float>::create(*packed, {.columns = 1});
  std::vector<std::byte> workspace(plan->workspace_bytes());
  float output = 0;
  REQUIRE(plan->run({input, 2, 1}, {&output, 1, 1}, workspace).ok());
  CHECK(std::isnan(output));
}

TEST_CASE("packed weights: infinity and not-a-number are kept bit for bit, and count as nonzero") {
  const float weights[] = {infinity<float>, 0, std::numeric_limits<float>::quiet_NaN(), -infinity<float>, 0, -0.0f};
  const auto found = bcr::cover_nonzeros<bcr::block<1, 1>>(bcr::matrix_view<const float>(weights, 2, 3));
  REQUIRE(found.ok());
  CHECK(found->pattern.kept() == 3);
  const auto packed = bcr::pack<float>(found->pattern, {weights, 2, 3});
  float back[6];
  REQUIRE(bcr::unpack(*packed, {back, 2, 3}).ok());
  CHECK(back[0] == weights[0]);
  CHECK(std::isnan(back[2]));
  CHECK(back[3] == weights[3]);
  CHECK(back[5] == 0.0f);
}

}  // namespace
