// MobileNet-V2 (Sandler et al., "MobileNetV2: Inverted residuals and linear bottlenecks", 2018), width 1.0, with
// torchvision's names of layers: the whole network, as the compiler sees it. Pruned are its convolutions of 1 x 1,
// which are nine tenths of its arithmetic.
#pragma once

#include <cstddef>

#include "bcr/net.hpp"

namespace mobilenet_v2 {

using bcr::net::square;
using tensor = bcr::net::tensor<192>;

struct layer_names {
  const char *conv, *norm;
};
struct block_names {
  layer_names expand, depthwise, project;
};
#define BLOCK(at) {{at ".conv.0.0", at ".conv.0.1"}, {at ".conv.1.0", at ".conv.1.1"}, {at ".conv.2", at ".conv.3"}}
constexpr block_names blocks[] = {
    {{}, {"features.1.conv.0.0", "features.1.conv.0.1"}, {"features.1.conv.1", "features.1.conv.2"}},
    BLOCK("features.2"),
    BLOCK("features.3"),
    BLOCK("features.4"),
    BLOCK("features.5"),
    BLOCK("features.6"),
    BLOCK("features.7"),
    BLOCK("features.8"),
    BLOCK("features.9"),
    BLOCK("features.10"),
    BLOCK("features.11"),
    BLOCK("features.12"),
    BLOCK("features.13"),
    BLOCK("features.14"),
    BLOCK("features.15"),
    BLOCK("features.16"),
    BLOCK("features.17")};
#undef BLOCK

// Outputs, stride, and how many times wider the block is inside.
struct block_shape {
  std::size_t outputs, stride, wider;
};
constexpr block_shape shapes[] = {{16, 1, 1}, {24, 2, 6},  {24, 1, 6},  {32, 2, 6},  {32, 1, 6}, {32, 1, 6},
                                  {64, 2, 6}, {64, 1, 6},  {64, 1, 6},  {64, 1, 6},  {96, 1, 6}, {96, 1, 6},
                                  {96, 1, 6}, {160, 2, 6}, {160, 1, 6}, {160, 1, 6}, {320, 1, 6}};

constexpr tensor conv1x1(const tensor& x, const layer_names& names, std::size_t outputs,
                         const bcr::net::weight_storage& weights) {
  return x.conv(names.conv, {.outputs = outputs, .window = square(1), .weights = weights}).batch_norm(names.norm);
}

constexpr tensor inverted_residual(const tensor& x, const block_names& names, const block_shape& how,
                                   const bcr::net::weight_storage& weights) {
  const std::size_t inside = x.shape().channels * how.wider;
  const tensor wide = how.wider == 1 ? x : conv1x1(x, names.expand, inside, weights).relu6();
  const tensor seen =
      wide.conv(names.depthwise.conv, {.outputs = inside, .window = square(3, how.stride, 1), .groups = inside})
          .batch_norm(names.depthwise.norm)
          .relu6();
  const tensor y = conv1x1(seen, names.project, how.outputs, weights);
  return y.shape() == x.shape() ? y.add(names.project.conv, x) : y;
}

// The first layer is dense in any case, and so is the last.
constexpr bcr::net::network<192> network(const bcr::net::weight_storage& weights) {
  bcr::net::builder<192> net("mobilenet_v2");
  tensor x = net.input({.channels = 3, .height = 224, .width = 224})
                 .conv("features.0.0", {.outputs = 32, .window = square(3, 2, 1)})
                 .batch_norm("features.0.1")
                 .relu6();
  for (std::size_t i = 0; i < 17; ++i) x = inverted_residual(x, blocks[i], shapes[i], weights);
  x = conv1x1(x, {"features.18.0", "features.18.1"}, 1280, weights).relu6();
  return net.finish(x.global_average("avgpool").linear("classifier.1", {.outputs = 1000}));
}

inline constexpr auto dense = network({});
inline constexpr auto pruned = network(bcr::net::pruned(8, 16));

}  // namespace mobilenet_v2
