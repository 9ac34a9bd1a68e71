// How a product is cut into tiles and tasks: columns into tiles as wide as the registers allow, and tiles and row
// groups into one rectangle a task, so that every task has the same share of the kept weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/block.hpp"

namespace bcr {

// `columns` of the output as tiles of at most so many vectors: as few tiles as can be, and all as wide as each other,
// or one vector narrower. A narrow tile multiplies less with each vector that it loads, so that a remainder is better
// shared than left to one of them.
class column_tiles {
 public:
  column_tiles() noexcept = default;
  column_tiles(std::size_t columns, std::size_t lanes, std::size_t tile_vectors) noexcept
      : columns_(columns), lanes_(lanes) {
    const std::size_t vectors = blocks_covering(columns, lanes);
    count_ = blocks_covering(vectors, tile_vectors);
    if (count_ == 0) return;
    narrow_ = vectors / count_;
    wide_count_ = vectors % count_;
  }

  std::size_t count() const noexcept { return count_; }
  // Vectors in the widest tile.
  std::size_t widest() const noexcept { return narrow_ + (wide_count_ != 0 ? 1 : 0); }
  // Tiles from `tile` to the one before `end`, at most so many, that are as wide as the first of them.
  std::size_t alike(std::size_t tile, std::size_t end, std::size_t most) const noexcept {
    const std::size_t past = tile < wide_count_ && wide_count_ < end ? wide_count_ : end;
    return past - tile < most ? past - tile : most;
  }
  // The wider ones come first.
  std::size_t vectors(std::size_t tile) const noexcept { return narrow_ + (tile < wide_count_ ? 1 : 0); }
  std::size_t begin(std::size_t tile) const noexcept {
    return (tile * narrow_ + (tile < wide_count_ ? tile : wide_count_)) * lanes_;
  }
  std::size_t end(std::size_t tile) const noexcept {
    const std::size_t past = begin(tile + 1);
    return past < columns_ ? past : columns_;
  }

 private:
  std::size_t columns_ = 0, lanes_ = 1, count_ = 0;
  std::size_t narrow_ = 0;      // vectors in a tile,
  std::size_t wide_count_ = 0;  // and one more in the first ones
};

struct task_grid {
  std::size_t rows = 1;       // cuts of the row groups
  std::size_t columns = 1;    // cuts of the column tiles
  bool down_columns = false;  // tasks that follow each other share columns, else rows

  std::size_t tasks() const noexcept { return rows * columns; }
  std::size_t row_part(std::size_t task) const noexcept { return down_columns ? task % rows : task / columns; }
  std::size_t column_part(std::size_t task) const noexcept { return down_columns ? task / rows : task % columns; }
};

// The grid of at most `threads` tasks whose largest task costs least, by cost(groups, tiles), which says what a task of
// so many costs at most. Among equals it is the one with the fewest cuts of rows, as these make tasks load the same
// input.
template <class Cost>
task_grid cheapest_grid(std::size_t groups, std::size_t tiles, std::size_t threads, const Cost& cost) noexcept {
  task_grid best;
  double least = cost(groups, tiles) * 2;
  for (std::size_t rows = 1; rows <= threads && rows <= groups; ++rows) {
    std::size_t columns = threads / rows;
    if (columns > tiles) columns = tiles;
    if (columns == 0) break;
    const double largest = cost(blocks_covering(groups, rows), blocks_covering(tiles, columns));
    if (largest < least * 0.99) {
      least = largest;
      best = {rows, columns};
    }
  }
  return best;
}

// The same where only the sizes of tasks matter.
inline task_grid best_grid(std::size_t groups, std::size_t tiles, std::size_t threads) noexcept {
  return cheapest_grid(groups, tiles, threads, [](std::size_t task_groups, std::size_t task_tiles) {
    return static_cast<double>(task_groups) * static_cast<double>(task_tiles);
  });
}

// What a product by panels works with, and what its parts cost in cycles, each of which begins a multiply-add of a
// vector, as measured on Zen 4 and, for tasks' reading, on Emerald Rapids.
struct product_work {
  double panels = 0;
  double column_uses = 0;     // columns of panels, all together
  double weights = 0;         // kept
  double weight_bytes = 0;    // and what is read of them
  double vector_bytes = 0;    // of the input: a vector of each of its rows
  double bytes_a_cycle = 32;  // that a task reads, from a cache that is far away and shared by all

