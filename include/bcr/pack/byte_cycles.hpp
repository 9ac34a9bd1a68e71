// What strips of weights of eight bits cost, in cycles, roughly, on a core with vectors of 16 lanes (Zen 4): what
// begins and ends a strip, and its vectors, or their bytes.
#pragma once

#include <algorithm>
#include <cstddef>

#include "bcr/core/block.hpp"
#include "bcr/format/bands.hpp"

namespace bcr::detail {

// All lanes with the same columns.
inline double cycles_of_bytes(std::size_t lanes, std::size_t steps, std::size_t words, std::size_t windows) noexcept {
  const double quads = static_cast<double>(blocks_covering(steps, 4));
  const double vectors = quads * static_cast<double>(blocks_covering(lanes, 16));
  const double loads = std::max(2.4 * vectors, 4 * quads * static_cast<double>(lanes) / 24);
  return 10 + 4.0 * static_cast<double>(words) + 6.0 * static_cast<double>(windows) + loads;
}

// Groups of lanes with columns of their own. More than two vectors look up their inputs one after the other.
inline double cycles_of_own_bytes(std::size_t lanes, std::size_t steps, std::size_t words) noexcept {
  const double quads = static_cast<double>(blocks_covering(steps, 4));
  const double vectors = static_cast<double>(blocks_covering(lanes, 16));
  if (lanes > 2 * mask_rows || words > 4) return 25 + 2 * quads * static_cast<double>(lanes);
  const double loads = std::max(quads * (1 + vectors), 4 * quads * static_cast<double>(lanes) / 28);
  return loads + 2 + 3.0 * static_cast<double>(words);
}

// Rows of a block that a strip of own columns has, where it has other blocks' as well: a group is never smaller.
template <block_shape Block>
constexpr std::size_t own_byte_lanes(std::size_t rows) noexcept {
  constexpr std::size_t group = Block::rows < 4 ? 1 : 4;
  return blocks_covering(rows, group) * group;
}
// Lanes and rows of a strip of several blocks.
inline constexpr std::size_t own_byte_lanes_limit = 16, own_byte_rows_limit = 2 * mask_rows;

}  // namespace bcr::detail
