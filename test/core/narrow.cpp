// f16 and bf16: every number there is, and every place where rounding has to decide.
#include "bcr/core/narrow.hpp"

#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <type_traits>

namespace {

using bcr::bf16;
using bcr::f16;

constexpr float infinity = std::numeric_limits<float>::infinity();

// What IEEE 754 says that the bits mean, in arithmetic that the library does not use.
double meaning(std::uint16_t bits, int exponent_bits) {
  const int mantissa_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = bits >> mantissa_bits & ((1 << exponent_bits) - 1);
  const double mantissa = std::ldexp(bits & ((1 << mantissa_bits) - 1), -mantissa_bits);
  const double sign = bits >> 15 != 0 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) return mantissa == 0 ? sign * std::numeric_limits<double>::infinity() : NAN;
  return exponent == 0 ? sign * std::ldexp(mantissa, 1 - bias) : sign * std::ldexp(1 + mantissa, exponent - bias);
}

std::uint32_t bits_of(float x) { return std::bit_cast<std::uint32_t>(x); }

template <class N>
constexpr int exponent_bits = std::is_same_v<N, f16> ? 5 : 8;

TEST_CASE_TEMPLATE("every number is the float that it means, and comes back", N, f16, bf16) {
  std::size_t wrong = 0;
  for (std::uint32_t bits = 0; bits < 65536; ++bits) {
    const N number = N::from_bits(static_cast<std::uint16_t>(bits));
    const float value = static_cast<float>(number);
    const double expected = meaning(number.bits, exponent_bits<N>);
    const bool same = std::isnan(expected) ? std::isnan(value) : static_cast<double>(value) == expected;
    wrong += !same || std::signbit(value) != (bits >> 15 != 0) || N(value).bits != bits;
    wrong += (number == number) == std::isnan(expected);
  }
  CHECK(wrong == 0);
}

// Between two neighbours: the middle goes to the even one, what is on either side of it to the nearer one.
TEST_CASE_TEMPLATE("rounding: to the nearest, the even one in the middle", N, f16, bf16) {
  const auto largest = static_cast<std::uint16_t>(std::is_same_v<N, f16> ? 0x7bff : 0x7f7f);
  const auto rounded = [](double x) { return N(static_cast<float>(x)).bits; };
  std::size_t wrong = 0;
  for (std::uint16_t low = 0; low < largest; ++low) {
    const auto high = static_cast<std::uint16_t>(low + 1);
    const double a = meaning(low, exponent_bits<N>), b = meaning(high, exponent_bits<N>);
    const float middle = static_cast<float>((a + b) / 2);
    REQUIRE(static_cast<double>(middle) == (a + b) / 2);
    const std::uint16_t even = low % 2 == 0 ? low : high;
    for (const std::uint16_t sign : {std::uint16_t{0}, std::uint16_t{0x8000}}) {
      const float m = sign == 0 ? middle : -middle;
      const float below = std::bit_cast<float>(bits_of(m) - 1), above = std::bit_cast<float>(bits_of(m) + 1);
      wrong += N(m).bits != (even | sign) || N(below).bits != (low | sign) || N(above).bits != (high | sign);
      wrong += rounded((sign == 0 ? 1 : -1) * (a + (b - a) / 4)) != (low | sign);
    }
  }
  CHECK(wrong == 0);
}

TEST_CASE("overflow: from half a step beyond the largest number on it is infinity") {
  CHECK(f16(65519.996f).bits == 0x7bff);
  CHECK(f16(65520.0f).bits == 0x7c00);
  CHECK(f16(-65520.0f).bits == 0xfc00);
  CHECK(f16(std::numeric_limits<float>::max()).bits == 0x7c00);
  CHECK(f16(infinity).bits == 0x7c00);
  CHECK(bf16(std::bit_cast<float>(0x7f7f7fffu)).bits == 0x7f7f);
  CHECK(bf16(std::bit_cast<float>(0x7f7f8000u)).bits == 0x7f80);
  CHECK(bf16(-std::numeric_limits<float>::max()).bits == 0xff80);
  CHECK(bf16(-infinity).bits == 0xff80);
}

TEST_CASE("underflow: up to half of the least number it is zero, with its sign") {
  CHECK(f16(0x1p-24f).bits == 1);
  CHECK(f16(0x1p-25f).bits == 0);
  CHECK(f16(-0x1p-25f).bits == 0x8000);
  CHECK(f16(std::nextafter(0x1p-25f, 1.0f)).bits == 1);
  CHECK(f16(std::numeric_limits<float>::denorm_min()).bits == 0);
  CHECK(f16(-0.0f).bits == 0x8000);
  CHECK(bf16(0x1p-133f).bits == 1);
  CHECK(bf16(0x1p-134f).bits == 0);
  CHECK(bf16(-0.0f).bits == 0x8000);
}

TEST_CASE_TEMPLATE("what is not a number stays so, with its sign", N, f16, bf16) {
  for (const std::uint32_t payload : {1u, 0x1fffu, 0x2000u, 0xffffu, 0x10000u, 0x400000u, 0x7fffffu}) {
    for (const std::uint32_t sign : {0u, 0x80000000u}) {
      const N kept(std::bit_cast<float>(sign | 0x7f800000u | payload));
      CHECK(std::isnan(meaning(kept.bits, exponent_bits<N>)));
      CHECK((kept.bits >> 15) == (sign >> 31));
    }
  }
}

TEST_CASE_TEMPLATE("they are plain, and constants to the compiler", N, f16, bf16) {
  static_assert(sizeof(N) == 2 && alignof(N) == 2);
  static_assert(std::is_trivially_copyable_v<N> && std::is_trivially_default_constructible_v<N>);
  static_assert(std::has_unique_object_representations_v<N>);
  static_assert(!std::is_convertible_v<float, N> && !std::is_convertible_v<N, float>);
  static_assert(static_cast<float>(N(1.5f)) == 1.5f && N(-2.0f) == N(-2.0f) && N(0.0f) == N(-0.0f));
  static_assert(N{}.bits == 0 && N(1.0f) == N::from_bits(N(1.0f).bits));
  static_assert(bcr::narrow_float<N> && bcr::weights_for<N, float> && !bcr::weights_for<N, double>);
  static_assert(bcr::weights_for<double, double> && !bcr::weights_for<float, double>);
}

}  // namespace
