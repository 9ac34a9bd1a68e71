// Lanes that move: sets of lanes given as bits, and small tables in registers. Neither Highway 1.0.3 nor xsimd 8.1 has
// these, so AVX-512 is spelled out; the other targets go through memory.
#if defined(BCR_SIMD_PERMUTE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_PERMUTE_INL_H_
#undef BCR_SIMD_PERMUTE_INL_H_
#else
#define BCR_SIMD_PERMUTE_INL_H_
#endif

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "bcr/simd/ops-inl.h"

#undef BCR_PERMUTES_512
#undef BCR_PERMUTES_256
#if defined(HWY_TARGET) && HWY_ARCH_X86 && HWY_TARGET <= HWY_AVX3
#define BCR_PERMUTES_512 1
#include <immintrin.h>
#else
#define BCR_PERMUTES_512 0
#endif
#if defined(HWY_TARGET) && HWY_ARCH_X86 && HWY_TARGET == HWY_AVX2
#define BCR_PERMUTES_256 1
#include <immintrin.h>
#else
#define BCR_PERMUTES_256 0
#endif

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Whether vectors of this tag take the short way below.
template <class D>
inline constexpr bool kPermutes512 =
    BCR_PERMUTES_512 && ops::MaxLanes(D()) * sizeof(ops::TFromD<D>) == 64 && std::is_floating_point_v<ops::TFromD<D>>;
// And whole numbers of 32 bits, which are only expanded.
template <class D>
inline constexpr bool kExpands512 = BCR_PERMUTES_512 && ops::MaxLanes(D()) * sizeof(ops::TFromD<D>) == 64 &&
                                    std::is_same_v<ops::TFromD<D>, std::int32_t>;

#if BCR_PERMUTES_256
// For each set of eight lanes, the element that each lane takes, a byte each; negative where it takes none.
inline constexpr auto kExpandIndices = [] {
  std::array<std::uint64_t, 256> table{};
  for (unsigned bits = 0; bits < 256; ++bits) {
    std::uint64_t next = 0;
    for (unsigned l = 0; l < 8; ++l) table[bits] |= (bits >> l & 1u ? next++ : 0x80) << 8 * l;
  }
  return table;
}();
#endif

// Whether ExpandVector and ExpandFrom32 are there.
template <class D>
inline constexpr bool kExpandsVectors = (kPermutes512<D> && sizeof(ops::TFromD<D>) == 4) || kExpands512<D>;

#if BCR_PERMUTES_512
// Lanes whose bit is set take one lane of `v` after the other, the others are zero. Into a register that was just made
// zero, as the instruction waits for what its target has held (Zen 5: 2 cycles instead of 6), and would do so when it
// is asked for zeros itself.
template <class D>
BCR_INLINE ops::Vec<D> ExpandVector(D d, unsigned bits, ops::Vec<D> v) {
  auto zero = ops::Zero(d).raw;
  asm("" : "+v"(zero));
  if constexpr (kExpands512<D>) {
    return ops::Vec<D>{_mm512_mask_expand_epi32(zero, static_cast<__mmask16>(bits), v.raw)};
  } else if constexpr (sizeof(ops::TFromD<D>) == 4) {
    return ops::Vec<D>{_mm512_mask_expand_ps(zero, static_cast<__mmask16>(bits), v.raw)};
  } else {
    return ops::Vec<D>{_mm512_mask_expand_pd(zero, static_cast<__mmask8>(bits), v.raw)};
  }
}

