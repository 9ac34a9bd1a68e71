// What ran, in one word: the grammar of kernel_name(), benchmarks and tests is operation_type_block_tile_target, where
// the type is that of the activations, followed by that of the weights if it is another.
#pragma once

#include <cstddef>

#include "bcr/format/blob.hpp"

namespace bcr {

struct kernel_types {
  value_type activations, weights;
};

// "gemm_f32_b4x16_t4x6_avx3" or "gemm_f32_bf16_b4x16_t4x6_avx3", in place and without allocating.
class kernel_label {
 public:
  kernel_label() noexcept = default;
  kernel_label(const char* operation, const kernel_types& types, std::size_t block_rows, std::size_t block_columns,
               std::size_t tile_rows, std::size_t tile_vectors, const char* target) noexcept {
    add(operation);
    add(types.activations);
    if (types.weights != types.activations) add(types.weights);
    add("_b");
    add(block_rows);
    add("x");
    add(block_columns);
    add_tile(tile_rows, tile_vectors, target);
  }
  // Without a block: "depthwise_f32_t4x2_avx3".
  kernel_label(const char* operation, value_type type, std::size_t tile_rows, std::size_t tile_vectors,
               const char* target) noexcept {
    add(operation);
    add(type);
    add_tile(tile_rows, tile_vectors, target);
  }
  const char* text() const noexcept { return text_; }

 private:
  void add_tile(std::size_t rows, std::size_t vectors, const char* target) noexcept {
    add("_t");
    add(rows);
    add("x");
    add(vectors);
    add("_");
    add(target);
  }
  void add(const char* word) noexcept {
    while (*word != '\0' && length_ + 1 < sizeof text_) text_[length_++] = *word++;
  }
  void add(value_type type) noexcept {
    switch (type) {
      case value_type::f32:
        return add("_f32");
      case value_type::f64:
        return add("_f64");
      case value_type::f16:
        return add("_f16");
      case value_type::bf16:
        return add("_bf16");
      case value_type::i8:
        return add("_i8");
    }
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
