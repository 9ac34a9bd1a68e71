// Dot products of four bytes in every lane of 32 bits: sum += w0 x0 + w1 x1 + w2 x2 + w3 x3, without a rounding and
// without an overflow on the way, so that every target gets the same number. What is multiplied is between -127 and
// 127.
//
//   AVX512-VNNI, AVX-VNNI  one instruction, which wants x without a sign: it comes with kDotOffset = 128 added, and
//                          whoever adds up takes 128 times the sum of the weights off again
//   SSSE3 to AVX-512       |x| (w with the sign of x) by pairs: 2 * 127 * 127 fits into the sixteen bits of the sum of
//   a
//                          pair, which (x + 128) w would not
//   NEON                   one instruction with the dot product extension, or products of sixteen bits, added in pairs
//   elsewhere              byte by byte in lanes of 32 bits
//
// Beside it what surrounds it: bytes by index, and whole numbers as bytes.
#if defined(BCR_SIMD_DOT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_DOT_INL_H_
#undef BCR_SIMD_DOT_INL_H_
#else
#define BCR_SIMD_DOT_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

// What the target has, by the width of its vectors; the dot products themselves by the compiler's flags, as neither
// Highway 1.0.3 nor xsimd 8.1 has them among what a target is.
#undef BCR_DOT_X86
#undef BCR_DOT_X86_512
#undef BCR_DOT_VNNI
#undef BCR_DOT_NEON
#ifdef BCR_SIMD_XSIMD
#define BCR_DOT_X86 (XSIMD_WITH_SSSE3 || XSIMD_WITH_SSE4_1)
#define BCR_DOT_X86_512 XSIMD_WITH_AVX512BW
#define BCR_DOT_NEON XSIMD_WITH_NEON64
#elif defined(BCR_SIMD_SCALAR)
#define BCR_DOT_X86 0
#define BCR_DOT_X86_512 0
#define BCR_DOT_NEON 0
#else
#define BCR_DOT_X86 (HWY_ARCH_X86 && HWY_TARGET <= HWY_SSSE3)
#define BCR_DOT_X86_512 (HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3)
#define BCR_DOT_NEON BCR_MULTIPLIES_BY_LANE
#endif
#if BCR_DOT_X86_512 && defined(__AVX512VNNI__) && defined(__AVX512VL__)
#define BCR_DOT_VNNI 2
#elif BCR_DOT_X86 && !BCR_DOT_X86_512 && defined(__AVXVNNI__)
#define BCR_DOT_VNNI 1
#else
#define BCR_DOT_VNNI 0
#endif
#if BCR_DOT_X86
#include <immintrin.h>
#endif
// Whether QuadIndices and LookUp64 are there, for vectors that permute-inl.h expands.
#undef BCR_LOOKS_UP_BYTES
#if BCR_DOT_X86_512 && BCR_PERMUTES_512 && defined(__AVX512VBMI__)
#define BCR_LOOKS_UP_BYTES 1
#else
#define BCR_LOOKS_UP_BYTES 0
#endif
#if BCR_DOT_NEON
#include <arm_neon.h>
#endif

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

inline constexpr int kDotOffset = BCR_DOT_VNNI ? 128 : 0;

// The weights of four columns in one row.
struct byte_quad {
  std::int8_t weight[4];
};

// As many quads as the vector has lanes, from an address that is a multiple of four.
template <class D>
BCR_INLINE ops::Vec<D> LoadWide(D d, const byte_quad* p) {
  if constexpr (ops::MaxLanes(D()) == 1) {
    std::int32_t quad;
    std::memcpy(&quad, p, sizeof quad);
    return ops::Set(d, quad);
  } else {
    return ops::LoadU(d, reinterpret_cast<const std::int32_t*>(p));
  }
}

#if BCR_DOT_X86
BCR_INLINE __m128i DotRaw(__m128i w, __m128i x, __m128i sum) {
#if BCR_DOT_VNNI == 2
  return _mm_dpbusd_epi32(sum, x, w);
#elif BCR_DOT_VNNI == 1
  return _mm_dpbusd_avx_epi32(sum, x, w);
#else
  const __m128i pairs = _mm_maddubs_epi16(_mm_abs_epi8(x), _mm_sign_epi8(w, x));
  return _mm_add_epi32(sum, _mm_madd_epi16(pairs, _mm_set1_epi16(1)));
#endif
}
#if defined(__AVX2__) || (defined(HWY_TARGET) && HWY_TARGET <= HWY_AVX2)
BCR_INLINE __m256i DotRaw(__m256i w, __m256i x, __m256i sum) {
#if BCR_DOT_VNNI == 2
  return _mm256_dpbusd_epi32(sum, x, w);
#elif BCR_DOT_VNNI == 1
  return _mm256_dpbusd_avx_epi32(sum, x, w);
#else
  const __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(x), _mm256_sign_epi8(w, x));
  return _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
#endif
}
#endif
#if BCR_DOT_X86_512
BCR_INLINE __m512i DotRaw(__m512i w, __m512i x, __m512i sum) {
#if BCR_DOT_VNNI == 2
  return _mm512_dpbusd_epi32(sum, x, w);
#else
  const __m512i like_x = _mm512_mask_sub_epi8(w, _mm512_movepi8_mask(x), _mm512_setzero_si512(), w);
  const __m512i pairs = _mm512_maddubs_epi16(_mm512_abs_epi8(x), like_x);
  return _mm512_add_epi32(sum, _mm512_madd_epi16(pairs, _mm512_set1_epi16(1)));
#endif
}
#endif
#endif