  // Of `rows`, a share of all rows, and `vectors` vectors in `tiles` tiles, which are as wide as can be or not: these
  // are not taken side by side.
  double cycles(double rows, double vectors, double tiles, bool widest) const noexcept {
    constexpr double column = 2.5;
    const double panel = widest ? 34 : 50;
    return rows * (weights * vectors + (column_uses * column + panels * panel) * tiles) +
           (rows * weight_bytes + vectors * vector_bytes) / bytes_a_cycle;
  }
};

struct product_cut {
  column_tiles tiles;
  task_grid grid;
};

// Tiles of `tile_vectors` for one thread, and for more threads tiles that may be narrower, down to four vectors, where
// the product then falls into better tasks: with 64 vectors and 16 threads, into tiles of four for all rows. Narrower
// ones were not measured; one vector would add up in another order (kPhases), and threads must not change a result.
inline product_cut best_cut(std::size_t groups, std::size_t columns, std::size_t lanes, std::size_t tile_vectors,
                            std::size_t threads, const product_work& work) noexcept {
  constexpr std::size_t narrowest = 4;
  product_cut best{{columns, lanes, tile_vectors}, {}};
  if (groups == 0 || best.tiles.count() == 0) return best;
  double least = 0;
  for (std::size_t vectors = tile_vectors; vectors == tile_vectors || (threads > 1 && vectors >= narrowest);
       --vectors) {
    const column_tiles tiles(columns, lanes, vectors);
    const auto cost = [&](std::size_t task_groups, std::size_t task_tiles) {
      const double share = static_cast<double>(task_groups) / static_cast<double>(groups);
      const std::size_t task_vectors = tiles.begin(task_tiles) / lanes;  // the wider ones come first
      return work.cycles(share, static_cast<double>(task_vectors), static_cast<double>(task_tiles),
                         vectors == tile_vectors);
    };
    const task_grid grid = cheapest_grid(groups, tiles.count(), threads, cost);
    const double largest = cost(blocks_covering(groups, grid.rows), blocks_covering(tiles.count(), grid.columns));
    if (vectors != tile_vectors && largest > least * 0.99) continue;
    least = largest;
    best = {tiles, grid};
  }
  // A thread that goes from task to task keeps what weighs more.
  best.grid.down_columns = static_cast<double>(blocks_covering(columns, lanes)) * work.vector_bytes > work.weight_bytes;
  return best;
}

// Where part `part` of `parts` begins among `count` things, of which the first n cost `cost_before(n)`: things are cut
// where their cost reaches the part's share.
template <class Cost>
std::size_t first_of_part(std::size_t count, std::size_t part, std::size_t parts, const Cost& cost_before) noexcept {
  if (part == 0 || part == parts) return part == 0 ? 0 : count;
  const double target =
      static_cast<double>(cost_before(count)) * static_cast<double>(part) / static_cast<double>(parts);
  std::size_t low = 0, high = count;
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const double half = 0.5 * static_cast<double>(cost_before(middle) + cost_before(middle + 1));
    if (half < target) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

// What the groups, of rows or bands, before group `g` cost: their kept weights, and a little for every row. The last
// group holds the ends.
template <class Group>
std::uint64_t cost_before_group(std::span<const Group> groups, std::size_t g) noexcept {
  constexpr std::uint64_t row_cost = 4;  // a row costs about as much as this many weights, to store
  return groups[g].weight_begin + row_cost * groups[g].row_begin;
}

// The first group of part `part` of `parts`.
template <class Group>
std::size_t first_group(std::span<const Group> groups, std::size_t part, std::size_t parts) noexcept {
  return first_of_part(groups.size() - 1, part, parts, [&](std::size_t g) { return cost_before_group(groups, g); });
}

}  // namespace bcr
