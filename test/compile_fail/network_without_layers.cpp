// expect: bcr: a network has a layer beside its input
#define BCR_SIMD_SCALAR
#include "bcr/net.hpp"

constexpr auto small = [] {
  bcr::net::builder<> net("small");
  const auto x = net.input({.channels = 16, .height = 8, .width = 8});
#ifdef BCR_CORRECTED
  return net.finish(x.relu());
#else
  return net.finish(x);
#endif
}();

bool made() { return bcr::net::network_runner<small>::steps() == 1; }
