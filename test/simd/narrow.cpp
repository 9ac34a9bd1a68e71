// Numbers of sixteen bits in vectors of float: every one of them, in every lane, as core/narrow.hpp has it.
#include "bcr/simd/narrow-inl.h"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

// The same bits, or neither a number: an instruction may make a signalling NaN a quiet one.
bool same(float found, float expected) {
  return std::isnan(expected) ? std::isnan(found) && std::signbit(found) == std::signbit(expected)
                              : std::bit_cast<std::uint32_t>(found) == std::bit_cast<std::uint32_t>(expected);
}

template <class N>
std::vector<N> all_numbers() {
  std::vector<N> all(65536 + 64);  // as many more as a vector may have
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = N::from_bits(static_cast<std::uint16_t>(i));
  return all;
}

template <class N, class D>
std::size_t wrong_lanes(D d) {
  const std::vector<N> all = all_numbers<N>();
  std::vector<float> found(ops::Lanes(d));
  std::size_t wrong = 0;
  const auto check = [&](std::size_t from, std::size_t step) {
    for (std::size_t l = 0; l < found.size(); ++l) wrong += !same(found[l], static_cast<float>(all[from + l * step]));
  };
  for (std::size_t i = 0; i < 65536; ++i) {
    ops::StoreU(LoadWide(d, all.data() + i), d, found.data());
    check(i, 1);
    ops::StoreU(SetWide(d, all.data() + i), d, found.data());
    check(i, 0);
  }
  return wrong;
}

// Whether or not the back end does it so.
std::size_t wrong_without_instruction() {
  const ops::ScalableTag<float> d;
  const std::vector<f16> all = all_numbers<f16>();
  std::vector<float> found(ops::Lanes(d));
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < 65536; i += found.size()) {
    ops::StoreU(WidenF16(d, LoadShorts(d, &all[i].bits)), d, found.data());
    for (std::size_t l = 0; l < found.size(); ++l) wrong += !same(found[l], static_cast<float>(all[i + l]));
  }
  return wrong;
}

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

TEST_CASE_TEMPLATE("LoadWide and SetWide: every number", N, bcr::f16, bcr::bf16) {
  CHECK(target::wrong_lanes<N>(target::ops::ScalableTag<float>()) == 0);
  CHECK(target::wrong_lanes<N>(target::ops::CappedTag<float, 8>()) == 0);
  CHECK(target::wrong_lanes<N>(target::ops::CappedTag<float, 4>()) == 0);
}

TEST_CASE("f16 without an instruction for it") { CHECK(target::wrong_without_instruction() == 0); }
