// Depthwise convolution: each channel with a window of its own. Windows of 3 x 3 with the usual padding have kernels of
// their own where they keep the size of an image (kernel/depthwise_same-inl.h) and where they halve it
// (kernel/depthwise_halves-inl.h); this is for all others.
//
//        copy of the plane                  tile: 4 rows x 2 vectors of the output, in registers
//        row 0  x x x x x x                 a a   += w[0][kx] * row 0, w[1][kx] * row 1, w[2][kx] * row 2
//        row 1  x x x x x x                 a a   += w[0][kx] * row 1, ...
//        ..                                 a a
//        row 5  x x x x x x                 a a
//
// For every column kx of the window its weights stand in registers, and each row of the copy is loaded once for all
// rows of the tile that want it: of 3 x 3, 18 loads a vector for 36 multiply-adds. Most loads straddle two lines of the
// cache, which costs a load more, so that a core of two loads and two multiply-adds a cycle has as much of the one to
// do as of the other; without the tile it would be twice as many loads. With a stride of 2 the tile wants 27. Windows
// that are not 3 or 5 high, and dilated ones, load for each multiply-add. What remains is the copy: a load and a store
// for each vector of the input, beside 9 multiply-adds (or 25) for each of the output.
//
// Measured on Zen 5: 0.27 to 0.38 of the peak of multiply-adds for 5 x 5 at 28 x 28; with 5 x 5 and a stride of 2 0.12,
// as the instructions that copy short rows and make masks for their ends outnumber the multiply-adds.
#if defined(BCR_KERNEL_DEPTHWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_DEPTHWISE_INL_H_
#undef BCR_KERNEL_DEPTHWISE_INL_H_
#else
#define BCR_KERNEL_DEPTHWISE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/depthwise_halves-inl.h"
#include "bcr/kernel/depthwise_same-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/panels-inl.h"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/stage-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A tile: where it begins in the copy and the output, and how much of it is wanted.
template <class T, class Epilogue>
struct DepthwiseTile {
  const window_layout& layout;
  const std::uint32_t* taps;
  const T* weights;  // of the channel
  const T* copied;
  T* output;
  std::size_t channel, pixel;  // of the output
  std::size_t rows, columns;
  const Epilogue& epilogue;
};

// Row `Row` of the input, times those of the `Height` weights of its column that rows of the tile want.
template <int Height, int Stride, int Vectors, int Row, class D, class A, class V>
BCR_INLINE void MulAddInputRow(D d, const A& acc, const ops::TFromD<D>* x, const V& w0, const V& w1, const V& w2,
                               const V& w3, const V& w4) {
  const auto x0 = LoadOnce(d, x);
  const auto x1 = Vectors > 1 ? LoadOnce(d, x + ops::Lanes(d)) : x0;
#define BCR_MUL_ADD(row)                                                         \
  if constexpr (Row - (row) * Stride >= 0 && Row - (row) * Stride < Height) {    \
    constexpr int ky = Row - (row) * Stride;                                     \
    const V& w = ky == 0 ? w0 : ky == 1 ? w1 : ky == 2 ? w2 : ky == 3 ? w3 : w4; \
    MulAddRow<(row), Vectors>(acc, w, x0, x1, x0, x0, x0, x0);                   \
  }
  BCR_MUL_ADD(0)
  BCR_MUL_ADD(1)
  BCR_MUL_ADD(2)
  BCR_MUL_ADD(3)
#undef BCR_MUL_ADD
}

// Column `kx` of the window.
template <int Height, int Stride, int Vectors, class D, class T, class Epilogue, class A, int... Row>
BCR_INLINE void MulAddKernelColumn(D d, const DepthwiseTile<T, Epilogue>& t, std::size_t kx, const A& acc,
                                   std::integer_sequence<int, Row...>) {
  const std::size_t width = t.layout.window.kernel.width, pitch = t.layout.pitch;
  const T* const x = t.copied + t.taps[kx];
  // Of the second phase of rows, if there is one.
  const std::size_t phase = Stride == 1 ? 0 : t.taps[(Height > 1 ? width : 0) + kx] - t.taps[kx];
  const auto weight = [&](std::size_t ky) BCR_LAMBDA_ATTR {
    return ops::Set(d, t.weights[(ky < std::size_t{Height} ? ky : 0) * width + kx]);
  };
  const auto w0 = weight(0), w1 = weight(1), w2 = weight(2), w3 = weight(3), w4 = weight(4);
  (MulAddInputRow<Height, Stride, Vectors, Row>(d, acc, x + Row / Stride * pitch + Row % Stride * phase, w0, w1, w2, w3,
                                                w4),
   ...);
}

// A window of any height, element by element.
template <int Vectors, class D, class T, class Epilogue, class A>
BCR_INLINE void MulAddWindow(D d, const DepthwiseTile<T, Epilogue>& t, const A& acc) {
  const std::size_t pitch = t.layout.pitch, elements = t.layout.window.kernel.height * t.layout.window.kernel.width;
  for (std::size_t k = 0; k < elements; ++k) {
    const T* const x = t.copied + t.taps[k];
    const auto w = ops::Set(d, t.weights[k]);
    MulAddInputRow<1, 1, Vectors, 0>(d, acc, x, w, w, w, w, w);
    MulAddInputRow<1, 1, Vectors, 1>(d, acc, x + pitch, w, w, w, w, w);
    MulAddInputRow<1, 1, Vectors, 2>(d, acc, x + 2 * pitch, w, w, w, w, w);
    MulAddInputRow<1, 1, Vectors, 3>(d, acc, x + 3 * pitch, w, w, w, w, w);
  }
}

