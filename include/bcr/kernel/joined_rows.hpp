// Where a plane lies in memory for a depthwise convolution of 3 x 3 whose output is as large as its input: without
// padding, a row right behind the other, so that the output is one long vector, however short its rows.
//
//        plane, 3 wide               copy
//        a b c                       0 0 0 0 a b c d e f 0 0 0 0 ..
//        d e f             ->
//
// The element (ky, kx) of the window at output i is tap(ky) + kx + i of the copy. A neighbour beyond the left or right
// edge is one of another row there: what it adds is masked away, for all elements in a column of the window together.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/image.hpp"

namespace bcr {

struct joined_rows {
  std::size_t width = 0, count = 0;  // of a row, and of a plane
  std::size_t before = 0;            // elements of a copy before its first row
  std::size_t plane_elements = 0;    // of a copy, what is before and behind it included
  std::size_t planes = 1;            // that are copied before they are computed, so that nothing is read as it arrives
  std::size_t mask_elements = 0;

  // Whether a convolution is of this kind, and has rows so short that this is the faster way: rows of two vectors and
  // more are as fast by themselves, and have their loads in common.
  static constexpr bool fit(const image_shape& input, const window2d& w, std::size_t lanes) noexcept {
    return w == window2d{.kernel = {3, 3}, .padding = pad_all(1)} && input.height != 0 && input.width >= 2 &&
           input.width < 2 * lanes;
  }

  constexpr joined_rows() noexcept = default;
  constexpr joined_rows(const image_shape& input, std::size_t lanes, std::size_t element_bytes) noexcept
      : width(input.width),
        count(input.pixels()),
        before((width + lanes) / lanes * lanes),
        plane_elements(before + (count + width + 1 + 2 * lanes) / lanes * lanes),
        mask_elements(width + lanes + 1) {
    constexpr std::size_t near_cache = std::size_t{1} << 14;
    planes = near_cache / (plane_elements * element_bytes);
    if (planes == 0) planes = 1;
  }

  constexpr std::size_t scratch_elements() const noexcept { return mask_elements + planes * plane_elements; }
  constexpr std::size_t tap(std::size_t ky) const noexcept { return before + ky * width - width - 1; }
};

}  // namespace bcr
