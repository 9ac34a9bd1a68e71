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

// Whether it is then better multiplied alone, by the kernel for vectors. Where rows are all kept that costs a third
// (Zen 4) to three quarters (Zen 5) of a vector of 64 bytes; where panels have pruned rows, or vectors are narrower, as
// much as that or more.
template <class T, class W>
bool multiplies_alone(const panels_view<W>& weights, std::size_t lanes) noexcept {
  if constexpr (quantised<W>) return false;
  constexpr double rows_a_use = 3.5;
  return lanes * sizeof(T) >= 64 &&
         static_cast<double>(weights.weights.size()) >= rows_a_use * static_cast<double>(weights.column_uses());
}

}  // namespace bcr::detail
