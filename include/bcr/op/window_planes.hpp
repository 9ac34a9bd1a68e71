// How an image is laid out so that a window over it becomes a set of offsets: the arithmetic of convolutions, along one
// axis and for a strip of rows. With a stride of 2, say, neighbouring positions of the window are two elements apart,
// so the image is split into planes of every second row and column: in these, positions are neighbours.
//
// What is left and right of the image either stands in the planes as zeros, or, for kernels that leave out lanes, not
// at all: positions then follow each other without gaps, and each column of the window has a bit for every position.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>

#include "bcr/core/buffer.hpp"
#include "bcr/core/image.hpp"
#include "bcr/kernel/conv2d_kernels.hpp"

namespace bcr {

namespace detail {

// An axis of the image and the window. Element j of a plane is at coordinate first + j * stride of the padded axis.
struct plane_axis {
  std::size_t taps, stride, dilation;
  std::size_t before, extent;  // the padding in front of the image, and the image
  std::size_t outputs;

  std::size_t planes() const noexcept {
    const std::size_t phases = stride / std::gcd(stride, dilation);
    return taps < phases ? taps : phases;
  }
  std::size_t plane(std::size_t tap) const noexcept { return tap % planes(); }
  std::size_t first(std::size_t plane) const noexcept { return plane * dilation % stride; }
  // Elements of the plane between what position 0 of the window meets with a tap, and the plane's first.
  std::size_t shift(std::size_t tap) const noexcept { return (tap * dilation - first(plane(tap))) / stride; }
  // The largest shift in a plane.
  std::size_t reach(std::size_t plane) const noexcept {
    return shift(plane + (taps - 1 - plane) / planes() * planes());
  }
  std::size_t largest_reach() const noexcept {
    std::size_t most = 0;
    for (std::size_t i = 0; i < planes(); ++i) most = reach(i) > most ? reach(i) : most;
    return most;
  }

  // Which of the `count` elements from `begin` on are of the image.
  struct range {
    std::size_t begin, count;  // counted from `begin`
    std::size_t source;        // the first one's place in the image
  };
  range of_image(std::size_t plane, std::size_t begin, std::size_t count) const noexcept {
    const auto elements_below = [&](std::size_t coordinate) {
      const std::size_t n = coordinate <= first(plane) ? 0 : blocks_covering(coordinate - first(plane), stride);
      return n < begin ? 0 : n - begin < count ? n - begin : count;
    };
    const std::size_t low = elements_below(before), high = elements_below(before + extent);
    return {low, high - low, low == high ? 0 : first(plane) + (begin + low) * stride - before};
  }

  // Of a plane, those of the image.
  range image_of(std::size_t plane) const noexcept { return of_image(plane, 0, outputs + reach(plane)); }
  // Whether no plane has more of the image in a row than there are positions: then rows fit where positions are.
  bool fits_positions() const noexcept {
    for (std::size_t i = 0; i < planes(); ++i) {
      if (image_of(i).count > outputs) return false;
    }
    return true;
  }

  // Elements from one row of positions to the next: those in front, all zero, serve as the ones behind the row before.
  std::size_t pitch() const noexcept {
    std::size_t most = outputs;
    for (std::size_t i = 0; i < planes(); ++i) {
      const std::size_t needed = outputs + reach(i);
      const range real = of_image(i, 0, needed);
      std::size_t shared = reach(i);
      if (real.count != 0) {
        const std::size_t behind = needed - real.begin - real.count;
        shared = real.begin < shared ? real.begin : shared;
        shared = behind < shared ? behind : shared;
      }
      if (needed - shared > most) most = needed - shared;
    }
    return most;
  }
};

// Strips of rows of the output, and what of the image they need. A strip is some rows of one image, or all rows of some
// images.
struct strip_planes {
  plane_axis y, x;
  std::size_t channels = 0;  // that the window spans
  std::size_t strip_rows = 1, strip_images = 1;
  bool gapless = false;                   // nothing left and right of the image
  std::size_t pitch = 1, image_rows = 1;  // elements of a row of positions; rows of an image
  std::size_t front = 0;                  // elements that may be read in front of a plane's first
  std::size_t tail = 0;                   // zeros behind the last row: its right edge, and what a vector reads beyond
  std::size_t plane_elements = 0, channel_elements = 0;

