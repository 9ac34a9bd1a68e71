// Dense weights and a pattern to BCRC (format/bcrc.hpp), and back.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bcrc.hpp"
#include "bcr/format/bits.hpp"
#include "bcr/format/pattern.hpp"

namespace bcr {

namespace detail {

// For each row of the matrix the set of columns it keeps, across all blocks, as bits.
struct row_columns {
  buffer<std::uint64_t> words;
  std::size_t words_per_row = 0;

  template <class Block>
  static result<row_columns> of(const pattern<Block>& kept) noexcept {
    row_columns made;
    made.words_per_row = bits::words_for(kept.columns());
    auto words = buffer<std::uint64_t>::allocate(kept.rows() * made.words_per_row);
    if (!words) return words.status();
    made.words = std::move(*words);
    for (std::size_t bi = 0; bi < kept.block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < kept.block_columns(); ++bj) {
        bits::for_each(kept.row_words(bi, bj), [&](std::size_t r) {
          const std::span<std::uint64_t> row = made.row(bi * Block::rows + r);
          bits::for_each(kept.column_words(bi, bj),
                         [&](std::size_t c) { bits::assign(row, bj * Block::columns + c, true); });
        });
      }
    }
    return made;
  }

  std::span<std::uint64_t> row(std::size_t i) noexcept { return {words.data() + i * words_per_row, words_per_row}; }
  std::span<const std::uint64_t> row(std::size_t i) const noexcept {
    return {words.data() + i * words_per_row, words_per_row};
  }
  // Sets with more columns first, then by the first word that differs: equal sets become neighbours.
  bool before(std::size_t i, std::size_t k) const noexcept {
    const std::size_t in_i = bits::count(row(i)), in_k = bits::count(row(k));
    if (in_i != in_k) return in_i > in_k;
    for (std::size_t w = 0; w < words_per_row; ++w) {
      if (row(i)[w] != row(k)[w]) return row(i)[w] < row(k)[w];
    }
    return i < k;
  }
  bool same(std::size_t i, std::size_t k) const noexcept {
    return words_per_row == 0 || std::memcmp(row(i).data(), row(k).data(), words_per_row * sizeof(std::uint64_t)) == 0;
  }
};

template <class T>
status allocate(buffer<T>& array, std::size_t size) noexcept {
  auto made = buffer<T>::allocate(size);
  if (made) array = std::move(*made);
  return made.status();
}

// Sorts the rows and counts what the other arrays need.
template <class T>
status reorder_rows(const row_columns& sets, std::size_t kept, bcrc<T>& b) noexcept {
  if (const status s = allocate(b.reorder, b.rows); !s) return s;
  for (std::size_t i = 0; i < b.rows; ++i) b.reorder[i] = static_cast<std::uint32_t>(i);
  std::sort(b.reorder.begin(), b.reorder.end(), [&](std::uint32_t i, std::uint32_t k) { return sets.before(i, k); });
  std::size_t groups = 0, columns = 0;
  for (std::size_t i = 0; i < b.rows; ++i) {
    if (i != 0 && sets.same(b.reorder[i - 1], b.reorder[i])) continue;
    ++groups;
    columns += bits::count(sets.row(b.reorder[i]));
  }
  if (const status s = allocate(b.row_offset, b.rows + 1); !s) return s;
  if (const status s = allocate(b.occurrence, groups + 1); !s) return s;
  if (const status s = allocate(b.column_stride, groups + 1); !s) return s;
  if (const status s = allocate(b.compact_column, columns); !s) return s;
  return allocate(b.weights, kept);
}

}  // namespace detail

// The weights of `dense` (M x K) that `kept` keeps, as BCRC: groups with more columns first. Weights outside the
// pattern are dropped. Fails with invalid_argument if the shapes differ or the view is invalid, with unsupported if M,
// K or the kept weights exceed 32 bits, and with out_of_memory.
template <class T, class Block>
result<bcrc<T>> pack_bcrc(const pattern<Block>& kept, matrix_view<const T> dense) noexcept {
  if (!dense.valid() || dense.rows != kept.rows() || dense.columns != kept.columns()) {
    return {errc::invalid_argument, "BCRC: the dense matrix and the pattern must have the same valid shape."};
  }
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  const std::size_t weights = kept.kept();
  if (kept.rows() > most || kept.columns() > most || weights > most) {
    return {errc::unsupported, "BCRC: its indices have 32 bits, which the matrix exceeds."};
  }
  auto sets = detail::row_columns::of(kept);
  if (!sets) return sets.status();

  bcrc<T> b;
  b.rows = kept.rows();
  b.columns = kept.columns();
  if (const status s = detail::reorder_rows(*sets, weights, b); !s) return s;
  std::uint32_t group = 0, column = 0, weight = 0;
  for (std::uint32_t i = 0; i < b.rows; ++i) {
    const std::uint32_t row = b.reorder[i];
    if (i == 0 || !sets->same(b.reorder[i - 1], row)) {
      b.occurrence[group] = i;
      b.column_stride[group++] = column;
      bits::for_each(sets->row(row),
                     [&](std::size_t j) { b.compact_column[column++] = static_cast<std::uint32_t>(j); });
    }
    bits::for_each(sets->row(row), [&](std::size_t j) { b.weights[weight++] = dense(row, j); });
    b.row_offset[i + 1] = weight;
  }
  b.occurrence[group] = static_cast<std::uint32_t>(b.rows);
  b.column_stride[group] = column;
  return b;
}

// Writes every element of `dense` (M x K): kept weights bit for bit, +0 elsewhere. Fails as validate() does, and then
// nothing was written; with invalid_argument if the view is invalid or of another shape.
template <class T>
status unpack(const bcrc_view<T>& packed, matrix_view<T> dense) noexcept {
  if (!dense.valid() || dense.rows != packed.rows || dense.columns != packed.columns) {
    return {errc::invalid_argument, "BCRC: the dense matrix must be valid and have the packed weights' shape."};
  }
  if (const status s = validate(packed); !s) return s;
  if (dense.empty()) return {};
  for (std::size_t g = 0; g < packed.groups(); ++g) {
    const auto columns = packed.group_columns(g);
    for (std::size_t i = packed.occurrence[g]; i < packed.occurrence[g + 1]; ++i) {
      T* const row = dense.row(packed.reorder[i]);
      const T* weight = packed.row_weights(i).data();
      for (std::size_t j = 0; j < dense.columns; ++j) row[j] = T(0);
      for (const std::uint32_t j : columns) row[j] = *weight++;
    }
  }
  return {};
}

}  // namespace bcr
