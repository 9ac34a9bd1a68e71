// The Highway back end of ops-inl.h: ops is Highway's own namespace of the target. What is added here are the partial
// loads and stores, and a refusal to be slow without saying so.
#if defined(BCR_SIMD_HIGHWAY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_HIGHWAY_INL_H_
#undef BCR_SIMD_HIGHWAY_INL_H_
#else
#define BCR_SIMD_HIGHWAY_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bcr/simd/highway_options.hpp"
//
#include <hwy/highway.h>

#include "bcr/simd/target_name.hpp"

// In a foreach_target build Highway compiles the better targets too, whatever the flags.
#if !defined(BCR_ALLOW_SLOW_TARGET) && !defined(HIGHWAY_HWY_FOREACH_TARGET_H_)
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512DQ__) && defined(__AVX512VL__) && \
    HWY_STATIC_TARGET > HWY_AVX3
#error \
    "bcr: the compiler may use AVX-512, but Highway's AVX3 target also wants AES, PCLMUL, BMI2, FMA and F16C: add -maes -mpclmul -mbmi2 -mfma -mf16c, or define BCR_ALLOW_SLOW_TARGET."
#elif defined(__AVX2__) && HWY_STATIC_TARGET > HWY_AVX2
#error \
    "bcr: the compiler may use AVX2, but Highway's AVX2 target also wants AES, PCLMUL, BMI2, FMA and F16C: add -maes -mpclmul -mbmi2 -mfma -mf16c, or define BCR_ALLOW_SLOW_TARGET."
#elif defined(__SSE4_2__) && HWY_STATIC_TARGET > HWY_SSE4
#error \
    "bcr: the compiler may use SSE4.2, but Highway's SSE4 target also wants AES and PCLMUL: add -maes -mpclmul, or define BCR_ALLOW_SLOW_TARGET."
#elif HWY_STATIC_TARGET == HWY_SCALAR || HWY_STATIC_TARGET == HWY_EMU128
#error \
    "bcr: without flags for a SIMD instruction set Highway computes one lane at a time: add -march=native, or -march=x86-64-v3 -maes -mpclmul, or define BCR_ALLOW_SLOW_TARGET or BCR_SIMD_SCALAR."
#endif
#endif

#ifdef BCR_KERNELS_NS
#define BCR_TARGET_NS BCR_KERNELS_NS::HWY_NAMESPACE
#else
#define BCR_TARGET_NS HWY_NAMESPACE
#endif
#ifdef BCR_KERNELS_BF16  // AVX3 with one instruction more
#define BCR_TARGET_STR HWY_TARGET_STR ",avx512bf16"
#define BCR_BEGIN_TARGET HWY_PUSH_ATTRIBUTES(BCR_TARGET_STR) static_assert(true, "")
#define BCR_LAMBDA_ATTR __attribute__((target(BCR_TARGET_STR))) __attribute__((always_inline))
#else
#define BCR_BEGIN_TARGET HWY_BEFORE_NAMESPACE()
#define BCR_LAMBDA_ATTR HWY_ATTR __attribute__((always_inline))
#endif
#define BCR_END_TARGET HWY_AFTER_NAMESPACE()
#define BCR_INLINE HWY_INLINE
#define BCR_IS_SVE (HWY_HAVE_SCALABLE && HWY_ARCH_ARM)
#define BCR_HAS_BLOCKS (!HWY_HAVE_SCALABLE && HWY_TARGET != HWY_SCALAR)
#ifdef HWY_TARGET_IS_NEON
#define BCR_MULTIPLIES_BY_LANE (HWY_ARCH_ARM_A64 && HWY_TARGET_IS_NEON)
#else
#define BCR_MULTIPLIES_BY_LANE (HWY_ARCH_ARM_A64 && HWY_TARGET == HWY_NEON)
#endif
// Without an instruction for it, Highway 1.0.3 knows neither infinity nor NaN in f16.
#ifdef HWY_DISABLE_F16C
#define BCR_WIDENS_F16 HWY_ARCH_ARM_A64
#else
#define BCR_WIDENS_F16 (HWY_ARCH_ARM_A64 || (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX2))
#endif

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

namespace ops = hwy::HWY_NAMESPACE;

inline constexpr detail::target_name kTargetName{BCR_STRINGIZE(HWY_NAMESPACE)};
constexpr const char* target_name() noexcept { return kTargetName.text; }

#if HWY_ARCH_PPC
inline constexpr int kVectorRegisters = 64;
#elif HWY_HAVE_SCALABLE || HWY_CAP_GE512 || HWY_ARCH_ARM_A64
inline constexpr int kVectorRegisters = 32;
#else
inline constexpr int kVectorRegisters = 16;
#endif

inline constexpr bool kHasDouble = HWY_HAVE_FLOAT64;  // Highway 1.0 has not, for WebAssembly and 32-bit Arm

// Targets whose masked loads and stores of 4 and 8 byte lanes leave the other lanes' memory alone.
#if HWY_HAVE_SCALABLE || HWY_CAP_GE512 || HWY_TARGET == HWY_AVX2
inline constexpr bool kMasksMemory = true;
#else
inline constexpr bool kMasksMemory = false;
#endif

