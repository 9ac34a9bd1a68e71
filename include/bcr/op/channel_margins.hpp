// What plans of image layers do about the margins of their images' channels.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

#include "bcr/core/image.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/window_layout.hpp"

namespace bcr::detail {

// Fails with invalid_argument.
inline status check_margins(const channel_margins& margins, const image_shape& shape,
                            image_layout layout = image_layout::nchw) noexcept {
  if (!margins.any()) return {};
  if (layout != image_layout::nchw) {
    return {errc::invalid_argument, "Margins are for images whose channels follow each other, of layout nchw."};
  }
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max() / 64;
  const std::size_t planes = capped_product(shape.batch, shape.channels);
  if (margins.front > most / 2 || margins.gap > most / 2 ||
      capped_product(planes, shape.pixels() + margins.gap) > most / 2) {
    return {errc::invalid_argument, "The image and its margins have more elements than this machine can count."};
  }
  return {};
}

// One task's share of the zeros around the channels of an image.
template <class T>
void clear_margins(const channel_margins& margins, const image_shape& shape, std::size_t task, std::size_t tasks,
                   T* memory) noexcept {
  if (!margins.any()) return;
  const std::size_t planes = shape.batch * shape.channels, pixels = shape.pixels(), step = pixels + margins.gap;
  if (task == 0) std::fill_n(memory, margins.front, T(0));
  T* const first = memory + margins.front + pixels;
  for (std::size_t plane = planes * task / tasks; plane < planes * (task + 1) / tasks; ++plane) {
    std::fill_n(first + plane * step, margins.gap, T(0));
  }
}

}  // namespace bcr::detail
