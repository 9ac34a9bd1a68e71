// How each step's weights are kept, and which network they belong to: what a saved network and a runner agree about, at
// compile time.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "bcr/core/block.hpp"
#include "bcr/format/saved_network.hpp"
#include "bcr/net/record.hpp"
#include "bcr/net/steps.hpp"

namespace bcr::net {

// Of a convolution that takes images of this shape, whether each channel goes to one of its own.
constexpr bool is_depthwise(const layer& l, const image_shape& in) noexcept {
  return l.groups == in.channels && l.shape.channels == in.channels;
}

// Weights that are not pruned are packed where that is faster, as a pattern that keeps all: convolutions with a window
// of one element, and linear layers.
template <std::size_t Capacity>
constexpr weights_form form_of(const network<Capacity>& net, const step& s) noexcept {
  const layer& l = net[s.main];
  if (l.kind == operation::linear) return weights_form::bands;
  if (l.kind != operation::convolution) return weights_form::none;
  const image_shape& in = net[s.inputs[0]].shape;
  const bool dense = l.weights.kind == storage::dense;
  if (!dense || (l.window == window2d{} && l.groups == 1 && !is_depthwise(l, in))) return weights_form::panels;
  return weights_form::dense;
}

// The blocks that a layer's weights are packed in.
template <weight_storage Weights>
using block_of = block<Weights.kind == storage::dense ? 16 : Weights.block_rows,
                       Weights.kind == storage::dense ? 64 : Weights.block_columns>;

// Steps with weights before the step of this number: its place in the table of a saved network.
template <std::size_t Capacity>
constexpr std::size_t weights_before(const network<Capacity>& net, const program<Capacity>& run,
                                     std::size_t number) noexcept {
  std::size_t found = 0;
  for (std::size_t i = 0; i < number; ++i) found += form_of(net, run.steps[i]) == weights_form::none ? 0 : 1;
  return found;
}

constexpr std::size_t letters_of(const char* text) noexcept {
  std::size_t letters = 0;
  while (text[letters] != '\0') ++letters;
  return letters;
}

// A number that follows from everything about a network that its weights depend on, the names of the network and of the
// layers with parameters among it; not from the batch, nor from how tiles were tuned. Two networks have the same number
// with a probability of about 2^-64.
template <std::size_t Capacity>
constexpr std::uint64_t description_of(const network<Capacity>& net) noexcept {
  std::uint64_t hash = 1;
  const auto add = [&hash](std::uint64_t word) { hash = std::rotl((hash ^ word) * 0x9e3779b97f4a7c15u, 31); };
  const auto add_text = [&add](const char* text) {
    for (; *text != '\0'; ++text) add(static_cast<unsigned char>(*text));
    add(0x100);
  };
  const auto add_extent = [&add](const extent2d& e) { add(e.height), add(e.width); };
  add_text(net.name);
  add(net.output);
  for (std::size_t i = 0; i < net.count; ++i) {
    const layer& l = net[i];
    add(static_cast<std::uint64_t>(l.kind));
    add(l.input_count);
    for (std::size_t k = 0; k < l.input_count; ++k) add(l.inputs[k]);
    add(l.shape.channels), add(l.shape.height), add(l.shape.width);
    add_extent(l.window.kernel), add_extent(l.window.stride), add_extent(l.window.dilation);
    const padding2d& p = l.window.padding;
    add(p.top), add(p.left), add(p.bottom), add(p.right);
    add(l.groups);
    add(static_cast<std::uint64_t>(l.activation));
    add((l.has_bias ? 1 : 0) + (l.ceil_mode ? 2 : 0) + (l.count_include_pad ? 4 : 0));
    add(static_cast<std::uint64_t>(l.weights.kind));
    add(l.weights.block_rows), add(l.weights.block_columns);
    if (l.kind == operation::convolution || l.kind == operation::linear || l.kind == operation::batch_norm) {
      add_text(l.name);
    }
  }
  return hash ^ hash >> 32;
}

}  // namespace bcr::net
