// A pruned weight matrix as kernels read it: immutable, in one relocatable run of bytes that is its own saved form.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/panels.hpp"

namespace bcr {

// M x K weights of type T, pruned in blocks of shape Block. Made by bcr::pack, or from bytes by open and view. It may
// be moved and shared between threads; what refers to it (plans) must not outlive it, but survives its being moved.
// Layout says what they are for: panels for matrix-matrix work, bands for products with one vector or a few, or both,
// at twice the bytes; a plan then takes what suits it.
template <class T, block_shape Block, blob_layout Layout = blob_layout::panels>
class packed_weights {
 public:
  using value = T;
  using block_type = Block;
  static constexpr blob_layout layout = Layout;
  static constexpr blob_kind kind{Block::rows, Block::columns, value_type_of<T>::value, Layout};
  static constexpr bool has_panels = has_layout(Layout, blob_layout::panels);
  static constexpr bool has_bands = has_layout(Layout, blob_layout::bands);
  static_assert(has_panels || has_bands, "bcr::packed_weights: the layout is panels, bands, or both");
  static_assert(!quantised<T> || !has_panels, "bcr::packed_weights: weights of eight bits are packed into bands only");

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
    packed_weights made;
    made.bytes_ = bytes;
    made.rows_ = static_cast<std::size_t>(blob->matrix().rows);
    made.columns_ = static_cast<std::size_t>(blob->matrix().columns);
    made.kept_ = static_cast<std::size_t>(blob->matrix().kept);
    if constexpr (has_panels) {
      auto panels = panels_view<T>::open(*blob);
      if (!panels) return panels.status();
      made.panels_ = *panels;
    }
    if constexpr (has_bands) {
      auto bands = bands_view<T>::open(*blob);
      if (!bands) return bands.status();
      made.bands_ = *bands;
    }
    if constexpr (has_panels && has_bands) {
      if (fingerprint(made.panels_) != fingerprint(made.bands_)) {
        return {errc::corrupt, "The panels and the bands of the packed weights hold different weights."};
      }
    }
    return made;
  }

  // The same for bytes that the result takes over.
  BCR_COLD static result<packed_weights> adopt(buffer<std::byte> bytes) noexcept {
    auto made = view(bytes);
    if (made) made->owned_ = std::move(bytes);
    return made;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  // Weights that the pattern keeps, zero or not.
  std::size_t kept() const noexcept { return kept_; }
  // kept() over rows() * columns(); 1 for a matrix without elements.
  double density() const noexcept {
    const double all = static_cast<double>(rows()) * static_cast<double>(columns());
    return all == 0 ? 1.0 : static_cast<double>(kept_) / all;
  }
  // The saved form: write these bytes to a file, and open or view them later.
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  // The layouts, for kernels and tools; empty if the weights do not have them.
  const panels_view<T>& panels() const noexcept { return panels_; }
  const bands_view<T>& bands() const noexcept { return bands_; }

  // Calls visit(row, column, weight) for every kept weight, in the order of the layout.
  template <class Visit>
  void for_each_weight(Visit&& visit) const {
    if constexpr (has_panels) {
      panels_.for_each_weight(visit);
    } else {
      bands_.for_each_weight(visit);
    }
  }

 private:
  packed_weights() noexcept = default;

  // Of a set of weights, in whatever order.
  template <class View>
  static std::uint64_t fingerprint(const View& view) noexcept {
    std::uint64_t sum = 0;
    view.for_each_weight([&](std::size_t row, std::size_t column, T weight) {
      unsigned char bits[sizeof(std::uint64_t)] = {};
      std::memcpy(bits, &weight, sizeof weight);
      std::uint64_t one;
      std::memcpy(&one, bits, sizeof one);
      one = (one ^ (std::uint64_t{row} << 32) ^ column) * 0x9e3779b97f4a7c15u;
      one = (one ^ one >> 29) * 0xbf58476d1ce4e5b9u;
      sum += one ^ one >> 32;
    });
    return sum;
  }

  buffer<std::byte> owned_;  // empty for a view
  std::span<const std::byte> bytes_;
  panels_view<T> panels_;
  bands_view<T> bands_;
  std::size_t rows_ = 0, columns_ = 0, kept_ = 0;
};

}  // namespace bcr
