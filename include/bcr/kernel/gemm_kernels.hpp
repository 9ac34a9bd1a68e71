// The functions that a plan calls, one table a pair of types, an epilogue and a target. Plans see kernels through such
// a table only, so that they are the same code whether the target was chosen by the compiler's flags or at run time.
#pragma once

#include <cstddef>

#include "bcr/core/status.hpp"
#include "bcr/kernel/epilogue.hpp"
#include "bcr/kernel/panel_task.hpp"

namespace bcr {

// Vectors in a tile at most, over all targets.
inline constexpr int most_tile_vectors = 6;

// The instruction set of a kernel table.
struct kernel_target {
  const char* name;                 // "avx3", "neon", ...
  std::size_t (*lanes)() noexcept;  // elements in a vector
  int tile_vectors;                 // vectors in the widest tile
  int tiles_together = 1;           // tiles in a task at most
  int least_together = 2;           // of so many vectors at least

  bool takes_together(std::size_t vectors) const noexcept {
    return vectors >= static_cast<std::size_t>(least_together);
  }
};

// What no plan can be made with. Fails with invalid_argument.
inline status check_threads(std::size_t threads) noexcept {
  if (threads != 0) return {};
  return {errc::invalid_argument, "A plan needs at least one thread."};
}
inline status check_plan_options(std::size_t threads, int tile_vectors) noexcept {
  if (const status s = check_threads(threads); !s) return s;
  if (tile_vectors < 0 || tile_vectors > most_tile_vectors) {
    return {errc::invalid_argument, "A tile has 1 to 6 vectors, or 0 to let the library choose."};
  }
  return {};
}

// Vectors in a tile: as many as the registers allow or the caller wants, unless a tile of all input rows, each vector
// of which is `column_bytes` long, would then not stay in a cache of 1 to 2 MiB.
inline std::size_t best_tile_vectors(const kernel_target& target, std::size_t column_bytes, int wanted) noexcept {
  constexpr std::size_t cache = std::size_t{3} << 19;
  std::size_t vectors = static_cast<std::size_t>(target.tile_vectors);
  if (wanted > 0) return static_cast<std::size_t>(wanted) < vectors ? static_cast<std::size_t>(wanted) : vectors;
  while (vectors > 3 && vectors * column_bytes > cache) --vectors;
  return vectors;
}

// Tiles that a task has side by side: as many as the target takes, unless their input, `tile_bytes` of each, would then
// not stay in a cache of 1 MiB.
inline std::size_t best_tiles_together(const kernel_target& target, std::size_t tile_bytes) noexcept {
  constexpr std::size_t cache = std::size_t{1} << 20;
  const std::size_t most = static_cast<std::size_t>(target.tiles_together), fit = cache / (tile_bytes + 1);
  return fit == 0 ? 1 : fit < most ? fit : most;
}

// What gemm and linear share. Activations and arithmetic are of type T, weights of type W.
template <class T, class Epilogue, class W = T>
struct panel_kernels {
  kernel_target target;
  // For tiles of 1, 2, ... vectors; null for widths beyond the target's, and for weights of eight bits.
  void (*run[most_tile_vectors])(const panel_task<T, W>&, const Epilogue&) noexcept;
};

// Products with one vector, on panels, or with any number of them, on bands. Null is what the weights do not need, and
// all of it where activations are in bf16.
template <class T, class Epilogue, class W = T>
struct vector_kernels {
  void (*on_panels)(const gemv_task<T, W>&, const Epilogue&) noexcept;
  void (*on_bands)(const band_task<T, W>&, const Epilogue&) noexcept;
  // Vectors ldx apart into those that a quantised band_task has, quantised_elements(columns) apart.
  void (*quantise)(const T* x, std::size_t ldx, std::size_t vectors, std::size_t columns, T* made) noexcept = nullptr;
};

template <class T, class Epilogue, class W = T>
struct gemm_kernels {
  panel_kernels<T, Epilogue, W> panels;
  vector_kernels<T, Epilogue, W> vectors;  // for columns; C and a residual are M x N
  // Turns `rows` x `columns` elements into `columns` rows of `turned_ld`.
  void (*turn)(const T* b, std::size_t ldb, std::size_t rows, std::size_t columns, T* turned,
               std::size_t turned_ld) noexcept;
  // Copies `rows` x `columns` elements to aligned rows of `tile_ld`, filling these up with zeros.
  void (*copy_tile)(const input_for<T, W>* b, std::size_t ldb, std::size_t rows, std::size_t columns,
                    input_for<T, W>* tile, std::size_t tile_ld) noexcept;
};

// `rows` features x `tokens` results, to be stored token by token.
template <class T>
struct token_block {
  const T* sums;  // feature m at sums + m * sums_ld
  std::size_t sums_ld;
  std::size_t first_row, rows;
  std::size_t first_token, tokens;
  T* y;  // token t's feature m at y + t * ldy + m
  std::size_t ldy;
  T* staging;  // rows elements for each lane of a vector
};

template <class T, class Epilogue, class W = T>
struct linear_kernels {
  panel_kernels<T, epilogue::none, W> panels;
  vector_kernels<T, Epilogue, W> vectors;  // for tokens; Y and a residual are T x M
  // tile[k * tile_ld + t] = x[t * ldx + k], rows filled up with zeros.
  void (*load_tokens)(const input_for<T, W>* x, std::size_t ldx, std::size_t tokens, std::size_t features,
                      input_for<T, W>* tile, std::size_t tile_ld) noexcept;
  void (*store_tokens)(const token_block<T>&, const Epilogue&) noexcept;
};

}  // namespace bcr
