// Dot products of two bf16 numbers in every lane of float: sum += w0 x0 + w1 x1, where a vector holds pairs, the first
// number in the lower half of a lane.
//
//   AVX512-BF16  vdpbf16ps, two a cycle on Zen 4 and later: twice the products of multiply-adds in float. Two rows
//                of the input become pairs by one permutation a vector (vpermt2w), eight weights by two loads and
//                one more
//   Arm BF16     bfdot; two rows become pairs by zip
//
// Both take subnormal numbers for zero, where they go in and where sums come out, and neither heeds the rounding mode.
// vdpbf16ps adds one product after the other, the upper first, each rounded to the nearest float; bfdot rounds the sum
// of both products, and then the sum, to odd. Elsewhere (BCR_DOTS_PAIRS is 0) there is nothing here, and kernels widen
// both numbers to float, whose products are exact.
#if defined(BCR_SIMD_PAIRS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_PAIRS_INL_H_
#undef BCR_SIMD_PAIRS_INL_H_
#else
#define BCR_SIMD_PAIRS_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bcr/core/narrow.hpp"
#include "bcr/simd/dot-inl.h"
#include "bcr/simd/ops-inl.h"

#undef BCR_DOTS_PAIRS
#if (BCR_DOT_X86_512 && (defined(__AVX512BF16__) || defined(BCR_KERNELS_BF16))) || \
    (BCR_DOT_NEON && defined(__ARM_FEATURE_BF16_VECTOR_ARITHMETIC))
#define BCR_DOTS_PAIRS 1
#else
#define BCR_DOTS_PAIRS 0
#endif

#if BCR_DOTS_PAIRS
BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

#if BCR_DOT_X86_512

// sum + w0 x0 + w1 x1.
template <class V>
BCR_INLINE V AddPairs(const V& w, const V& x, const V& sum) {
  return __builtin_bit_cast(
      V, _mm512_dpbf16_ps(RawOf(sum), __builtin_bit_cast(__m512bh, RawOf(w)), __builtin_bit_cast(__m512bh, RawOf(x))));
}

// For _mm512_permutex2var_epi16: the numbers from `First` on of two vectors side by side.
template <int First>
struct PairIndex {
  alignas(64) std::uint16_t of[32];
  constexpr PairIndex() : of() {
    for (int i = 0; i < 32; ++i) of[i] = static_cast<std::uint16_t>(First + i / 2 + i % 2 * 32);
  }
};
template <int First>
inline constexpr PairIndex<First> kPairIndex{};

// Sixteen numbers, and whatever behind them. A lambda would have g++ warn of its result at -O0.
BCR_INLINE __m512i LoadSixteen(const bf16* p) {
  return _mm512_castsi256_si512(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
}

// As many pairs (first[l], second[l]) as the vector has lanes.
template <class D>
BCR_INLINE ops::Vec<D> LoadPairs(D, const bf16* first, const bf16* second) {
  const __m512i pairs =
      _mm512_permutex2var_epi16(LoadSixteen(first), _mm512_load_si512(kPairIndex<0>.of), LoadSixteen(second));
  return __builtin_bit_cast(ops::Vec<D>, pairs);
}
// The same of twice as many numbers of each: the pairs of the lower or the upper half of them.
template <bool Upper, class D>
BCR_INLINE ops::Vec<D> LoadPairsOfTwo(D, const bf16* first, const bf16* second) {
  const __m512i pairs = _mm512_permutex2var_epi16(
      _mm512_loadu_si512(first), _mm512_load_si512(kPairIndex < Upper ? 16 : 0 >.of), _mm512_loadu_si512(second));
  return __builtin_bit_cast(ops::Vec<D>, pairs);
}

// Four weights of each of two columns as pairs, and one of these pairs in all lanes. A shuffle within 128 bits is less
// than two broadcasts from memory and what makes one of them: these cost an eighth of the time.
template <class D>
BCR_INLINE ops::Vec<D> LoadWeightPairs(D, const bf16* first, const bf16* second) {
  long long a, b;
  std::memcpy(&a, first, sizeof a);
  std::memcpy(&b, second, sizeof b);
  return __builtin_bit_cast(ops::Vec<D>, _mm512_unpacklo_epi16(_mm512_set1_epi64(a), _mm512_set1_epi64(b)));
}
template <int I, class D>
BCR_INLINE ops::Vec<D> WeightPair(D, const ops::Vec<D>& pairs) {
  const __m512i all = __builtin_bit_cast(__m512i, RawOf(pairs));
  return __builtin_bit_cast(ops::Vec<D>, _mm512_shuffle_epi32(all, static_cast<_MM_PERM_ENUM>(I * 0x55)));
}

#else

template <class V>
BCR_INLINE V AddPairs(const V& w, const V& x, const V& sum) {
  return __builtin_bit_cast(
      V, vbfdotq_f32(RawOf(sum), vreinterpretq_bf16_f32(RawOf(w)), vreinterpretq_bf16_f32(RawOf(x))));
}

template <class D>
BCR_INLINE ops::Vec<D> LoadPairs(D, const bf16* first, const bf16* second) {
  const auto load = [](const bf16* p) BCR_LAMBDA_ATTR { return vcombine_u16(vld1_u16(&p->bits), vdup_n_u16(0)); };
  return __builtin_bit_cast(ops::Vec<D>, vzip1q_u16(load(first), load(second)));
}
template <bool Upper, class D>
BCR_INLINE ops::Vec<D> LoadPairsOfTwo(D, const bf16* first, const bf16* second) {
  const uint16x8_t a = vld1q_u16(&first->bits), b = vld1q_u16(&second->bits);
  return __builtin_bit_cast(ops::Vec<D>, Upper ? vzip2q_u16(a, b) : vzip1q_u16(a, b));
}

template <class D>
BCR_INLINE ops::Vec<D> LoadWeightPairs(D d, const bf16* first, const bf16* second) {
  return LoadPairs(d, first, second);
}
template <int I, class D>
BCR_INLINE ops::Vec<D> WeightPair(D, const ops::Vec<D>& pairs) {
  return __builtin_bit_cast(ops::Vec<D>, vdupq_laneq_f32(RawOf(pairs), I));
}

#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;
#endif

#endif  // BCR_SIMD_PAIRS_INL_H_
