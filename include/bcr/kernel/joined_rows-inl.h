// Depthwise convolution of 3 x 3 on rows that lie one behind the other (see kernel/joined_rows.hpp).
//
//        left    += w[ky][0] * x[tap(ky) + i ..]
//        middle  += w[ky][1] * x[tap(ky) + i + 1 ..]       for ky of 0, 1, 2
//        right   += w[ky][2] * x[tap(ky) + i + 2 ..]
//        y[i ..]  = middle + left without the first column + right without the last
//
// A vector of the output takes nine loads, which straddle two lines of the cache, nine multiply-adds and two masked
// sums, wherever rows end: a plane of 7 x 7 is four vectors, of which a kernel that goes by rows needs seven.
//
// Measured on Zen 5, as shares of that kernel's time: 0.47 at 7 x 7, 0.67 at 14 x 14, 0.92 at 28 x 28. From 56 x 56 up
// this is the slower one.
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
template <class T, class Epilogue>
[[gnu::noinline]] void RunJoinedPlane(const JoinedPlane<T, Epilogue>& t) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), width = t.rows.width, count = t.rows.count, turn = lanes % width;
  const T* const w = t.weights;
  const auto w00 = ops::Set(d, w[0]), w01 = ops::Set(d, w[1]), w02 = ops::Set(d, w[2]);
  const auto w10 = ops::Set(d, w[3]), w11 = ops::Set(d, w[4]), w12 = ops::Set(d, w[5]);
  const auto w20 = ops::Set(d, w[6]), w21 = ops::Set(d, w[7]), w22 = ops::Set(d, w[8]);
  const T *const x0 = t.x + t.rows.tap(0), *const x1 = t.x + t.rows.tap(1), *const x2 = t.x + t.rows.tap(2);
  std::size_t column = 0;
  for (std::size_t i = 0; i < count; i += lanes) {
    auto left = ops::Mul(w00, ops::LoadU(d, x0 + i));
    auto middle = ops::Mul(w01, ops::LoadU(d, x0 + i + 1));
    auto right = ops::Mul(w02, ops::LoadU(d, x0 + i + 2));
    left = ops::MulAdd(w10, ops::LoadU(d, x1 + i), left);
    middle = ops::MulAdd(w11, ops::LoadU(d, x1 + i + 1), middle);
    right = ops::MulAdd(w12, ops::LoadU(d, x1 + i + 2), right);
    left = ops::MulAdd(w20, ops::LoadU(d, x2 + i), left);
    middle = ops::MulAdd(w21, ops::LoadU(d, x2 + i + 1), middle);
    right = ops::MulAdd(w22, ops::LoadU(d, x2 + i + 2), right);
    left = ops::And(left, ops::LoadU(d, t.masks + column));
    right = ops::And(right, ops::LoadU(d, t.masks + column + 1));
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
  T* const copies = task.scratch + rows.mask_elements;
  MakeColumnMasks(d, rows.width, rows.mask_elements, task.scratch);
  FillElements(d, T(0), copies, rows.planes * rows.plane_elements);
  for (std::size_t begin = task.plane_begin; begin < task.plane_end; begin += rows.planes) {
    const std::size_t end = std::min(begin + rows.planes, task.plane_end);
    for (std::size_t plane = begin; plane < end; ++plane) {
      const T* const from = task.input + plane * rows.count;
      CopyEvery(d, from, from + rows.count, 1, copies + (plane - begin) * rows.plane_elements + rows.before,
                rows.count);
    }
    for (std::size_t plane = begin; plane < end; ++plane) {
      const std::size_t channel = plane % task.channels;
      const Epilogue here = epilogue::part(epilogue, 0, plane - channel, 0);
      RunJoinedPlane(JoinedPlane<T, Epilogue>{rows, task.weights + channel * task.weight_stride,
                                              copies + (plane - begin) * rows.plane_elements, task.scratch,
                                              task.output + plane * rows.count, channel, here});
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_JOINED_ROWS_INL_H_
