// Makes a network that cannot be an error of the compiler's, which names the layer and says what is wrong with it.
#pragma once

#include <cstddef>

#include "bcr/net/record.hpp"

namespace bcr::net {

// Letters that a template may be given.
template <std::size_t Size>
struct text {
  char letters[Size] = {};
  constexpr explicit text(const char* from) noexcept {
    for (std::size_t i = 0; i + 1 < Size; ++i) letters[i] = from[i];
  }
};
constexpr std::size_t size_of(const char* letters) noexcept {
  std::size_t size = 1;
  while (letters[size - 1] != '\0') ++size;
  return size;
}

// Defined for no layer: whoever asks for one gets the compiler to print both texts.
template <text Layer, text Sentence>
struct error_in_layer;

template <std::size_t Capacity>
constexpr std::size_t first_error(const network<Capacity>& net) noexcept {
  for (std::size_t i = 0; i < net.count; ++i) {
    if (net.layers[i].error != nullptr) return i;
  }
  return no_layer;
}

// Whether all layers of a network can be; otherwise it does not compile, for the first that cannot. `Net` is a
// constexpr variable of static storage.
template <const auto& Net>
constexpr bool check() noexcept {
  constexpr std::size_t bad = first_error(Net);
  if constexpr (bad != no_layer) {
    constexpr const layer& wrong = Net.layers[bad];
    return sizeof(error_in_layer<text<size_of(wrong.name)>(wrong.name), text<size_of(wrong.error)>(wrong.error)>) != 0;
  }
  return true;
}

}  // namespace bcr::net
