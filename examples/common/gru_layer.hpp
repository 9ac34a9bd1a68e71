// A layer of gated recurrent units, as the dense and the pruned networks of the examples are made of it.
#pragma once

#include <cstddef>
#include <vector>

inline constexpr std::size_t gates = 3;

// Gates as ONNX and oneDNN stack them, z r n; weights are units * gates x inputs, or x units.
struct gru_layer {
  std::size_t inputs, units;
  std::vector<float> input, recurrent, input_bias, recurrent_bias;
};
