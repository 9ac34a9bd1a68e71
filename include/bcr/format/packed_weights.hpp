// A pruned weight matrix as kernels read it: immutable, in one relocatable run of bytes that is its own saved form.
#pragma once

#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/panels.hpp"

namespace bcr {

// M x K weights of type T, pruned in blocks of shape Block. Made by bcr::pack, or from bytes by open and view. It may
// be moved and shared between threads; what refers to it (plans) must not outlive it, but survives its being moved.
template <class T, block_shape Block>
class packed_weights {
 public:
  using value = T;
  using block_type = Block;
  static constexpr blob_kind kind{Block::rows, Block::columns, value_type_of<T>::value, blob_layout::panels};

  // Checks a copy of `bytes`, which the result owns; they may be misaligned. Safe for any content and length. Fails as
  // blob_view::open does, and with out_of_memory.
  BCR_COLD static result<packed_weights> open(std::span<const std::byte> bytes) noexcept {
    auto copy = buffer<std::byte>::allocate(bytes.size());
    if (!copy) return copy.status();
    if (!bytes.empty()) std::memcpy(copy->data(), bytes.data(), bytes.size());
    return adopt(std::move(*copy));
  }

  // The same without a copy: `bytes`, 64-byte aligned, must outlive the result and stay unchanged. Made for mapped
  // files.
  BCR_COLD static result<packed_weights> view(std::span<const std::byte> bytes) noexcept {
    auto blob = blob_view::open(bytes, kind);
    if (!blob) return blob.status();
    auto arrays = panels_view<T>::open(*blob);
    if (!arrays) return arrays.status();
    packed_weights made;
    made.bytes_ = bytes;
    made.arrays_ = *arrays;
    made.kept_ = static_cast<std::size_t>(blob->matrix().kept);
    return made;
  }

  // The same for bytes that the result takes over.
  BCR_COLD static result<packed_weights> adopt(buffer<std::byte> bytes) noexcept {
    auto made = view(bytes);
    if (made) made->owned_ = std::move(bytes);
    return made;
  }

  std::size_t rows() const noexcept { return arrays_.rows; }
  std::size_t columns() const noexcept { return arrays_.columns; }
  // Weights that the pattern keeps, zero or not.
  std::size_t kept() const noexcept { return kept_; }
  // kept() over rows() * columns(); 1 for a matrix without elements.
  double density() const noexcept {
    const double all = static_cast<double>(rows()) * static_cast<double>(columns());
    return all == 0 ? 1.0 : static_cast<double>(kept_) / all;
  }
  // The saved form: write these bytes to a file, and open or view them later.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  // The layout, for kernels and tools.
  const panels_view<T>& arrays() const noexcept { return arrays_; }

 private:
  packed_weights() noexcept = default;

  buffer<std::byte> owned_;  // empty for a view
  std::span<const std::byte> bytes_;
  panels_view<T> arrays_;
  std::size_t kept_ = 0;
};

}  // namespace bcr
