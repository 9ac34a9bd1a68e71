// Images and the window that slides over them: the shapes that convolutions and pooling share.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/status.hpp"

namespace bcr {

// The order of an image's elements, the last one running fastest: batch, channels, height, width, as PyTorch and ONNX
// have it, or channels last, as TensorFlow has it.
enum class image_layout : std::uint8_t { nchw, nhwc };

struct image_shape {
  std::size_t batch = 1, channels = 0, height = 0, width = 0;

  constexpr std::size_t pixels() const noexcept { return height * width; }
  constexpr std::size_t elements() const noexcept { return batch * channels * pixels(); }
  friend constexpr bool operator==(const image_shape&, const image_shape&) noexcept = default;
};

// Zeros around the channels of an image in memory, whose pixels lie beside each other: in front of the first channel,
// and behind each. Where they are as much as a window's padding above and below, a convolution can read the image in
// place.
//
//   front | channel 0 | gap | channel 1 | gap | .. | the last channel | gap
struct channel_margins {
  std::size_t front = 0, gap = 0;  // elements

  constexpr bool any() const noexcept { return front != 0 || gap != 0; }
  constexpr std::size_t channel_step(const image_shape& s) const noexcept { return s.pixels() + gap; }
  // Of the memory of a batch; its first pixel is the one after `front`.
  constexpr std::size_t elements(const image_shape& s) const noexcept {
    return front + s.batch * s.channels * channel_step(s);
  }
  friend constexpr bool operator==(const channel_margins&, const channel_margins&) noexcept = default;
};

// Heights come before widths, as in every framework's lists.
struct extent2d {
  std::size_t height = 1, width = 1;
  friend constexpr bool operator==(const extent2d&, const extent2d&) noexcept = default;
};
// Rows and columns that are taken to surround an image.
struct padding2d {
  std::size_t top = 0, left = 0, bottom = 0, right = 0;
  friend constexpr bool operator==(const padding2d&, const padding2d&) noexcept = default;
};
constexpr padding2d pad_all(std::size_t width) noexcept { return {width, width, width, width}; }

// A kernel, its steps over the image, the distance between its elements, and the padding it may reach into.
struct window2d {
  extent2d kernel = {};
  extent2d stride = {};
  extent2d dilation = {};
  padding2d padding = {};

  // What the kernel covers of the image, gaps included; the kernel has an element at least.
  constexpr extent2d reach() const noexcept {
    return {(kernel.height - 1) * dilation.height + 1, (kernel.width - 1) * dilation.width + 1};
  }
  // Positions of the window in an image, rounded down: 0 x 0 where the window does not fit.
  constexpr extent2d positions(const image_shape& image) const noexcept {
    const std::size_t height = image.height + padding.top + padding.bottom;
    const std::size_t width = image.width + padding.left + padding.right;
    if (!valid() || height < reach().height || width < reach().width) return {0, 0};
    return {(height - reach().height) / stride.height + 1, (width - reach().width) / stride.width + 1};
  }
  constexpr bool valid() const noexcept {
    return kernel.height != 0 && kernel.width != 0 && stride.height != 0 && stride.width != 0 && dilation.height != 0 &&
           dilation.width != 0;
  }
  friend constexpr bool operator==(const window2d&, const window2d&) noexcept = default;
};

// Margins for a convolution of `image` with this window: enough for its padding and for what vectors may read beyond
// it. Channels begin with a line of the cache if the memory does, and are an odd number of lines apart, so that they
// spread over all sets of a cache. For shapes that basic_conv2d_plan::can_implement.
constexpr channel_margins margins_for(const image_shape& image, const window2d& window) noexcept {
  constexpr std::size_t line = 16;  // elements, of four bytes
  const padding2d& p = window.padding;
  const std::size_t rows = p.top > p.bottom ? p.top : p.bottom, columns = p.left > p.right ? p.left : p.right;
  const std::size_t front = (rows * image.width + columns + 2 * line - 1) / line * line;
  const std::size_t lines = (image.pixels() + front + line - 1) / line | 1;
  return {front, lines * line - image.pixels()};
}

// Fails with invalid_argument where there is no such window.
inline status check_window(const window2d& window) noexcept {
  if (window.valid()) return {};
  return {errc::invalid_argument, "A window's kernel, stride and dilation are at least 1."};
}

}  // namespace bcr
