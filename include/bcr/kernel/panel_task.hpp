// What the kernels on panels are asked to do. Plain pointers, checked by whoever makes the task; the kernels believe
// them.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/format/panels.hpp"

namespace bcr {

// A range of row groups times one tile of columns. The tile has as many vectors as the kernel was instantiated for. All
// begin `lanes` apart but the last: of a ragged matrix it begins further left, so that it ends with the matrix, and
// only its lanes [first_lane, last_lane) count.
template <class T>
struct panel_task {
  const panels_view<T>* weights;
  std::size_t group_begin, group_end;
  const T* b;  // input: row k of the tile is at b + k * ldb
  std::size_t ldb;
  T* c;  // output: original row m of the tile is at c + (m - first_row) * ldc
  std::size_t ldc;
  std::size_t first_row;
  std::size_t column;       // the tile's first column, for the epilogue
  std::size_t last_vector;  // where the last vector begins, in the tile
  std::size_t first_lane, last_lane;
  bool accumulate;  // add to the output instead of replacing it
  T* scratch;       // 64-byte aligned, panel_scratch_elements, any contents
};

// A range of row groups times a vector.
template <class T>
struct gemv_task {
  const panels_view<T>* weights;
  std::size_t group_begin, group_end;
  const T* x;  // one element a column of the weights
  T* y;        // the result of original row m is at y + (m - first_row) * y_stride
  std::size_t y_stride;
  bool accumulate;  // add to the output instead of replacing it
  T* sums;          // gemv_scratch_elements, any contents
  std::size_t first_row = 0;
};

// Elements of scratch memory for vectors of `lanes` elements.
constexpr std::size_t gemv_scratch_elements(std::size_t lanes) noexcept { return group_rows_limit + lanes; }

// Elements of a scratch tile for vectors of `lanes` elements.
constexpr std::size_t panel_scratch_elements(std::size_t vectors, std::size_t lanes) noexcept {
  return (group_rows_limit + 2) * vectors * lanes;
}

}  // namespace bcr
