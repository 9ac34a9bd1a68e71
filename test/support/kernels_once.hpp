// The kernels that most tests use are compiled once for the programs of a build, in op/kernels_once.cpp, of narrow
// weights in op/narrow_kernels_once.cpp, and of convolutions in op/conv2d_kernels_once.cpp: elsewhere they are
// declared, and each file of tests compiles in half the time.
#pragma once

#include "bcr/bcr.hpp"

#ifndef BCR_TEST_INSTANTIATE
#define BCR_TEST_INSTANTIATE extern template
#endif
#ifndef BCR_TEST_INSTANTIATE_NARROW
#define BCR_TEST_INSTANTIATE_NARROW extern template
#endif
#ifndef BCR_TEST_INSTANTIATE_CONV2D
#define BCR_TEST_INSTANTIATE_CONV2D extern template
#endif

namespace bcr {
namespace BCR_TARGET_NS {

#define BCR_TEST_WINDOWS(INSTANTIATE, VECTORS, T)                           \
  INSTANTIATE void RunGroup<VECTORS, T, epilogue::postponed, T, RowsAt<T>>( \
      const PanelRun<T, epilogue::postponed, T>&) noexcept;
#define BCR_TEST_CONVOLUTION(INSTANTIATE, T) \
  BCR_TEST_WINDOWS(INSTANTIATE, 1, T)        \
  BCR_TEST_WINDOWS(INSTANTIATE, 2, T)        \
  BCR_TEST_WINDOWS(INSTANTIATE, 3, T)        \
  BCR_TEST_WINDOWS(INSTANTIATE, 4, T)        \
  BCR_TEST_WINDOWS(INSTANTIATE, 5, T)        \
  BCR_TEST_WINDOWS(INSTANTIATE, 6, T)
BCR_TEST_CONVOLUTION(BCR_TEST_INSTANTIATE_CONV2D, float)
BCR_TEST_CONVOLUTION(BCR_TEST_INSTANTIATE_CONV2D, double)
#undef BCR_TEST_CONVOLUTION
#undef BCR_TEST_WINDOWS

#define BCR_TEST_BANDS(INSTANTIATE, T, W)                                                       \
  INSTANTIATE void RunBand<true, T, W>(std::span<const strip_run>, BandCursor<T, W>&) noexcept; \
  INSTANTIATE void RunBand<false, T, W>(std::span<const strip_run>, BandCursor<T, W>&) noexcept;
#define BCR_TEST_KERNELS(INSTANTIATE, T, W)                                                           \
  BCR_TEST_BANDS(INSTANTIATE, T, W)                                                                   \
  INSTANTIATE void RunGroup<1, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  INSTANTIATE void RunGroup<2, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  INSTANTIATE void RunGroup<3, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  INSTANTIATE void RunGroup<4, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  INSTANTIATE void RunGroup<5, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  INSTANTIATE void RunGroup<6, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept;
BCR_TEST_KERNELS(BCR_TEST_INSTANTIATE, float, float)
BCR_TEST_KERNELS(BCR_TEST_INSTANTIATE, double, double)
BCR_TEST_KERNELS(BCR_TEST_INSTANTIATE_NARROW, float, bf16)
BCR_TEST_KERNELS(BCR_TEST_INSTANTIATE_NARROW, float, f16)
BCR_TEST_BANDS(BCR_TEST_INSTANTIATE_NARROW, float, std::int8_t)
#undef BCR_TEST_KERNELS
#undef BCR_TEST_BANDS

}  // namespace BCR_TARGET_NS
}  // namespace bcr
