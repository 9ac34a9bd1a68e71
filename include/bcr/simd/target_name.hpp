// A target's name, made from the name of its namespace, so that no list of targets has to be kept.
#pragma once

#include <cstddef>

namespace bcr::detail {

// "N_AVX3_DL" becomes "avx3_dl".
template <std::size_t Size>
struct target_name {
  char text[Size] = {};
  constexpr explicit target_name(const char (&name_space)[Size]) noexcept {
    for (std::size_t i = 2; i < Size; ++i) {
      const char c = name_space[i];
      text[i - 2] = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    }
  }
};

}  // namespace bcr::detail

#define BCR_STRINGIZE_(x) #x
#define BCR_STRINGIZE(x) BCR_STRINGIZE_(x)
