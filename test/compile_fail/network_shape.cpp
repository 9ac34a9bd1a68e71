// expect: text<5>{"sum1"}
#define BCR_SIMD_SCALAR
#include "bcr/net.hpp"

#ifdef BCR_CORRECTED
constexpr std::size_t outputs = 16;
#else
constexpr std::size_t outputs = 17;
#endif

constexpr auto small = [] {
  bcr::net::builder<> net("small");
  const auto x = net.input({.channels = 16, .height = 8, .width = 8});
  return net.finish(x.conv("conv1", {.outputs = outputs, .window = bcr::net::square(3, 1, 1)}).add("sum1", x));
}();

bool made() { return bcr::net::network_runner<small>::steps() == 1; }
