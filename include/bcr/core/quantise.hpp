// Numbers in eight bits: whole numbers from -127 to 127, times a scale that many of them share. Rows of weights have
// one scale each, and so has every vector that they are multiplied by. The rule, for both:
//
//   scale   the largest magnitude of them all over 127; 0 if it is below 2^-100, and then every number becomes 0
//   number  x times (127 over the largest magnitude), each operation rounded in float, then to the nearest whole
//   number,
//           the even one of two that are equally near
//
// It is the same on every target, and what is summed up of such numbers are whole numbers as well, which no order of
// adding changes.
#pragma once

#include <bit>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>

namespace bcr {

// A type of weights that have a scale for every row.
template <class T>
concept quantised = std::same_as<T, std::int8_t>;

inline constexpr float quantised_most = 127;
inline constexpr float quantised_least = 0x1p-100f;
// Columns of a matrix of such weights: 2^17 products are below 2^31.
inline constexpr std::size_t quantised_columns_limit = std::size_t{1} << 17;

// Whether a magnitude is neither infinite nor not-a-number, which -ffast-math does not know.
constexpr bool is_finite_magnitude(float magnitude) noexcept {
  return std::bit_cast<std::uint32_t>(magnitude) < 0x7f800000;
}

constexpr float quantised_scale(float largest) noexcept {
  return largest < quantised_least ? 0 : largest / quantised_most;
}
// What numbers are multiplied by; `largest` is finite.
constexpr float quantised_factor(float largest) noexcept {
  return largest < quantised_least ? 0 : quantised_most / largest;
}
inline std::int8_t quantise(float x, float factor) noexcept {
  const float scaled = x * factor;
  const float bounded = scaled > quantised_most ? quantised_most : scaled < -quantised_most ? -quantised_most : scaled;
  return static_cast<std::int8_t>(std::nearbyint(bounded));
}

}  // namespace bcr
