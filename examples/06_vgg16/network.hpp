// VGG-16 (Simonyan and Zisserman, "Very deep convolutional networks for large-scale image recognition", 2014) with
// torchvision's names of layers: the whole network, as the compiler sees it. Dropout does nothing when a network runs,
// and is not written down.
#pragma once

#include <cstddef>

#include "bcr/net.hpp"

namespace vgg16 {

struct conv_name {
  const char* name;
  std::size_t outputs;
};
// A stage is of convolutions of 3 x 3, and ends with pooling.
constexpr conv_name stages[5][3] = {{{"features.0", 64}, {"features.2", 64}},
                                    {{"features.5", 128}, {"features.7", 128}},
                                    {{"features.10", 256}, {"features.12", 256}, {"features.14", 256}},
                                    {{"features.17", 512}, {"features.19", 512}, {"features.21", 512}},
                                    {{"features.24", 512}, {"features.26", 512}, {"features.28", 512}}};
constexpr const char* pools[5] = {"features.4", "features.9", "features.16", "features.23", "features.30"};

// The first layer is dense in any case.
constexpr bcr::net::network<64> network(const bcr::net::weight_storage& convolutions,
                                        const bcr::net::weight_storage& linear) {
  using bcr::net::square;
  bcr::net::builder<64> net("vgg16");
  auto x = net.input({.channels = 3, .height = 224, .width = 224});
  for (std::size_t stage = 0; stage < 5; ++stage) {
    for (const auto& [name, outputs] : stages[stage]) {
      if (name == nullptr) continue;
      const bool first = x.shape().channels == 3;
      x = x.conv(name, {.outputs = outputs,
                        .window = square(3, 1, 1),
                        .bias = true,
                        .weights = first ? bcr::net::weight_storage{} : convolutions})
              .relu();
    }
    x = x.max_pool(pools[stage], {.window = square(2, 2)});
  }
  x = x.linear("classifier.0", {.outputs = 4096, .weights = linear}).relu();
  x = x.linear("classifier.3", {.outputs = 4096, .weights = linear}).relu();
  return net.finish(x.linear("classifier.6", {.outputs = 1000, .weights = linear}));
}

inline constexpr auto dense = network({}, {});
// A vector at a time, larger blocks are faster.
inline constexpr auto pruned = network(bcr::net::pruned(8, 16), bcr::net::pruned(16, 64));

}  // namespace vgg16
