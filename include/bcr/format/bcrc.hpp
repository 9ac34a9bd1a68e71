// BCRC, the compact storage of the GRIM paper (arXiv 2108.11033, section 4.3): rows that keep exactly the same columns
// stand together and share one list of column indices. Here it serves interchange, reference and the comparison of
// storage; the kernels run on panels and bands, because few whole rows agree once blocks are narrow and rows pruned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/buffer.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bits.hpp"

namespace bcr {

// The six arrays of a `rows` x `columns` matrix, owned by somebody else. A group is a run of neighbouring reordered
// rows with the same columns; there are G groups and N kept weights. For example
//
//   row 0:  a . b .        reorder        0 2 1       reordered row i is row reorder[i] of the matrix
//   row 1:  . c . .        row_offset     0 2 4 5     its weights begin at weights[row_offset[i]]
//   row 2:  d . e .        occurrence     0 2 3       group g begins at reordered row occurrence[g]
//                          column_stride  0 2 3       its columns begin at compact_column[column_stride[g]]
//                          compact_column 0 2 1
//                          weights        a b d e c
template <class T>
struct bcrc_view {
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::span<const std::uint32_t> reorder;         // rows
  std::span<const std::uint32_t> row_offset;      // rows + 1, the last is N
  std::span<const std::uint32_t> occurrence;      // G + 1, the last is rows
  std::span<const std::uint32_t> column_stride;   // G + 1, the last is the size of compact_column
  std::span<const std::uint32_t> compact_column;  // ascending within a group
  std::span<const T> weights;                     // N, reordered row by reordered row

  // Of a validated view.
  std::size_t groups() const noexcept { return occurrence.size() - 1; }
  std::size_t kept() const noexcept { return weights.size(); }
  std::span<const std::uint32_t> group_columns(std::size_t g) const noexcept {
    return compact_column.subspan(column_stride[g], column_stride[g + 1] - column_stride[g]);
  }
  std::span<const T> row_weights(std::size_t i) const noexcept {
    return weights.subspan(row_offset[i], row_offset[i + 1] - row_offset[i]);
  }
};

// The same arrays, owned.
template <class T>
struct bcrc {
  std::size_t rows = 0;
  std::size_t columns = 0;
  buffer<std::uint32_t> reorder, row_offset, occurrence, column_stride, compact_column;
  buffer<T> weights;

  bcrc_view<T> view() const noexcept {
    return {rows, columns, reorder, row_offset, occurrence, column_stride, compact_column, weights};
  }
};

namespace detail {

// Whether `bounds` cuts 0 .. total into runs: begins with 0, never descends, ends with total.
inline bool cuts(std::span<const std::uint32_t> bounds, std::size_t total) noexcept {
  if (bounds.empty() || bounds.front() != 0 || bounds.back() != total) return false;
  for (std::size_t i = 1; i < bounds.size(); ++i) {
    if (bounds[i] < bounds[i - 1]) return false;
  }
  return true;
}

inline bool ascending_below(std::span<const std::uint32_t> indices, std::size_t limit) noexcept {
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] <= indices[i - 1]) return false;
  }
  return indices.empty() || indices.back() < limit;
}

inline status check_permutation(std::span<const std::uint32_t> reorder) noexcept {
  auto seen = buffer<std::uint64_t>::allocate(bits::words_for(reorder.size()));
  if (!seen) return seen.status();
  for (const std::uint32_t row : reorder) {
    if (row >= reorder.size() || bits::test(*seen, row)) {
      return {errc::corrupt, "BCRC: reorder does not name every row of the matrix exactly once."};
    }
    bits::assign(*seen, row, true);
  }
  return {};
}

}  // namespace detail

// Checks arrays that came from elsewhere, so that every lookup through them stays inside them and inside the matrix.
// Fails with corrupt and a sentence that names the array, or with out_of_memory (the check needs a bit a row).
template <class T>
status validate(const bcrc_view<T>& b) noexcept {
  if (b.reorder.size() != b.rows || b.row_offset.size() != b.reorder.size() + 1) {
    return {errc::corrupt, "BCRC: reorder must have an entry for each row, and row offset one more."};
  }
  if (!detail::cuts(b.row_offset, b.weights.size())) {
    return {errc::corrupt, "BCRC: row offset must rise from 0 to the number of weights."};
  }
  if (!detail::cuts(b.occurrence, b.rows)) {
    return {errc::corrupt, "BCRC: occurrence must rise from 0 to the number of rows."};
  }
  if (b.column_stride.size() != b.occurrence.size() || !detail::cuts(b.column_stride, b.compact_column.size())) {
    return {errc::corrupt, "BCRC: column stride must rise from 0 to the number of compact columns, in a step a group."};
  }
  for (std::size_t g = 0; g < b.groups(); ++g) {
    const auto columns = b.group_columns(g);
    if (b.occurrence[g] == b.occurrence[g + 1]) return {errc::corrupt, "BCRC: a group has no rows."};
    if (!detail::ascending_below(columns, b.columns)) {
      return {errc::corrupt, "BCRC: the compact columns of a group must ascend and lie inside the matrix."};
    }
    for (std::size_t i = b.occurrence[g]; i < b.occurrence[g + 1]; ++i) {
      if (b.row_weights(i).size() != columns.size()) {
        return {errc::corrupt, "BCRC: a row has another number of weights than its group has columns."};
      }
    }
  }
  return detail::check_permutation(b.reorder);
}

}  // namespace bcr
