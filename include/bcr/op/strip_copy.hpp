// The copy of a strip of images into planes, from where the images are.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bcr/core/image.hpp"
#include "bcr/kernel/conv2d_kernels.hpp"
#include "bcr/op/window_planes.hpp"

namespace bcr::detail {

// Elements from each part of an image in memory to the next one.
struct image_steps {
  std::size_t image, channel, row, pixel;

  static image_steps of(const image_shape& s, image_layout layout, const channel_margins& margins) noexcept {
    const std::size_t step = margins.channel_step(s);
    if (layout == image_layout::nchw) return {s.channels * step, step, s.width, 1};
    return {s.channels * s.pixels(), 1, s.width * s.channels, s.channels};
  }
};

// Which elements of an image's row a plane has.
inline plane_axis::range columns_of(const strip_planes& planes, std::size_t plane) noexcept {
  return planes.gapless ? planes.x.image_of(plane) : planes.x.of_image(plane, 0, planes.pitch);
}
// Whether there are two planes along a row, and its elements go to them in turns.
inline bool planes_in_turns(const strip_planes& planes) noexcept {
  if (planes.x.stride != 2 || planes.x.planes() != 2) return false;
  const auto a = columns_of(planes, 0), b = columns_of(planes, 1);
  return a.count != 0 && b.count != 0 && (a.source + 1 == b.source || b.source + 1 == a.source);
}

// Rows from `first_row` of the output on, of so many images; `from` is the first image's first pixel.
template <class T, class Fill>
void copy_strip(const Fill& fill, const strip_planes& planes, const image_steps& steps, const T* from,
                std::size_t images, std::size_t first_row, std::size_t rows, T* copied) noexcept {
  const plane_axis &y = planes.y, &x = planes.x;
  constexpr std::size_t most_together = 4;
  std::array<plane_fill<T>, most_together> fills;
  plane_fill<T> f{};
  f.channel_step = steps.channel;
  f.row_step = steps.row * y.stride;
  f.column_step = steps.pixel * x.stride;
  f.channels = planes.channels;
  f.channel_pitch = planes.channel_elements;
  f.pitch = planes.pitch;
  for (std::size_t n = 0; n < images; ++n) {
    const bool last = n + 1 == images;
    f.rows = last ? rows + y.largest_reach() : planes.image_rows;
    // Without gaps, nothing is read behind the last row: these lanes are left out.
    f.tail = last && !planes.gapless ? planes.tail : 0;
    T* const image = copied + planes.front + n * planes.image_rows * f.pitch;
    std::size_t together = 0;
    for (std::size_t plane = 0; plane < planes.planes(); ++plane) {
      const auto of_rows = y.of_image(plane / x.planes(), first_row, f.rows);
      const auto columns = columns_of(planes, plane % x.planes());
      f.to = image + plane * planes.plane_elements;
      f.first_row = of_rows.begin;
      f.copied_rows = columns.count == 0 ? 0 : of_rows.count;
      f.left = planes.gapless ? 0 : columns.begin;
      f.copied_columns = columns.count;
      std::size_t source = columns.source;
      f.between = nullptr;
      if (steps.pixel == 1 && planes_in_turns(planes)) {
        const auto others = columns_of(planes, ++plane);
        f.between = image + plane * planes.plane_elements;
        f.between_left = planes.gapless ? 0 : others.begin;
        f.between_columns = others.count;
        if (others.source < source) {
          std::swap(f.to, f.between);
          std::swap(f.left, f.between_left);
          std::swap(f.copied_columns, f.between_columns);
          source = others.source;
        }
      }
      // An image without elements may be null.
      f.from = f.copied_rows == 0 ? from : from + n * steps.image + of_rows.source * steps.row + source * steps.pixel;
      fills[together++] = f;
      if (together == most_together || plane + 1 == planes.planes()) {
        fill(std::span<const plane_fill<T>>(fills.data(), together));
        together = 0;
      }
    }
  }
}

// `count` elements from `at` on of so many rows, of which each of so many panels asks for a share.
template <class T>
read_ahead ahead_of_rows(const T* at, std::size_t count, std::size_t rows, std::size_t step,
                         std::size_t panels) noexcept {
  constexpr unsigned most_pieces = 4;  // more at once than a core has requests under way would wait
  read_ahead made;
  if (count == 0 || panels == 0) return made;
  made.rows = rows;
  made.row_bytes = count * sizeof(T);
  made.row_step = step * sizeof(T);
  made.at = reinterpret_cast<std::uintptr_t>(at);
  made.row_end = made.at + made.row_bytes;
  const std::size_t pieces = rows * blocks_covering(made.row_bytes, read_ahead_lines * 64);
  made.pieces = static_cast<unsigned>(std::min<std::size_t>(blocks_covering(pieces, panels), most_pieces));
  return made;
}

// What the copy of a strip reads first of all: those of its rows that the strip before, of the same images, had not
// (`begins` is false then). `from` is the first image's first pixel.
template <class T>
read_ahead ahead_of_strip(const strip_planes& planes, const image_steps& steps, const T* from, std::size_t first_row,
                          std::size_t rows, bool begins, std::size_t panels) noexcept {
  const plane_axis& y = planes.y;
  const std::size_t reach = (y.taps - 1) * y.dilation + 1;
  // Rows of the image, from the coordinates of the padded one.
  const auto of_image = [&](std::size_t row) {
    return row < y.before ? 0 : row - y.before < y.extent ? row - y.before : y.extent;
  };
  const std::size_t begin = begins ? of_image(first_row * y.stride) : of_image((first_row - 1) * y.stride + reach);
  const std::size_t end = of_image((first_row + rows - 1) * y.stride + reach);
  if (begin >= end) return {};
  const bool pixels_last = steps.pixel == 1;
  return ahead_of_rows(from + begin * steps.row, (end - begin) * steps.row, pixels_last ? planes.channels : 1,
                       steps.channel, panels);
}

// What so many positions from `first` on meet in an image that is read in place, and those before them have not: of
// each channel, what the window's last element meets. `planes` begin at `image`.
template <class T>
read_ahead ahead_of_positions(const strip_planes& planes, const T* image, std::size_t first, std::size_t count,
                              std::size_t panels) noexcept {
  return ahead_of_rows(image + planes.offset(0, planes.y.taps - 1, planes.x.taps - 1) + first, count, planes.channels,
                       planes.channel_elements, panels);
}

}  // namespace bcr::detail
