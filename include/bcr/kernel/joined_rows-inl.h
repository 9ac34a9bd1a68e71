// Depthwise convolution of 3 x 3 on rows that lie one behind the other (see kernel/joined_rows.hpp).
//
//        left    += w[ky][0] * x[tap(ky, 0) + i ..]
//        middle  += w[ky][1] * x[tap(ky, 1) + i ..]       for ky of 0, 1, 2
//        right   += w[ky][2] * x[tap(ky, 2) + i ..]
//        y[i ..]  = middle + left without the first column + right without the last
//
// A vector of the output takes nine loads, which straddle two lines of the cache, nine multiply-adds and two masked
// sums, wherever rows end: a plane of 7 x 7 is four vectors, of which the other kernel needs seven. With a stride of 2
// a neighbour on the right is in the same row, and only the left is masked.
//
// Measured on Zen 5, as shares of the other kernel's time: 0.47 at 7 x 7, 0.67 at 14 x 14, 0.92 at 28 x 28; with a
// stride of 2, 0.42 from 14 to 7, 0.55 from 28 to 14, 0.8 from 56 to 28. From 56 x 56 up it is the slower one.
#if defined(BCR_KERNEL_JOINED_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_JOINED_ROWS_INL_H_
#undef BCR_KERNEL_JOINED_ROWS_INL_H_
#else
#define BCR_KERNEL_JOINED_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/joined_rows.hpp"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/stage-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A mask for the elements from `i` on: none in the first column, all bits in the others. One further on it is the mask
// of the last column.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void MakeColumnMasks(D d, std::size_t width, std::size_t count, T* masks) {
  const auto all = ops::BitCast(d, ops::Set(ops::RebindToUnsigned<D>(), ~ops::TFromD<ops::RebindToUnsigned<D>>{0}));
  for (std::size_t i = 0; i < count; ++i) {
    StoreLanes(i % width == 0 ? ops::Zero(d) : all, d, masks + i, 0, 1);
  }
}

// `width` elements, an even number, to two copies of those in even and in odd columns. Writes up to a vector more.
// Reads whole vectors where there are `readable` elements.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void SplitRow(D d, const T* from, std::size_t width, std::size_t readable, T* even, T* odd) {
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t i = 0; i < width; i += 2 * lanes) {
    auto low = ops::Zero(d), high = low;
    if (readable - i >= 2 * lanes) {
      low = ops::LoadU(d, from + i);
      high = ops::LoadU(d, from + i + lanes);
    } else {
      const std::size_t left = width - i;
      low = LoadLanes(d, from + i, 0, std::min(left, lanes));
      if (left > lanes) high = LoadLanes(d, from + i + lanes, 0, std::min(left - lanes, lanes));
    }
    ops::StoreU(ops::ConcatEven(d, high, low), d, even + i / 2);
    ops::StoreU(ops::ConcatOdd(d, high, low), d, odd + i / 2);
  }
}

// Copies a plane, behind which `readable` elements of the input end. What is before a copy has been zero from the
// beginning.
template <class T>
BCR_INLINE void CopyJoined(const joined_rows& rows, const extent2d& image, const T* plane, std::size_t readable,
                           T* to) {
  const ops::ScalableTag<T> d;
  if (rows.stride == 1) {
    CopyEvery(d, plane, plane + rows.count, 1, to + rows.before, rows.count);
    return;
  }
  for (std::size_t y = 0; y < image.height; ++y) {
    T* const even = to + y % 2 * 2 * rows.copy_elements + rows.before + y / 2 * rows.width;
    SplitRow(d, plane + y * image.width, image.width, readable - y * image.width, even, even + rows.copy_elements);
  }
  if (image.height % 2 == 0) return;
  // The last row of the output has none below it, but what was written beyond the row before.
  T* const below = to + 2 * rows.copy_elements + rows.before + image.height / 2 * rows.width;
  FillElements(d, T(0), below, rows.width);
  FillElements(d, T(0), below + rows.copy_elements, rows.width);
}

template <class T, class Epilogue>
struct JoinedPlane {
  const joined_rows& rows;
  const T* weights;
  const T* x;
  const T* masks;
  T* output;
  std::size_t channel;
  const Epilogue& epilogue;
};

