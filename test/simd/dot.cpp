// Dot products of four bytes in every lane, in every width that kernels use, at the edges of what bytes may be.
#include "bcr/simd/dot-inl.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

constexpr int numbers[] = {-127, -126, -65, -64, -1, 0, 1, 2, 63, 64, 100, 126, 127};

// All pairs of numbers, beside all sorts of neighbours.
template <class D>
std::size_t wrong_dots(D d) {
  const std::size_t lanes = ops::Lanes(d);
  std::vector<byte_quad> w(lanes);
  std::vector<std::uint8_t> x(4 * lanes);
  std::vector<std::int32_t> sums(lanes), expected(lanes), quads(lanes);
  std::size_t wrong = 0, next = 0;
  for (const int a : numbers) {
    for (const int b : numbers) {
      for (std::size_t l = 0; l < lanes; ++l) {
        sums[l] = static_cast<std::int32_t>(l) * 1000 - 5000;
        expected[l] = sums[l];
        for (std::size_t i = 0; i < 4; ++i) {
          const int weight = i == l % 4 ? a : numbers[next % 13], input = i == l % 4 ? b : numbers[next * 5 / 3 % 13];
          ++next;
          w[l].weight[i] = static_cast<std::int8_t>(weight);
          x[4 * l + i] = static_cast<std::uint8_t>(input + kDotOffset);
          expected[l] += weight * (input + kDotOffset);
        }
      }
      std::memcpy(quads.data(), x.data(), x.size());
      const auto found = AddProduct(d, LoadWide(d, w.data()), ops::LoadU(d, quads.data()), ops::LoadU(d, sums.data()));
      ops::StoreU(found, d, sums.data());
      for (std::size_t l = 0; l < lanes; ++l) wrong += sums[l] != expected[l];
    }
  }
  return wrong;
}

std::size_t wrong_gathers() {
  std::vector<std::uint8_t> bytes(256), index(256 + 64), to(256 + 64);
  for (std::size_t i = 0; i < 256; ++i) bytes[i] = static_cast<std::uint8_t>(i * 7 + 3);
  for (std::size_t i = 0; i < index.size(); ++i) index[i] = static_cast<std::uint8_t>(i * 37 + i / 256);
  std::size_t wrong = 0;
  for (const unsigned count : {0u, 1u, 63u, 64u, 65u, 200u, 255u}) {
    GatherBytes(bytes.data(), index.data(), count, to.data());
    for (unsigned i = 0; i < count; ++i) wrong += to[i] != bytes[index[i]];
  }
  return wrong;
}

std::size_t wrong_stores() {
  const ops::ScalableTag<std::int32_t> d;
  std::vector<std::int32_t> in(ops::Lanes(d));
  std::vector<std::uint8_t> out(ops::Lanes(d));
  std::size_t wrong = 0;
  for (std::int32_t first = 0; first < 256; ++first) {
    for (std::size_t l = 0; l < in.size(); ++l) in[l] = (first + static_cast<std::int32_t>(l)) % 256;
    StoreBytes(d, ops::LoadU(d, in.data()), out.data());
    for (std::size_t l = 0; l < in.size(); ++l) wrong += out[l] != in[l];
  }
  return wrong;
}

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

TEST_CASE("AddProduct: four bytes in every lane") {
  CHECK(target::wrong_dots(target::ops::ScalableTag<std::int32_t>()) == 0);
  CHECK(target::wrong_dots(target::ops::CappedTag<std::int32_t, 8>()) == 0);
  CHECK(target::wrong_dots(target::ops::CappedTag<std::int32_t, 4>()) == 0);
}

TEST_CASE("GatherBytes") { CHECK(target::wrong_gathers() == 0); }

TEST_CASE("StoreBytes") { CHECK(target::wrong_stores() == 0); }
