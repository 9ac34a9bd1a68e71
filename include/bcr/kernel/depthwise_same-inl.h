// Depthwise convolution of 3 x 3 whose output is as large as its input, from where the image is, without a copy.
//
//        row y - 1   x x x x x x      loaded at columns x - 1, x, x + 1      sum of row y    = w[0] * these
//        row y       x x x x x x                                             sum of row y   += w[1] * these
//        row y + 1   x x x x x x                                             sum of row y   += w[2] * these
//
// Down the image a vector of columns at a time, each row is loaded once for the three rows of the output that it is
// part of: three loads, most of which straddle two lines of the cache, for nine multiply-adds, which are the limit.
// Only the first and the last column have neighbours outside of their row, which are lanes left out of a load.
//
// Measured on Zen 4, which multiplies and adds one vector a cycle: 0.65 to 0.74 of its peak from 14 x 14 to 112 x 112,
// and 0.29 at 7 x 7, where 7 of 16 lanes count. As shares of the time of copying first: 0.46 to 0.50 at 14 x 14 and 28
// x 28, 0.55 to 0.62 above, 0.68 at 7 x 7.
#if defined(BCR_KERNEL_DEPTHWISE_SAME_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_DEPTHWISE_SAME_INL_H_
#undef BCR_KERNEL_DEPTHWISE_SAME_INL_H_
#else
#define BCR_KERNEL_DEPTHWISE_SAME_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class T>
bool KeepsImage(const plane_task<T>& task) noexcept {
  return task.window == window2d{.kernel = {3, 3}, .padding = pad_all(1)} && task.image.width >= 2;
}

// A plane, and what is done with it. All of [begin, end) may be read.
template <class T, class Epilogue>
struct SamePlane {
  const T *begin, *end;
  const T* plane;
  const T* weights;
  T* output;
  std::size_t height, width;
  std::size_t channel;
  const Epilogue& epilogue;
};

// Lanes [first, last) from `to_right` elements behind p - 1; the others are zero. Nothing outside of [begin, end) is
// read, which the first and the last element of a row may have as neighbours.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> LoadBeside(D d, const T* p, std::size_t to_right, std::size_t first, std::size_t last,
                                  [[maybe_unused]] const T* begin, [[maybe_unused]] const T* end) {
  // Of a plane's first element this is outside, which is why it is no pointer until lanes are named.
  const std::uintptr_t at = reinterpret_cast<std::uintptr_t>(p) + to_right * sizeof(T) - sizeof(T);
  const T* const from = reinterpret_cast<const T*>(at);
  if constexpr (!kMasksMemory) {
    if (at >= reinterpret_cast<std::uintptr_t>(begin) &&
        at + ops::Lanes(d) * sizeof(T) <= reinterpret_cast<std::uintptr_t>(end)) {
      const auto there = ops::IfThenElse(ops::FirstN(d, last), ops::LoadU(d, from), ops::Zero(d));
      return first == 0 ? there : ops::IfThenElse(ops::FirstN(d, first), ops::Zero(d), there);
    }
  }
  return LoadLanes(d, from, first, last);
}

// Columns [x, x + columns); `Whole` vectors whose neighbours are columns of the image as well.
template <bool Whole, class T, class Epilogue>
[[gnu::noinline]] void SlideDown(const SamePlane<T, Epilogue>& t, std::size_t x, std::size_t count) noexcept {
  const ops::ScalableTag<T> d;
  const T* const w = t.weights;
  const auto w00 = ops::Set(d, w[0]), w01 = ops::Set(d, w[1]), w02 = ops::Set(d, w[2]);
  const auto w10 = ops::Set(d, w[3]), w11 = ops::Set(d, w[4]), w12 = ops::Set(d, w[5]);
  const auto w20 = ops::Set(d, w[6]), w21 = ops::Set(d, w[7]), w22 = ops::Set(d, w[8]);
  // Compilers see to it that masks are made before the loop if they know this of them.
  const std::size_t lanes = ops::Lanes(d), columns = Whole ? lanes : std::min(lanes, count);
  const std::size_t width = t.width, height = t.height;
  const std::size_t first = x == 0 ? 1 : 0, behind = std::min(columns, width - x - 1), channel = t.channel;
  const T *const begin = t.begin, *const end = t.end, *row = t.plane + x;
  const Epilogue epilogue = t.epilogue;
  T* const output = t.output;
  auto done = ops::Zero(d), begun = done;  // the sums of the row above, and of this one
  std::size_t pixel = x;
  for (std::size_t more = height;; row += width, pixel += width) {
    auto left = ops::Zero(d), middle = left, right = left;
    if constexpr (Whole) {
      left = LoadOnce(d, row - 1), middle = LoadOnce(d, row), right = LoadOnce(d, row + 1);
    } else {
      left = LoadBeside(d, row, 0, first, columns, begin, end);
      middle = LoadBeside(d, row, 1, 0, columns, begin, end);
      right = LoadBeside(d, row, 2, 0, behind, begin, end);
    }
    if (more != height) {
      done = ops::MulAdd(w22, right, ops::MulAdd(w21, middle, ops::MulAdd(w20, left, done)));
      StorePixels(d, epilogue, done, output + pixel - width, channel, pixel - width, columns);
    }
    done = ops::MulAdd(w12, right, ops::MulAdd(w11, middle, ops::MulAdd(w10, left, begun)));
    if (--more == 0) break;
    begun = ops::MulAdd(w02, right, ops::MulAdd(w01, middle, ops::Mul(w00, left)));
  }
  StorePixels(d, epilogue, done, output + pixel, channel, pixel, columns);
}

template <class T, class Epilogue>
void RunSame(const plane_task<T>& task, const Epilogue& epilogue) noexcept {
  const std::size_t lanes = ops::Lanes(ops::ScalableTag<T>()), pixels = task.image.height * task.image.width;
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    const std::size_t channel = plane % task.channels;
    const Epilogue here = epilogue::part(epilogue, 0, plane - channel, 0);
    const SamePlane<T, Epilogue> t{task.input,
                                   task.input + task.plane_end * pixels,
                                   task.input + plane * pixels,
                                   task.weights + channel * task.weight_stride,
                                   task.output + plane * task.output_step,
                                   task.image.height,
                                   task.image.width,
                                   channel,
                                   here};
    for (std::size_t x = 0; x < task.image.width; x += lanes) {
      if (x != 0 && x + lanes < task.image.width) {
        SlideDown<true>(t, x, lanes);
      } else {
        SlideDown<false>(t, x, std::min(lanes, task.image.width - x));
      }
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_DEPTHWISE_SAME_INL_H_
