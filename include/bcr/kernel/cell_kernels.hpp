// What the kernels of recurrent cells are asked to do, and the table of them. The products are those of a linear layer;
// what is added here is the pointwise update, which a cell's kind decides.
#pragma once

#include <cstddef>

#include "bcr/format/cell_layout.hpp"
#include "bcr/kernel/epilogue.hpp"
#include "bcr/kernel/gemm_kernels.hpp"

namespace bcr {

// A vector of `units` elements for every item of a batch.
template <class T>
struct cell_rows {
  T* data = nullptr;  // the task's first unit, or first row, of item 0
  std::size_t stride = 0;
  T* item(std::size_t b) const noexcept { return data + b * stride; }
};

// Some slices of one phase: rows of gates as format/cell_layout.hpp orders them, and the same units of the state. What
// a kind does not have is null and not looked at. Vectors begin with the task's first row or unit, as it says.
template <class T>
struct cell_task {
  std::size_t units;        // from the beginning of a slice on
  std::size_t slice_units;  // S
  std::size_t batch;
  const std::size_t* lengths;  // items of at most `time` steps are passed over; or null
  std::size_t time;
  cell_rows<const T> input, recurrent;  // of rows: W x and R h
  const T* bias;                        // of rows
  const T* diagonal;                    // of rows, or null
  const T* recurrent_bias;              // of units
  const T* peepholes[3];                // of units: i, f, o; or null
  cell_rows<T> h;                       // of units: the state, which is replaced
  cell_rows<T> c;                       // of units: the same for an LSTM's other one
  cell_rows<T> y;                       // of units: takes h as well; or null
  // Of a GRU that resets first, from its first phase to its second: sigmoid(z) and sigmoid(r) * h.
  cell_rows<T> update, reset;
};

// Activations, state and arithmetic are of type T, weights of type W.
template <class T, class W = T>
struct cell_kernels {
  using update = void (*)(const cell_task<T>&) noexcept;

  linear_kernels<T, epilogue::none, W> products;
  update lstm;
  update gru_reset_after;
  update gru_reset_before[cell_layout::most_phases];
  update rnn_tanh;
  update rnn_relu;

  update of(cell_kind kind, std::size_t phase) const noexcept {
    switch (kind) {
      case cell_kind::lstm:
        return lstm;
      case cell_kind::gru_reset_after:
        return gru_reset_after;
      case cell_kind::gru_reset_before:
        return gru_reset_before[phase];
      case cell_kind::rnn_tanh:
        return rnn_tanh;
      case cell_kind::rnn_relu:
        break;
    }
    return rnn_relu;
  }
};

}  // namespace bcr