template <int Row, int Vectors, class D, class T, class Epilogue, class A>
BCR_INLINE void StoreTileRow(D d, const DepthwiseTile<T, Epilogue>& t, const A& acc) {
  if (Row >= t.rows) return;
  const std::size_t width = t.layout.positions.width, lanes = ops::Lanes(d);
  T* const to = t.output + Row * width;
  const std::size_t pixel = t.pixel + Row * width;
  StorePixels(d, t.epilogue, Sum<Row * Vectors>(d, acc), to, t.channel, pixel, std::min(lanes, t.columns));
  if constexpr (Vectors > 1) {
    StorePixels(d, t.epilogue, Sum<Row * Vectors + 1>(d, acc), to + lanes, t.channel, pixel + lanes, t.columns - lanes);
  }
}

// Computes a tile. A height of 0 is any.
template <int Height, int Stride, int Vectors, class D, class T, class Epilogue>
BCR_INLINE void RunDepthwiseTile(D d, const DepthwiseTile<T, Epilogue>& t) {
  BCR_NAME_SUMS(d, refs);
  if constexpr (Height == 0) {
    MulAddWindow<Vectors>(d, t, refs);
  } else {
    constexpr int rows = (static_cast<int>(depthwise_rows) - 1) * Stride + Height;
    for (std::size_t kx = 0; kx < t.layout.window.kernel.width; ++kx) {
      MulAddKernelColumn<Height, Stride, Vectors>(d, t, kx, refs, std::make_integer_sequence<int, rows>());
    }
  }
  StoreTileRow<0, Vectors>(d, t, refs);
  StoreTileRow<1, Vectors>(d, t, refs);
  StoreTileRow<2, Vectors>(d, t, refs);
  StoreTileRow<3, Vectors>(d, t, refs);
}

// A band of a plane, whose copy is there.
template <int Height, int Stride, class T, class Epilogue>
[[gnu::noinline]] void RunDepthwiseBand(const plane_task<T>& task, const Epilogue& epilogue, std::size_t channel,
                                        T* output, std::size_t first_row, std::size_t rows) noexcept {
  const ops::ScalableTag<T> d;
  const window_layout& layout = *task.layout;
  const std::size_t width = layout.positions.width, lanes = ops::Lanes(d);
  const T* const weights = task.weights + channel * task.weight_stride;
  for (std::size_t y = 0; y < rows; y += depthwise_rows) {
    for (std::size_t x = 0; x < width;) {
      const std::size_t pixel = (first_row + y) * width + x;
      const DepthwiseTile<T, Epilogue> tile{layout,
                                            task.taps,
                                            weights,
                                            task.scratch + y * layout.pitch + x,
                                            output + pixel,
                                            channel,
                                            pixel,
                                            rows - y,
                                            std::min(width - x, depthwise_vectors * lanes),
                                            epilogue};
      if (tile.columns > lanes) {
        RunDepthwiseTile<Height, Stride, 2>(d, tile);
      } else {
        RunDepthwiseTile<Height, Stride, 1>(d, tile);
      }
      x += tile.columns;
    }
  }
}

template <class T, class Epilogue>
void RunDepthwise(const plane_task<T>& task, const Epilogue& epilogue) noexcept {
  if (KeepsImage(task)) return RunSame(task, epilogue);
  if (HalvesImage(task)) return RunHalving(task, epilogue);
  const window_layout& layout = *task.layout;
  const window2d& w = layout.window;
  auto* run = RunDepthwiseBand<0, 1, T, Epilogue>;
  if (w.dilation.height == 1 && w.kernel.height == 3 && w.stride.height == 1) run = RunDepthwiseBand<3, 1, T, Epilogue>;
  if (w.dilation.height == 1 && w.kernel.height == 3 && w.stride.height == 2) run = RunDepthwiseBand<3, 2, T, Epilogue>;
  if (w.dilation.height == 1 && w.kernel.height == 5 && w.stride.height == 1) run = RunDepthwiseBand<5, 1, T, Epilogue>;
  if (w.dilation.height == 1 && w.kernel.height == 5 && w.stride.height == 2) run = RunDepthwiseBand<5, 2, T, Epilogue>;
  FillTaps(layout, 0, task.taps);
  // Of planes in one band, all have the padding in the same places.
  const bool one_band = layout.bands() == 1;
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    const T* const input = task.input + plane * layout.image.height * layout.image.width;
    const Epilogue here = epilogue::part(epilogue, 0, plane / task.channels * task.channels, 0);
    for (std::size_t row = 0; row < layout.positions.height; row += layout.band_rows) {
      const std::size_t rows = std::min(layout.band_rows, layout.positions.height - row);
      StagePlane(layout, input, row, rows, !one_band || plane == task.plane_begin, T(0), task.scratch);
      run(task, here, plane % task.channels, task.output + plane * task.output_step, row, rows);
    }
  }
}

template <class T, class Epilogue>
inline constexpr depthwise_kernels<T, Epilogue> kDepthwiseKernels{{target_name(), LanesOf<T>, 2},
                                                                  RunDepthwise<T, Epilogue>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_DEPTHWISE_INL_H_