  strip_planes() noexcept = default;
  // For vectors of `lanes` elements, and lines of the cache of `line`.
  strip_planes(const image_shape& image, const window2d& window, std::size_t spanned, std::size_t rows,
               std::size_t images, bool no_gaps, std::size_t lanes, std::size_t line) noexcept
      : y{window.kernel.height, window.stride.height, window.dilation.height,
          window.padding.top,   image.height,         window.positions(image).height},
        x{window.kernel.width, window.stride.width, window.dilation.width,
          window.padding.left, image.width,         window.positions(image).width},
        channels(spanned),
        strip_rows(rows),
        strip_images(images),
        gapless(no_gaps),
        pitch(no_gaps ? x.outputs : x.pitch()),
        image_rows(images == 1 ? rows : y.pitch()),
        tail(x.largest_reach() + lanes) {
    for (std::size_t i = 0; gapless && i < x.planes(); ++i) front = std::max(front, x.image_of(i).begin);
    front = blocks_covering(front, line) * line;
    // A vector more may be written. An odd number of lines, so that channels spread over all sets of a cache.
    const std::size_t all = front + plane_rows() * pitch + tail + lanes;
    plane_elements = (blocks_covering(all, line) | 1) * line;
    channel_elements = planes() * plane_elements;
  }

  std::size_t planes() const noexcept { return y.planes() * x.planes(); }
  std::size_t plane_rows() const noexcept { return (strip_images - 1) * image_rows + strip_rows + y.largest_reach(); }
  std::size_t elements() const noexcept { return channels * channel_elements; }
  std::size_t strips_of_image() const noexcept { return blocks_covering(y.outputs, strip_rows); }
  // Where a column of the weights finds its input.
  std::size_t offset(std::size_t channel, std::size_t tap_y, std::size_t tap_x) const noexcept {
    const std::size_t left_out = gapless ? x.image_of(x.plane(tap_x)).begin : 0;
    return channel * channel_elements + (y.plane(tap_y) * x.planes() + x.plane(tap_x)) * plane_elements + front +
           y.shift(tap_y) * pitch + x.shift(tap_x) - left_out;
  }
  // Of a row of positions, those that meet the image with a column of the window.
  struct span {
    std::size_t begin, end;
  };
  span positions_inside(std::size_t tap_x) const noexcept {
    const plane_axis::range image = x.image_of(x.plane(tap_x));
    const std::size_t shift = x.shift(tap_x), end = image.begin + image.count;
    return {image.begin > shift ? image.begin - shift : 0, end > shift ? std::min(end - shift, x.outputs) : 0};
  }
  // Sets the bits of these among the positions of a strip without gaps.
  void mark_inside(std::size_t tap_x, std::uint8_t* bits) const noexcept {
    const span inside = positions_inside(tap_x);
    for (std::size_t p = 0; p < strip_rows * pitch; ++p) {
      const std::size_t at = p % pitch;
      if (at >= inside.begin && at < inside.end) bits[p / 8] |= static_cast<std::uint8_t>(1u << p % 8);
    }
  }
  // The positions of a strip of so many images and rows, whose rows follow each other where nothing is between them.
  position_rows positions(std::size_t rows) const noexcept {
    const std::size_t apart = strip_images == 1 ? rows : image_rows;
    if (pitch == x.outputs) return {apart * pitch, rows * pitch, 1, 1};
    return {pitch, x.outputs, apart, rows};
  }
  std::size_t count_positions(std::size_t images, std::size_t rows) const noexcept {
    return ((images - 1) * image_rows + rows - 1) * pitch + x.outputs;
  }
};

}  // namespace detail
}  // namespace bcr
