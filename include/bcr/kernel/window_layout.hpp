// Where a window's elements lie in a padded copy of a plane of the image. The copy is cut into phases, one for each
// remainder of a row and a column by the strides, so that what an element of the window meets at neighbouring
// positions lies side by side, whatever the stride:
//
//        image, stride 2, one row of padding         phase (0, 0)      phase (0, 1)
//        . . . . . .                                 . . .             . . .
//        . a b c d .                                 . f h             e g .          (1, 0), (1, 1): . b d, a c .
//        . e f g h .              ->                 . . .             . . .
//        . . . . . .
//
// The element (ky, kx) of the window at position (y, x) is tap(ky, kx) + y * pitch + x, for all positions alike: a
// kernel adds a number to an address and loads a vector, and meets neither edges nor strides.
#pragma once

#include <cstddef>
#include <limits>

#include "bcr/core/image.hpp"

namespace bcr {

// The order of a plane's copy: phase, row, column.
class window_layout {
 public:
  window2d window;
  extent2d image;      // of the plane
  extent2d positions;  // of the window: the output
  // Elements from a row of a phase to the next.
  std::size_t pitch = 0;
  // Positions of a band, which is the part of the output whose input is copied at once.
  std::size_t band_rows = 0;
  // Rows that kernels read beyond those, without using what they find.
  std::size_t spare_rows = 0;

  constexpr window_layout(const window2d& w, const extent2d& of, const extent2d& at) noexcept
      : window(w),
        image(of),
        positions(at),
        more_rows_((w.reach().height - 1) / w.stride.height),
        more_columns_((w.reach().width - 1) / w.stride.width) {}

  constexpr std::size_t phases() const noexcept { return window.stride.height * window.stride.width; }
  // Rows of a phase that `rows` rows of positions need.
  constexpr std::size_t phase_rows(std::size_t rows) const noexcept { return rows + more_rows_; }
  // Columns of a phase that a row of positions needs.
  constexpr std::size_t phase_columns() const noexcept { return positions.width + more_columns_; }
  constexpr std::size_t phase_elements() const noexcept { return (phase_rows(band_rows) + spare_rows) * pitch; }
  // Elements of a plane's copy; the last row may end that much further on.
  constexpr std::size_t plane_elements() const noexcept { return phases() * phase_elements(); }
  constexpr std::size_t overhang() const noexcept { return phase_columns() > pitch ? phase_columns() - pitch : 0; }

  constexpr std::size_t tap(std::size_t ky, std::size_t kx) const noexcept {
    const std::size_t y = ky * window.dilation.height, x = kx * window.dilation.width;
    const std::size_t phase = y % window.stride.height * window.stride.width + x % window.stride.width;
    return phase * phase_elements() + y / window.stride.height * pitch + x / window.stride.width;
  }
  // Bands of the output.
  constexpr std::size_t bands() const noexcept {
    return band_rows == 0 ? 0 : (positions.height + band_rows - 1) / band_rows;
  }

 private:
  std::size_t more_rows_, more_columns_;
};

// Whether an element of the window falls on this remainder.
constexpr bool window_meets(std::size_t kernel, std::size_t dilation, std::size_t stride, std::size_t phase) noexcept {
  if (dilation == 1) return phase < kernel;
  for (std::size_t k = 0; k < kernel; ++k) {
    if (k * dilation % stride == phase) return true;
  }
  return false;
}

// A layout whose rows are as short as can be. With a stride of 1, the padding on the right of a row serves as that on
// the left of the next.
constexpr window_layout dense_rows_layout(const window2d& window, const image_shape& image,
                                          const extent2d& positions) noexcept {
  window_layout layout(window, {image.height, image.width}, positions);
  const std::size_t left = window.padding.left, right = window.padding.right;
  layout.pitch = layout.phase_columns();
  if (window.stride.width == 1) layout.pitch = image.width + (left > right ? left : right);
  return layout;
}

// A product of sizes, or the largest number if it is larger than that.
constexpr std::size_t capped_product(std::size_t a, std::size_t b) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  return b != 0 && a > most / b ? most : a * b;
}

// The largest number of rows whose copies of `planes` planes take no more than so many bytes, but one row at least, and
// no more than give each of `tasks` tasks a band.
constexpr std::size_t best_band_rows(const window_layout& layout, std::size_t planes, std::size_t element_bytes,
                                     std::size_t bytes, std::size_t tasks) noexcept {
  const std::size_t row = layout.phases() * layout.pitch * planes * element_bytes;
  const std::size_t more = layout.phase_rows(0) + layout.spare_rows;
  const std::size_t fit = row == 0 ? layout.positions.height : bytes / row;
  std::size_t rows = fit > more + 1 ? fit - more : 1;
  const std::size_t share = (layout.positions.height + tasks - 1) / (tasks == 0 ? 1 : tasks);
  if (rows > share) rows = share;
  if (rows == 0) rows = 1;
  // As many bands, all as high as each other.
  const std::size_t bands = (layout.positions.height + rows - 1) / rows;
  return bands == 0 ? 1 : (layout.positions.height + bands - 1) / bands;
}

}  // namespace bcr
