// The parameters of a network by their names, "layer1.0.conv1.weight": out of nothing, or out of a file of PyTorch's.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/net/record.hpp"

// Numbers that follow from their layer's name and their position alone, the same here and in golden.py.
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

}  // namespace synthetic

class parameters {
 public:
  // All that a network has, made up.
  template <std::size_t N>
  static parameters of(const bcr::net::network<N>& net) {
    parameters made;
    for_each_name(net, [&](const std::string& name, std::size_t count, float scale, float offset) {
      std::vector<float> values = synthetic::numbers(name, count);
      for (float& x : values) x = x * scale + offset;
      made.all_[name] = std::move(values);
    });
    return made;
  }

  // All that a network has, from a file (see safetensors.hpp). Throws std::runtime_error, with a sentence, if one is
  // missing or of another size.
  template <std::size_t N, class File>
  static parameters of(const bcr::net::network<N>& net, const File& file) {
    parameters made;
    for_each_name(net, [&](const std::string& name, std::size_t count, float, float) {
      if (!file.contains(name)) throw std::runtime_error("The file has no tensor " + name + ".");
      made.all_[name] = file.floats(name);
      if (made.all_[name].size() != count) {
        throw std::runtime_error("The tensor " + name + " is not of the network's size.");
      }
    });
    return made;
  }

  // Prunes the layers that are stored in blocks: of every block a share of 1 / rate of the columns stays, drawn like
  // the weights.
  template <std::size_t N>
  void prune(const bcr::net::network<N>& net, double rate) {
    for (std::size_t i = 0; i < net.count; ++i) {
      const bcr::net::layer& l = net[i];
      if (l.weights.kind != bcr::net::storage::bcr) continue;
      const std::size_t columns = net.weight_columns(i), height = l.weights.block_rows;
      std::vector<float>& weights = all_[std::string(l.name) + ".weight"];
      const std::vector<float> draw =
          synthetic::numbers(std::string(l.name) + ".mask", (l.weight_rows() / height + 1) * columns);
      for (std::size_t row = 0; row < l.weight_rows(); ++row) {
        float* const w = weights.data() + row * columns;
        for (std::size_t c = 0; c < columns; ++c) {
          if (0.5 * (static_cast<double>(draw[row / height * columns + c]) + 1) * rate >= 1) w[c] = 0;
        }
      }
    }
  }

  std::span<const float> operator()(std::string_view layer, std::string_view parameter) const {
    const auto found = all_.find(std::string(layer).append(".").append(parameter));
    return found == all_.end() ? std::span<const float>() : std::span<const float>(found->second);
  }
  const std::map<std::string, std::vector<float>, std::less<>>& all() const { return all_; }

 private:
  parameters() = default;

  // Calls visit(name, elements, scale, offset), the latter two of made-up ones, for each parameter.
  template <std::size_t N, class Visit>
  static void for_each_name(const bcr::net::network<N>& net, const Visit& visit) {
    using bcr::net::operation;
    for (std::size_t i = 0; i < net.count; ++i) {
      const bcr::net::layer& l = net[i];
      const std::string name = std::string(l.name) + ".";
      if (l.kind == operation::convolution || l.kind == operation::linear) {
        const std::size_t columns = net.weight_columns(i);
        // Keeps the results of a layer with ReLU as large as its input.
        visit(name + "weight", l.weight_rows() * columns, std::sqrt(6.0f / static_cast<float>(columns)), 0.0f);
        if (l.has_bias) visit(name + "bias", l.weight_rows(), 0.1f, 0.0f);
      } else if (l.kind == operation::batch_norm) {
        visit(name + "weight", l.shape.channels, 0.25f, 0.75f);
        visit(name + "bias", l.shape.channels, 0.1f, 0.0f);
        visit(name + "running_mean", l.shape.channels, 0.1f, 0.0f);
        visit(name + "running_var", l.shape.channels, 0.25f, 1.0f);
      }
    }
  }

  std::map<std::string, std::vector<float>, std::less<>> all_;
};
