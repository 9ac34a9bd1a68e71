// Bit sets as spans of 64-bit words: how a pattern says which rows and columns a block keeps. Bit i of a set is bit
// i % 64 of word i / 64.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

namespace bcr::bits {

inline constexpr std::size_t per_word = 64;

constexpr std::size_t words_for(std::size_t bits) noexcept { return bits / per_word + (bits % per_word != 0); }

constexpr bool test(std::span<const std::uint64_t> set, std::size_t i) noexcept {
  return ((set[i / per_word] >> (i % per_word)) & 1) != 0;
}

constexpr void assign(std::span<std::uint64_t> set, std::size_t i, bool value) noexcept {
  const std::uint64_t bit = std::uint64_t{1} << (i % per_word);
  set[i / per_word] = value ? set[i / per_word] | bit : set[i / per_word] & ~bit;
}

// Sets bits 0 to count - 1 and clears the others.
constexpr void assign_first(std::span<std::uint64_t> set, std::size_t count) noexcept {
  for (std::size_t w = 0; w < set.size(); ++w) {
    const std::size_t before = w * per_word;
    const std::size_t here = count > before ? count - before : 0;
    set[w] = here >= per_word ? ~std::uint64_t{0} : (std::uint64_t{1} << here) - 1;
  }
}

constexpr std::size_t count(std::span<const std::uint64_t> set) noexcept {
  std::size_t total = 0;
  for (const std::uint64_t word : set) total += static_cast<std::size_t>(std::popcount(word));
  return total;
}

// Calls visit(i) for every bit i of the set, in ascending order.
template <class Visit>
constexpr void for_each(std::span<const std::uint64_t> set, Visit&& visit) {
  for (std::size_t w = 0; w < set.size(); ++w) {
    for (std::uint64_t rest = set[w]; rest != 0; rest &= rest - 1) {
      visit(w * per_word + static_cast<std::size_t>(std::countr_zero(rest)));
    }
  }
}

}  // namespace bcr::bits
