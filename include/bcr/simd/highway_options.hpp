// What Highway has to be told before any of its headers is seen. ops-inl.h includes this by itself; a file that builds
// its own kernels for several targets includes it before hwy/foreach_target.h.
#pragma once

// Highway 1.0.x counts AVX3_DL among the targets only on request, yet chooses it as the static one when the compiler's
// flags allow it (-march=native on Ice Lake and later), and then stops at "Logic error: best baseline should be
// included in dynamic targets". Asking for it exactly when the flags reach it makes a plain #include work.
#if !defined(HWY_WANT_AVX3_DL) && defined(__AVX512VBMI2__) && defined(__AVX512BITALG__) && \
    defined(__AVX512VPOPCNTDQ__) && defined(__VAES__) && defined(__VPCLMULQDQ__)
#define HWY_WANT_AVX3_DL
#endif

// Whether a dispatch library has a target for processors that multiply bf16 (AVX512-BF16), beside those of Highway: not
// if these instructions are among the compiler's flags, as then the static target uses them.
#if defined(BCR_KERNELS_NS) && (defined(__x86_64__) || defined(__i386__)) && !defined(__AVX512BF16__)
#define BCR_ADDS_BF16_TARGET 1
#else
#define BCR_ADDS_BF16_TARGET 0
#endif

// A dispatch library: the targets that simd/cpu.hpp can tell apart, and no more. Two of them came later: 1 << 14 is
// HWY_SSE2, 1 << 29 HWY_NEON_WITHOUT_AES. SVE of a length that the flags fix is built as these flags say. The file
// with the kernels for bf16 (BCR_KERNELS_BF16) has AVX3 alone, whatever the flags, and asks for the instructions
// itself.
#ifdef BCR_KERNELS_NS
#define HWY_DISABLE_PCLMUL_AES  // nothing here needs them, and virtual machines often hide them
#ifdef BCR_KERNELS_BF16
#undef HWY_BASELINE_TARGETS
#undef HWY_DISABLED_TARGETS
#define HWY_BASELINE_TARGETS HWY_AVX3
#define HWY_COMPILE_ONLY_STATIC
#elif (!defined(__x86_64__) && !defined(__i386__) && !defined(__aarch64__)) || defined(__ARM_FEATURE_SVE_BITS)
#define HWY_COMPILE_ONLY_STATIC
#elif defined(HWY_DISABLED_TARGETS)
#elif defined(__aarch64__)
#define HWY_DISABLED_TARGETS (~(HWY_SCALAR | HWY_EMU128 | (1LL << 29) | HWY_NEON | HWY_SVE | HWY_SVE2))
#else
#define HWY_DISABLED_TARGETS (~(HWY_SCALAR | HWY_EMU128 | (1LL << 14) | HWY_SSE4 | HWY_AVX2 | HWY_AVX3 | HWY_AVX3_DL))
#endif
#endif
