// Convolution with all weights there: first layers, and whatever was not pruned.
//
//        copies of all channels, row by row          weights of 4 output channels     accumulators, in registers
//        tap 0:   | x0 | x1 | .. | x5 |              w w w w                          | a | a | .. | a |
//        tap 1:   | x0 | x1 | .. | x5 |    times     w w w w               ->         | a | a | .. | a |   a += w * x
//        ..                                          ..                               | a | a | .. | a |
//                                                                                     | a | a | .. | a |
//
// A tap is a channel and an element of the window: its inputs for consecutive positions lie side by side in the copy,
// and a row's last position is followed by a column or two of padding and the next row's first. So the positions of a
// band are one long vector, cut into tiles of six vectors: 10 loads for 24 multiply-adds, or 16 where every input
// straddles two lines of the cache, on machines that do two of each in a cycle. That leaves the multiply-adds as the
// limit, of which those between the rows are wasted: 1 in W + 1 with a window of 3 x 3. Sums go to memory, and from
// there row by row through the epilogue to the output: a store and a load for each of hundreds of multiply-adds. (On
// AVX2 a tile is of three vectors, 7 loads, or 10, for 12.)
//
// Measured on Zen 5: 0.80 to 0.89 of the peak with 3 x 3 at 14 x 14 and more, and ResNet's first layer; 0.6 to 0.7 at
// 7 x 7, where 49 of 64 lanes count, with 27 taps, where what follows a sum is a fifth of the work, and with windows of
// one element, where copying is.
#if defined(BCR_KERNEL_DENSE_CONV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_DENSE_CONV_INL_H_
#undef BCR_KERNEL_DENSE_CONV_INL_H_
#else
#define BCR_KERNEL_DENSE_CONV_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/panels-inl.h"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/stage-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

static_assert(dense_conv_rows == panel_rows);

template <class T>
struct DenseConvTile {
  const T* weights;
  const std::uint32_t* taps;
  std::size_t tap_count;
  const T* x;
  T* sums;  // of the first channel
  std::size_t stride;
};

// Vector `I` of a tile, or its first.
template <int I, int Vectors, class D, class T>
BCR_INLINE ops::Vec<D> LoadTileVector(D d, const T* x) {
  return LoadOnce(d, x + (I < Vectors ? I * ops::Lanes(d) : 0));
}

template <int Vectors, class D, class T, class A>
BCR_INLINE void MulAddTaps(D d, const DenseConvTile<T>& t, const A& acc) {
  const T* weight = t.weights;
  const std::uint32_t* const end = t.taps + t.tap_count;
  for (const std::uint32_t* tap = t.taps; tap != end; ++tap, weight += dense_conv_rows) {
    const T* const x = t.x + *tap;
    const auto x0 = LoadTileVector<0, Vectors>(d, x);
    const auto x1 = LoadTileVector<1, Vectors>(d, x);
    const auto x2 = LoadTileVector<2, Vectors>(d, x);
    const auto x3 = LoadTileVector<3, Vectors>(d, x);
    const auto x4 = LoadTileVector<4, Vectors>(d, x);
    const auto x5 = LoadTileVector<5, Vectors>(d, x);
#if BCR_MULTIPLIES_BY_LANE
    constexpr int lanes = 16 / sizeof(T);
    const auto low = ops::LoadU(d, weight), high = ops::LoadU(d, weight + panel_rows - lanes);
    MulAddLane<15, 0, Vectors, 0>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<15, 1, Vectors, 0>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<15, 2, Vectors, 0>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<15, 3, Vectors, 0>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
#else
    MulAddRow<0, Vectors>(acc, ops::Set(d, weight[0]), x0, x1, x2, x3, x4, x5);
    MulAddRow<1, Vectors>(acc, ops::Set(d, weight[1]), x0, x1, x2, x3, x4, x5);
    MulAddRow<2, Vectors>(acc, ops::Set(d, weight[2]), x0, x1, x2, x3, x4, x5);
    MulAddRow<3, Vectors>(acc, ops::Set(d, weight[3]), x0, x1, x2, x3, x4, x5);
#endif
  }
}

// Computes a tile.
template <int Vectors, class D, class T>
BCR_INLINE void RunDenseConvTile(D d, const DenseConvTile<T>& t) {
  BCR_NAME_SUMS(d, refs);
  constexpr auto all = std::make_index_sequence<Vectors>();
  MulAddTaps<Vectors>(d, t, refs);
  StoreSums<0, Vectors>(d, t.sums, refs, all);
  StoreSums<1, Vectors>(d, t.sums + t.stride, refs, all);
  StoreSums<2, Vectors>(d, t.sums + 2 * t.stride, refs, all);
  StoreSums<3, Vectors>(d, t.sums + 3 * t.stride, refs, all);
}

// A function of its own for each width, so that its loop has the registers for itself.
template <int Vectors, class T>
[[gnu::noinline]] void DenseConvTileOf(const DenseConvTile<T>& t) noexcept {
  RunDenseConvTile<Vectors>(ops::ScalableTag<T>(), t);
}
template <class T, std::size_t... I>
BCR_INLINE void DenseConvTileOf(std::size_t vectors, const DenseConvTile<T>& t, std::index_sequence<I...>) {
  (void)((vectors == I + 1 ? (DenseConvTileOf<static_cast<int>(I) + 1>(t), true) : false) || ...);
}

template <class T, class Epilogue>
void RunDenseConv(const dense_conv_task<T>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const window_layout& layout = *task.layout;
  const std::size_t lanes = ops::Lanes(d), width = layout.positions.width;
  const std::size_t pixels = layout.positions.height * width, input_pixels = layout.image.height * layout.image.width;
  const std::size_t taps = task.channels * layout.window.kernel.height * layout.window.kernel.width;
  for (std::size_t c = 0; c < task.channels; ++c) {
    StagePlane(layout, task.input + c * input_pixels, task.first_row, task.rows, true, T(0),
               task.staged + c * layout.plane_elements());
  }
  // From the first position of the band to the last, and what lies between the rows.
  const std::size_t vectors = ((task.rows - 1) * layout.pitch + width + lanes - 1) / lanes;
  const std::size_t tiles = (vectors + kPanelVectors - 1) / kPanelVectors, stride = vectors * lanes;
  for (std::size_t m = 0; m < task.outputs; m += dense_conv_rows) {
    for (std::size_t tile = 0, done = 0; tile < tiles; ++tile) {
      const std::size_t until = vectors * (tile + 1) / tiles;
      DenseConvTileOf(until - done,
                      DenseConvTile<T>{task.weights + m * taps, task.taps, taps, task.staged + done * lanes,
                                       task.sums + done * lanes, stride},
                      std::make_index_sequence<static_cast<std::size_t>(kPanelVectors)>());
      done = until;
    }
    for (std::size_t r = 0; r < std::min(dense_conv_rows, task.outputs - m); ++r) {
      const std::size_t channel = task.first_output + m + r;
      for (std::size_t y = 0; y < task.rows; ++y) {
        const std::size_t pixel = (task.first_row + y) * width;
        FinishPixels(d, epilogue, task.sums + r * stride + y * layout.pitch, task.output + channel * pixels + pixel,
                     channel, pixel, width);
      }
    }
  }
}

template <class T, class Epilogue>
inline constexpr dense_conv_kernels<T, Epilogue> kDenseConvKernels{{target_name(), LanesOf<T>, kPanelVectors},
                                                                   RunDenseConv<T, Epilogue>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_DENSE_CONV_INL_H_
