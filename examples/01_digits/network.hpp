// The network as it was trained, and what it should answer.
#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "../common/safetensors.hpp"

// One layer as it was trained: outputs x inputs weights, row-major, zeros where they were pruned.
struct layer {
  std::size_t outputs, inputs;
  std::vector<float> weights, bias;
};
using network = std::vector<layer>;

inline network load(const safetensors& file, const std::string& kind) {
  network layers;
  for (int i = 0; i < 3; ++i) {
    const std::string name = kind + "." + std::to_string(i);
    const auto shape = file.shape(name + ".weight");
    layers.push_back({shape.at(0), shape.at(1), file.floats(name + ".weight"), file.floats(name + ".bias")});
  }
  return layers;
}

// The network in double precision, and for each of its results how far one in single precision may be from it: every
// one of the n + 1 roundings of a dot product of n terms moves it by at most a 2^-24th of the sum of its terms'
// magnitudes.
struct reference {
  std::vector<double> logits, bound;
};
inline reference run_in_double(const network& layers, const float* pixels) {
  reference x{{pixels, pixels + layers[0].inputs}, std::vector<double>(layers[0].inputs)};
  for (const layer& l : layers) {
    reference y;
    for (std::size_t i = 0; i < l.outputs; ++i) {
      double sum = l.bias[i], magnitude = std::abs(sum), inherited = 0;
      std::size_t terms = 0;
      for (std::size_t j = 0; j < l.inputs; ++j) {
        const double w = l.weights[i * l.inputs + j];
        sum += w * x.logits[j];
        magnitude += std::abs(w) * (std::abs(x.logits[j]) + x.bound[j]);
        inherited += std::abs(w) * x.bound[j];
        terms += w != 0;
      }
      const bool hidden = &l != &layers.back();
      y.logits.push_back(hidden ? std::max(sum, 0.0) : sum);
      y.bound.push_back(inherited + static_cast<double>(terms + 1) * 0x1p-24 * magnitude);
    }
    x = std::move(y);
  }
  return x;
}
