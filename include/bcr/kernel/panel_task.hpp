// What the kernels on panels are asked to do. Plain pointers, checked by whoever makes the task; the kernels believe
// them. Weights are of type W, everything else of type T; or, where W is both<bf16>, weights and input of bf16.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/quantise.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/panels.hpp"

namespace bcr {

// Rows, or parts of them, that panels ask for before anybody needs them: some pieces each. A piece is some lines.
struct read_ahead {
  std::uintptr_t at = 0, row_end = 0;       // the next piece, and what is behind its row
  std::size_t row_bytes = 0, row_step = 0;  // a row, and from one to the next
  std::size_t rows = 0;                     // that are left
  unsigned pieces = 0;                      // that a panel asks for
};
inline constexpr std::size_t read_ahead_lines = 8;

// Where operands and results are larger than the caches: what the next task reads, and what it writes.
struct asked_ahead {
  read_ahead input, output;
};

// A range of row groups times a tile of columns, or some tiles side by side. Each has as many vectors as the kernel was
// instantiated for. All begin `lanes` apart but the last of all: of a ragged matrix it begins further left, so that it
// ends with the matrix, and only its lanes [first_lane, last_lane) count.
template <class T, class W = T>
struct panel_task {
  const panels_view<stored_weight<W>>* weights;
  std::size_t group_begin, group_end;
  const input_for<T, W>* b;  // input: row k of the tile is at b + k * ldb
  std::size_t ldb;
  T* c;  // output: original row m of the tile is at c + (m - first_row) * ldc
  std::size_t ldc;
  std::size_t first_row;
  std::size_t column;       // the tile's first column, for the epilogue
  std::size_t last_vector;  // where the last vector begins, in its tile
  std::size_t first_lane, last_lane;
  bool accumulate;                         // add to the output instead of replacing it
  T* scratch;                              // 64-byte aligned, panel_scratch_elements for all tiles, any contents
  const std::uint32_t* offsets = nullptr;  // of kernels that want them instead of ldb: row k is at b + offsets[k]
  // Of those of them of whose rows not all elements count: a bit for each lane of the tile, from lane_bits_at[k] bytes
  // on. All columns of a segment have the same lanes.
  const std::uint8_t* lane_bits = nullptr;
  const std::uint32_t* lane_bits_at = nullptr;
  asked_ahead* ahead = nullptr;  // of kernels that ask ahead, if they are to
  std::size_t tiles = 1;         // at most what the kernel's target takes together
};

// A range of row groups times a vector.
template <class T, class W = T>
struct gemv_task {
  const panels_view<W>* weights;
  std::size_t group_begin, group_end;
  const T* x;  // one element a column of the weights
  T* y;        // the result of original row m is at y + (m - first_row) * y_stride
  std::size_t y_stride;
  bool accumulate;  // add to the output instead of replacing it
  T* sums;          // gemv_scratch_elements, any contents
  std::size_t first_row = 0;
  std::size_t vector = 0;  // its number, for the epilogue
};

// Elements of scratch memory for vectors of `lanes` elements.
constexpr std::size_t gemv_scratch_elements(std::size_t lanes) noexcept { return group_rows_limit + lanes; }

// A range of bands times a few vectors.
template <class T, class W = T>
struct band_task {
  const bands_view<W>* weights;
  std::size_t band_begin, band_end;
  std::size_t vectors;
  const T* x;  // vector j's element k is at x + j * ldx + k; or, if quantised, all of it at x + j * ldx
  std::size_t ldx;
  T* y;  // the result of row m and vector j is at y + (m - first_row) * y_row + j * y_vector
  std::size_t y_row, y_vector;
  bool accumulate;  // add to the output instead of replacing it
  T* scratch;       // 64-byte aligned, band_scratch_elements<W>(vectors, columns), any contents
  std::size_t first_row = 0;
  bool quantised = false;  // x is as quantise() of vector_kernels makes it; of weights of eight bits only
};

// Vectors that share one pass over the weights of bands; of more, so many take turns.
inline constexpr std::size_t band_vectors = 16;
// Vectors whose sums stay in registers together.
inline constexpr std::size_t strip_vectors = 4;

// The sums of a band, and twice those of a strip's lanes and what vectors store beyond them.
inline constexpr std::size_t strip_sums = band_rows_limit + 2 * mask_rows;

// A quantised vector: its scale, and from the header on a byte for each element, followed by what kernels may read. So
// many elements of float, which end with a cache line.
inline constexpr std::size_t quantised_header = 64;
constexpr std::size_t quantised_elements(std::size_t columns) noexcept {
  constexpr std::size_t read_ahead = 256, line = 64;
  return (quantised_header + (columns + read_ahead + line - 1) / line * line) / sizeof(float);
}

// If the weights are of eight bits, there is room for the vectors as well, and for a band's results.
template <class W>
constexpr std::size_t band_scratch_elements(std::size_t vectors, std::size_t columns) noexcept {
  const std::size_t together = vectors < band_vectors ? vectors : band_vectors;
  const std::size_t sums = together * band_rows_limit + 2 * strip_sums * (together + strip_vectors);
  return quantised<W> ? together * quantised_elements(columns) + band_rows_limit + sums : sums;
}

// Elements of a scratch tile for vectors of `lanes` elements, and for groups of at most so many rows: whole lines of
// the cache, as vectors of 16 bytes or more.
constexpr std::size_t panel_scratch_elements(std::size_t vectors, std::size_t lanes,
                                             std::size_t rows = group_rows_limit) noexcept {
  return (rows + 5) / 4 * 4 * vectors * lanes;
}

}  // namespace bcr