// Where ExpandFrom32 finds its elements: for lanes whose bit is set, one after the other from `first` on.
BCR_INLINE __m512i ExpandIndices(unsigned bits, unsigned first) {
  const __m512i each = _mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
  __m512i zero = _mm512_setzero_si512();
  asm("" : "+v"(zero));  // see ExpandVector
  return _mm512_mask_expand_epi32(zero, static_cast<__mmask16>(bits),
                                  _mm512_add_epi32(each, _mm512_set1_epi32(static_cast<int>(first))));
}
// The same with the lanes of `v`, which are so found once for many vectors.
template <class D>
BCR_INLINE ops::Vec<D> ExpandAt(D, unsigned bits, const ops::Vec<D>& v, __m512i at) {
  if constexpr (kExpands512<D>) {
    return ops::Vec<D>{_mm512_maskz_permutexvar_epi32(static_cast<__mmask16>(bits), at, v.raw)};
  } else {
    return ops::Vec<D>{_mm512_maskz_permutexvar_ps(static_cast<__mmask16>(bits), at, v.raw)};
  }
}
// The lanes whose bit is set, one after the other; the rest is zero.
template <class D>
BCR_INLINE ops::Vec<D> CompressVector(D, unsigned bits, const ops::Vec<D>& v) {
  static_assert(kExpands512<D>);
  return ops::Vec<D>{_mm512_maskz_compress_epi32(static_cast<__mmask16>(bits), v.raw)};
}
// A sum that no compiler takes apart: with -ffast-math it would, to add up in another order here than elsewhere.
template <class D>
BCR_INLINE ops::Vec<D> AsSummed(D, ops::Vec<D> sum) {
  asm("" : "+v"(sum.raw));
  return sum;
}
// As many lanes, or half of them, in a vector of 16, of which nobody looks at the others.
BCR_INLINE ops::Vec<ops::ScalableTag<float>> InSixteenLanes(ops::Vec<ops::ScalableTag<float>> v) { return v; }
BCR_INLINE ops::Vec<ops::ScalableTag<std::int32_t>> InSixteenLanes(ops::Vec<ops::ScalableTag<std::int32_t>> v) {
  return v;
}
BCR_INLINE ops::Vec<ops::ScalableTag<float>> InSixteenLanes(ops::Vec<ops::CappedTag<float, 8>> v) {
  return ops::Vec<ops::ScalableTag<float>>{_mm512_castps256_ps512(v.raw)};
}

// Lanes whose bit is set take elements of the 32 in `low` and `high`, the others are zero.
template <class D>
BCR_INLINE ops::Vec<D> ExpandFrom32(D, unsigned bits, const ops::Vec<D>& low, const ops::Vec<D>& high, __m512i at) {
  if constexpr (kExpands512<D>) {
    return ops::Vec<D>{_mm512_maskz_permutex2var_epi32(static_cast<__mmask16>(bits), low.raw, at, high.raw)};
  } else {
    return ops::Vec<D>{_mm512_maskz_permutex2var_ps(static_cast<__mmask16>(bits), low.raw, at, high.raw)};
  }
}
#endif

// Lanes whose bit is set take one element after the other from `p`, the others are zero. As many elements as there are
// lanes may be read.
template <class D>
BCR_INLINE ops::Vec<D> ExpandLanes(D d, unsigned bits, const ops::TFromD<D>* p) {
#if BCR_PERMUTES_512
  if constexpr (kPermutes512<D> || kExpands512<D>) return ExpandVector(d, bits, ops::LoadU(d, p));
#endif
#if BCR_PERMUTES_256
  if constexpr (ops::MaxLanes(D()) == 8 && std::is_same_v<ops::TFromD<D>, float>) {
    const __m256i from = _mm256_cvtepi8_epi32(_mm_cvtsi64_si128(static_cast<long long>(kExpandIndices[bits & 0xff])));
    const __m256 taken = _mm256_permutevar8x32_ps(_mm256_loadu_ps(p), from);
    return ops::Vec<D>{_mm256_andnot_ps(_mm256_castsi256_ps(_mm256_srai_epi32(from, 31)), taken)};
  }
#endif
  // Without a branch, which nothing could foresee.
  using word = std::conditional_t<sizeof(*p) == 8, std::uint64_t, std::uint32_t>;
  static_assert(sizeof(word) == sizeof(*p));
  ops::TFromD<D> lanes[ops::MaxLanes(D())];
  for (std::size_t l = 0; l < ops::Lanes(d); ++l) {
    const unsigned here = bits >> l & 1u;
    word element;
    std::memcpy(&element, p, sizeof element);
    element &= word{0} - here;
    std::memcpy(lanes + l, &element, sizeof element);
    p += here;
  }
  return ops::LoadU(d, lanes);
}

