// expect: bcr: a batch normalisation follows a convolution or a linear layer whose result nothing else uses
#define BCR_SIMD_SCALAR
#include "bcr/net.hpp"

constexpr auto small = [] {
  bcr::net::builder<> net("small");
  const auto x = net.input({.channels = 16, .height = 8, .width = 8});
  const auto y = x.conv("conv1", {.outputs = 16, .window = bcr::net::square(3, 1, 1)});
#ifdef BCR_CORRECTED
  return net.finish(y.batch_norm("bn1"));
#else
  return net.finish(y.batch_norm("bn1").add("sum1", y));
#endif
}();

struct nothing {
  std::span<const float> operator()(std::string_view, std::string_view) const { return {}; }
};
bool made() { return bcr::net::network_runner<small>::create(nothing()).ok(); }
