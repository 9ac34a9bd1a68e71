// The network that the speech papers prune (ESE, C-LSTM, RTMobile): 39 features a frame of 10 ms, two layers of 1024
// gated recurrent units, 9.6 million weights. Here they are random, and so is what is pruned: this is about time.
#pragma once

#include <array>
#include <cmath>
#include <cstddef>
#include <random>
#include <vector>

#include "../common/gru_layer.hpp"

constexpr std::size_t features = 39, units = 1024;

using gru_network = std::array<gru_layer, 2>;

// In [0, 1).
inline double uniform(std::mt19937& random) { return static_cast<double>(random()) / 0x1p32; }

inline std::vector<float> random_floats(std::size_t count, double scale, std::mt19937& random) {
  std::vector<float> made(count);
  for (float& x : made) x = static_cast<float>(scale * (2 * uniform(random) - 1));
  return made;
}

inline gru_network random_network() {
  std::mt19937 random(39);
  const double scale = 1 / std::sqrt(static_cast<double>(units));
  const auto layer = [&](std::size_t inputs) {
    return gru_layer{inputs,
                     units,
                     random_floats(gates * units * inputs, scale, random),
                     random_floats(gates * units * units, scale, random),
                     random_floats(gates * units, scale, random),
                     random_floats(gates * units, scale, random)};
  };
  gru_layer first = layer(features);
  return {std::move(first), layer(units)};
}
