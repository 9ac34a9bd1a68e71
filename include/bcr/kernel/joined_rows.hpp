// Where a plane lies in memory for a depthwise convolution of 3 x 3 whose output is as wide as its input, or half as
// wide: without padding, a row right behind the other, so that the output is one long vector, however short its rows.
//
//        plane, 3 wide               copy, stride 1
//        a b c                       0 0 0 0 a b c d e f 0 0 0 0 ..
//        d e f             ->
//
// The element (ky, kx) of the window at output y * width + x is tap(ky, kx) further on in the copy. A neighbour beyond
// the left or right edge is one of another row there: what it adds is masked away, for all elements in a column of the
// window together. With a stride of 2, rows and columns of each parity have a copy of their own.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/image.hpp"

namespace bcr {

struct joined_rows {
  std::size_t width = 0, count = 0;  // of a row of the output, and of all of it
  std::size_t stride = 1;
  std::size_t before = 0;         // elements of a copy before its first row
  std::size_t copy_elements = 0;  // of one copy, what is before and behind it included
  std::size_t planes = 1;         // that are copied before they are computed, so that nothing is read as it arrives
  std::size_t mask_elements = 0;

  // Whether a convolution is of this kind, and has rows so short that this is the faster way: rows of two vectors and
  // more are as fast by themselves, and have their loads in common.
  static constexpr bool fit(const image_shape& input, const window2d& w, std::size_t lanes) noexcept {
    const bool same = w.stride == extent2d{1, 1}, half = w.stride == extent2d{2, 2} && input.width % 2 == 0;
    return w.kernel == extent2d{3, 3} && w.dilation == extent2d{1, 1} && w.padding == pad_all(1) && (same || half) &&
           input.height != 0 && input.width >= 2 && input.width / w.stride.width < 2 * lanes;
  }

  constexpr joined_rows() noexcept = default;
  constexpr joined_rows(const image_shape& input, const window2d& w, std::size_t lanes,
                        std::size_t element_bytes) noexcept
      : width(input.width / w.stride.width),
        count(width * ((input.height - 1) / w.stride.height + 1)),
        stride(w.stride.height),
        before((width + lanes) / lanes * lanes),
        copy_elements(before + (count + width + 1 + 3 * lanes) / lanes * lanes),
        mask_elements(width + lanes + 1) {
    constexpr std::size_t near_cache = std::size_t{1} << 14;
    planes = near_cache / (plane_elements() * element_bytes);
    if (planes == 0) planes = 1;
  }

  constexpr std::size_t copies() const noexcept { return stride * stride; }
  constexpr std::size_t plane_elements() const noexcept { return copies() * copy_elements; }
  constexpr std::size_t scratch_elements() const noexcept { return mask_elements + planes * plane_elements(); }

  constexpr std::size_t tap(std::size_t ky, std::size_t kx) const noexcept {
    if (stride == 1) return before + ky * width + kx - width - 1;
    const std::size_t copy = (ky == 1 ? 0 : 2) + (kx == 1 ? 0 : 1);
    return copy * copy_elements + before - (ky == 0 ? width : 0) - (kx == 0 ? 1 : 0);
  }
};

}  // namespace bcr