// The weights stay in registers, or are operands where there are few.
template <int Stride, class T, class Epilogue>
[[gnu::noinline]] void RunJoinedPlane(const JoinedPlane<T, Epilogue>& t) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), width = t.rows.width, count = t.rows.count, turn = lanes % width;
  const T* const w = t.weights;
  const auto w00 = ops::Set(d, w[0]), w01 = ops::Set(d, w[1]), w02 = ops::Set(d, w[2]);
  const auto w10 = ops::Set(d, w[3]), w11 = ops::Set(d, w[4]), w12 = ops::Set(d, w[5]);
  const auto w20 = ops::Set(d, w[6]), w21 = ops::Set(d, w[7]), w22 = ops::Set(d, w[8]);
  // Rows of the window, at its first column and at its second, where these have copies of their own.
  const T *const a0 = t.x + t.rows.tap(0, 0), *const a1 = t.x + t.rows.tap(1, 0), *const a2 = t.x + t.rows.tap(2, 0);
  const T *const b0 = Stride == 1 ? a0 + 1 : t.x + t.rows.tap(0, 1),
                 *const b1 = Stride == 1 ? a1 + 1 : t.x + t.rows.tap(1, 1),
                 *const b2 = Stride == 1 ? a2 + 1 : t.x + t.rows.tap(2, 1);
  constexpr std::size_t last = Stride == 1 ? 2 : 1;
  std::size_t column = 0;
  for (std::size_t i = 0; i < count; i += lanes) {
    auto left = ops::Mul(w00, ops::LoadU(d, a0 + i));
    auto middle = ops::Mul(w01, ops::LoadU(d, b0 + i));
    auto right = ops::Mul(w02, ops::LoadU(d, a0 + i + last));
    left = ops::MulAdd(w10, ops::LoadU(d, a1 + i), left);
    middle = ops::MulAdd(w11, ops::LoadU(d, b1 + i), middle);
    right = ops::MulAdd(w12, ops::LoadU(d, a1 + i + last), right);
    left = ops::MulAdd(w20, ops::LoadU(d, a2 + i), left);
    middle = ops::MulAdd(w21, ops::LoadU(d, b2 + i), middle);
    right = ops::MulAdd(w22, ops::LoadU(d, a2 + i + last), right);
    left = ops::And(left, ops::LoadU(d, t.masks + column));
    if (Stride == 1) right = ops::And(right, ops::LoadU(d, t.masks + column + 1));
    const auto sum = ops::Add(ops::Add(left, right), middle);
    StorePixels(d, t.epilogue, sum, t.output + i, t.channel, i, std::min(lanes, count - i));
    column += turn;
    if (column >= width) column -= width;
  }
}

template <class T, class Epilogue>
void RunDepthwiseJoined(const plane_task<T>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const joined_rows& rows = *task.rows;
  const std::size_t pixels = task.image.height * task.image.width;
  T* const copies = task.scratch + rows.mask_elements;
  MakeColumnMasks(d, rows.width, rows.mask_elements, task.scratch);
  FillElements(d, T(0), copies, rows.planes * rows.plane_elements());
  auto* const run = rows.stride == 1 ? RunJoinedPlane<1, T, Epilogue> : RunJoinedPlane<2, T, Epilogue>;
  for (std::size_t begin = task.plane_begin; begin < task.plane_end; begin += rows.planes) {
    const std::size_t end = std::min(begin + rows.planes, task.plane_end);
    for (std::size_t plane = begin; plane < end; ++plane) {
      CopyJoined(rows, task.image, task.input + plane * pixels, (task.plane_end - plane) * pixels,
                 copies + (plane - begin) * rows.plane_elements());
    }
    for (std::size_t plane = begin; plane < end; ++plane) {
      const std::size_t channel = plane % task.channels;
      const Epilogue here = epilogue::part(epilogue, 0, plane - channel, 0);
      run(JoinedPlane<T, Epilogue>{rows, task.weights + channel * task.weight_stride,
                                   copies + (plane - begin) * rows.plane_elements(), task.scratch,
                                   task.output + plane * rows.count, channel, here});
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_JOINED_ROWS_INL_H_
