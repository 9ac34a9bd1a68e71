// A saved network's weights for the runner of that network: whether they are, and where each layer's are.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/saved_network.hpp"
#include "bcr/net/form.hpp"
#include "bcr/net/pack.hpp"
#include "bcr/net/parameters.hpp"
#include "bcr/net/steps.hpp"

namespace bcr::net {

// Checks all of `bytes` but for what is packed in them, as blob_view::open and saved_network::open do. Fails as these
// do, and with foreign if the weights are another network's.
template <class T, std::size_t Capacity>
BCR_COLD result<saved_network> open_saved(const network<Capacity>& net, const program<Capacity>& run,
                                          std::uint64_t description, std::span<const std::byte> bytes) noexcept {
  const auto blob = blob_view::open(bytes);
  if (!blob) return blob.status();
  auto saved = saved_network::open(*blob);
  if (!saved) return saved;
  if (saved->type() != value_type_of<T>::value) {
    return {errc::foreign, "The weights were packed as another type of number."};
  }
  if (saved->description() != description) {
    return {errc::foreign, "The packed weights are those of another network, or of another description of it."};
  }
  constexpr status other_table(errc::corrupt,
                               "The packed weights of the network are damaged: its table has other layers than it.");
  if (saved->layers().size() != weights_before(net, run, run.count) || saved->name() != net.name) return other_table;
  for (std::size_t i = 0, at = 0; i < run.count; ++i) {
    if (form_of(net, run.steps[i]) == weights_form::none) continue;
    const saved_layer expected = detail::saved_layer_of(net, run.steps[i]), &found = saved->layers()[at];
    if (found.number != expected.number || found.form != expected.form || found.rows != expected.rows ||
        found.columns != expected.columns || saved->layer_name(at) != net[expected.number].name) {
      return other_table;
    }
    ++at;
  }
  return saved;
}

// A layer of the table of a saved network that open_saved let pass. Nothing is copied.
template <class T>
layer_weights<T> weights_of(const saved_network& saved, std::size_t layer) noexcept {
  layer_weights<T> made;
  made.rows = static_cast<std::size_t>(saved.layers()[layer].rows);
  made.columns = static_cast<std::size_t>(saved.layers()[layer].columns);
  made.bias = saved.bias<T>(layer);
  if (saved.layers()[layer].form == weights_form::dense) {
    made.dense = saved.dense<T>(layer);
  } else {
    made.packed = saved.packed(layer);
  }
  return made;
}

}  // namespace bcr::net
