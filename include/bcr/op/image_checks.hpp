// What the plans of image layers ask of their shapes, and how they share planes among tasks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "bcr/core/image.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/kernel/window_layout.hpp"
#include "bcr/op/channel_margins.hpp"

namespace bcr::detail {

// A window and an image that can be computed with: nothing overflows, and with these positions there is an output.
// Margins are those of an output with the image's channels.
inline status check_image_window(const image_shape& image, const window2d& w, const extent2d& positions,
                                 std::size_t threads, const channel_margins& output_margins = {}) noexcept {
  if (const status s = check_threads(threads); !s) return s;
  if (const status s = check_window(w); !s) return s;
  constexpr std::size_t most = 0xffff;
  for (const std::size_t size : {w.kernel.height, w.kernel.width, w.stride.height, w.stride.width, w.dilation.height,
                                 w.dilation.width, w.padding.top, w.padding.left, w.padding.bottom, w.padding.right}) {
    if (size > most) return {errc::invalid_argument, "A window's sizes are at most 65535."};
  }
  // Several copies of the image are still to be counted in bytes.
  const std::size_t padded = capped_product(image.height + 2 * most, image.width + 2 * most);
  const std::size_t planes = capped_product(image.batch, image.channels);
  if (image.height > 0xffffffffu || image.width > 0xffffffffu ||
      capped_product(padded, planes) > std::numeric_limits<std::ptrdiff_t>::max() / 64) {
    return {errc::invalid_argument, "The image has more elements than this machine can count."};
  }
  if (positions.height == 0 || positions.width == 0) {
    return {errc::invalid_argument, "The window does not fit into the padded image."};
  }
  return check_margins(output_margins, {image.batch, image.channels, positions.height, positions.width});
}

// An image and a window of a convolution so small that nothing overflows that is computed of them. Fails with
// unsupported.
inline status check_conv2d_size(const image_shape& image, const window2d& w) noexcept {
  const auto wide = [](std::size_t n) { return static_cast<double>(n); };
  const double height = wide(image.height) + wide(w.padding.top) + wide(w.padding.bottom);
  const double width = wide(image.width) + wide(w.padding.left) + wide(w.padding.right);
  constexpr double most = 2147483648.0;
  const double window = (wide(w.kernel.height) * wide(w.dilation.height) + wide(w.stride.height)) *
                        (wide(w.kernel.width) * wide(w.dilation.width) + wide(w.stride.width));
  if ((height + 1) * (width + 1) >= most || window >= most || wide(image.channels) >= most ||
      wide(image.batch) >= most || wide(image.batch) * wide(image.channels) * height * width >= most * most) {
    return {errc::unsupported, "The image or the window of a convolution is too large."};
  }
  return {};
}

// Fails with invalid_argument.
inline status check_images(std::size_t input_size, std::size_t input_elements, std::size_t output_size,
                           std::size_t output_elements) noexcept {
  if (input_size != input_elements) {
    return {errc::invalid_argument, "The input image does not have as many elements as its shape."};
  }
  if (output_size != output_elements) {
    return {errc::invalid_argument, "The output image does not have as many elements as its shape."};
  }
  return {};
}

// A layout whose rows begin with a vector, for kernels that compute row by row.
constexpr window_layout aligned_rows_layout(const window2d& window, const image_shape& image, const extent2d& positions,
                                            std::size_t lanes) noexcept {
  window_layout layout(window, {image.height, image.width}, positions);
  layout.pitch = (layout.phase_columns() + lanes - 1) / lanes * lanes;
  return layout;
}

}  // namespace bcr::detail
