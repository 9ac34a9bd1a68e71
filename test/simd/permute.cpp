// Lanes that are sets of bits: every element comes to the lane that is its own, for every set that a byte has and many
// of sixteen bits.
#include "bcr/simd/permute-inl.h"

#include <doctest/doctest.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <vector>

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

// A word of a row mask has 16 bits, and the widest vectors that are expanded have as many lanes.
template <class T>
using expanded_tag = ops::CappedTag<T, 16>;

template <class Check>
void for_each_set(std::size_t lanes, Check&& check) {
  for (unsigned low = 0; low < 256; ++low) {
    for (const unsigned high : {0u, 0x100u, 0x5a00u, 0x8000u, 0xff00u}) check((low | high) & ((1u << lanes) - 1));
  }
}

// 1, 2, 3 ..
template <class T>
std::vector<T> counted(std::size_t size) {
  std::vector<T> made(size);
  for (std::size_t i = 0; i < size; ++i) made[i] = static_cast<T>(i + 1);
  return made;
}

// Lanes that do not have their element of those from `first` on, or a zero if they are not in the set.
template <class T>
std::size_t wrong_lanes(const std::vector<T>& found, unsigned bits, unsigned first = 0) {
  std::size_t wrong = 0;
  for (std::size_t l = 0; l < found.size(); ++l) {
    const bool taken = (bits >> l & 1u) != 0;
    if (taken) ++first;
    wrong += found[l] != static_cast<T>(taken ? first : 0);
  }
  return wrong;
}

template <class T>
std::size_t wrong_expanded() {
  const expanded_tag<T> d;
  const std::vector<T> elements = counted<T>(ops::Lanes(d));
  std::vector<T> found(ops::Lanes(d));
  std::size_t wrong = 0;
  for_each_set(found.size(), [&](unsigned bits) BCR_LAMBDA_ATTR {
    ops::StoreU(ExpandLanes(d, bits, elements.data()), d, found.data());
    wrong += wrong_lanes(found, bits);
  });
  return wrong;
}

#if BCR_PERMUTES_512
template <class T>
std::size_t wrong_in_registers() {
  const expanded_tag<T> d;
  const std::vector<T> elements = counted<T>(32);
  std::vector<T> found(16);
  std::size_t wrong = 0;
  for_each_set(16, [&](unsigned bits) BCR_LAMBDA_ATTR {
    const auto low = ops::LoadU(d, elements.data()), high = ops::LoadU(d, elements.data() + 16);
    for (unsigned first = 0; first <= 16; ++first) {
      ops::StoreU(ExpandFrom32(d, bits, low, high, ExpandIndices(bits, first)), d, found.data());
      wrong += wrong_lanes(found, bits, first);
    }
    if constexpr (std::is_same_v<T, float>) {
      ops::StoreU(ExpandAt(d, bits, low, ExpandIndices(bits, 0)), d, found.data());
      wrong += wrong_lanes(found, bits);
    }
  });
  return wrong;
}

std::size_t wrong_of_eight() {
  const expanded_tag<float> d;
  const std::vector<float> elements = counted<float>(8);
  std::vector<float> found(16);
  const auto eight = ops::LoadU(ops::CappedTag<float, 8>(), elements.data());
  ops::StoreU(ExpandAt(d, 0xf00f, InSixteenLanes(eight), ExpandIndices(0xf00f, 0)), d, found.data());
  return wrong_lanes(found, 0xf00f);
}
#endif

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

TEST_CASE_TEMPLATE("permute: elements are expanded to the lanes of a set", T, float, double, std::int32_t) {
  CHECK(target::wrong_expanded<T>() == 0);
}

#if BCR_PERMUTES_512
TEST_CASE_TEMPLATE("permute: and found in registers", T, float, std::int32_t) {
  CHECK(target::wrong_in_registers<T>() == 0);
}
TEST_CASE("permute: and from half a vector") { CHECK(target::wrong_of_eight() == 0); }
#endif
