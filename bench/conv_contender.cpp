#include "conv_contender.hpp"

#include <algorithm>

namespace bench {

std::size_t output_size(const shapes::conv& s) { return (s.size - 1) / s.stride + 1; }

problem product_of(const shapes::conv& s, const float* weights, const bcr::buffer<float>& im2col, int threads) {
  const std::size_t k = s.channels * s.kernel * s.kernel, n = output_size(s) * output_size(s);
  const auto nonzeros = std::count_if(weights, weights + s.outputs * k, [](float w) { return w != 0; });
  return {s.outputs, k, n, weights, im2col.data(), threads, static_cast<double>(nonzeros) * static_cast<double>(n)};
}

bcr::buffer<float> im2col(const shapes::conv& s, const float* image) {
  const std::size_t out = output_size(s), before = s.kernel / 2;
  bcr::buffer<float> made = floats(s.channels * s.kernel * s.kernel * out * out);
  float* to = made.data();
  for (std::size_t row = 0; row < s.channels * s.kernel * s.kernel; ++row) {
    const std::size_t c = row / (s.kernel * s.kernel), ky = row / s.kernel % s.kernel, kx = row % s.kernel;
    for (std::size_t oy = 0; oy < out; ++oy) {
      for (std::size_t ox = 0; ox < out; ++ox, ++to) {
        const std::size_t y = oy * s.stride + ky, x = ox * s.stride + kx;
        if (y < before || x < before || y - before >= s.size || x - before >= s.size) continue;
        *to = image[(c * s.size + y - before) * s.size + x - before];
      }
    }
  }
  return made;
}

std::vector<conv_peer> conv_peers() {
  return {{"onednn_direct", false, make_onednn_direct},
          {"onednn_winograd", false, make_onednn_winograd},
          {"xnnpack_dense", false, make_xnnpack_dense},
          {"xnnpack_sparse", true, make_xnnpack_sparse_conv}};
}

}  // namespace bench
