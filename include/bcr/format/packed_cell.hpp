// A recurrent cell as plans read it: its matrices as packed weights whose rows stand as format/cell_layout.hpp says,
// and its vectors in the same order. pack/cell.hpp makes one of a framework's weights.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/cell_layout.hpp"
#include "bcr/format/packed_weights.hpp"

namespace bcr {

// Vectors of a cell, wherever they are. Those of rows are as long as the layout has rows, those of units as long as it
// has padded units; what stands for padding does not matter.
template <class T>
struct cell_vectors {
  const T* bias = nullptr;            // of rows: b, and b' where that is simply added; null for zeros
  const T* recurrent_bias = nullptr;  // of units: b' of n, for gru_reset_after; null for zeros
  const T* diagonal = nullptr;        // of rows: the recurrent matrix' diagonals, if they are apart; or null
  const T* peepholes = nullptr;       // of units: i, f and o of an LSTM, one after the other; or null
};

// Owns its matrices and vectors; plans that refer to it must not outlive it, but survive its being moved.
// Layout is that of the matrices: panels suit large batches, bands steps of a few items, and both also sequences, whose
// input half is one product. Matrices are of type W; vectors are of the type that is computed in.
template <class W, block_shape Block, blob_layout Layout = blob_layout::panels>
class packed_cell {
  using T = arithmetic_for<W>;

 public:
  using value = W;
  using block_type = Block;
  using matrix = packed_weights<W, Block, Layout>;

  struct matrices {
    matrix input;                      // rows x I
    matrix recurrent;                  // rows x H, or x P with a projection
    std::optional<matrix> projection;  // P x H
  };

  // A cell of matrices that were saved apart, and of the vectors, which are copied. Fails with invalid_argument if the
  // parts do not fit together, and with out_of_memory.
  BCR_COLD static result<packed_cell> assemble(const cell_layout& layout, matrices parts,
                                               const cell_vectors<T>& vectors) noexcept {
    if (const status s = check(layout, parts, vectors); !s) return s;
    const std::size_t rows = layout.rows(), units = layout.padded();
    auto storage = buffer<T>::allocate(2 * rows + 4 * units);
    if (!storage) return storage.status();
    packed_cell made(layout, std::move(parts));
    T* end = storage->data();
    const auto keep = [&](const T* from, std::size_t count, bool zeros, const T*& to) {
      if (from == nullptr && !zeros) return;
      to = end;
      for (std::size_t i = 0; i < count; ++i) *end++ = from == nullptr ? T(0) : from[i];
    };
    keep(vectors.bias, rows, true, made.vectors_.bias);
    keep(vectors.recurrent_bias, units, layout.kind == cell_kind::gru_reset_after, made.vectors_.recurrent_bias);
    keep(vectors.diagonal, rows, false, made.vectors_.diagonal);
    keep(vectors.peepholes, 3 * units, false, made.vectors_.peepholes);
    made.storage_ = std::move(*storage);
    return made;
  }

  const cell_layout& layout() const noexcept { return layout_; }
  cell_kind kind() const noexcept { return layout_.kind; }
  std::size_t inputs() const noexcept { return parts_.input.columns(); }
  std::size_t hidden() const noexcept { return layout_.hidden; }
  // Elements of h: H, or P with a projection.
  std::size_t outputs() const noexcept { return parts_.recurrent.columns(); }
  const matrix& input() const noexcept { return parts_.input; }
  const matrix& recurrent() const noexcept { return parts_.recurrent; }
  // Null if there is none.
  const matrix* projection() const noexcept { return parts_.projection ? &*parts_.projection : nullptr; }
  const cell_vectors<T>& vectors() const noexcept { return vectors_; }

 private:
  packed_cell(const cell_layout& layout, matrices parts) noexcept : layout_(layout), parts_(std::move(parts)) {}

  static constexpr std::size_t most_slice_units = 4096;

  BCR_COLD static status check(const cell_layout& layout, const matrices& parts,
                               const cell_vectors<T>& vectors) noexcept {
    if (!is_cell_kind(layout.kind) || layout.slice_units == 0 || layout.slice_units > most_slice_units ||
        layout.slice_units % Block::rows != 0) {
      return {errc::invalid_argument, "The layout is of no cell that there is."};
    }
    if (parts.input.rows() != layout.rows() || parts.recurrent.rows() != layout.rows()) {
      return {errc::invalid_argument, "A matrix of the cell does not have the rows of the cell's layout."};
    }
    if (parts.projection && layout.kind != cell_kind::lstm) {
      return {errc::invalid_argument, "Only an LSTM has a projection."};
    }
    if (parts.projection && parts.projection->columns() != layout.hidden) {
      return {errc::invalid_argument, "The cell's projection does not have a column a hidden unit."};
    }
    if (parts.recurrent.columns() != (parts.projection ? parts.projection->rows() : layout.hidden)) {
      return {errc::invalid_argument, "The cell's recurrent matrix does not have a column an element of its state."};
    }
    if (vectors.peepholes != nullptr && layout.kind != cell_kind::lstm) {
      return {errc::invalid_argument, "Only an LSTM has peepholes."};
    }
    if (vectors.diagonal != nullptr && parts.projection) {
      return {errc::invalid_argument, "A cell with a projection has no diagonal to keep apart."};
    }
    if (vectors.recurrent_bias != nullptr && layout.kind != cell_kind::gru_reset_after) {
      return {errc::invalid_argument, "Only a GRU that resets after the product has a recurrent bias of its own."};
    }
    return {};
  }

  cell_layout layout_;
  matrices parts_;
  buffer<T> storage_;
  cell_vectors<T> vectors_;
};

}  // namespace bcr
