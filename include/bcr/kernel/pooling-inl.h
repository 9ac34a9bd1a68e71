// Maxima and means over windows, and over whole planes.
//
//        copy of the plane, edges filled          a vector of the output
//        row 0  x x x x x x                       a = max(a, row 0 + kx), for each kx, then the next row
//        row 1  x x x x x x                       or a = a + ...
//
// A load and an addition, or four instructions for a maximum that keeps not-a-number, for each element of the window
// and vector of the output. Planes are read once: where they come from memory or a far cache, that is the limit.
#if defined(BCR_KERNEL_POOLING_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_POOLING_INL_H_
#undef BCR_KERNEL_POOLING_INL_H_
#else
#define BCR_KERNEL_POOLING_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/stage-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

struct MaximumOf {
  template <class T>
  static constexpr T fill = -std::numeric_limits<T>::infinity();
  template <class D, class V = ops::Vec<D>>
  static BCR_INLINE V Join(D, V all, V x) {
    const V larger = ops::IfThenElse(ops::Lt(all, x), x, all);
    return ops::IfThenElse(ops::IsNaN(x), x, larger);
  }
};
struct SumOf {
  template <class T>
  static constexpr T fill = T(0);
  template <class D, class V = ops::Vec<D>>
  static BCR_INLINE V Join(D, V all, V x) {
    return ops::Add(all, x);
  }
};

// Elements of a window at position `at` that count: those in the image, or in the image and its padding.
inline std::size_t CountedElements(std::size_t at, std::size_t stride, std::size_t kernel, std::size_t before,
                                   std::size_t extent, std::size_t after, bool padding) noexcept {
  const std::size_t first = at * stride, last = first + kernel;  // from the padding's first element on
  const std::size_t begin = padding ? 0 : before, end = before + extent + (padding ? after : 0);
  const std::size_t from = std::max(first, begin), to = std::min(last, end);
  return from < to ? to - from : 0;
}

// Divides by the elements that count, `rows` of them below each other.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> Mean(D d, ops::Vec<D> sum, T rows, const T* columns, std::size_t count) {
  const auto elements = ops::Mul(ops::Set(d, rows), LoadPart(d, columns, 0, count));
  return ops::Div(sum, elements);
}

template <class Reduction, class T>
void RunPooling(const plane_task<T>& task) noexcept {
  constexpr bool average = std::is_same_v<Reduction, SumOf>;
  const ops::ScalableTag<T> d;
  const window_layout& layout = *task.layout;
  const window2d& w = layout.window;
  const std::size_t lanes = ops::Lanes(d), width = layout.positions.width, height = layout.positions.height;
  const std::size_t elements = w.kernel.height * w.kernel.width;
  FillTaps(layout, 0, task.taps);
  for (std::size_t x = 0; average && x < width; ++x) {
    task.counts[x] = static_cast<T>(CountedElements(x, w.stride.width, w.kernel.width, w.padding.left,
                                                    layout.image.width, w.padding.right, task.counts_padding));
  }
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    const T* const input = task.input + plane * layout.image.height * layout.image.width;
    for (std::size_t y = 0; y < height; ++y) {
      if (y % layout.band_rows == 0) {
        StagePlane(layout, input, y, std::min(layout.band_rows, height - y), Reduction::template fill<T>, task.scratch);
      }
      const T* const row = task.scratch + y % layout.band_rows * layout.pitch;
      const auto rows = static_cast<T>(CountedElements(y, w.stride.height, w.kernel.height, w.padding.top,
                                                       layout.image.height, w.padding.bottom, task.counts_padding));
      T* const output = task.output + (plane * height + y) * width;
      for (std::size_t x = 0; x < width; x += lanes) {
        auto all = ops::LoadU(d, row + task.taps[0] + x);
        for (std::size_t k = 1; k < elements; ++k) all = Reduction::Join(d, all, ops::LoadU(d, row + task.taps[k] + x));
        const std::size_t count = std::min(lanes, width - x);
        if constexpr (average) all = Mean(d, all, rows, task.counts + x, count);
        if (count == lanes) {
          ops::StoreU(all, d, output + x);
        } else {
          StoreLanes(all, d, output + x, 0, count);
        }
      }
    }
  }
}

// Means of rows: of the planes of an image, or of anything else.
template <class T>
void MeansOfRows(const T* x, std::size_t rows, std::size_t columns, T* means) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t r = 0; r < rows; ++r, x += columns) {
    auto s0 = ops::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    std::size_t i = 0;
    for (; i + 4 * lanes <= columns; i += 4 * lanes) {
      s0 = ops::Add(s0, ops::LoadU(d, x + i));
      s1 = ops::Add(s1, ops::LoadU(d, x + i + lanes));
      s2 = ops::Add(s2, ops::LoadU(d, x + i + 2 * lanes));
      s3 = ops::Add(s3, ops::LoadU(d, x + i + 3 * lanes));
    }
    for (; i < columns; i += lanes) s0 = ops::Add(s0, LoadPart(d, x + i, 0, std::min(lanes, columns - i)));
    means[r] = AddUpLanes(d, ops::Add(ops::Add(s0, s1), ops::Add(s2, s3))) / static_cast<T>(columns);
  }
}

template <class T>
inline constexpr pooling_kernels<T> kPoolingKernels{
    {target_name(), LanesOf<T>, 1}, RunPooling<MaximumOf, T>, RunPooling<SumOf, T>, MeansOfRows<T>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_POOLING_INL_H_
