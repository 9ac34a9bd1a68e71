// What ran, in one word: the grammar of kernel_name(), benchmarks and tests is operation_type_block_tile_target.
#pragma once

#include <cstddef>

#include "bcr/format/blob.hpp"

namespace bcr {

// "gemm_f32_b4x16_t4x6_avx3", in place and without allocating.
class kernel_label {
 public:
  kernel_label() noexcept = default;
  kernel_label(const char* operation, value_type type, std::size_t block_rows, std::size_t block_columns,
               std::size_t tile_rows, std::size_t tile_vectors, const char* target) noexcept {
    add(operation);
    add(type == value_type::f64 ? "_f64_b" : type == value_type::f32 ? "_f32_b" : "_b");
    add(block_rows);
    add("x");
    add(block_columns);
    add("_t");
    add(tile_rows);
    add("x");
    add(tile_vectors);
    add("_");
    add(target);
  }
  const char* text() const noexcept { return text_; }

 private:
  void add(const char* word) noexcept {
    while (*word != '\0' && length_ + 1 < sizeof text_) text_[length_++] = *word++;
  }
  void add(std::size_t number) noexcept {
    if (number >= 10) add(number / 10);
    const char digit[] = {static_cast<char>('0' + number % 10), '\0'};
    add(digit);
  }

  char text_[80] = {};
  std::size_t length_ = 0;
};

}  // namespace bcr
