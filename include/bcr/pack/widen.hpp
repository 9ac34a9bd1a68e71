// Weights of eight bits are multiplied so fast that beginning a strip costs more than it holds, where blocks keep many
// rows and few columns each. Blocks beside each other that keep the same rows are one strip; so here they are given the
// same rows, the union of theirs, where a cost model says that this pays, and more than strips whose groups of lanes
// have columns of their own. What was pruned is then a weight of zero.
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
#include "bcr/pack/band_strips.hpp"
#include "bcr/pack/byte_cycles.hpp"

namespace bcr::detail {

// A strip of bytes that is not made yet, by its extent.
struct strip_of_bytes {
  std::size_t rows = 0, columns = 0, begin = 0, end = 0;

  void add(std::size_t first, std::size_t past, std::size_t count) noexcept {
    if (columns == 0) begin = first;
    end = past;
    columns += count;
  }
  template <block_shape Block>
  double cost() const noexcept {
    if (columns == 0) return 0;
    const std::size_t windows = (end - begin - 1) / byte_window_columns + 1;
    return cycles_of_bytes(rows, columns, blocks_covering(Block::rows, mask_rows), windows);
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

// The share of a row of blocks of strips of own columns, if it is not alone in the band.
template <block_shape Block>
double cost_of_own_columns(const pattern<Block>& kept, std::size_t bi) noexcept {
  double cost = 0;
  for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t first, std::size_t past, std::size_t columns) {
    const std::size_t windows = blocks_covering(past - first, byte_groups_columns);
    const std::size_t steps = blocks_covering(columns, windows);
    const std::size_t rows = kept.kept_rows(bi, bj), lanes = own_byte_lanes<Block>(rows);
    const std::size_t blocks = std::max<std::size_t>(
        1, std::min(own_byte_lanes_limit / std::max<std::size_t>(lanes, 1), own_byte_rows_limit / Block::rows));
    const double strip = blocks == 1 ? cycles_of_own_bytes(rows, steps, blocks_covering(Block::rows, mask_rows))
                                     : cycles_of_own_bytes(blocks * lanes, steps + 1, 2) / static_cast<double>(blocks);
    cost += strip * static_cast<double>(windows);
  });
  return cost;
}

// The pattern to pack weights of eight bits by: all that `kept` keeps, and zeros beside it. Fails with out_of_memory.
template <block_shape Block>
BCR_COLD result<pattern<Block>> widened(const pattern<Block>& kept, strip_cut how) noexcept {
  auto made = kept.clone();
  for (std::size_t bi = 0; made.ok() && how != strip_cut::own_columns && bi < kept.block_rows(); ++bi) {
    strip_of_bytes together;
    bool in_any[Block::rows] = {};
    for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t first, std::size_t past, std::size_t columns) {
      together.add(first, past, columns);
      bits::for_each(kept.row_words(bi, bj), [&](std::size_t r) {
        together.rows += !in_any[r];
        in_any[r] = true;
      });
    });
    const double apart = cost_apart(kept, bi);
    const double least = how == strip_cut::looked_up ? std::min(apart, cost_of_own_columns(kept, bi)) : apart;
    if (together.cost<Block>() >= least) continue;
    for_each_kept_block(kept, bi, [&](std::size_t bj, std::size_t, std::size_t, std::size_t) {
      for (std::size_t r = 0; r < Block::rows; ++r) {
        if (in_any[r]) made->keep_row(bi, bj, r);
      }
    });
  }
  return made;
}

}  // namespace bcr::detail
