// ResNet-18 (He et al., "Deep residual learning for image recognition", 2016) with torchvision's names of layers: the
// whole network, as the compiler sees it.
#pragma once

#include <cstddef>

#include "bcr/net.hpp"

namespace resnet18 {

using bcr::net::square;
using tensor = bcr::net::tensor<192>;

struct block_names {
  const char *conv1, *bn1, *conv2, *bn2, *down, *down_bn;
};
#define BLOCK(at) {at ".conv1", at ".bn1", at ".conv2", at ".bn2", at ".downsample.0", at ".downsample.1"}
constexpr block_names blocks[] = {BLOCK("layer1.0"), BLOCK("layer1.1"), BLOCK("layer2.0"), BLOCK("layer2.1"),
                                  BLOCK("layer3.0"), BLOCK("layer3.1"), BLOCK("layer4.0"), BLOCK("layer4.1")};
#undef BLOCK

constexpr tensor basic_block(const tensor& x, const block_names& name, std::size_t outputs, std::size_t stride,
                             const bcr::net::weight_storage& weights) {
  const tensor y = x.conv(name.conv1, {.outputs = outputs, .window = square(3, stride, 1), .weights = weights})
                       .batch_norm(name.bn1)
                       .relu()
                       .conv(name.conv2, {.outputs = outputs, .window = square(3, 1, 1), .weights = weights})
                       .batch_norm(name.bn2);
  if (y.shape() == x.shape()) return y.add(name.conv2, x).relu();
  const tensor shortcut =
      x.conv(name.down, {.outputs = outputs, .window = square(1, stride), .weights = weights}).batch_norm(name.down_bn);
  return y.add(name.conv2, shortcut).relu();
}

// The first layer is dense in any case.
constexpr bcr::net::network<192> network(const bcr::net::weight_storage& weights) {
  bcr::net::builder<192> net("resnet18");
  tensor x = net.input({.channels = 3, .height = 224, .width = 224})
                 .conv("conv1", {.outputs = 64, .window = square(7, 2, 3)})
                 .batch_norm("bn1")
                 .relu()
                 .max_pool("maxpool", {.window = square(3, 2, 1)});
  constexpr std::size_t outputs[] = {64, 64, 128, 128, 256, 256, 512, 512};
  for (std::size_t i = 0; i < 8; ++i) {
    x = basic_block(x, blocks[i], outputs[i], i != 0 && i % 2 == 0 ? 2 : 1, weights);
  }
  return net.finish(x.global_average("avgpool").linear("fc", {.outputs = 1000, .weights = weights}));
}

inline constexpr auto dense = network({});
inline constexpr auto pruned = network(bcr::net::pruned(8, 16));

}  // namespace resnet18
