// What the kernels of dense image layers are asked to do, and the tables of them: convolutions, depthwise or not, and
// pooling. Images are batch, channels, height, width, without gaps but for
// the margins that the output of a plane_task may have.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/kernel/epilogue.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/kernel/window_layout.hpp"

namespace bcr {

// A plane is a channel of an item of the batch. A task has some of them, plane after plane.
template <class T>
struct plane_task {
  // Of depthwise convolution, whole planes, band after band; of pooling, one row, whose rows were joined before.
  const window_layout* layout;
  window2d window;
  extent2d image, positions;  // of a plane, and of its output
  std::size_t channels;
  std::size_t plane_begin, plane_end;
  const T* input;             // all planes
  const T* weights;           // kernel height x kernel width for every channel, or null
  std::size_t weight_stride;  // from a channel's to the next's
  T* output;                  // all planes
  std::size_t output_step;    // from one of them to the next
  std::uint32_t* taps;        // memory for one a kernel element
  T* scratch;                 // memory for what is copied at once and what may be read beyond
  T* joined;                  // pooling: memory for a row of the image, and a vector
  T* counts;                  // average pooling: memory for one a column of the output
  bool counts_padding;        // average pooling: whether padding is averaged as well
};

// Rows and vectors that a tile of a depthwise convolution has.
inline constexpr std::size_t depthwise_rows = 4, depthwise_vectors = 2;
// Elements behind a plane's copy that a tile may read, with vectors of so many lanes.
constexpr std::size_t spare_elements(std::size_t lanes, std::size_t vectors) noexcept { return (vectors + 1) * lanes; }

template <class T, class Epilogue>
struct depthwise_kernels {
  kernel_target target;
  void (*run)(const plane_task<T>&, const Epilogue&) noexcept;
};

enum class pooling : std::uint8_t { maximum, average };

template <class T>
struct pooling_kernels {
  kernel_target target;
  void (*maximum)(const plane_task<T>&) noexcept;
  void (*average)(const plane_task<T>&) noexcept;
  // The mean of each of `rows` rows of `columns` elements.
  void (*means)(const T* rows_of, std::size_t rows, std::size_t columns, T* means) noexcept;
};

// Output channels that are computed together.
inline constexpr std::size_t dense_conv_rows = 4;

// One band of an item's output, all channels of one group.
template <class T>
struct dense_conv_task {
  const window_layout* layout;
  std::size_t channels;         // of the input that the group sees
  std::size_t first_output;     // output channel
  std::size_t outputs;          // output channels
  const T* weights;             // of the group: `dense_conv_rows` rows a time, tap by tap, filled up with zeros
  const std::uint32_t* taps;    // channels x kernel height x kernel width
  const T* input;               // the group's first plane
  T* output;                    // the item's first plane
  std::size_t first_row, rows;  // of the output
  T* staged;                    // memory for the copies of all channels
  T* sums;                      // memory for `dense_conv_rows` rows of sums
};

template <class T, class Epilogue>
struct dense_conv_kernels {
  kernel_target target;
  void (*run)(const dense_conv_task<T>&, const Epilogue&) noexcept;
};

template <class T>
struct row_kernels {
  void (*softmax)(const T* x, T* y, std::size_t count) noexcept;
};

// y = epilogue(x), where both are `rows` x `columns`.
template <class T, class Epilogue>
struct map_kernels {
  void (*run)(const T* x, std::size_t ldx, T* y, std::size_t ldy, std::size_t first_row, std::size_t rows,
              std::size_t columns, const Epilogue&) noexcept;
};

}  // namespace bcr
