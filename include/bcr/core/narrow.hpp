// Floating-point numbers of sixteen bits, to store weights in half the bytes; arithmetic is done in float, which holds
// every one of them exactly. f16 is IEEE 754's binary16: 11 significant bits, magnitudes from 6e-8 to 65504. bf16 is
// the upper half of a float: 8 significant bits, the range of float.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <type_traits>

#include "bcr/core/quantise.hpp"

namespace bcr {

namespace detail {

// The nearest of two neighbours that are 2^shift apart, the even one in the middle, as a multiple of 2^shift.
constexpr std::uint32_t round_shift(std::uint32_t x, unsigned shift) noexcept {
  return (x + (std::uint32_t{1} << (shift - 1)) - 1 + (x >> shift & 1)) >> shift;
}

constexpr std::uint16_t bf16_bits(float value) noexcept {
  const std::uint32_t x = std::bit_cast<std::uint32_t>(value);
  if ((x & 0x7fffffff) <= 0x7f800000) return static_cast<std::uint16_t>(round_shift(x, 16));
  // Not a number, and not to become infinity where only the lower bits say so.
  return static_cast<std::uint16_t>(x >> 16 | ((x & 0x7f0000) == 0 ? 0x40u : 0u));
}

constexpr std::uint16_t f16_bits(float value) noexcept {
  constexpr std::uint32_t least_normal = 0x38800000, beyond_largest = 0x477ff000;  // 2^-14 and 65520
  const std::uint32_t x = std::bit_cast<std::uint32_t>(value) & 0x7fffffff;
  const std::uint32_t sign = std::bit_cast<std::uint32_t>(value) >> 16 & 0x8000;
  std::uint32_t magnitude = 0;
  if (x > 0x7f800000) {
    const std::uint32_t payload = x >> 13 & 0x3ff;
    magnitude = 0x7c00 | (payload == 0 ? 0x200 : payload);
  } else if (x >= beyond_largest) {
    magnitude = 0x7c00;
  } else if (x >= least_normal) {
    magnitude = round_shift(x, 13) - (112u << 10);  // the exponents' biases are 112 apart
  } else if (x >> 23 >= 102) {
    // A multiple of 2^-24; what is below half of that is zero.
    magnitude = round_shift((x & 0x7fffff) | 0x800000, 126 - (x >> 23));
  }
  return static_cast<std::uint16_t>(sign | magnitude);
}

constexpr float f16_value(std::uint16_t bits) noexcept {
  const std::uint32_t exponent = bits >> 10 & 31u, mantissa = bits & 0x3ffu, sign = (bits & 0x8000u) << 16;
  std::uint32_t x = (exponent + 112) << 23 | mantissa << 13;
  if (exponent == 31) x = 0x7f800000 | mantissa << 13;
  if (exponent == 0) x = std::bit_cast<std::uint32_t>(static_cast<float>(mantissa) * 0x1p-24f);
  return std::bit_cast<float>(sign | x);
}

}  // namespace detail

// From float to the nearest number, the even one of two that are equally near; beyond the largest by half a step or
// more it is infinity. What is not a number stays so, with its sign and the upper bits of its payload.
struct f16 {
  std::uint16_t bits;

  constexpr f16() noexcept = default;
  constexpr explicit f16(float value) noexcept : bits(detail::f16_bits(value)) {}
  static constexpr f16 from_bits(std::uint16_t bits) noexcept {
    f16 made{};
    made.bits = bits;
    return made;
  }
  constexpr explicit operator float() const noexcept { return detail::f16_value(bits); }
  // As numbers: zeros of both signs are equal, and what is not a number equals nothing.
  friend constexpr bool operator==(f16 a, f16 b) noexcept { return float(a) == float(b); }
};

// As f16, in another range.
struct bf16 {
  std::uint16_t bits;

  constexpr bf16() noexcept = default;
  constexpr explicit bf16(float value) noexcept : bits(detail::bf16_bits(value)) {}
  static constexpr bf16 from_bits(std::uint16_t bits) noexcept {
    bf16 made{};
    made.bits = bits;
    return made;
  }
  constexpr explicit operator float() const noexcept { return std::bit_cast<float>(std::uint32_t{bits} << 16); }
  friend constexpr bool operator==(bf16 a, bf16 b) noexcept { return float(a) == float(b); }
};

template <class T>
concept narrow_float = std::same_as<T, f16> || std::same_as<T, bf16>;

// In the place of a plan's type of weights: the activations are of this type as well. gemm_plan<float, epilogue,
// both<bf16>> multiplies packed_weights<bf16> by a matrix of bf16, and sums up and stores in float; linear_plan
// likewise.
template <std::same_as<bf16> W>
struct both {};

namespace detail {
template <class W>
struct operand_types {
  using weight = W;
  template <class T>
  using input = T;
};
template <class W>
struct operand_types<both<W>> {
  using weight = W;
  template <class>
  using input = W;
};
}  // namespace detail

// What a plan of type W is made from, and what it multiplies if its arithmetic is of type T.
template <class W>
using stored_weight = typename detail::operand_types<W>::weight;
template <class T, class W>
using input_for = typename detail::operand_types<W>::template input<T>;
template <class W>
inline constexpr bool has_narrow_input = !std::same_as<W, stored_weight<W>>;

// Whether a plan whose activations are of type T can have weights of type W.
template <class W, class T>
concept weights_for =
    std::same_as<W, T> || ((narrow_float<W> || quantised<W> || std::same_as<W, both<bf16>>) && std::same_as<T, float>);

// The type of activations and arithmetic that weights of type W are for.
template <class W>
using arithmetic_for = std::conditional_t<narrow_float<W> || quantised<W>, float, W>;

}  // namespace bcr
