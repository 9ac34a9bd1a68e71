// Weights of eight bits are multiplied so fast that beginning a strip costs more than it holds, where blocks keep a few
// rows each. Blocks beside each other that keep the same rows are one strip; so here they are given the same rows, the
// union of theirs, where a cost model says that this pays. What was pruned is then a weight of zero.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/block.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/bits.hpp"
#include "bcr/format/pattern.hpp"

namespace bcr::detail {

// A strip of bytes that is not made yet, by its extent.
struct strip_of_bytes {
  std::size_t rows = 0, columns = 0, begin = 0, end = 0;

  void add(std::size_t first, std::size_t past, std::size_t count) noexcept {
    if (columns == 0) begin = first;
    end = past;
    columns += count;
  }
  // Cycles, roughly, on a core with vectors of 16 lanes: what begins and ends it, and its vectors, or their bytes
  // (Zen 5).
  template <block_shape Block>
  double cost() const noexcept {
    if (columns == 0) return 0;
    const std::size_t quads = blocks_covering(columns, 4), vectors = quads * blocks_covering(rows, 16);
    const std::size_t windows = (end - begin - 1) / byte_window_columns + 1;
    const double loads = std::max(2.1 * static_cast<double>(vectors), static_cast<double>(4 * quads * rows) / 28);
    return 10 + 4.0 * blocks_covering(Block::rows, mask_rows) + 6 * static_cast<double>(windows) + loads;
  }
};

// Calls visit(bj, first column, last column + 1, columns) for the blocks of a row of blocks that keep a weight.
template <block_shape Block, class Visit>
void for_each_kept_block(const pattern<Block>& kept, std::size_t bi, Visit&& visit) noexcept {
  for (std::size_t bj = 0; bj < kept.block_columns(); ++bj) {
    const std::size_t count = kept.kept_columns(bi, bj);
    if (count == 0 || kept.kept_rows(bi, bj) == 0) continue;
    std::size_t first = Block::columns, last = 0;
    bits::for_each(kept.column_words(bi, bj), [&](std::size_t c) {
      first = std::min(first, c);
      last = c;
    });
    visit(bj, bj * Block::columns + first, bj * Block::columns + last + 1, count);
  }
}

template <block_shape Block>
double cost_apart(const pattern<Block>& kept, std::size_t bi) noexcept {
  double cost = 0;
  strip_of_bytes open;
  std::span<const std::uint64_t> rows;
  for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t first, std::size_t past, std::size_t columns) {
    const auto these = kept.row_words(bi, bj);
    if (open.columns == 0 || !std::equal(rows.begin(), rows.end(), these.begin())) {
      cost += open.cost<Block>();
      open = {.rows = kept.kept_rows(bi, bj)};
      rows = these;
    }
    open.add(first, past, columns);
  });
  return cost + open.cost<Block>();
}

// The pattern to pack weights of eight bits by: all that `kept` keeps, and zeros beside it. Fails with out_of_memory.
template <block_shape Block>
BCR_COLD result<pattern<Block>> widened(const pattern<Block>& kept) noexcept {
  auto made = kept.clone();
  for (std::size_t bi = 0; made.ok() && bi < kept.block_rows(); ++bi) {
    strip_of_bytes together;
    bool in_any[Block::rows] = {};
    for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t first, std::size_t past, std::size_t columns) {
      together.add(first, past, columns);
      bits::for_each(kept.row_words(bi, bj), [&](std::size_t r) {
        together.rows += !in_any[r];
        in_any[r] = true;
      });
    });
    if (together.cost<Block>() >= cost_apart(kept, bi)) continue;
    for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t, std::size_t, std::size_t) {
      for (std::size_t r = 0; r < Block::rows; ++r) {
        if (in_any[r]) made->keep_row(bi, bj, r);
      }
    });
  }
  return made;
}

}  // namespace bcr::detail