#if BCR_DOT_NEON
BCR_INLINE int32x4_t DotRaw(int32x4_t w, int32x4_t x, int32x4_t sum) {
  const int8x16_t a = vreinterpretq_s8_s32(w), b = vreinterpretq_s8_s32(x);
#ifdef __ARM_FEATURE_DOTPROD
  return vdotq_s32(sum, a, b);
#else
  const int16x8_t low = vmull_s8(vget_low_s8(a), vget_low_s8(b)), high = vmull_high_s8(a, b);
  return vaddq_s32(sum, vpaddq_s32(vpaddlq_s16(low), vpaddlq_s16(high)));
#endif
}
#endif

#if BCR_DOT_X86 || BCR_DOT_NEON
template <class V>
BCR_INLINE auto RawOf(const V& v) {
  if constexpr (requires { v.raw; }) {
    return v.raw;
  } else {
    return v.data;
  }
}
// Whether this is a vector that DotRaw knows.
template <class V>
concept raw_dot = requires(V v) { DotRaw(RawOf(v), RawOf(v), RawOf(v)); };
#endif

// The byte number `Byte` of every lane, with its sign.
template <int Byte, class D>
BCR_INLINE ops::Vec<D> SignedByte(D, const ops::Vec<D>& v) {
  return ops::ShiftRight<24>(ops::ShiftLeft<24 - 8 * Byte>(v));
}

// sum + w x: of numbers, or, in lanes of whole numbers, of four bytes each.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V AddProduct(D d, const V& w, const V& x, const V& sum) {
  if constexpr (!std::is_same_v<ops::TFromD<D>, std::int32_t>) {
    return ops::MulAdd(w, x, sum);
  } else {
#if BCR_DOT_X86 || BCR_DOT_NEON
    if constexpr (raw_dot<V>) return __builtin_bit_cast(V, DotRaw(RawOf(w), RawOf(x), RawOf(sum)));
#endif
    const V first = ops::Add(ops::Mul(SignedByte<0>(d, w), SignedByte<0>(d, x)), sum);
    const V second = ops::Add(ops::Mul(SignedByte<1>(d, w), SignedByte<1>(d, x)), first);
    const V third = ops::Add(ops::Mul(SignedByte<2>(d, w), SignedByte<2>(d, x)), second);
    return ops::Add(ops::Mul(SignedByte<3>(d, w), SignedByte<3>(d, x)), third);
  }
}

#if BCR_LOOKS_UP_BYTES
// Indices of lanes of four bytes each into 64 bytes, of at most so many groups of 2^group_bits lanes: four bytes a
// group, of which 16 may be read, or 64 of more than four groups.
template <int Groups>
class QuadIndices {
 public:
  BCR_INLINE explicit QuadIndices(unsigned group_bits)
      : groups_(_mm512_srl_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                 _mm_cvtsi32_si128(static_cast<int>(group_bits)))) {}
  BCR_INLINE __m512i of(const std::uint8_t* bytes) const {
    if constexpr (Groups == 1) {
      std::int32_t quad;
      std::memcpy(&quad, bytes, sizeof quad);
      return _mm512_set1_epi32(quad);
    } else if constexpr (Groups <= 4) {
      const __m128i quads = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
      return _mm512_permutexvar_epi32(groups_, _mm512_castsi128_si512(quads));
    } else {
      return _mm512_permutexvar_epi32(groups_, _mm512_loadu_si512(bytes));
    }
  }

 private:
  __m512i groups_;
};

// 64 bytes, and those of them that the lower six bits of every byte of `at` count.
template <class D>
BCR_INLINE ops::Vec<D> LoadBytes(D, const std::uint8_t* bytes) {
  return ops::Vec<D>{_mm512_loadu_si512(bytes)};
}
template <class D>
BCR_INLINE ops::Vec<D> LookUp64(D, const ops::Vec<D>& bytes, __m512i at) {
  return ops::Vec<D>{_mm512_permutexvar_epi8(at, bytes.raw)};
}
#endif

// to[i] = bytes[index[i]] for i below `count`. 256 bytes, and a multiple of 64 of indices, may be read, and as many
// results written; 64 even if there are none.
BCR_INLINE void GatherBytes(const std::uint8_t* bytes, const std::uint8_t* index, unsigned count, std::uint8_t* to) {
#if BCR_DOT_X86_512 && defined(__AVX512VBMI__)
  const __m512i a = _mm512_loadu_si512(bytes), b = _mm512_loadu_si512(bytes + 64);
  const __m512i c = _mm512_loadu_si512(bytes + 128), d = _mm512_loadu_si512(bytes + 192);
  unsigned i = 0;
  do {  // at least once, as that is nearly always right and costs less than a branch that is not foreseen
    const __m512i at = _mm512_loadu_si512(index + i);
    const __m512i low = _mm512_permutex2var_epi8(a, at, b), high = _mm512_permutex2var_epi8(c, at, d);
    _mm512_storeu_si512(to + i, _mm512_mask_blend_epi8(_mm512_movepi8_mask(at), low, high));
    i += 64;
  } while (i < count);
#else
  for (unsigned i = 0; i < count; ++i) to[i] = bytes[index[i]];
#endif
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_SIMD_DOT_INL_H_
