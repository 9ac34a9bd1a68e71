// The network as it was trained, the utterances to try it on, and what it should answer.
#pragma once

#include <bcr/bcr.hpp>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "../common/check.hpp"
#include "../common/gru_layer.hpp"
#include "../common/safetensors.hpp"

constexpr std::size_t features = 12, units = 320, speakers = 9;

using block = bcr::block<64, 64>;  // what train.py pruned by

// Whom the network believes to have heard: the largest of nine sums over the state after the last frame.
struct output_layer {
  std::vector<float> weights, bias;  // speakers x units

  std::size_t speaker(const std::vector<float>& state) const {
    std::size_t best = 0;
    double most = -HUGE_VAL;
    for (std::size_t s = 0; s < speakers; ++s) {
      double score = static_cast<double>(bias[s]);
      for (std::size_t u = 0; u < units; ++u) score += static_cast<double>(weights[s * units + u] * state[u]);
      if (score > most) most = score, best = s;
    }
    return best;
  }
};

// A pruned matrix, zeros where it was pruned, and what it keeps. All gates of a unit's weights are kept in the order of
// PyTorch, r z n.
struct pruned_matrix {
  bcr::pattern<block> kept;
  std::vector<float> weights;
};
struct pruned_gru {
  pruned_matrix input, recurrent;
  std::vector<float> input_bias, recurrent_bias;
};

// In the file are, for each block, the rows and the columns that it keeps, a bit each, and then the kept weights, block
// by block and row by row.
inline pruned_matrix load_pruned(const safetensors& file, const std::string& name, std::size_t columns) {
  pruned_matrix made{check(bcr::pattern<block>::create(gates * units, columns)), {}};
  made.weights.resize(gates * units * columns);
  const std::vector<std::uint8_t> rows = file.bytes(name + ".rows"), kept_columns = file.bytes(name + ".columns");
  const std::vector<float> weights = file.floats(name + ".weights");
  const auto is_set = [](const std::vector<std::uint8_t>& bits, std::size_t i) {
    return (bits.at(i / 8) >> i % 8 & 1) != 0;
  };
  std::size_t next = 0;
  for (std::size_t bi = 0; bi < made.kept.block_rows(); ++bi) {
    for (std::size_t bj = 0; bj < made.kept.block_columns(); ++bj) {
      const std::size_t b = bi * made.kept.block_columns() + bj, width = made.kept.block_width(bj);
      for (std::size_t c = 0; c < width; ++c) {
        if (is_set(kept_columns, b * block::columns + c)) made.kept.keep_column(bi, bj, c);
      }
      for (std::size_t r = 0; r < block::rows; ++r) {
        if (!is_set(rows, b * block::rows + r)) continue;
        made.kept.keep_row(bi, bj, r);
        for (std::size_t c = 0; c < width; ++c) {
          if (!made.kept.keeps_column(bi, bj, c)) continue;
          made.weights[(bi * block::rows + r) * columns + bj * block::columns + c] = weights.at(next++);
        }
      }
    }
  }
  if (next != weights.size()) throw std::runtime_error("The weights of " + name + " are more than their blocks keep.");
  return made;
}
inline pruned_gru load_pruned(const safetensors& file) {
  return {load_pruned(file, "pruned.input", features), load_pruned(file, "pruned.recurrent", units),
          file.floats("pruned.bias_ih_l0"), file.floats("pruned.bias_hh_l0")};
}

// oneDNN wants the gates in another order than PyTorch: z r n.
inline gru_layer load_dense(const safetensors& file) {
  const auto sorted = [](const std::vector<float>& stacked) {
    const auto gate = static_cast<std::ptrdiff_t>(stacked.size() / gates);
    std::vector<float> made(stacked.begin() + gate, stacked.begin() + 2 * gate);
    made.insert(made.end(), stacked.begin(), stacked.begin() + gate);
    made.insert(made.end(), stacked.begin() + 2 * gate, stacked.end());
    return made;
  };
  return {features,
          units,
          sorted(file.floats("dense.input")),
          sorted(file.floats("dense.recurrent")),
          sorted(file.floats("dense.bias_ih_l0")),
          sorted(file.floats("dense.bias_hh_l0"))};
}

// What somebody said: frames x features.
struct utterance {
  std::span<const float> frames;
  std::size_t speaker;

  std::size_t length() const { return frames.size() / features; }
};
inline std::vector<utterance> cut(const safetensors& file, const std::vector<float>& frames) {
  const std::vector<std::uint8_t> lengths = file.bytes("test.lengths"), who = file.bytes("test.speakers");
  std::vector<utterance> made;
  std::span<const float> left(frames);
  for (std::size_t i = 0; i < lengths.size(); ++i) {
    made.push_back({left.first(lengths[i] * features), who.at(i)});
    left = left.subspan(lengths[i] * features);
  }
  return made;
}

// The pruned network in double precision.
inline std::vector<double> run_in_double(const pruned_gru& gru, std::span<const float> frames) {
  std::vector<double> state(units), next(units);
  const auto sum = [](const std::vector<float>& weights, std::size_t row, const auto& x, std::size_t columns) {
    double made = 0;
    for (std::size_t k = 0; k < columns; ++k) {
      made += static_cast<double>(weights[row * columns + k]) * static_cast<double>(x[k]);
    }
    return made;
  };
  const auto sigmoid = [](double x) { return 1 / (1 + std::exp(-x)); };
  for (; !frames.empty(); frames = frames.subspan(features)) {
    for (std::size_t u = 0; u < units; ++u) {
      double input[gates], recurrent[gates];
      for (std::size_t g = 0; g < gates; ++g) {
        const std::size_t row = g * units + u;
        input[g] = static_cast<double>(gru.input_bias[row]) + sum(gru.input.weights, row, frames, features);
        recurrent[g] = static_cast<double>(gru.recurrent_bias[row]) + sum(gru.recurrent.weights, row, state, units);
      }
      const double r = sigmoid(input[0] + recurrent[0]), z = sigmoid(input[1] + recurrent[1]);
      next[u] = (1 - z) * std::tanh(input[2] + r * recurrent[2]) + z * state[u];
    }
    state.swap(next);
  }
  return state;
}
