// The SIMD vocabulary that every kernel is written in: Highway's free functions, tag first, always spelled `ops::X`.
// Three back ends speak it: Highway (the default, where ops is hwy::HWY_NAMESPACE itself), xsimd (BCR_SIMD_XSIMD) and
// plain C++ with one lane (BCR_SIMD_SCALAR). simd/README.md lists the words that all three know.
//
// What a kernel header gets from here, besides ops:
//   BCR_TARGET_NS          the namespace of the target: nothing that depends on an instruction set stands outside
//                          bcr::BCR_TARGET_NS, or two files with different flags would share one symbol
//   BCR_BEGIN_TARGET; ...  and BCR_END_TARGET; enclose the namespaces, at file scope
//   BCR_INLINE             a function that must be inlined: the target's attributes do not survive a call
//   BCR_LAMBDA_ATTR        stands after a lambda's parameter list, for the same reason
//   BCR_IS_SVE             1 for Arm's SVE and SVE2
//   BCR_HAS_BLOCKS         1 where a vector is a compile-time number of 128-bit blocks, which LoadBlocks loads apart
//   BCR_MULTIPLIES_BY_LANE 1 where a multiply-add takes one lane of a vector for all: Broadcast costs nothing there
//   BCR_WIDENS_F16         1 where LoadF16 exists: an instruction turns f16 into f32 (see narrow-inl.h)
//   target_name()          "avx3", "neon", "xsimd_fma3_avx2", "scalar": one word for kernel_name() and benchmarks
//   kVectorRegisters       how many vectors the register file holds
//   kHasDouble             whether there are vectors of double
//   LoadLanes, StoreLanes  part of a vector, with nothing outside of it touched
//
// No vector may be held in a class, an array, a tuple or a static, nor captured by value: SVE's vectors have no size.
#if defined(BCR_SIMD_OPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_OPS_INL_H_
#undef BCR_SIMD_OPS_INL_H_
#else
#define BCR_SIMD_OPS_INL_H_
#endif

#if defined(BCR_SIMD_XSIMD) && defined(BCR_SIMD_SCALAR)
#error "bcr: define at most one of BCR_SIMD_XSIMD and BCR_SIMD_SCALAR."
#endif

#if defined(BCR_SIMD_XSIMD)
#include "bcr/simd/xsimd-inl.h"
#elif defined(BCR_SIMD_SCALAR)
#include "bcr/simd/scalar-inl.h"
#else
#include "bcr/simd/highway-inl.h"
#endif

#endif  // BCR_SIMD_OPS_INL_H_
