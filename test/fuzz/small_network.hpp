// The network whose saved weights are fuzzed: a layer of each form, as few weights as can be.
#pragma once

#include "bcr/net/builder.hpp"

namespace bcr::test {

inline constexpr auto small_network = [] {
  net::builder<8> made("small");
  const auto x = made.input({.channels = 2, .height = 4, .width = 5});
  const auto a = x.conv("dense", {.outputs = 4, .window = net::square(3, 1, 1)});
  const auto b = a.conv("depthwise", {.outputs = 4, .window = net::square(3, 1, 1), .groups = 4, .bias = true});
  const auto c = b.conv("pruned", {.outputs = 6, .window = net::square(3, 1, 1), .weights = net::pruned(4, 16)});
  return made.finish(c.linear("fc", {.outputs = 3, .weights = net::pruned(4, 16)}));
}();

}  // namespace bcr::test
