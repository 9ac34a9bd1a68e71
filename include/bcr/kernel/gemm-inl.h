// The kernel tables of gemm and linear for this target.
#if defined(BCR_KERNEL_GEMM_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_GEMM_INL_H_
#undef BCR_KERNEL_GEMM_INL_H_
#else
#define BCR_KERNEL_GEMM_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "bcr/kernel/bands-inl.h"
#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/kernel/gemv-inl.h"
#include "bcr/kernel/panel_tiles-inl.h"
#include "bcr/kernel/transpose-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class T>
std::size_t LanesOf() noexcept {
  return ops::Lanes(ops::ScalableTag<T>());
}

// Copies a tile of the input to aligned rows, filled up with zeros to whole vectors.
template <class T>
void CopyTile(const T* b, std::size_t ldb, std::size_t rows, std::size_t columns, T* tile,
              std::size_t tile_ld) noexcept {
  if constexpr (narrow_float<T>) {
    for (std::size_t k = 0; k < rows; ++k, b += ldb, tile += tile_ld) {
      std::memcpy(tile, b, columns * sizeof(T));
      std::fill(tile + columns, tile + tile_ld, T::from_bits(0));
    }
  } else {
    const ops::ScalableTag<T> d;
    const std::size_t lanes = ops::Lanes(d);
    const std::size_t whole = columns / lanes * lanes;
    for (std::size_t k = 0; k < rows; ++k, b += ldb, tile += tile_ld) {
      for (std::size_t j = 0; j < whole; j += lanes) ops::StoreU(ops::LoadU(d, b + j), d, tile + j);
      if (whole != columns) ops::StoreU(LoadLanes(d, b + whole, 0, columns - whole), d, tile + whole);
    }
  }
}

// Turns tokens x features into rows of tokens, filled up with zeros.
template <class T>
void LoadTokens(const T* x, std::size_t ldx, std::size_t tokens, std::size_t features, T* tile,
                std::size_t tile_ld) noexcept {
  if constexpr (narrow_float<T>) {
    static_assert(sizeof(T) == sizeof(std::uint16_t));
    Transpose(reinterpret_cast<const std::uint16_t*>(x), ldx, tokens, features, reinterpret_cast<std::uint16_t*>(tile),
              tile_ld);
  } else {
    Transpose(x, ldx, tokens, features, tile, tile_ld);
  }
  if (tokens == tile_ld) return;
  for (std::size_t k = 0; k < features; ++k) {
    for (std::size_t t = tokens; t < tile_ld; ++t) tile[k * tile_ld + t] = T{};
  }
}

// Turns the results of a tile back into tokens x features, as many tokens at a time as a vector has lanes.
template <class T, class Epilogue>
void StoreTokens(const token_block<T>& block, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t t = 0; t < block.tokens; t += lanes) {
    const std::size_t count = block.tokens - t < lanes ? block.tokens - t : lanes;
    Transpose(block.sums + t, block.sums_ld, block.rows, count, block.staging, block.rows);
    for (std::size_t i = 0; i < count; ++i) {
      const std::size_t token = block.first_token + t + i;
      const T* const from = block.staging + i * block.rows;
      T* const to = block.y + token * block.ldy + block.first_row;
      for (std::size_t m = 0; m < block.rows; m += lanes) {
        const std::size_t last = block.rows - m < lanes ? block.rows - m : lanes;
        if (last == lanes) {
          const auto v = Apply<along_rows>(d, epilogue, ops::LoadU(d, from + m), block.first_row + m, token, 0, lanes);
          ops::StoreU(v, d, to + m);
        } else {
          const auto v =
              Apply<along_rows>(d, epilogue, LoadLanes(d, from + m, 0, last), block.first_row + m, token, 0, last);
          StoreLanes(v, d, to + m, 0, last);
        }
      }
    }
  }
}

// The kernel for tiles of `Vectors`, if the registers hold one.
template <int Vectors, class T, class Epilogue, class W>
constexpr auto PanelKernel() noexcept -> void (*)(const panel_task<T, W>&, const Epilogue&) noexcept {
  if constexpr (Vectors > kPanelVectorsOf<W> || quantised<W>) {
    return nullptr;
  } else {
    return RunPanels<Vectors, T, Epilogue, W>;
  }
}

// The target's name with "_bf16" behind it, for kernels that use its dot products of bf16.
struct PairsName {
  char text[40] = {};
  constexpr PairsName() {
    char* to = text;
    for (const char* from = target_name(); *from != '\0'; ++from) *to++ = *from;
    for (const char* from = "_bf16"; *from != '\0'; ++from) *to++ = *from;
  }
};
inline constexpr PairsName kPairsName;

template <class T, class Epilogue, class W, std::size_t... I>
constexpr panel_kernels<T, Epilogue, W> MakePanelKernels(std::index_sequence<I...>) noexcept {
  return {{has_narrow_input<W> && BCR_DOTS_PAIRS ? kPairsName.text : target_name(), LanesOf<T>, kPanelVectorsOf<W>,
           is_cheap_v<Epilogue> ? kTilesTogether : 1, kLeastTogether},
          {PanelKernel<static_cast<int>(I) + 1, T, Epilogue, W>()...}};
}

template <class T, class Epilogue, class W = T>
inline constexpr panel_kernels<T, Epilogue, W> kPanelKernels =
    MakePanelKernels<T, Epilogue, W>(std::make_index_sequence<most_tile_vectors>());
template <orientation Along, class T, class Epilogue, class W, bool Bands>
constexpr vector_kernels<T, Epilogue, W> MakeVectorKernels() noexcept {
  if constexpr (has_narrow_input<W>) {
    return {nullptr, nullptr, nullptr};
  } else if constexpr (quantised<W>) {
    return {nullptr, RunBands<Along, T, Epilogue, W>, QuantiseVectors};
  } else if constexpr (Bands) {
    return {RunGemv<Along, T, Epilogue, W>, RunBands<Along, T, Epilogue, W>, nullptr};
  } else {
    return {RunGemv<Along, T, Epilogue, W>, nullptr, nullptr};
  }
}

// Kernels for bands are as much code again, and only there for those who have bands.
template <class T, class Epilogue, class W, bool Bands>
inline constexpr gemm_kernels<T, Epilogue, W> kGemmKernels{kPanelKernels<T, Epilogue, W>,
                                                           MakeVectorKernels<down_rows, T, Epilogue, W, Bands>(),
                                                           Transpose<T>, CopyTile<input_for<T, W>>};
// The epilogue of a linear layer waits until the results have been turned back.
template <class T, class Epilogue, class W, bool Bands>
inline constexpr linear_kernels<T, Epilogue, W> kLinearKernels{kPanelKernels<T, epilogue::none, W>,
                                                               MakeVectorKernels<along_rows, T, Epilogue, W, Bands>(),
                                                               LoadTokens<input_for<T, W>>, StoreTokens<T, Epilogue>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_GEMM_INL_H_
