// The kernels that most tests use are compiled once for a test program, in op/kernels_once.cpp: elsewhere they are
// declared, and each file of tests compiles in half the time.
#pragma once

#include "bcr/bcr.hpp"

#ifndef BCR_TEST_INSTANTIATE
#define BCR_TEST_INSTANTIATE extern template
#endif

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

#define BCR_TEST_KERNELS(T, W)                                                                                 \
  BCR_TEST_INSTANTIATE void RunBand<true, T, W>(std::span<const strip_run>, BandCursor<T, W>&) noexcept;       \
  BCR_TEST_INSTANTIATE void RunBand<false, T, W>(std::span<const strip_run>, BandCursor<T, W>&) noexcept;      \
  BCR_TEST_INSTANTIATE void RunGroup<1, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  BCR_TEST_INSTANTIATE void RunGroup<2, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  BCR_TEST_INSTANTIATE void RunGroup<3, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  BCR_TEST_INSTANTIATE void RunGroup<4, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  BCR_TEST_INSTANTIATE void RunGroup<5, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept; \
  BCR_TEST_INSTANTIATE void RunGroup<6, T, epilogue::none, W>(const PanelRun<T, epilogue::none, W>&) noexcept;
BCR_TEST_KERNELS(float, float)
BCR_TEST_KERNELS(float, bf16)
BCR_TEST_KERNELS(float, f16)
BCR_TEST_KERNELS(double, double)
#undef BCR_TEST_KERNELS

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;
