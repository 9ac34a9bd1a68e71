// Maxima and means over windows, and over whole planes.
//
//        rows of a plane          one row, joined         its phases, edges filled      a vector of the output
//        x x x x x x              m m m m m m     ->      . m m .  m m m .        ->    max of one load for each
//        x x x x x x     ->                                                             column of the window
//        x x x x x x
//
// First the rows of a window are joined, for all columns at once, then the columns: of 3 x 3 with a stride of 2, three
// loads and two joins for each vector of the image that a row of the output sees, and three loads and two joins for
// each vector of the output. A join is an addition, or four instructions for a maximum that keeps not-a-number. Planes
// are read once from where they come from, and what follows happens in the first cache level. Windows of 2 x 2 side by
// side are joined in registers, from where the image is to the output: 0.16 to 0.85 of the time.
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
#include "bcr/kernel/panels-inl.h"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/stage-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

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
struct AverageOf {
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

// Joins rows [begin, end) of a plane, in steps of `step`, to one row. Writes up to a vector more. Asks for the `ahead`
// rows that follow the next window's, as several rows at a time are not what hardware foresees.
template <class Reduction, class D, class T = ops::TFromD<D>>
BCR_INLINE void JoinRows(D d, const T* plane, std::size_t width, std::size_t begin, std::size_t end, std::size_t step,
                         std::size_t ahead, T* joined) {
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t x = 0; x < width; x += lanes) {
    const std::uintptr_t next = reinterpret_cast<std::uintptr_t>(plane) + ((end + ahead) * width + x) * sizeof(T);
    for (std::size_t y = 0; y < ahead; ++y) PrefetchVector<0, 1>(d, next + y * width * sizeof(T));
    auto all = ops::Set(d, Reduction::template fill<T>);
    if (width - x >= lanes) {
      for (std::size_t y = begin; y < end; y += step)
        all = Reduction::Join(d, all, ops::LoadU(d, plane + y * width + x));
    } else {
      for (std::size_t y = begin; y < end; y += step) {
        all = Reduction::Join(d, all, LoadLanes(d, plane + y * width + x, 0, width - x));
      }
    }
    ops::StoreU(all, d, joined + x);
  }
}

// A row of the output, from the phases of a joined one.
template <class Reduction, class T>
BCR_INLINE void JoinColumns(const plane_task<T>& task, T rows, T* output) {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), width = task.positions.width, elements = task.window.kernel.width;
  for (std::size_t x = 0; x < width; x += lanes) {
    auto all = ops::LoadU(d, task.scratch + task.taps[0] + x);
    for (std::size_t k = 1; k < elements; ++k) {
      all = Reduction::Join(d, all, ops::LoadU(d, task.scratch + task.taps[k] + x));
    }
    const std::size_t count = std::min(lanes, width - x);
    if constexpr (std::is_same_v<Reduction, AverageOf>) all = Mean(d, all, rows, task.counts + x, count);
    if (count == lanes) {
      ops::StoreU(all, d, output + x);
    } else {
      StoreLanes(all, d, output + x, 0, count);
    }
  }
}

// Windows of 2 x 2 side by side, all of them in the image.
template <class T>
bool PoolsPairs(const plane_task<T>& task) noexcept {
  const window2d& w = task.window;
  return w.kernel == extent2d{2, 2} && w.stride == extent2d{2, 2} && w.dilation == extent2d{1, 1} &&
         w.padding == padding2d{} && 2 * task.positions.width <= task.image.width &&
         2 * task.positions.height <= task.image.height;
}

// `count` elements of a row and the one below it, joined; of more than those where `all` of a vector may be read.
template <class Reduction, class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> JoinTwoRows(D d, const T* row, std::size_t width, std::size_t count, bool all) {
  if (all) return Reduction::Join(d, ops::LoadU(d, row), ops::LoadU(d, row + width));
  return Reduction::Join(d, LoadLanes(d, row, 0, count), LoadLanes(d, row + width, 0, count));
}

// For these nothing is copied: a vector of the output takes two of each of two rows.
template <class Reduction, class T>
void RunPairs(const plane_task<T>& task) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), width = task.image.width, pixels = task.image.height * width;
  const T* const end = task.input + task.plane_end * pixels;
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    T* output = task.output + plane * task.output_step;
    for (std::size_t y = 0; y < task.positions.height; ++y, output += task.positions.width) {
      const T* const row = task.input + plane * pixels + 2 * y * width;
      for (std::size_t x = 0; x < task.positions.width; x += lanes) {
        const std::size_t count = std::min(lanes, task.positions.width - x), first = std::min(2 * count, lanes);
        const bool all = static_cast<std::size_t>(end - row) >= width + 2 * x + 2 * lanes;
        const auto low = JoinTwoRows<Reduction>(d, row + 2 * x, width, first, all);
        auto high = low;  // of which nothing is used unless there is more
        if (2 * count > lanes) high = JoinTwoRows<Reduction>(d, row + 2 * x + lanes, width, 2 * count - lanes, all);
        auto joined = Reduction::Join(d, EvenLanes(d, high, low), OddLanes(d, high, low));
        if constexpr (std::is_same_v<Reduction, AverageOf>) joined = ops::Div(joined, ops::Set(d, T(4)));
        if (count == lanes) {
          ops::StoreU(joined, d, output + x);
        } else {
          StoreLanes(joined, d, output + x, 0, count);
        }
      }
    }
  }
}

template <class Reduction, class T>
void RunPooling(const plane_task<T>& task) noexcept {
  if (PoolsPairs(task)) return RunPairs<Reduction>(task);
  const ops::ScalableTag<T> d;
  const window2d& w = task.window;
  const extent2d &image = task.image, &positions = task.positions;
  FillTaps(*task.layout, 0, task.taps);
  for (std::size_t x = 0; x < positions.width; ++x) {
    task.counts[x] = static_cast<T>(CountedElements(x, w.stride.width, w.kernel.width, w.padding.left, image.width,
                                                    w.padding.right, task.counts_padding));
  }
  bool padding = true;
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    const T* const input = task.input + plane * image.height * image.width;
    for (std::size_t y = 0; y < positions.height; ++y) {
      // The first and the last row of the window, counted from the padding's first, and those of them in the image.
      const std::size_t top = w.padding.top, first = y * w.stride.height, step = w.dilation.height;
      const std::size_t past = std::min(first + w.reach().height, top + image.height);
      const std::size_t begin = first >= top ? first : first + (top - first + step - 1) / step * step;
      JoinRows<Reduction>(d, input, image.width, begin < past ? begin - top : 0, begin < past ? past - top : 0, step,
                          w.stride.height, task.joined);
      StagePlane(*task.layout, static_cast<const T*>(task.joined), 0, 1, padding, Reduction::template fill<T>,
                 task.scratch);
      padding = false;
      const auto rows = static_cast<T>(CountedElements(y, w.stride.height, w.kernel.height, top, image.height,
                                                       w.padding.bottom, task.counts_padding));
      JoinColumns<Reduction>(task, rows, task.output + plane * task.output_step + y * positions.width);
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
    {target_name(), LanesOf<T>, 1}, RunPooling<MaximumOf, T>, RunPooling<AverageOf, T>, MeansOfRows<T>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_POOLING_INL_H_
