// What the tests of gemm and linear have in common: weights and input with their exact product, the counts to try, and
// executors that keep the library honest.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "bcr/core/executor_thread.hpp"
#include "op/plans.hpp"
#include "support/guarded.hpp"
#include "support/reference.hpp"

namespace bcr::test {

// Pruned weights are not numbers: one that took part would show. The input is K x `columns`, column j being token j of
// a linear layer. Weights of another type than T are rounded to it first, and the product is that of what they became;
// if W says that the input is narrow as well, so is that, and `input` has what it became.
template <class T, class Block, class W = T>
struct operands {
  using activation = T;
  using weight = stored_weight<W>;

  pattern<Block> kept;
  dense_matrix<weight> weights;
  dense_matrix<T> input;
  exact_product<T> exact;

  operands(std::size_t rows, std::size_t inner, std::size_t columns, const pattern_options& how, std::uint64_t seed)
      : kept(random_pattern<Block>(rows, inner, how, seed)),
        weights(converted<weight>(random_matrix<T>(rows, inner, seed + 1))),
        input(converted<T>(converted<input_for<T, W>>(random_matrix<T>(inner, columns, seed + 2)))),
        exact(kept, weights, columns, [this](std::size_t k, std::size_t j) { return input(k, j); }) {
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t k = 0; k < inner; ++k) {
        if (!kept.keeps(i, k)) weights(i, k) = static_cast<weight>(std::numeric_limits<T>::quiet_NaN());
      }
    }
  }

  template <blob_layout Layout = blob_layout::panels>
  packed_weights<weight, Block, Layout> packed(const pack_options& how = {}) const {
    auto made = pack<weight, Layout>(kept, weights.view(), how);
    REQUIRE(made.ok());
    return std::move(*made);
  }
  // Calls visit(packed) for each of the layouts, cut in every way.
  template <class Visit>
  void for_each_packing(Visit&& visit) const {
    for (int way = 0; way < ways_to_pack; ++way) visit_packing(way, visit);
  }
  static constexpr int ways_to_pack = has_narrow_input<W> ? 3 : 6;
  template <class Visit>
  void visit_packing(int way, Visit&& visit) const {
    constexpr panel_cut cuts[] = {panel_cut::automatic, panel_cut::whole_rows, panel_cut::per_block};
    constexpr strip_cut strips[] = {strip_cut::automatic, strip_cut::shared_columns, strip_cut::own_columns};
    if (way < 3) {
      visit(packed({.cut = cuts[way]}));
    } else if constexpr (!has_narrow_input<W>) {
      visit(this->template packed<blob_layout::bands>({.strips = strips[way - 3]}));
    }
  }
};

// Nothing, a little, half and all of the weights; rows pruned or not.
inline constexpr pattern_options every_density[] = {
    {.density = 0},
    {.density = 0.1},
    {.density = 0.1, .rows_kept = 0.5, .how = selection::bernoulli},
    {.density = 0.5, .rows_kept = 0.75, .empty_blocks = 0.2},
    {.density = 1},
};

// What the tolerance, which is for one rounding to the nearest a product, is multiplied by.
template <class W>
constexpr double roundings_of() {
#if defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC)
  if (has_narrow_input<W>) return 2;  // bfdot rounds to odd
#endif
  return 1;
}

// Counts around vectors of `lanes` and tiles of them.
inline std::vector<std::size_t> counts_around(std::size_t lanes) {
  std::vector<std::size_t> counts{0, 1, 3, 7, 16, lanes / 2, 8 * lanes + 2, 11 * lanes + 5, 13 * lanes};
  for (std::size_t vectors = 1; vectors <= 6; ++vectors) {
    for (const std::size_t n : {vectors * lanes - 1, vectors * lanes, vectors * lanes + 1}) counts.push_back(n);
  }
  std::sort(counts.begin(), counts.end());
  counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
  return counts;
}

