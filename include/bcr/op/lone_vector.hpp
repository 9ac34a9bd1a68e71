// The column that is left over where N is one more than whole vectors: 49 pixels of an image of 7 x 7, say.
#pragma once

#include <cstddef>

#include "bcr/core/narrow.hpp"
#include "bcr/format/panels.hpp"

namespace bcr::detail {

// Whether the last of `columns` columns would have a vector of `lanes` to itself in a tile.
constexpr bool leaves_one(std::size_t columns, std::size_t lanes) noexcept {
  return columns > lanes && columns % lanes == 1;
}

// Whether it is then better multiplied alone, by the kernel for vectors: if rows are mostly kept and panels have at
// least `columns_a_panel` columns. With fifty columns and more that costs a third of a vector of 64 bytes in a tile
// (Zen 4, where N = 49 takes 15 % less time), or as much (Emerald Rapids, with two multiply-adds a cycle); with twenty
// columns, two thirds, or half as much again. Narrower vectors gain less, or nothing.
template <class T, class W>
bool multiplies_alone(const panels_view<W>& weights, std::size_t lanes, std::size_t columns_a_panel) noexcept {
  if constexpr (quantised<W>) return false;
  constexpr double rows_a_use = 3.5;
  const std::size_t uses = weights.column_uses();
  return lanes * sizeof(T) >= 64 && uses >= columns_a_panel * weights.panels.size() &&
         static_cast<double>(weights.weights.size()) >= rows_a_use * static_cast<double>(uses);
}
// What plans ask for. A convolution's vectors mostly cross lines, so that one less of them is worth more.
inline constexpr std::size_t lone_columns_of_product = 32, lone_columns_of_window = 16;

}  // namespace bcr::detail
