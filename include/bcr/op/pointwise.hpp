// Layers of a network that have no weights and nothing to plan: sums and activations, the softmax, and channels put
// together.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/executor.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/op/epilogue.hpp"

namespace bcr {

// Some channels of an image, contiguous: batch x channels x pixels.
template <class T>
struct channels_view {
  const T* data = nullptr;
  std::size_t channels = 0;
};

// Puts the channels of several images of the same batch and pixels behind each other, in the order given. Copies, which
// is needless where the batch is one and each image was computed in its place. Fails with invalid_argument.
template <class T>
status concat_channels(std::span<const channels_view<T>> inputs, std::size_t batch, std::size_t pixels,
                       T* output) noexcept {
  std::size_t channels = 0;
  for (const channels_view<T>& in : inputs) {
    channels += in.channels;
    if (in.data == nullptr && batch * in.channels * pixels != 0) {
      return {errc::invalid_argument, "An image whose channels are to be put together has no data."};
    }
  }
  if (output == nullptr && batch * channels * pixels != 0) {
    return {errc::invalid_argument, "The image that takes the channels has no data."};
  }
  for (std::size_t b = 0; b < batch; ++b) {
    for (const channels_view<T>& in : inputs) {
      const std::size_t count = in.channels * pixels;
      if (count != 0) output = std::copy_n(in.data + b * count, count, output);
    }
  }
  return {};
}

namespace detail {

template <class T>
status check_same_shape(const matrix_view<const T>& x, const matrix_view<T>& y) noexcept {
  if (x.rows == y.rows && x.columns == y.columns && x.valid() && y.valid()) return {};
  return {errc::invalid_argument, "Input and output are not of the same shape."};
}

template <executor Executor, class Run>
void for_row_ranges(Executor&& threads, std::size_t rows, const Run& run) noexcept {
  const std::size_t tasks = std::min<std::size_t>(std::max<std::size_t>(threads.concurrency(), 1), rows);
  threads.run(tasks, [&](std::size_t n) noexcept { run(rows * n / tasks, rows * (n + 1) / tasks); });
}

template <class T, class Epilogue, executor Executor>
status map(const map_kernels<T, Epilogue>& kernels, const matrix_view<const T>& x, const matrix_view<T>& y,
           const Epilogue& epilogue, Executor&& threads) noexcept {
  if (const status s = check_same_shape(x, y); !s) return s;
  if (const status s = bcr::epilogue::check(epilogue, y.rows, y.columns); !s) return s;
  if (y.empty()) return {};
  for_row_ranges(threads, y.rows, [&](std::size_t begin, std::size_t end) noexcept {
    kernels.run(x.data, x.leading_dimension, y.data, y.leading_dimension, begin, end - begin, y.columns, epilogue);
  });
  return {};
}

template <class T, executor Executor>
status softmax(const row_kernels<T>& kernels, const matrix_view<const T>& x, const matrix_view<T>& y,
               Executor&& threads) noexcept {
  if (const status s = check_same_shape(x, y); !s) return s;
  if (y.empty()) return {};
  for_row_ranges(threads, y.rows, [&](std::size_t begin, std::size_t end) noexcept {
    for (std::size_t r = begin; r < end; ++r) kernels.softmax(x.row(r), y.row(r), y.columns);
  });
  return {};
}

}  // namespace detail
}  // namespace bcr
