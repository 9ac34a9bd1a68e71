// Which cells there are, and where the rows of their gates stand. A cell multiplies its input and its state by stacked
// gate matrices, G H x K. Here the rows that belong to the same hidden units stand together, slice by slice, so that
// one range of rows holds all that these units need: whoever has multiplied it can update them, and nobody else has to
// be waited for.
//
//   stacked by gate, as frameworks have it         by slice of S units
//   i: unit 0 .. H - 1                             i: 0 .. S - 1   f: 0 .. S - 1   g: 0 .. S - 1   o: 0 .. S - 1
//   f: unit 0 .. H - 1                             i: S .. 2S - 1  f: ..
//   g: ..                                          ..
//
// The last slice is filled up with empty rows.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/block.hpp"

namespace bcr {

// A cell by its update, * being the elementwise product. x is the input, h and c the state; a gate's name stands for
// its sum W x + b + R h + b', without what the update spells out.
enum class cell_kind : std::uint8_t {
  lstm,              // c = sigmoid(f) * c + sigmoid(i) * tanh(g), h = sigmoid(o) * tanh(c)
  gru_reset_after,   // h = (1 - sigmoid(z)) * n + sigmoid(z) * h, n = tanh(W x + b + sigmoid(r) * (R h + b'))
  gru_reset_before,  // the same with n = tanh(W x + b + R (sigmoid(r) * h) + b')
  rnn_tanh,          // h = tanh(a)
  rnn_relu,          // h = max(a, 0)
};

constexpr bool is_cell_kind(cell_kind kind) noexcept { return kind <= cell_kind::rnn_relu; }
// i f g o, r z n, or one.
constexpr unsigned gates_of(cell_kind kind) noexcept {
  return kind == cell_kind::lstm ? 4 : kind <= cell_kind::gru_reset_before ? 3 : 1;
}

// In which order a framework stacks the gates.
enum class gate_order : std::uint8_t {
  pytorch,  // i f g o and r z n; Keras' LSTM as well
  onnx,     // i o f g and z r n; peepholes i o f
};

// Where the framework has the gate that is our number `gate`.
constexpr unsigned stacked_gate(cell_kind kind, gate_order order, unsigned gate) noexcept {
  constexpr unsigned lstm_onnx[] = {0, 2, 3, 1}, gru_onnx[] = {1, 0, 2};
  if (order == gate_order::pytorch) return gate;
  return kind == cell_kind::lstm ? lstm_onnx[gate] : gates_of(kind) == 3 ? gru_onnx[gate] : gate;
}

// The rows of a cell's matrices. Where a gate needs what another has made of all units (the GRU that resets before the
// product), its slices stand after those of the others: a second phase.
struct cell_layout {
  cell_kind kind = cell_kind::rnn_tanh;
  std::size_t hidden = 0;       // H
  std::size_t slice_units = 1;  // S, a multiple of the block's rows

  static constexpr std::size_t most_phases = 2;

  constexpr std::size_t slices() const noexcept { return blocks_covering(hidden, slice_units); }
  constexpr std::size_t padded() const noexcept { return slices() * slice_units; }
  constexpr std::size_t rows() const noexcept { return padded() * gates_of(kind); }

  constexpr std::size_t phases() const noexcept { return kind == cell_kind::gru_reset_before ? 2 : 1; }
  constexpr unsigned gates(std::size_t phase) const noexcept {
    return phases() == 1 ? gates_of(kind) : phase == 0 ? 2 : 1;
  }
  constexpr std::size_t first_row(std::size_t phase) const noexcept { return phase == 0 ? 0 : padded() * gates(0); }
  constexpr std::size_t slice_rows(std::size_t phase) const noexcept { return gates(phase) * slice_units; }

  // The row of hidden unit `unit`, below padded(), in gate `gate`.
  constexpr std::size_t row(unsigned gate, std::size_t unit) const noexcept {
    const std::size_t phase = gate < gates(0) ? 0 : 1;
    const std::size_t within = gate - (phase == 0 ? 0 : gates(0));
    return first_row(phase) + unit / slice_units * slice_rows(phase) + within * slice_units + unit % slice_units;
  }
};

}  // namespace bcr
