// From a pruned matrix, or a mask of it, to its pattern. Pruning tools hand over weights with zeros or a mask of zeros
// and ones; the pattern that covers them says what BCR kernels will store and multiply by, and how many zeros that
// includes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/pattern.hpp"

namespace bcr {

template <class Block>
struct covering {
  bcr::pattern<Block> pattern;
  // Weights that the pattern keeps although they are zero. 0 if the matrix was pruned in blocks of this shape; many, if
  // it was pruned without structure or in other blocks.
  std::size_t zeros_kept;
};

// The smallest BCR pattern that keeps every nonzero of `dense` (M x K): in each block, all rows and all columns that
// hold one. NaN counts as nonzero; -0.0 counts as zero, so if it is pruned it unpacks as +0.0. Fails with
// invalid_argument if the view is invalid, and with out_of_memory.
template <block_shape Block, class T>
BCR_COLD result<covering<Block>> cover_nonzeros(matrix_view<const T> dense) noexcept {
  if (!dense.valid()) {
    return {errc::invalid_argument, "The dense matrix has no data or its leading dimension is less than its columns."};
  }
  auto made = pattern<Block>::create(dense.rows, dense.columns);
  if (!made) return made.status();
  std::size_t nonzeros = 0;
  for (std::size_t i = 0; i < dense.rows && !dense.empty(); ++i) {
    const std::size_t bi = i / Block::rows, r = i % Block::rows;
    for (std::size_t bj = 0; bj < made->block_columns(); ++bj) {
      const T* const weights = dense.row(i) + bj * Block::columns;
      const std::size_t width = made->block_width(bj), before = nonzeros;
      for (std::size_t c = 0; c < width; ++c) {
        if (weights[c] == T(0)) continue;
        made->keep_column(bi, bj, c);
        ++nonzeros;
      }
      if (nonzeros != before) made->keep_row(bi, bj, r);
    }
  }
  const std::size_t zeros = made->kept() - nonzeros;
  return covering<Block>{std::move(*made), zeros};
}
template <block_shape Block, class T>
result<covering<Block>> cover_nonzeros(matrix_view<T> dense) noexcept {
  return cover_nonzeros<Block, T>(matrix_view<const T>(dense));
}

// The same for a mask (M x K), whose nonzero elements say "keep".
template <block_shape Block>
result<covering<Block>> cover_mask(matrix_view<const std::uint8_t> mask) noexcept {
  return cover_nonzeros<Block, std::uint8_t>(mask);
}

}  // namespace bcr
