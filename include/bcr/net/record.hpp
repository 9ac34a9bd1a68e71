// A network as a value: a list of layers, each of which says what it does to which others' results. All of it is known
// at compile time; net/builder.hpp writes it, and a runner is made from it.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/core/image.hpp"

namespace bcr::net {

enum class operation : std::uint8_t {
  input,
  convolution,
  linear,
  batch_norm,
  activation,
  add,
  concat,
  max_pool,
  average_pool,
  global_average,
  softmax,
};

constexpr const char* name_of(operation kind) noexcept {
  constexpr const char* names[] = {"input",  "convolution", "linear",       "batch_norm",     "activation", "add",
                                   "concat", "max_pool",    "average_pool", "global_average", "softmax"};
  return names[static_cast<std::size_t>(kind)];
}

// Those of kernel/epilogue.hpp that have no parameters.
enum class function : std::uint8_t { none, relu, relu6, sigmoid, tanh, silu, hard_swish, gelu };

// How a layer's weights are kept: all of them, or pruned in blocks.
enum class storage : std::uint8_t { dense, bcr };

// Of a layer with weights: how they are kept and, if pruned, in what blocks.
struct weight_storage {
  storage kind = storage::dense;
  std::size_t block_rows = 0, block_columns = 0;
  int tile_vectors = 0;  // of a tile, at most; 0 lets the library choose
  friend constexpr bool operator==(const weight_storage&, const weight_storage&) noexcept = default;
};
constexpr weight_storage pruned(std::size_t block_rows, std::size_t block_columns, int tile_vectors = 0) noexcept {
  return {storage::bcr, block_rows, block_columns, tile_vectors};
}

// A layer is known by its number, in the order in which layers were written; a result is its layer's.
using layer_number = std::uint16_t;
inline constexpr layer_number no_layer = 0xffff;
inline constexpr std::size_t most_inputs = 4;

struct layer {
  const char* name = "";  // as in the file of parameters: "layer1.0.conv1"
  operation kind = operation::input;
  layer_number inputs[most_inputs] = {};
  std::size_t input_count = 0;
  image_shape shape{};  // of the result
  // What the operation has of these.
  window2d window{};
  std::size_t groups = 1;
  function activation = function::none;
  bool has_bias = false;
  bool ceil_mode = false;
  bool count_include_pad = true;
  weight_storage weights{};
  // One sentence, if the layer cannot be.
  const char* error = nullptr;

  // Rows and columns of the weights, whose shape is that of PyTorch's.
  constexpr std::size_t weight_rows() const noexcept { return shape.channels; }
};

template <std::size_t Capacity>
struct network {
  const char* name = "";
  layer layers[Capacity] = {};
  std::size_t count = 0;
  layer_number output = 0;

  static constexpr std::size_t capacity = Capacity;
  constexpr const layer& operator[](std::size_t number) const noexcept { return layers[number]; }
  constexpr const image_shape& input_shape() const noexcept { return layers[0].shape; }
  constexpr const image_shape& output_shape() const noexcept { return layers[output].shape; }

  // Columns of a layer's weights.
  constexpr std::size_t weight_columns(std::size_t number) const noexcept {
    const layer& l = layers[number];
    const image_shape& in = layers[l.inputs[0]].shape;
    if (l.kind == operation::linear) return in.channels * in.pixels();
    if (l.kind != operation::convolution || l.groups == 0) return 0;
    return in.channels / l.groups * l.window.kernel.height * l.window.kernel.width;
  }
  // How often a result is used, by other layers and as the network's.
  constexpr std::size_t uses(std::size_t number) const noexcept {
    std::size_t found = number == output ? 1 : 0;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < layers[i].input_count; ++k) found += layers[i].inputs[k] == number ? 1 : 0;
    }
    return found;
  }
  // The layer that uses a result, if it is the only use.
  constexpr layer_number only_user(std::size_t number) const noexcept {
    if (uses(number) != 1) return no_layer;
    for (std::size_t i = 0; i < count; ++i) {
      for (std::size_t k = 0; k < layers[i].input_count; ++k) {
        if (layers[i].inputs[k] == number) return static_cast<layer_number>(i);
      }
    }
    return no_layer;
  }
};

}  // namespace bcr::net
