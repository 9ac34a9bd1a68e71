// Rows of numbers: an epilogue alone, as in the sum of two images and an activation, and the softmax.
//
// The first is bound by memory: two loads and a store a vector. A softmax goes over its row three times, which stays in
// the first cache level up to some thousand elements: the maximum, the exponentials (some twenty instructions, and the
// limit) with their sum, and a product with the sum's reciprocal.
#if defined(BCR_KERNEL_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_ROWS_INL_H_
#undef BCR_KERNEL_ROWS_INL_H_
#else
#define BCR_KERNEL_ROWS_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <limits>

#include "bcr/kernel/image_kernels.hpp"
#include "bcr/kernel/pixels-inl.h"
#include "bcr/kernel/pooling-inl.h"
#include "bcr/simd/math-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class T, class Epilogue>
void MapRows(const T* x, std::size_t ldx, T* y, std::size_t ldy, std::size_t first_row, std::size_t rows,
             std::size_t columns, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t r = first_row; r < first_row + rows; ++r) {
    for (std::size_t c = 0; c < columns; c += lanes) {
      const std::size_t count = std::min(lanes, columns - c);
      StorePixels(d, epilogue, LoadPart(d, x + r * ldx + c, 0, count), y + r * ldy + c, r, c, count);
    }
  }
}

// y = exp(x - max x) / sum, for any x and y that are the same or do not overlap.
template <class T>
void Softmax(const T* x, T* y, std::size_t count) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  const std::size_t whole = count / lanes * lanes;
  const auto lowest = ops::Set(d, -std::numeric_limits<T>::infinity());
  auto most = lowest;
  for (std::size_t i = 0; i < whole; i += lanes) most = MaximumOf::Join(d, most, ops::LoadU(d, x + i));
  T lanes_of[ops::MaxLanes(decltype(d)())];
  ops::StoreU(most, d, lanes_of);
  T maximum = -std::numeric_limits<T>::infinity();
  for (std::size_t l = 0; l < lanes; ++l) maximum = lanes_of[l] > maximum ? lanes_of[l] : maximum;
  for (std::size_t i = whole; i < count; ++i) maximum = x[i] > maximum ? x[i] : maximum;

  const auto shift = ops::Set(d, maximum);
  auto sum = ops::Zero(d);
  for (std::size_t i = 0; i < whole; i += lanes) {
    const auto e = Exp(d, ops::Sub(ops::LoadU(d, x + i), shift));
    sum = ops::Add(sum, e);
    ops::StoreU(e, d, y + i);
  }
  T total = 0;
  if (whole != count) {
    StoreLanes(Exp(d, ops::Sub(LoadLanes(d, x + whole, 0, count - whole), shift)), d, y + whole, 0, count - whole);
    for (std::size_t i = whole; i < count; ++i) total += y[i];
  }
  total += AddUpLanes(d, sum);

  const auto scale = ops::Set(d, 1 / total);
  for (std::size_t i = 0; i < whole; i += lanes) ops::StoreU(ops::Mul(ops::LoadU(d, y + i), scale), d, y + i);
  for (std::size_t i = whole; i < count; ++i) y[i] /= total;
}

template <class T>
inline constexpr row_kernels<T> kRowKernels{Softmax<T>};
template <class T, class Epilogue>
inline constexpr map_kernels<T, Epilogue> kMapKernels{MapRows<T, Epilogue>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_ROWS_INL_H_