// Of a plan for so many columns or tokens, how many of the first are summed up in wide tiles, whose results have the
// same bits whatever their width. Tiles of one vector add up in another order, and so does the kernel for one column.
template <class T>
std::size_t columns_in_wide_tiles(std::size_t columns, int tile_vectors) {
  const std::size_t lanes = lanes_of<T>(), vectors = (columns + lanes - 1) / lanes;
  if (vectors <= 1 || tile_vectors == 1) return 0;
  return tile_vectors == 2 && vectors % 2 == 1 ? (vectors - 1) * lanes : columns;
}
inline bool is_vector_plan(std::size_t columns, int tile_vectors) { return columns == 1 && tile_vectors == 0; }
// Whether the last column is such a vector too.
template <class T, class W, class Packed>
bool ends_with_vector(const Packed& packed, std::size_t columns, int tile_vectors) {
  if constexpr (Packed::has_panels && !has_narrow_input<W>) {
    return tile_vectors == 0 && detail::leaves_one(columns, lanes_of<T>()) &&
           detail::multiplies_alone<T>(packed.panels(), lanes_of<T>(), detail::lone_columns_of_product);
  } else {
    return false;
  }
}

// Random settings in which results are compared bit by bit: a question of arithmetic, to which a sanitizer, whose code
// is twenty times as slow, has nothing to say.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BCR_TEST_SANITIZED 1
#endif
#endif
#ifdef BCR_TEST_SANITIZED
inline constexpr int rounds_of_bits = 6;
#else
inline constexpr int rounds_of_bits = 60;
#endif

// What is in the output before it is written, where that matters.
inline double output_before(std::size_t i, std::size_t j) { return static_cast<double>((i * 7 + j * 3) % 17) / 8 - 1; }

inline placement any_placement(random_source& random) {
  const std::size_t padding[] = {0, 0, 1, 5, 64};
  return {.padding = padding[random.below(5)],
          .offset = random.below(4),
          .side = random.chance(0.5) ? guard_side::before : guard_side::after};
}

// The last task first.
struct backward_executor {
  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
    while (tasks-- > 0) task(tasks);
  }
  static constexpr std::size_t concurrency() noexcept { return 1; }
};

// Elements without gaps between rows: what two results are compared by, bit for bit.
template <class T>
std::vector<std::byte> bits_of(guarded_matrix<T>& m) {
  const matrix_view<T> view = m.view();
  std::vector<std::byte> bits;
  for (std::size_t i = 0; i < view.rows && view.columns != 0; ++i) {
    const auto row = std::as_bytes(std::span(view.row(i), view.columns));
    bits.insert(bits.end(), row.begin(), row.end());
  }
  return bits;
}

// Columns [begin, middle) of one matrix and [middle, end) of another, of which bits_of made `first` and `second`.
template <class T>
std::vector<std::byte> columns_of_two(const std::vector<std::byte>& first, const std::vector<std::byte>& second,
                                      std::size_t columns, std::size_t begin, std::size_t middle, std::size_t end) {
  std::vector<std::byte> some;
  const auto take = [&](const std::vector<std::byte>& from, std::size_t row, std::size_t a, std::size_t b) {
    some.insert(some.end(), from.begin() + static_cast<std::ptrdiff_t>(row + a * sizeof(T)),
                from.begin() + static_cast<std::ptrdiff_t>(row + b * sizeof(T)));
  };
  for (std::size_t row = 0; row < first.size(); row += columns * sizeof(T)) {
    take(first, row, begin, middle);
    take(second, row, middle, end);
  }
  return some;
}

// Columns side by side, `columns` of the first matrix and one of the second, as bits_of made them.
template <class T>
std::vector<std::byte> with_column(const std::vector<std::byte>& first, std::size_t columns,
                                   const std::vector<std::byte>& second) {
  std::vector<std::byte> both;
  const auto take = [&](const std::vector<std::byte>& from, std::size_t row, std::size_t bytes) {
    const auto begin = from.begin() + static_cast<std::ptrdiff_t>(row * bytes);
    both.insert(both.end(), begin, begin + static_cast<std::ptrdiff_t>(bytes));
  };
  for (std::size_t row = 0; row < second.size() / sizeof(T); ++row) {
    take(first, row, columns * sizeof(T));
    take(second, row, sizeof(T));
  }
  return both;
}

}  // namespace bcr::test
