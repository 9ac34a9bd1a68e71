// What networks' models are made of: a file of its own for each, since they take long to compile.
#pragma once

#include "model.hpp"

namespace bench {

template <const auto& Net>
class network_subject final : public network_contender {
 public:
  using runner_type = bcr::net::network_runner<Net>;

  explicit network_subject(runner_type&& runner)
      : runner_(std::move(runner)), workspace_(bcr::buffer<std::byte>::allocate(runner_.workspace_bytes())) {}

  bool run(std::span<const float> input, std::span<float> output) override {
    return workspace_.ok() && runner_.run(input, output, {workspace_->data(), workspace_->size()}).ok();
  }

 private:
  runner_type runner_;
  bcr::result<bcr::buffer<std::byte>> workspace_;
};

template <const auto& Net>
std::unique_ptr<network_contender> make_subject(const parameters& with) {
  auto made = bcr::net::network_runner<Net>::create(with);
  if (!made) return nullptr;
  return std::make_unique<network_subject<Net>>(std::move(*made));
}

// Fails, with no layers, where a parameter is missing or memory runs out.
template <std::size_t N>
std::vector<network_layer> layers_of(const bcr::net::network<N>& net, const parameters& with) {
  const bcr::net::program<N> program = bcr::net::steps_of(net);
  std::vector<network_layer> made;
  std::vector<int> layer_of(net.count, -1);  // by the number of its result
  for (std::size_t i = 0; i < program.count; ++i) {
    const bcr::net::step& s = program.steps[i];
    const bcr::net::layer& l = net[s.main];
    network_layer next{l.name, l.kind, s.activation, {}, -2, net[s.inputs[0]].shape, l.shape, l.window, l.groups, {}};
    for (std::size_t k = 0; k < s.input_count; ++k) next.inputs.push_back(layer_of[s.inputs[k]]);
    if (s.residual != bcr::net::no_layer) next.residual = layer_of[s.residual];
    layer_of[s.result] = static_cast<int>(i);
    if (next.has_weights()) {
      auto loaded = bcr::net::load_weights<float>(net, s, with);
      if (!loaded) return {};
      next.loaded = std::move(*loaded);
    }
    made.push_back(std::move(next));
  }
  return made;
}

template <const auto& Dense, const auto& Pruned>
network_model make_model(double rate) {
  parameters with = parameters::of(Dense);
  if (rate > 1) with.prune(Pruned, rate);
  return {layers_of(Dense, with), rate > 1 ? make_subject<Pruned>(with) : make_subject<Dense>(with)};
}

}  // namespace bench
