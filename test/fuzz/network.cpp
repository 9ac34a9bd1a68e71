// Any bytes as a saved network's weights. They are opened as they are, and once more with the lengths and checksums
// that belong to them, the whole's and those of what is packed in it; what opens is read to the last weight. The
// sanitizers watch. What kernels make of packed weights is open.cpp's business.
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "bcr/net/saved.hpp"
#include "fuzz/input.hpp"
#include "fuzz/small_network.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::test::demand, bcr::test::small_network;
constexpr auto program = bcr::net::steps_of(small_network);
constexpr auto description = bcr::net::description_of(small_network);

float sum_of(std::span<const float> numbers) {
  float sum = 0;
  for (const float x : numbers) sum += x;
  return sum;
}

template <bcr::blob_layout Layout>
void read_packed(const bcr::net::layer_weights<float>& weights) {
  const auto packed = bcr::net::pack_layer<Layout, bcr::block<4, 16>, false>(weights);
  demand(std::strlen(packed.message()) > 0);
  if (packed) demand(bcr::test::can_be_walked(*packed));
}

void open(std::span<const std::byte> bytes) {
  const auto saved = bcr::net::open_saved<float>(small_network, program, description, bytes);
  demand(std::strlen(saved.message()) > 0);
  if (!saved) return;
  demand(saved->layers().size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    const auto weights = bcr::net::weights_of<float>(*saved, i);
    demand(weights.bias.size() == weights.rows);
    [[maybe_unused]] const volatile float read = sum_of(weights.bias) + sum_of(weights.dense);
    if (i == 2) read_packed<bcr::blob_layout::panels>(weights);
    if (i == 3) read_packed<bcr::blob_layout::bands>(weights);
  }
}

// Gives a blob the length and the checksum that it ought to have.
void seal(std::span<std::byte> bytes) {
  if (bytes.size() < sizeof(bcr::blob_header) || bytes.size() % bcr::buffer_alignment != 0) return;
  bcr::blob_header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  header.total_bytes = bytes.size();
  std::memcpy(bytes.data(), &header, sizeof header);
  header.checksum = bcr::detail::blob_checksum(bytes);
  std::memcpy(bytes.data(), &header, sizeof header);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = bcr::buffer<std::byte>::allocate(size);
  demand(bytes.ok());
  if (size != 0) std::memcpy(bytes->data(), data, size);
  open(*bytes);
  seal(*bytes);
  if (const auto blob = bcr::blob_view::open(*bytes); blob.ok()) {
    for (const bcr::blob_section& s : blob->sections()) {
      if (s.id < bcr::weights_section(2) || s.id % 2 != 0) continue;
      seal(std::span(*bytes).subspan(static_cast<std::size_t>(s.offset), static_cast<std::size_t>(s.bytes)));
    }
    seal(*bytes);
  }
  open(*bytes);
  return 0;
}
