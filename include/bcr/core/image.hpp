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

// Fails with invalid_argument where there is no such window.
inline status check_window(const window2d& window) noexcept {
  if (window.valid()) return {};
  return {errc::invalid_argument, "A window's kernel, stride and dilation are at least 1."};
}

}  // namespace bcr
