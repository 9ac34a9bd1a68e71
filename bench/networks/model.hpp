// A network with parameters, for a race: bcr's runner of it, and its layers in plain terms, for peers. Parameters are
// those that the examples make up, pruned or not.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "bcr/net.hpp"
#include "parameters.hpp"

namespace bench {

// A layer with what follows it: its normalisation is in its weights, a residual is added, an activation comes last.
// Results are known by their layer's number; -1 is the network's input.
struct network_layer {
  std::string name;
  bcr::net::operation kind;
  bcr::net::function activation;
  std::vector<int> inputs;
  int residual = -2;  // -2: none
  bcr::image_shape input, output;
  bcr::window2d window;
  std::size_t groups = 1;
  bcr::net::layer_weights<float> loaded = {};

  bool has_weights() const { return kind == bcr::net::operation::convolution || kind == bcr::net::operation::linear; }
};

// Takes an input of the network's shape to its result. Both may be anything else between calls.
class network_contender {
 public:
  network_contender() = default;
  network_contender(const network_contender&) = delete;
  network_contender& operator=(const network_contender&) = delete;
  virtual ~network_contender() = default;

  virtual bool run(std::span<const float> input, std::span<float> output) = 0;
};

struct network_model {
  std::vector<network_layer> layers = {};
  std::unique_ptr<network_contender> bcr = {};
};

// A rate of 1 is the dense network. Without layers where something failed.
network_model make_mobilenet_v2(double rate);
network_model make_resnet18(double rate);
network_model make_vgg16(double rate);

// How oneDNN computes convolutions: directly, as it thinks best, or with Winograd's algorithm wherever it can.
enum class onednn_algorithm { direct, automatic, winograd };
// Weak: null where oneDNN was not found. The layers must outlive it. Null where oneDNN has no such layers.
[[gnu::weak]] std::unique_ptr<network_contender> make_onednn_network(std::span<const network_layer>, onednn_algorithm);

}  // namespace bench
