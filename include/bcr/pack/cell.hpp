// From a framework's weights of a recurrent cell to a packed one. Frameworks differ in how they stack the gates and in
// what they call a bias; all of that ends here, so that there is one kernel a cell.
#pragma once

#include <cstddef>
#include <optional>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bits.hpp"
#include "bcr/format/cell_layout.hpp"
#include "bcr/format/packed_cell.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"

namespace bcr {

// The weights as PyTorch names them, or as ONNX's W, R, B and P, which hold them one direction after the other; G is
// 4, 3 or 1. Vectors may be null, which stands for zeros.
template <class T>
struct dense_cell {
  matrix_view<const T> input;         // weight_ih, W: G H x I
  matrix_view<const T> recurrent;     // weight_hh, R: G H x H, or x P with a projection
  const T* input_bias = nullptr;      // bias_ih, the first half of B: G H
  const T* recurrent_bias = nullptr;  // bias_hh, the second half of B: G H
  const T* peepholes = nullptr;       // P, of an LSTM: 3 H
  matrix_view<const T> projection{};  // weight_hr, of an LSTM: P x H
};

struct cell_form {
  cell_kind kind = cell_kind::lstm;
  gate_order order = gate_order::pytorch;
  // Keep the diagonal of each gate of the recurrent matrix apart from its blocks and dense, as LPCNet does (Valin and
  // Skoglund, ICASSP 2019): its pattern need not keep it.
  bool dense_diagonal = false;
  // How bands are cut, as pack_options::strips.
  strip_cut strips = strip_cut::automatic;
};

// What is kept of each matrix. Blocks do not cross gates: where H is no multiple of the block's rows, each gate is
// filled up, so that a pattern of gates has G * ceil(H / R) * R rows, the rows filled in keeping whatever they like.
template <class Block>
struct cell_patterns {
  const pattern<Block>& input;
  const pattern<Block>& recurrent;
  const pattern<Block>* projection = nullptr;
};

namespace detail {

// Units in a slice: as many as a group of packed weights, or a band, has rows, so that slices end where these do.
template <block_shape Block, blob_layout Layout>
inline constexpr std::size_t cell_slice_units =
    (has_layout(Layout, blob_layout::bands) ? band_strips<Block>::block_rows : block_rows_per_group<Block>)*Block::rows;

// The gates' rows from where the framework has them to where the layout wants them.
template <block_shape Block, blob_layout Layout>
class gate_sorter {
 public:
  gate_sorter(const cell_form& form, std::size_t hidden) noexcept
      : form_(form), layout_{form.kind, hidden, cell_slice_units<Block, Layout>} {}

  const cell_layout& layout() const noexcept { return layout_; }
  std::size_t stacked_pattern_rows() const noexcept {
    return gates_of(form_.kind) * blocks_covering(layout_.hidden, Block::rows) * Block::rows;
  }

  // Calls visit(stacked row, row of the layout, unit) for each gate's units.
  template <class Visit>
  void for_each_row(Visit&& visit) const {
    for (unsigned gate = 0; gate < gates_of(form_.kind); ++gate) {
      const std::size_t stacked = stacked_gate(form_.kind, form_.order, gate) * layout_.hidden;
      for (std::size_t unit = 0; unit < layout_.hidden; ++unit) {
        visit(stacked + unit, layout_.row(gate, unit), unit);
      }
    }
  }

  BCR_COLD result<pattern<Block>> sorted(const pattern<Block>& stacked) const noexcept {
    auto made = pattern<Block>::create(layout_.rows(), stacked.columns());
    if (!made) return made;
    const std::size_t block_rows = blocks_covering(layout_.hidden, Block::rows);
    for (unsigned gate = 0; gate < gates_of(form_.kind); ++gate) {
      for (std::size_t q = 0; q < block_rows; ++q) {
        const std::size_t from = stacked_gate(form_.kind, form_.order, gate) * block_rows + q;
        const std::size_t to = layout_.row(gate, q * Block::rows) / Block::rows;
        for (std::size_t bj = 0; bj < stacked.block_columns(); ++bj) {
          bits::for_each(stacked.row_words(from, bj), [&](std::size_t r) {
            if (q * Block::rows + r < layout_.hidden) made->keep_row(to, bj, r);
          });
          bits::for_each(stacked.column_words(from, bj), [&](std::size_t c) { made->keep_column(to, bj, c); });
        }
      }
    }
    return made;
  }

