// Layers of cells over a sequence, one after the other and in one direction or both: a thin loop over plans, as
// PyTorch's LSTM, GRU and RNN are over their cells. How long each item is, and what becomes of the rest, is as in
// basic_cell_plan::sequence.
#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <span>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/op/cell_plan.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

struct stack_options {
  std::size_t directions = 1;  // D: 2 has a cell for each direction in every layer
};

// Refers to the plans, which must outlive it; Plan is cell_plan<T, W>, whose T is `value`.
template <class Plan>
class cell_stack {
 public:
  using value = typename Plan::value;

  // Layers as PyTorch numbers them: layer 0 forward, layer 0 backward, layer 1 forward, and so on. All have the same
  // batch, and every layer's inputs are the D H outputs of the one before. Fails with invalid_argument otherwise.
  BCR_COLD static result<cell_stack> create(std::span<const Plan> cells, const stack_options& options = {}) noexcept {
    const std::size_t directions = options.directions;
    if (directions != 1 && directions != 2) return {errc::invalid_argument, "A layer has one direction or two."};
    if (cells.empty() || cells.size() % directions != 0) {
      return {errc::invalid_argument, "The layers do not have a cell for each of their directions."};
    }
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (cells[i].batch() != cells[0].batch()) {
        return {errc::invalid_argument, "The cells of the layers are planned for different batches."};
      }
      const std::size_t layer = i / directions;
      const std::size_t inputs =
          layer == 0 ? cells[0].inputs() : directions * cells[(layer - 1) * directions].outputs();
      if (cells[i].inputs() != inputs || cells[i].outputs() != cells[layer * directions].outputs()) {
        return {errc::invalid_argument, "A layer's inputs are not as many as the outputs of the layer before."};
      }
    }
    return cell_stack(cells, directions);
  }

  std::size_t batch() const noexcept { return cells_[0].batch(); }
  std::size_t inputs() const noexcept { return cells_[0].inputs(); }
  // D times H, or P, of the last layer.
  std::size_t outputs() const noexcept { return directions_ * cells_.back().outputs(); }
  // Bytes of memory, of any alignment, that a run over `time` steps needs; all bits set if they cannot be counted.
  std::size_t workspace_bytes(std::size_t time) const noexcept {
    std::size_t most = 0;
    for (const Plan& cell : cells_) most = std::max(most, cell.workspace_bytes());
    const double all = 2 * static_cast<double>(time) * static_cast<double>(batch()) * static_cast<double>(widest());
    constexpr std::size_t countable = std::numeric_limits<std::ptrdiff_t>::max() / (2 * sizeof(value));
    if (all > static_cast<double>(countable)) return std::numeric_limits<std::size_t>::max();
    return detail::workspace_bytes(between_count(), between_bytes(time)) + most;
  }

  // As basic_cell_plan::sequence: x[T B, I], y[T B, D H] or {}, and a state for each cell in the order of the cells.
  // Also fails with invalid_argument if the states are not as many as the cells.
  template <executor Executor = serial_executor>
  status run(matrix_view<const value> x, matrix_view<value> y, std::span<const cell_state<value>> states,
             std::span<const std::size_t> lengths, std::span<std::byte> workspace,
             Executor&& threads = {}) const noexcept {
    if (states.size() != cells_.size()) {
      return {errc::invalid_argument, "The layers need a state for each of their cells."};
    }
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      if (const status s = cells_[i].check_state(states[i]); !s) return s;
    }
    const bool wanted = y.rows != 0 || y.columns != 0;
    if (wanted && (y.rows != x.rows || y.columns != outputs() || !y.valid())) {
      return {errc::invalid_argument, "The output of the sequence does not have the plan's shape, T B x H."};
    }
    const std::size_t time = x.rows / batch();
    if (const status s = detail::check_workspace(workspace, workspace_bytes(time)); !s) return s;
    const std::size_t piece = between_bytes(time);
    const std::span<std::byte> rest = workspace.subspan(detail::workspace_bytes(between_count(), piece));
    matrix_view<const value> in = x;
    for (std::size_t first = 0; first < cells_.size(); first += directions_) {
      const bool last = first + directions_ == cells_.size();
      const std::size_t width = cells_[first].outputs();
      matrix_view<value> out = y;
      if (!last) {
        const std::size_t number = first / directions_ % between_count();
        auto* const memory = reinterpret_cast<value*>(detail::workspace_piece(workspace, number, piece));
        out = {memory, x.rows, directions_ * width};
      }
      for (std::size_t d = 0; d < directions_; ++d) {
        matrix_view<value> half = out;
        if (!last || wanted)
          half = {out.empty() ? out.data : out.data + d * width, x.rows, width, out.leading_dimension};
        const status s = cells_[first + d].sequence(in, half, states[first + d],
                                                    {.lengths = lengths, .reverse = d == 1}, rest, threads);
        if (!s) return s;
      }
      in = out;
    }
    return {};
  }

 private:
  cell_stack(std::span<const Plan> cells, std::size_t directions) noexcept : cells_(cells), directions_(directions) {}

  // Outputs between the layers: each layer reads one piece of memory and writes the other.
  std::size_t between_count() const noexcept { return std::min<std::size_t>(2, cells_.size() / directions_ - 1); }
  std::size_t widest() const noexcept {
    std::size_t most = 0;
    for (const Plan& cell : cells_) most = std::max(most, directions_ * cell.outputs());
    return most;
  }
  std::size_t between_bytes(std::size_t time) const noexcept { return time * batch() * widest() * sizeof(value); }

  std::span<const Plan> cells_;
  std::size_t directions_;
};

}  // namespace bcr
