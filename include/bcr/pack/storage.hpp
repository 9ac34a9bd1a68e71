// What a pruned matrix costs in memory, by format. Weights are the same everywhere; the formats differ in the indices
// that say where they belong, which a kernel reads as well (compare GRIM, arXiv 2108.11033, on BCRC against CSR).
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/format/bcrc.hpp"

namespace bcr {

// Bytes of the arrays themselves, without padding or headers.
struct storage_bytes {
  std::size_t weights = 0;
  std::size_t indices = 0;
  constexpr std::size_t total() const noexcept { return weights + indices; }
  friend constexpr bool operator==(const storage_bytes&, const storage_bytes&) noexcept = default;
};

// All M x K weights and no index.
template <class T>
constexpr storage_bytes dense_storage(std::size_t rows, std::size_t columns) noexcept {
  return {.weights = rows * columns * sizeof(T), .indices = 0};
}

// Compressed sparse rows with 4-byte indices: a column for each kept weight, M + 1 row offsets.
template <class T>
constexpr storage_bytes csr_storage(std::size_t rows, std::size_t kept) noexcept {
  return {.weights = kept * sizeof(T), .indices = (kept + rows + 1) * sizeof(std::uint32_t)};
}

// The six arrays of BCRC, five of them indices.
template <class T>
storage_bytes bcrc_storage(const bcrc_view<T>& b) noexcept {
  const std::size_t indices =
      b.reorder.size() + b.row_offset.size() + b.occurrence.size() + b.column_stride.size() + b.compact_column.size();
  return {.weights = b.weights.size_bytes(), .indices = indices * sizeof(std::uint32_t)};
}

}  // namespace bcr
