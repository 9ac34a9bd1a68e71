// A layer's parameters as they are in the model's file, made ready for a kernel: normalisations folded in, and a bias
// in any case.
#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/net/record.hpp"
#include "bcr/net/steps.hpp"
#include "bcr/pack/batch_norm.hpp"

namespace bcr::net {

// `p(layer, parameter)` are the elements of a parameter, as ("layer1.0.conv1", "weight"), or none if there is no such
// parameter. Names and layouts are PyTorch's: weight and bias of convolutions and linear layers; weight, bias,
// running_mean and running_var of normalisations. They are read while a runner is made, and not kept.
template <class P, class T>
concept parameters_of = requires(const P& p, std::string_view name) {
  { p(name, name) } -> std::convertible_to<std::span<const T>>;
};

// What a step is made of: its bias, and its weights, packed or dense, in memory of their own or in a saved network's.
template <class T>
struct layer_weights {
  std::size_t rows = 0, columns = 0;
  std::size_t kernel_width = 1;       // of a convolution
  std::span<const T> bias;            // rows
  std::span<const T> dense;           // rows x columns, or none where they are packed
  std::span<const std::byte> packed;  // a saved packed_weights, or none
  buffer<T> own_bias, own_dense;

  matrix_view<const T> view() const noexcept { return {dense.data(), rows, columns}; }
  // Once a plan or packed weights have them.
  void drop_dense() noexcept {
    dense = {};
    own_dense = {};
  }
};

// Fails with invalid_argument where a parameter is missing or has another number of elements, and with out_of_memory.
template <class T, std::size_t Capacity, parameters_of<T> Parameters>
BCR_COLD result<layer_weights<T>> load_weights(const network<Capacity>& net, const step& s,
                                               const Parameters& parameters) noexcept {
  const layer& l = net[s.main];
  layer_weights<T> made;
  made.rows = l.weight_rows();
  made.columns = net.weight_columns(s.main);
  if (l.kind == operation::convolution) made.kernel_width = l.window.kernel.width;
  auto weights = buffer<T>::allocate(made.rows * made.columns);
  auto bias = buffer<T>::allocate(made.rows);
  if (!weights) return weights.status();
  if (!bias) return bias.status();
  const std::span<const T> given = parameters(l.name, "weight"), given_bias = parameters(l.name, "bias");
  if (given.size() != weights->size()) {
    return {errc::invalid_argument, "The weight of a layer is missing, or not of the layer's size."};
  }
  if ((l.has_bias && given_bias.size() != made.rows) || (!l.has_bias && !given_bias.empty())) {
    return {errc::invalid_argument, "The bias of a layer is missing, or there where the layer has none."};
  }
  std::copy(given.begin(), given.end(), weights->begin());
  std::copy(given_bias.begin(), given_bias.end(), bias->begin());
  if (s.norm != no_layer) {
    const char* const name = net[s.norm].name;
    const std::span<const T> scale = parameters(name, "weight"), shift = parameters(name, "bias"),
                             mean = parameters(name, "running_mean"), variance = parameters(name, "running_var");
    if ((!scale.empty() && scale.size() != made.rows) || (!shift.empty() && shift.size() != made.rows) ||
        mean.size() != made.rows || variance.size() != made.rows) {
      return {errc::invalid_argument, "A parameter of a normalisation is missing, or not of the layer's channels."};
    }
    const batch_norm<T> norm{.scale = scale.empty() ? nullptr : scale.data(),
                             .shift = shift.empty() ? nullptr : shift.data(),
                             .mean = mean.data(),
                             .variance = variance.data()};
    const status folded = fold_batch_norm<T>({weights->data(), made.rows, made.columns}, bias->data(), norm);
    if (!folded) return folded;
  }
  made.own_dense = std::move(*weights);
  made.own_bias = std::move(*bias);
  made.dense = {made.own_dense.data(), made.own_dense.size()};
  made.bias = {made.own_bias.data(), made.own_bias.size()};
  return made;
}

}  // namespace bcr::net
