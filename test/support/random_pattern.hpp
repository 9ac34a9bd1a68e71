// Random BCR patterns and weights for tests and benchmarks: the same seed gives the same matrix on every machine and
// with every compiler (std::mt19937_64 is specified to the bit; the standard's distributions are not, so they are not
// used).
#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "bcr/core/matrix_view.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/format/pattern.hpp"

namespace bcr::test {

class random_source {
 public:
  explicit random_source(std::uint64_t seed) : engine_(seed) {}

  // In [0, 1).
  double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
  // In [0, bound), bound > 0. The bias is below bound / 2^64.
  std::size_t below(std::size_t bound) { return static_cast<std::size_t>(engine_() % bound); }
  bool chance(double probability) { return uniform() < probability; }
  std::uint64_t word() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

// How many of a block's n rows (and columns) are kept at a share of s.
enum class selection : std::uint8_t {
  exactly,    // n * s of them, rounded up or down at random so that the mean is n * s
  bernoulli,  // each by itself with probability s
};

// density 1 (with rows_kept 1) keeps all, density 0 keeps nothing.
struct pattern_options {
  double density = 0.1;       // expected kept weights over all weights
  double rows_kept = 1.0;     // share of a block's rows; the share of its columns follows from the density, at most 1
  double empty_blocks = 0.0;  // share of blocks that keep neither row nor column
  selection how = selection::exactly;
};

// Calls keep(i) for the selected ones of 0 .. n - 1.
template <class Keep>
void select(random_source& random, std::size_t n, double share, selection how, Keep&& keep) {
  if (how == selection::bernoulli) {
    for (std::size_t i = 0; i < n; ++i) {
      if (random.chance(share)) keep(i);
    }
    return;
  }
  std::size_t left = static_cast<std::size_t>(static_cast<double>(n) * share + random.uniform());
  for (std::size_t i = 0; i < n && left != 0; ++i) {
    if (left < n - i && random.below(n - i) >= left) continue;
    keep(i);
    --left;
  }
}

template <class Block>
pattern<Block> random_pattern(std::size_t rows, std::size_t columns, const pattern_options& options,
                              std::uint64_t seed) {
  random_source random(seed);
  auto made = pattern<Block>::create(rows, columns);
  const double share = options.rows_kept * (1.0 - options.empty_blocks);
  const double columns_kept = share <= options.density ? (options.density > 0 ? 1.0 : 0.0) : options.density / share;
  for (std::size_t bi = 0; bi < made->block_rows(); ++bi) {
    for (std::size_t bj = 0; bj < made->block_columns(); ++bj) {
      if (random.chance(options.empty_blocks)) continue;
      select(random, made->block_height(bi), options.rows_kept, options.how,
             [&](std::size_t r) { made->keep_row(bi, bj, r); });
      select(random, made->block_width(bj), columns_kept, options.how,
             [&](std::size_t c) { made->keep_column(bi, bj, c); });
    }
  }
  return std::move(*made);
}

// A matrix that owns its elements; rows are `leading_dimension` apart.
template <class T>
struct dense_matrix {
  std::size_t rows = 0, columns = 0, leading_dimension = 0;
  std::vector<T> elements;

  dense_matrix(std::size_t r, std::size_t c, std::size_t ld, T fill = T(0))
      : rows(r), columns(c), leading_dimension(ld), elements(r * ld, fill) {}
  dense_matrix(std::size_t r, std::size_t c) : dense_matrix(r, c, c) {}

  matrix_view<T> view() { return {elements.data(), rows, columns, leading_dimension}; }
  matrix_view<const T> view() const { return {elements.data(), rows, columns, leading_dimension}; }
  T& operator()(std::size_t i, std::size_t j) { return elements[i * leading_dimension + j]; }
  const T& operator()(std::size_t i, std::size_t j) const { return elements[i * leading_dimension + j]; }
};

// Uniform in [-1, 1), never 0.
template <class T>
T random_value(random_source& random) {
  using number = std::conditional_t<narrow_float<T>, float, T>;
  const T value = static_cast<T>(static_cast<number>(2.0 * random.uniform() - 1.0));
  return value == T(0) ? T(1) : value;
}

template <class T>
dense_matrix<T> random_matrix(std::size_t rows, std::size_t columns, std::uint64_t seed) {
  random_source random(seed);
  dense_matrix<T> made(rows, columns);
  for (T& element : made.elements) element = random_value<T>(random);
  return made;
}

// The same elements as another type of number.
template <class To, class T>
dense_matrix<To> converted(const dense_matrix<T>& from) {
  dense_matrix<To> made(from.rows, from.columns, from.leading_dimension);
  for (std::size_t i = 0; i < made.elements.size(); ++i) made.elements[i] = static_cast<To>(from.elements[i]);
  return made;
}

// Nonzero where the pattern keeps a weight, 0 elsewhere.
template <class T, class Block>
dense_matrix<T> random_weights(const pattern<Block>& kept, std::uint64_t seed) {
  dense_matrix<T> made = random_matrix<T>(kept.rows(), kept.columns(), seed);
  for (std::size_t i = 0; i < made.rows; ++i) {
    for (std::size_t j = 0; j < made.columns; ++j) {
      if (!kept.keeps(i, j)) made(i, j) = T(0);
    }
  }
  return made;
}

}  // namespace bcr::test
