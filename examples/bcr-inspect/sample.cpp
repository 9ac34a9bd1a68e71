// sample FILE NETWORK: writes packed weights in bf16, and those of a small network, for the inspector to be tested on.
#include <bcr/net/builder.hpp>
#include <bcr/net/pack.hpp>
#include <bcr/pack/cover.hpp>
#include <bcr/pack/pack.hpp>
#include <cstdio>
#include <fstream>
#include <span>
#include <string_view>
#include <vector>

namespace {

constexpr auto small = [] {
  bcr::net::builder<4> net("small");
  const auto x = net.input({.channels = 2, .height = 8, .width = 8});
  const auto y = x.conv("first", {.outputs = 8, .window = bcr::net::square(3)});
  return net.finish(
      y.conv("second", {.outputs = 8, .window = bcr::net::square(3), .weights = bcr::net::pruned(8, 16)}));
}();

bool write(const char* path, std::span<const std::byte> bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  return static_cast<bool>(file.flush());
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::puts("sample FILE NETWORK"), 2;
  std::vector<float> weights(30 * 50);
  for (std::size_t i = 0; i < weights.size(); i += 7) weights[i] = 0.1f;
  const bcr::matrix_view<const float> dense(weights.data(), 30, 50);
  const auto found = bcr::cover_nonzeros<bcr::block<4, 16>>(dense);
  if (!found) return std::puts(found.message()), 1;
  const auto packed = bcr::pack<bcr::bf16>(found->pattern, dense);
  if (!packed) return std::puts(packed.message()), 1;

  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = i % 4 == 0 ? 0.1f : 0;
  const auto network = bcr::net::pack<small>([&](std::string_view layer, std::string_view name) {
    return std::span<const float>(weights).first(name != "weight" ? 0 : layer == "first" ? 144 : 576);
  });
  if (!network) return std::puts(network.message()), 1;
  return write(argv[1], packed->bytes()) && write(argv[2], *network) ? 0 : 1;
}
