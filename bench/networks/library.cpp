// The library that bench/networks.py loads: models of the examples' networks, what is in them, and who runs them in
// this process. What is made stays until the process ends, but a text until the next one is asked for.
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "model.hpp"

namespace {

struct maker {
  const char* name;
  bench::network_model (*make)(double rate);
};
constexpr maker makers[] = {
    {"mobilenet_v2", bench::make_mobilenet_v2}, {"resnet18", bench::make_resnet18}, {"vgg16", bench::make_vgg16}};

constexpr const char* function_names[] = {"none", "relu", "relu6", "sigmoid", "tanh", "silu", "hard_swish", "gelu"};

std::string described(const bench::network_layer& l) {
  std::string inputs;
  for (const int i : l.inputs) inputs.append(inputs.empty() ? "" : ", ").append(std::to_string(i));
  const bcr::window2d& w = l.window;
  char text[640];
  std::snprintf(text, sizeof text,
                R"({"name": "%s", "kind": "%s", "activation": "%s", "inputs": [%s], "residual": %d, )"
                R"("input": [%zu, %zu, %zu], "output": [%zu, %zu, %zu], "kernel": [%zu, %zu], "stride": [%zu, %zu], )"
                R"("padding": [%zu, %zu, %zu, %zu], "groups": %zu, "weights": [%zu, %zu]})",
                l.name.c_str(), name_of(l.kind), function_names[static_cast<int>(l.activation)], inputs.c_str(),
                l.residual, l.input.channels, l.input.height, l.input.width, l.output.channels, l.output.height,
                l.output.width, w.kernel.height, w.kernel.width, w.stride.height, w.stride.width, w.padding.top,
                w.padding.left, w.padding.bottom, w.padding.right, l.groups, l.loaded.rows, l.loaded.columns);
  return text;
}

}  // namespace

extern "C" {

// Null if there is no such network, or it could not be made.
void* bench_model(const char* name, double rate) {
  for (const maker& m : makers) {
    if (std::strcmp(m.name, name) != 0) continue;
    bench::network_model made = m.make(rate);
    if (!made.layers.empty() && made.bcr != nullptr) return new bench::network_model(std::move(made));
  }
  return nullptr;
}

// Its layers, as JSON.
const char* bench_layers(const void* model) {
  static std::string text;
  std::string all(1, '[');
  for (const bench::network_layer& l : static_cast<const bench::network_model*>(model)->layers) {
    if (all.size() > 1) all.append(",\n");
    all.append(described(l));
  }
  text = std::move(all.append(1, ']'));
  return text.c_str();
}

const float* bench_weights(const void* model, std::size_t layer) {
  return static_cast<const bench::network_model*>(model)->layers[layer].loaded.dense.data();
}
const float* bench_bias(const void* model, std::size_t layer) {
  return static_cast<const bench::network_model*>(model)->layers[layer].loaded.bias.data();
}

// Who runs a model: "bcr", which belongs to it, or one of oneDNN's, which must not outlive it. Null if this build does
// not have it.
void* bench_contender(void* model, const char* who) {
  auto& made = *static_cast<bench::network_model*>(model);
  if (std::strcmp(who, "bcr") == 0) return made.bcr.get();
  if (bench::make_onednn_network == nullptr) return nullptr;
  using bench::onednn_algorithm;
  const bool winograd = std::strcmp(who, "onednn_winograd") == 0, automatic = std::strcmp(who, "onednn_auto") == 0;
  return bench::make_onednn_network(made.layers, winograd    ? onednn_algorithm::winograd
                                                 : automatic ? onednn_algorithm::automatic
                                                             : onednn_algorithm::direct)
      .release();
}

bool bench_run(void* contender, const float* input, std::size_t inputs, float* output, std::size_t outputs) {
  return static_cast<bench::network_contender*>(contender)->run({input, inputs}, {output, outputs});
}

}  // extern "C"
