// What the kernels of a convolution are asked to do, and the table of them. A convolution is a product whose input rows
// overlap: the image stands in memory with its padding around it, and row k of the input, an element of the window over
// one channel, is that image from some offset on.
#pragma once

#include <cstddef>
#include <span>

#include "bcr/core/image.hpp"
#include "bcr/kernel/gemm_kernels.hpp"

namespace bcr {

// One plane of every channel, to be filled: every stride-th element of the image, in both directions, with zeros around
// it. A vector more may be written behind the tail. Steps count elements of the input. Where every second element of a
// row goes to a plane, those between may go to another in the same call.
template <class T>
struct plane_fill {
  const T* from;  // the first element that is copied, of the first channel
  std::size_t channel_step, row_step, column_step;
  std::size_t channels;
  T* to;
  std::size_t channel_pitch, pitch;    // from one channel and row of the plane to the next
  std::size_t rows;                    // of the plane, each `pitch` long
  std::size_t first_row, copied_rows;  // those that have elements of the image
  std::size_t left, copied_columns;    // likewise
  std::size_t tail;                    // zeros behind the last row
  T* between = nullptr;                // the other plane, if column_step is 2
  std::size_t between_left = 0, between_columns = 0;
};

// Positions of the window, row by row and image by image. Of those in a row, and of the rows of an image, the last ones
// may be no outputs: the window then lies across an edge.
struct position_rows {
  std::size_t pitch, width;      // positions from one row to the next; outputs in a row
  std::size_t image_rows, rows;  // rows from one image to the next; rows of outputs
};

// Positions of a tile whose outputs follow each other.
struct output_run {
  std::size_t position, count;
  std::size_t image, pixel;  // of the first one
};

// The runs of positions [begin, end), one after the other.
class output_runs {
 public:
  output_runs(const position_rows& rows, std::size_t begin, std::size_t end) noexcept
      : rows_(rows), at_(begin), end_(end), x_(begin % rows.pitch) {
    const std::size_t row = begin / rows.pitch;
    image_ = row / rows.image_rows;
    y_ = row % rows.image_rows;
  }
  // False when there are no more.
  bool next(output_run& run) noexcept {
    while (at_ < end_) {
      const bool found = y_ < rows_.rows && x_ < rows_.width;
      if (found) {
        const std::size_t left = end_ - at_, count = rows_.width - x_ < left ? rows_.width - x_ : left;
        run = {at_, count, image_, y_ * rows_.width + x_};
      }
      at_ += rows_.pitch - x_;
      x_ = 0;
      if (++y_ == rows_.image_rows) {
        y_ = 0;
        ++image_;
      }
      if (found) return true;
    }
    return false;
  }

 private:
  position_rows rows_;
  std::size_t at_, end_, x_, y_ = 0, image_ = 0;
};

// A range of row groups times one tile of positions.
template <class T, class W = T>
struct conv2d_task {
  panel_task<T, W> product;  // c, ldc and what goes with them are not used
  position_rows rows;
  std::size_t begin, end;  // the tile's positions
  T* output;               // of the first image, and of the first channel that the weights make
  image_layout layout;
  std::size_t image, pixel;      // of the first position: runs count from there
  std::size_t channels, pixels;  // of an image of the whole output
  std::size_t channel_step;      // elements from a channel of it to the next, if pixels lie beside each other
  T* staging;                    // conv2d_staging_elements; for nhwc alone
};

constexpr std::size_t conv2d_staging_elements(std::size_t vectors, std::size_t lanes) noexcept {
  return group_rows_limit * (vectors + 1) * lanes;
}

template <class T, class Epilogue, class W = T>
struct conv2d_kernels {
  kernel_target target;
  void (*fill)(std::span<const plane_fill<T>>) noexcept;  // planes of the same channels
  // For tiles of 1, 2, ... vectors; null for widths beyond the target's.
  void (*run[most_tile_vectors])(const conv2d_task<T, W>&, const Epilogue&) noexcept;
  // The same where positions follow each other without gaps, and product.lane_bits say which lanes lie inside the
  // image; null for targets whose vectors have no such lanes.
  void (*run_gapless[most_tile_vectors])(const conv2d_task<T, W>&, const Epilogue&) noexcept;
  const gemm_kernels<T, Epilogue, W>* gemm;  // for windows of one element

  bool masks_lanes() const noexcept { return run_gapless[0] != nullptr; }
};

}  // namespace bcr
