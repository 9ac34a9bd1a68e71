// Depthwise convolution of 3 x 3 that halves an image with rows of an even length, from where it is, without a copy.
//
//        row 2y      x x x x x x x x      even columns: middle, odd columns: right,     sum of row y   += w[1] * these
//        row 2y + 1  x x x x x x x x      odd columns, one to the left: left            sum of row y   += w[2] * these
//                                                                                       sum of y + 1    = w[0] * these
//
// Down the image a vector of columns at a time, each row is loaded once: four loads and three permutations for nine
// multiply-adds on two rows. Only the first column has a neighbour outside of its row.
//
// Measured on Zen 5, as shares of the time of copying first: 0.67 from 112 to 56, 0.47 from 56 to 28, 0.24 from 28 to
// 14 and from 14 to 7.
#if defined(BCR_KERNEL_DEPTHWISE_HALVES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_DEPTHWISE_HALVES_INL_H_
#undef BCR_KERNEL_DEPTHWISE_HALVES_INL_H_
#else
#define BCR_KERNEL_DEPTHWISE_HALVES_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class T>
bool HalvesImage(const plane_task<T>& task) noexcept {
  const window2d& w = task.window;
  return w.kernel == extent2d{3, 3} && w.stride == extent2d{2, 2} && w.dilation == extent2d{1, 1} &&
         w.padding == pad_all(1) && task.image.width % 2 == 0;
}

// Vectors of `count` elements of a row: of even columns, of odd ones, and of the odd ones before them, if there are any
// `before`. Where `all` may be read, more than those are.
template <class D, class V, class T = ops::TFromD<D>>
BCR_INLINE void LoadHalves(D d, const T* row, std::size_t before, std::size_t count, bool all, V& left, V& middle,
                           V& right) {
  const std::size_t lanes = ops::Lanes(d), first = std::min(count, lanes);
  // Of the first column this is outside, which is why it is no pointer until lanes are named.
  const T* const one_less = reinterpret_cast<const T*>(reinterpret_cast<std::uintptr_t>(row) - sizeof(T));
  auto low = ops::Zero(d), high = low, low_before = low, high_before = low;
  if (all) {
    low = ops::LoadU(d, row);
    high = ops::LoadU(d, row + lanes);
    high_before = ops::LoadU(d, row + lanes - 1);
  } else {
    low = LoadLanes(d, row, 0, first);
    if (count > lanes) {
      high = LoadLanes(d, row + lanes, 0, count - lanes);
      high_before = LoadLanes(d, row + lanes - 1, 0, count - lanes);
    }
  }
  low_before = all && before != 0 ? ops::LoadU(d, one_less) : LoadLanes(d, one_less, before == 0 ? 1 : 0, first);
  left = EvenLanes(d, high_before, low_before);
  middle = EvenLanes(d, high, low);
  right = OddLanes(d, high, low);
}

// The columns of a plane's output from `x` on, `Whole` vectors whose neighbours are columns of the image as well. Up to
// `end` the input may be read.
template <bool Whole, class T, class Epilogue>
[[gnu::noinline]] void HalveColumns(const plane_task<T>& task, const T* plane, const T* end, const T* w, std::size_t x,
                                    std::size_t channel, T* to, const Epilogue& each) noexcept {
  const ops::ScalableTag<T> d;
  // Copies, as compilers take it that the output may be what they were read from.
  const Epilogue epilogue = each;
  T* const output = to;
  const std::size_t lanes = ops::Lanes(d), height = task.image.height, width = task.image.width;
  const std::size_t rows = task.positions.height, pitch = task.positions.width;
  const std::size_t columns = Whole ? lanes : std::min(lanes, pitch - x);
  const std::size_t count = Whole ? 2 * lanes : std::min(2 * lanes, width - 2 * x), before = Whole ? 1 : x;
  const auto w00 = ops::Set(d, w[0]), w01 = ops::Set(d, w[1]), w02 = ops::Set(d, w[2]);
  const auto w10 = ops::Set(d, w[3]), w11 = ops::Set(d, w[4]), w12 = ops::Set(d, w[5]);
  const auto w20 = ops::Set(d, w[6]), w21 = ops::Set(d, w[7]), w22 = ops::Set(d, w[8]);
  auto above = ops::Zero(d), left = above, middle = above, right = above;
  for (std::size_t y = 0; y < rows; ++y) {
    const T* const row = plane + 2 * (y * width + x);
    const std::size_t readable = static_cast<std::size_t>(end - row);
    LoadHalves(d, row, before, count, Whole || readable >= 2 * lanes, left, middle, right);
    auto sum = ops::MulAdd(w10, left, above), more = ops::Mul(w11, middle);
    sum = ops::MulAdd(w12, right, sum);
    if (2 * y + 1 < height) {
      LoadHalves(d, row + width, before, count, Whole || readable >= width + 2 * lanes, left, middle, right);
      sum = ops::MulAdd(w20, left, sum);
      more = ops::MulAdd(w21, middle, more);
      sum = ops::MulAdd(w22, right, sum);
      above = ops::MulAdd(w02, right, ops::MulAdd(w01, middle, ops::Mul(w00, left)));
    }
    const std::size_t pixel = y * pitch + x;
    StorePixels(d, epilogue, ops::Add(sum, more), output + pixel, channel, pixel, columns);
  }
}

template <class T, class Epilogue>
void RunHalving(const plane_task<T>& task, const Epilogue& epilogue) noexcept {
  const std::size_t lanes = ops::Lanes(ops::ScalableTag<T>()), pixels = task.image.height * task.image.width;
  const T* const end = task.input + task.plane_end * pixels;
  for (std::size_t plane = task.plane_begin; plane < task.plane_end; ++plane) {
    const std::size_t channel = plane % task.channels;
    const Epilogue here = epilogue::part(epilogue, 0, plane - channel, 0);
    T* const output = task.output + plane * task.output_step;
    for (std::size_t x = 0; x < task.positions.width; x += lanes) {
      const T* const from = task.input + plane * pixels;
      const T* const weights = task.weights + channel * task.weight_stride;
      if (x != 0 && x + lanes <= task.positions.width) {
        HalveColumns<true>(task, from, end, weights, x, channel, output, here);
      } else {
        HalveColumns<false>(task, from, end, weights, x, channel, output, here);
      }
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_DEPTHWISE_HALVES_INL_H_
