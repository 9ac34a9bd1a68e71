// How results leave the kernels of images: through the epilogue, to consecutive elements of the output.
#if defined(BCR_KERNEL_PIXELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PIXELS_INL_H_
#undef BCR_KERNEL_PIXELS_INL_H_
#else
#define BCR_KERNEL_PIXELS_INL_H_
#endif

#include <algorithm>
#include <cstddef>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A vector that several multiply-adds will use. g++ has its loads repeated as operands of each of them where it thinks
// that registers are short, which they are not; and loads are what limits these kernels.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> LoadOnce(D d, const T* p) {
  ops::Vec<D> v = ops::LoadU(d, p);
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
  if constexpr (sizeof(v) >= 16) {
    using raw [[gnu::vector_size(sizeof(v))]] = T;
    raw r = __builtin_bit_cast(raw, v);
    asm("" : "+v"(r));
    v = __builtin_bit_cast(ops::Vec<D>, r);
  }
#endif
  return v;
}

// `count` results that follow each other in row `row` of the output from `column` on, through the epilogue to `to`.
template <class D, class Epilogue, class T = ops::TFromD<D>>
BCR_INLINE void StorePixelsHere(D d, const Epilogue& e, ops::Vec<D> sum, T* to, std::size_t row, std::size_t column,
                                std::size_t count) {
  if (count == ops::Lanes(d)) {
    ops::StoreU(Apply<along_columns>(d, e, sum, row, column, 0, ops::Lanes(d)), d, to);
  } else {
    StoreLanes(Apply<along_columns>(d, e, sum, row, column, 0, count), d, to, 0, count);
  }
}
// A function of its own where the epilogue is long.
template <class Epilogue, class T, class V>
[[gnu::noinline]] void StorePixelsApart(const Epilogue& e, V sum, T* to, std::size_t row, std::size_t column,
                                        std::size_t count) noexcept {
  StorePixelsHere(ops::ScalableTag<T>(), e, sum, to, row, column, count);
}
template <class D, class Epilogue, class T = ops::TFromD<D>>
BCR_INLINE void StorePixels(D d, const Epilogue& e, ops::Vec<D> sum, T* to, std::size_t row, std::size_t column,
                            std::size_t count) {
  if constexpr (is_cheap_v<Epilogue>) {
    StorePixelsHere(d, e, sum, to, row, column, count);
  } else {
    StorePixelsApart<Epilogue, T, ops::Vec<D>>(e, sum, to, row, column, count);
  }
}
// The same for `count` sums in memory.
template <class D, class Epilogue, class T = ops::TFromD<D>>
BCR_INLINE void FinishPixels(D d, const Epilogue& e, const T* sums, T* to, std::size_t row, std::size_t column,
                             std::size_t count) {
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t at = 0; at < count; at += lanes) {
    StorePixels(d, e, ops::LoadU(d, sums + at), to + at, row, column + at, std::min(lanes, count - at));
  }
}

template <class D, class T = ops::TFromD<D>>
BCR_INLINE T AddUpLanes(D d, ops::Vec<D> v) {
  T lanes[ops::MaxLanes(D())], sum = 0;
  ops::StoreU(v, d, lanes);
  for (std::size_t l = 0; l < ops::Lanes(d); ++l) sum += lanes[l];
  return sum;
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PIXELS_INL_H_
