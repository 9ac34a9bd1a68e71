// Parameters out of nothing: numbers that follow from their layer's name and their position alone, the same here and in
// golden.py.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/net/record.hpp"

namespace synthetic {

inline std::uint64_t mixed(std::uint64_t x) {  // Steele et al., "Fast splittable pseudorandom number generators", 2014
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
  x = (x ^ x >> 27) * 0x94d049bb133111ebu;
  return x ^ x >> 31;
}

// `count` numbers in [-1, 1).
inline std::vector<float> numbers(std::string_view name, std::size_t count) {
  std::uint64_t seed = 0xcbf29ce484222325u;
  for (const char letter : name) seed = (seed ^ static_cast<unsigned char>(letter)) * 0x100000001b3u;
  std::vector<float> made(count);
  for (std::size_t i = 0; i < count; ++i) {
    made[i] = static_cast<float>(mixed(seed + (i + 1) * 0x9e3779b97f4a7c15u) >> 40) * 0x1p-23f - 1.0f;
  }
  return made;
}

// Of a network, by name: "layer1.0.conv1.weight".
class parameters {
 public:
  template <std::size_t N>
  explicit parameters(const bcr::net::network<N>& net) {
    using bcr::net::operation;
    for (std::size_t i = 0; i < net.count; ++i) {
      const bcr::net::layer& l = net[i];
      if (l.kind == operation::convolution || l.kind == operation::linear) {
        const std::size_t columns = net.weight_columns(i);
        // Keeps the results of a layer with ReLU as large as its input.
        add(l.name, "weight", l.weight_rows() * columns, std::sqrt(6.0f / static_cast<float>(columns)), 0);
        if (l.has_bias) add(l.name, "bias", l.weight_rows(), 0.1f, 0);
      } else if (l.kind == operation::batch_norm) {
        add(l.name, "weight", l.shape.channels, 0.25f, 0.75f);
        add(l.name, "bias", l.shape.channels, 0.1f, 0);
        add(l.name, "running_mean", l.shape.channels, 0.1f, 0);
        add(l.name, "running_var", l.shape.channels, 0.25f, 1);
      }
    }
  }

  // Prunes the layers that are stored in blocks: of every block a tenth of the columns stays, drawn like the weights.
  template <std::size_t N>
  void prune(const bcr::net::network<N>& net, double rate) {
    for (std::size_t i = 0; i < net.count; ++i) {
      const bcr::net::layer& l = net[i];
      if (l.weights.kind != bcr::net::storage::bcr) continue;
      const std::size_t columns = net.weight_columns(i), height = l.weights.block_rows;
      std::vector<float>& weights = all_[std::string(l.name) + ".weight"];
      const std::vector<float> draw = numbers(std::string(l.name) + ".mask", (l.weight_rows() / height + 1) * columns);
      for (std::size_t w = 0; w < weights.size(); ++w) {
        const float drawn = draw[w / columns / height * columns + w % columns];
        if (0.5 * (static_cast<double>(drawn) + 1) * rate >= 1) weights[w] = 0;
      }
    }
  }

  std::span<const float> operator()(std::string_view layer, std::string_view parameter) const {
    const auto found = all_.find(std::string(layer).append(".").append(parameter));
    return found == all_.end() ? std::span<const float>() : std::span<const float>(found->second);
  }

 private:
  void add(const std::string& layer, const char* parameter, std::size_t count, float scale, float offset) {
    const std::string name = layer + "." + parameter;
    std::vector<float> made = numbers(name, count);
    for (float& x : made) x = x * scale + offset;
    all_[name] = std::move(made);
  }

  std::map<std::string, std::vector<float>> all_;
};

}  // namespace synthetic