template <class D>
BCR_INLINE ops::Mask<D> LaneRange(D d, std::size_t first, std::size_t last) {
  return ops::AndNot(ops::FirstN(d, first), ops::FirstN(d, last));
}

// Lanes [first, last) of a vector from p[first] .. p[last - 1]; the other lanes are zero. No other memory is read.
template <class D>
BCR_INLINE ops::Vec<D> LoadLanes(D d, const ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  if constexpr (kMasksMemory) {
    return ops::MaskedLoad(LaneRange(d, first, last), d, p);
  } else {
    ops::TFromD<D> lanes[HWY_LANES(ops::TFromD<D>)] = {};
    for (std::size_t l = first; l < last; ++l) lanes[l] = p[l];
    return ops::LoadU(d, lanes);
  }
}

#if HWY_TARGET == HWY_AVX2
// The first `count` lanes of a vector, in pieces: with AVX2's masked store in their place, depthwise layers of 14 x 14
// and 7 x 7 take 1.3 to 1.45 times as long on Zen 4.
BCR_INLINE void StoreFirst(ops::Vec256<float> v, float* p, std::size_t count) {
  __m128 rest = _mm256_castps256_ps128(v.raw);
  if (count >= 8) return _mm256_storeu_ps(p, v.raw);
  if ((count & 4) != 0) {
    _mm_storeu_ps(p, rest);
    rest = _mm256_extractf128_ps(v.raw, 1);
    p += 4;
  }
  if ((count & 2) != 0) {
    _mm_storel_pi(reinterpret_cast<__m64*>(p), rest);
    rest = _mm_movehl_ps(rest, rest);
    p += 2;
  }
  if ((count & 1) != 0) _mm_store_ss(p, rest);
}
BCR_INLINE void StoreFirst(ops::Vec256<double> v, double* p, std::size_t count) {
  if (count >= 4) return _mm256_storeu_pd(p, v.raw);
  if ((count & 2) == 0) return count == 0 ? void() : _mm_store_sd(p, _mm256_castpd256_pd128(v.raw));
  _mm_storeu_pd(p, _mm256_castpd256_pd128(v.raw));
  if ((count & 1) != 0) _mm_store_sd(p + 2, _mm256_extractf128_pd(v.raw, 1));
}
#endif

// Lanes [first, last) of `v` to p[first] .. p[last - 1]. No other memory is written.
template <class D>
BCR_INLINE void StoreLanes(ops::Vec<D> v, D d, ops::TFromD<D>* p, std::size_t first, std::size_t last) {
#if HWY_TARGET == HWY_AVX2
  if constexpr (std::is_floating_point_v<ops::TFromD<D>> && sizeof(v) == 32) {
    if (first == 0) return StoreFirst(v, p, last);
  }
#endif
  if constexpr (kMasksMemory) {
    ops::BlendedStore(v, LaneRange(d, first, last), d, p);
  } else {
    ops::TFromD<D> lanes[HWY_LANES(ops::TFromD<D>)];
    ops::StoreU(v, d, lanes);
    for (std::size_t l = first; l < last; ++l) p[l] = lanes[l];
  }
}

// Numbers of sixteen bits, one for each lane of `d`, in the lower half of it.
template <class D>
BCR_INLINE ops::Vec<ops::RebindToUnsigned<D>> LoadShorts(D, const std::uint16_t* p) {
  return ops::PromoteTo(ops::RebindToUnsigned<D>(), ops::LoadU(ops::Rebind<std::uint16_t, D>(), p));
}
// Whole numbers below 256 as bytes.
template <class D>
BCR_INLINE void StoreBytes(D, ops::Vec<D> v, std::uint8_t* p) {
  const ops::Rebind<std::uint8_t, D> bytes;
  ops::StoreU(ops::DemoteTo(bytes, v), bytes, p);
}
#if BCR_WIDENS_F16
// The values of f16 numbers.
template <class D>
BCR_INLINE ops::Vec<D> LoadF16(D d, const std::uint16_t* p) {
  const auto bits = ops::LoadU(ops::Rebind<std::uint16_t, D>(), p);
  return ops::PromoteTo(d, ops::BitCast(ops::Rebind<hwy::float16_t, D>(), bits));
}
// The value of one in all lanes.
template <class D>
BCR_INLINE ops::Vec<D> SetF16(D d, std::uint16_t number) {
  const auto bits = ops::Set(ops::Rebind<std::uint16_t, D>(), number);
  return ops::PromoteTo(d, ops::BitCast(ops::Rebind<hwy::float16_t, D>(), bits));
}
#endif

#if BCR_HAS_BLOCKS
// A vector of 128-bit blocks, block b from p[b * stride].
template <class D>
BCR_INLINE ops::Vec<D> LoadBlocks(D d, const ops::TFromD<D>* p, std::size_t stride) {
  constexpr std::size_t blocks = ops::MaxLanes(D()) * sizeof(ops::TFromD<D>) / 16;
  if constexpr (blocks == 1) {
    return ops::LoadU(d, p);
  } else {
    const ops::Half<D> half;
    return ops::Combine(d, LoadBlocks(half, p + blocks / 2 * stride, stride), LoadBlocks(half, p, stride));
  }
}
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_SIMD_HIGHWAY_INL_H_