// The lanes whose bit is set, one after the other, to `p`; as many elements as there are lanes may be written.
template <class D>
BCR_INLINE void CompressLanes(D d, unsigned bits, ops::Vec<D> v, ops::TFromD<D>* p) {
#if BCR_PERMUTES_512
  if constexpr (kPermutes512<D> && sizeof(ops::TFromD<D>) == 4) {
    return _mm512_storeu_ps(p, _mm512_maskz_compress_ps(static_cast<__mmask16>(bits), v.raw));
  } else if constexpr (kPermutes512<D>) {
    return _mm512_storeu_pd(p, _mm512_maskz_compress_pd(static_cast<__mmask8>(bits), v.raw));
  }
#endif
  ops::StoreU(v, d, p);
  std::size_t to = 0;
  for (std::size_t l = 0; l < ops::Lanes(d); ++l) {
    if ((bits >> l & 1u) != 0) p[to++] = p[l];
  }
}

// The even and the odd lanes of `low`, then those of `high`. Highway's target of one lane has not got these.
template <class D>
BCR_INLINE ops::Vec<D> EvenLanes([[maybe_unused]] D d, [[maybe_unused]] ops::Vec<D> high, ops::Vec<D> low) {
#if defined(HWY_TARGET) && HWY_TARGET == HWY_SCALAR
  return low;
#else
  return ops::ConcatEven(d, high, low);
#endif
}
template <class D>
BCR_INLINE ops::Vec<D> OddLanes([[maybe_unused]] D d, ops::Vec<D> high, [[maybe_unused]] ops::Vec<D> low) {
#if defined(HWY_TARGET) && HWY_TARGET == HWY_SCALAR
  return high;
#else
  return ops::ConcatOdd(d, high, low);
#endif
}

// Whether 32 elements in two registers can be looked up by LookUp32.
template <class D>
inline constexpr bool kLooksUp32 = kPermutes512<D> && sizeof(ops::TFromD<D>) == 4;

#if BCR_PERMUTES_512
// Indices of lanes into 32 elements, a byte for 2^group_bits lanes. Here four bytes are enough for a vector, ...
class IndicesOf4 {
 public:
  BCR_INLINE explicit IndicesOf4(unsigned group_bits)
      : shifts_(
            _mm512_slli_epi32(_mm512_srl_epi32(_mm512_set_epi32(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
                                               _mm_cvtsi32_si128(static_cast<int>(group_bits))),
                              3)) {}
  // In the lower byte of each lane; what is above does not count.
  BCR_INLINE __m512i indices(const std::uint8_t* bytes) const {
    int four;
    std::memcpy(&four, bytes, sizeof four);
    return _mm512_srlv_epi32(_mm512_set1_epi32(four), shifts_);
  }

 private:
  __m512i shifts_;
};

// ... and here 16, which may be read.
class IndicesOf16 {
 public:
  // Byte l of the pattern is l >> group_bits; bits that come from the neighbouring byte go.
  BCR_INLINE explicit IndicesOf16(unsigned group_bits)
      : pattern_(_mm_and_si128(_mm_srl_epi16(_mm_set_epi64x(0x0f0e0d0c0b0a0908, 0x0706050403020100),
                                             _mm_cvtsi32_si128(static_cast<int>(group_bits))),
                               _mm_set1_epi8(static_cast<char>(0x0f >> group_bits)))) {}
  BCR_INLINE __m512i indices(const std::uint8_t* bytes) const {
    return _mm512_cvtepu8_epi32(_mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes)), pattern_));
  }

 private:
  __m128i pattern_;
};

// Lane l is element `at` (its lower five bits) of the 32 in `low` and `high`; if Masked, zero where bit 7 is set.
template <bool Masked, class D>
BCR_INLINE ops::Vec<D> LookUp32(D, const ops::Vec<D>& low, const ops::Vec<D>& high, __m512i at) {
  if constexpr (Masked) {
    const __mmask16 found = _mm512_testn_epi32_mask(at, _mm512_set1_epi32(0x80));
    return ops::Vec<D>{_mm512_maskz_permutex2var_ps(found, low.raw, at, high.raw)};
  }
  return ops::Vec<D>{_mm512_permutex2var_ps(low.raw, at, high.raw)};
}
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_SIMD_PERMUTE_INL_H_