  // The matrix' rows in their new places, the others zero, as weights of type W; without its diagonals, which go to
  // `diagonal`, if that is not null.
  template <class W, class T>
  BCR_COLD result<packed_weights<W, Block, Layout>> pack_sorted(const pattern<Block>& stacked,
                                                                matrix_view<const T> dense,
                                                                T* diagonal) const noexcept {
    const auto kept = sorted(stacked);
    if (!kept) return kept.status();
    auto copy = buffer<T>::allocate(layout_.rows() * dense.columns);
    if (!copy) return copy.status();
    const matrix_view<T> rows(copy->data(), layout_.rows(), dense.columns);
    for_each_row([&](std::size_t from, std::size_t to, std::size_t unit) {
      for (std::size_t k = 0; k < dense.columns; ++k) rows(to, k) = dense(from, k);
      if (diagonal != nullptr) diagonal[to] = std::exchange(rows(to, unit), T(0));
    });
    return pack<W, Layout>(*kept, rows, {.strips = form_.strips});
  }

 private:
  cell_form form_;
  cell_layout layout_;
};

template <class T, block_shape Block>
BCR_COLD status check_cell(const cell_form& form, const cell_patterns<Block>& kept,
                           const dense_cell<T>& dense) noexcept {
  if (!is_cell_kind(form.kind)) return {errc::invalid_argument, "There is no cell of this kind."};
  const std::size_t gates = gates_of(form.kind), hidden = dense.input.rows / gates;
  const std::size_t pattern_rows = gates * blocks_covering(hidden, Block::rows) * Block::rows;
  if (!dense.input.valid() || !dense.recurrent.valid() || !dense.projection.valid()) {
    return {errc::invalid_argument, "A matrix of the cell has no data, or a leading dimension below its columns."};
  }
  if (dense.input.rows % gates != 0 || dense.recurrent.rows != dense.input.rows) {
    return {errc::invalid_argument, "The cell's matrices do not have the same number of rows, one a gate and unit."};
  }
  if (kept.input.rows() != pattern_rows || kept.recurrent.rows() != pattern_rows) {
    return {errc::invalid_argument, "A pattern of the cell does not have the rows of its gates, each of whole blocks."};
  }
  if (kept.input.columns() != dense.input.columns || kept.recurrent.columns() != dense.recurrent.columns) {
    return {errc::invalid_argument, "A matrix of the cell and its pattern have different columns."};
  }
  if (dense.recurrent.columns != (kept.projection != nullptr ? dense.projection.rows : hidden)) {
    return {errc::invalid_argument, "The cell's recurrent matrix does not have a column an element of its state."};
  }
  if (form.dense_diagonal && kept.projection != nullptr) {
    return {errc::invalid_argument, "A cell with a projection has no diagonal to keep apart."};
  }
  return {};
}

// The cell's vectors in the layout's order.
template <block_shape Block, blob_layout Layout, class T>
BCR_COLD void sort_vectors(const gate_sorter<Block, Layout>& sorter, const cell_form& form, const dense_cell<T>& dense,
                           T* bias, T* recurrent_bias, T* peepholes) noexcept {
  const cell_layout& layout = sorter.layout();
  const bool apart = form.kind == cell_kind::gru_reset_after;
  const std::size_t first_of_n = apart ? 2 * layout.hidden : dense.input.rows;  // n is the last in either order
  sorter.for_each_row([&](std::size_t from, std::size_t to, std::size_t unit) {
    const T recurrent = dense.recurrent_bias == nullptr ? T(0) : dense.recurrent_bias[from];
    bias[to] = dense.input_bias == nullptr ? T(0) : dense.input_bias[from];
    if (from >= first_of_n) {
      recurrent_bias[unit] = recurrent;
    } else {
      bias[to] += recurrent;
    }
  });
  if (dense.peepholes == nullptr) return;
  for (std::size_t p = 0; p < 3; ++p) {
    const std::size_t from = form.order == gate_order::pytorch || p == 0 ? p : 3 - p;  // i f o, or i o f
    for (std::size_t unit = 0; unit < layout.hidden; ++unit) {
      peepholes[p * layout.padded() + unit] = dense.peepholes[from * layout.hidden + unit];
    }
  }
}

}  // namespace detail

// Packs what the patterns keep of a cell; nothing of the dense weights is referred to afterwards. If W is f16 or bf16,
// matrices of float are rounded on their way in, and vectors stay in float. Fails with invalid_argument if the shapes
// do not fit together, as packed_cell::assemble and pack do, and with out_of_memory.
template <class W, block_shape Block, blob_layout Layout = blob_layout::panels>
BCR_COLD result<packed_cell<W, Block, Layout>> pack_cell(const cell_form& form, const cell_patterns<Block>& kept,
                                                         const dense_cell<arithmetic_for<W>>& dense) noexcept {
  using T = arithmetic_for<W>;
  if (const status s = detail::check_cell(form, kept, dense); !s) return s;
  const detail::gate_sorter<Block, Layout> sorter(form, dense.input.rows / gates_of(form.kind));
  const std::size_t rows = sorter.layout().rows(), units = sorter.layout().padded();
  auto vectors = buffer<T>::allocate(2 * rows + 4 * units);
  if (!vectors) return vectors.status();
  T* const bias = vectors->data();
  T* const diagonal = form.dense_diagonal ? bias + rows : nullptr;
  T* const recurrent_bias = form.kind == cell_kind::gru_reset_after ? bias + 2 * rows : nullptr;
  T* const peepholes = dense.peepholes != nullptr ? bias + 2 * rows + units : nullptr;
  detail::sort_vectors(sorter, form, dense, bias, recurrent_bias, peepholes);

  auto input = sorter.template pack_sorted<W>(kept.input, dense.input, static_cast<T*>(nullptr));
  if (!input) return input.status();
  auto recurrent = sorter.template pack_sorted<W>(kept.recurrent, dense.recurrent, diagonal);
  if (!recurrent) return recurrent.status();
  typename packed_cell<W, Block, Layout>::matrices parts{std::move(*input), std::move(*recurrent), std::nullopt};
  if (kept.projection != nullptr) {
    auto projection = pack<W, Layout>(*kept.projection, dense.projection, {.strips = form.strips});
    if (!projection) return projection.status();
    parts.projection = std::move(*projection);
  }
  return packed_cell<W, Block, Layout>::assemble(
      sorter.layout(), std::move(parts),
      {.bias = bias, .recurrent_bias = recurrent_bias, .diagonal = diagonal, .peepholes = peepholes});
}

// The same in the type of the dense weights.
template <block_shape Block, class T>
result<packed_cell<T, Block>> pack_cell(const cell_form& form, const cell_patterns<Block>& kept,
                                        const dense_cell<T>& dense) noexcept {
  return pack_cell<T, Block>(form, kept, dense);
}

// As cover_nonzeros, for the stacked matrix of `kind`'s gates (G H x K): blocks begin anew with every gate, as
// cell_patterns wants it. Without its diagonals, if these are to be kept apart. Fails with invalid_argument if the rows
// are no multiple of the gates, and as cover_nonzeros does.
template <block_shape Block, class T>
BCR_COLD result<covering<Block>> cover_gates(cell_kind kind, matrix_view<const T> dense,
                                             bool dense_diagonal = false) noexcept {
  const std::size_t gates = gates_of(kind), hidden = dense.rows / gates;
  if (dense.rows % gates != 0) {
    return {errc::invalid_argument, "The cell's matrices do not have the same number of rows, one a gate and unit."};
  }
  if (!dense.valid()) return cover_nonzeros<Block>(dense);
  const std::size_t padded = blocks_covering(hidden, Block::rows) * Block::rows;
  auto copy = buffer<T>::allocate(gates * padded * dense.columns);
  if (!copy) return copy.status();
  const matrix_view<T> rows(copy->data(), gates * padded, dense.columns);
  for (std::size_t i = 0; i < dense.rows; ++i) {
    const std::size_t unit = i % hidden;
    for (std::size_t k = 0; k < dense.columns; ++k) {
      rows(i / hidden * padded + unit, k) = dense_diagonal && k == unit ? T(0) : dense(i, k);
    }
  }
  return cover_nonzeros<Block>(rows);
}
template <block_shape Block, class T>
result<covering<Block>> cover_gates(cell_kind kind, matrix_view<T> dense, bool dense_diagonal = false) noexcept {
  return cover_gates<Block, T>(kind, matrix_view<const T>(dense), dense_diagonal);
}

}  // namespace bcr
