// What is run: layers with the normalisations, sums and activations behind them taken into their epilogues. Found at
// compile time.
#pragma once

#include <cstddef>

#include "bcr/net/record.hpp"

namespace bcr::net {

// A layer, and what became part of it. Results are known by the layer that they are the result of: the last one.
struct step {
  layer_number main = 0;
  layer_number norm = no_layer;
  layer_number result = 0;
  layer_number inputs[most_inputs] = {};
  std::size_t input_count = 0;
  layer_number residual = no_layer;  // a result that is added before the activation
  function activation = function::none;
};

template <std::size_t Capacity>
struct program {
  step steps[Capacity] = {};
  std::size_t count = 0;
};

// Takes the layers behind `from` into a step that can have them.
template <std::size_t Capacity>
constexpr void take_followers(const network<Capacity>& net, step& s, const bool (&there)[Capacity],
                              bool (&taken)[Capacity]) noexcept {
  const auto follower = [&](operation kind) {
    const layer_number next = net.only_user(s.result);
    return next != no_layer && net[next].kind == kind ? next : no_layer;
  };
  const auto take = [&](layer_number next) {
    taken[next] = true;
    s.result = next;
  };
  const bool has_weights = net[s.main].kind == operation::convolution || net[s.main].kind == operation::linear;
  if (has_weights) {
    if (const layer_number next = follower(operation::batch_norm); next != no_layer) {
      s.norm = next;
      take(next);
    }
    if (const layer_number next = follower(operation::add); next != no_layer) {
      const layer& sum = net[next];
      const layer_number other = sum.inputs[0] == s.result ? sum.inputs[1] : sum.inputs[0];
      if (there[other]) {
        s.residual = other;
        take(next);
      }
    }
  }
  if (has_weights || net[s.main].kind == operation::add) {
    if (const layer_number next = follower(operation::activation); next != no_layer) {
      s.activation = net[next].activation;
      take(next);
    }
  }
}

// The steps of a network, in its order. A normalisation that nothing can take in keeps its own step, which a runner
// refuses.
template <std::size_t Capacity>
constexpr program<Capacity> steps_of(const network<Capacity>& net) noexcept {
  program<Capacity> made{};
  bool there[Capacity] = {}, taken[Capacity] = {};
  there[0] = true;
  for (std::size_t i = 1; i < net.count; ++i) {
    if (taken[i]) continue;
    const layer& l = net[i];
    step s{.main = static_cast<layer_number>(i), .result = static_cast<layer_number>(i)};
    for (; s.input_count < l.input_count; ++s.input_count) s.inputs[s.input_count] = l.inputs[s.input_count];
    if (l.kind == operation::activation) s.activation = l.activation;
    take_followers(net, s, there, taken);
    there[s.result] = true;
    made.steps[made.count++] = s;
  }
  return made;
}

}  // namespace bcr::net
