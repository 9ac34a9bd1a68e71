// The pruned network on bcr, frame by frame: pack the cells, plan them, step.
#pragma once

#include <algorithm>
#include <cstddef>
#include <random>
#include <stdexcept>
#include <utility>
#include <vector>

#include "bcr/bcr.hpp"
#include "network.hpp"

// Weights are of type W, all else is float.
template <class W>
class bcr_gru {
  using block = bcr::block<16, 64>;
  using packed_cell = bcr::packed_cell<W, block, bcr::blob_layout::bands>;

 public:
  bcr_gru(const gru_network& network, double rate) {
    for (const gru_layer& layer : network) cells_.push_back(pack(layer, rate));
    for (const auto& cell : cells_) {
      auto plan = bcr::cell_plan<float, W>::create(cell, {});
      if (!plan) throw std::runtime_error(plan.message());
      plans_.push_back(*plan);
      states_.emplace_back(units);
      workspace_.resize(std::max(workspace_.size(), plan->workspace_bytes()));
    }
  }

  // One frame of 39 features in, 1024 outputs out, which the next frame replaces.
  const std::vector<float>& run(const float* frame) {
    step(0, {frame, 1, features});
    step(1, {states_[0].data(), 1, units});
    return states_[1];
  }

  // Bytes that a frame reads: weights and indices.
  std::size_t weight_bytes() const {
    std::size_t bytes = 0;
    for (const auto& cell : cells_) bytes += cell.input().bytes().size() + cell.recurrent().bytes().size();
    return bytes;
  }
  double rate() const {
    double all = 0, kept = 0;
    for (const auto& cell : cells_) {
      for (const auto* m : {&cell.input(), &cell.recurrent()}) {
        all += static_cast<double>(m->rows() * m->columns());
        kept += static_cast<double>(m->kept());
      }
    }
    return all / kept;
  }
  const char* kernel_name() const { return plans_[0].kernel_name(); }

 private:
  void step(std::size_t layer, bcr::matrix_view<const float> x) {
    const bcr::status done = plans_[layer].step(x, {{states_[layer].data(), 1, units}}, workspace_);
    if (!done) throw std::runtime_error(done.message());
  }

  static packed_cell pack(const gru_layer& layer, double rate) {
    const auto input = random_pattern(layer.inputs, rate), recurrent = random_pattern(units, rate);
    auto packed = bcr::pack_cell<W, block, bcr::blob_layout::bands>(
        {.kind = bcr::cell_kind::gru_reset_after, .order = bcr::gate_order::onnx},
        {.input = input, .recurrent = recurrent},
        {.input = {layer.input.data(), gates * units, layer.inputs},
         .recurrent = {layer.recurrent.data(), gates * units, units},
         .input_bias = layer.input_bias.data(),
         .recurrent_bias = layer.recurrent_bias.data()});
    if (!packed) throw std::runtime_error(packed.message());
    return std::move(*packed);
  }

  // The same for every W: in every block of 16 rows and 64 columns, 64 / rate of the columns, rounded up or down at
  // random.
  static bcr::pattern<block> random_pattern(std::size_t columns, double rate) {
    static std::mt19937 random(3);
    auto made = bcr::pattern<block>::create(gates * units, columns);
    if (!made) throw std::runtime_error(made.message());
    for (std::size_t bi = 0; bi < made->block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < made->block_columns(); ++bj) {
        const std::size_t width = made->block_width(bj);
        auto left = static_cast<std::size_t>(static_cast<double>(width) / rate + uniform(random));
        for (std::size_t c = 0; c < width; ++c) {
          if (random() % (width - c) >= left) continue;
          made->keep_column(bi, bj, c);
          --left;
        }
        for (std::size_t r = 0; r < made->block_height(bi); ++r) made->keep_row(bi, bj, r);
      }
    }
    return std::move(*made);
  }

  std::vector<packed_cell> cells_;
  std::vector<bcr::cell_plan<float, W>> plans_;
  std::vector<std::vector<float>> states_;
  std::vector<std::byte> workspace_;
};
