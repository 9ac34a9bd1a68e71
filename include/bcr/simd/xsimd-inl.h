// The xsimd back end of ops-inl.h, for engines that use xsimd already: Highway's words over xsimd::batch of the default
// architecture. xsimd chooses at compile time only, so there is one target a file.
#if defined(BCR_SIMD_XSIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_XSIMD_INL_H_
#undef BCR_SIMD_XSIMD_INL_H_
#else
#define BCR_SIMD_XSIMD_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bcr/simd/target_name.hpp"

// g++ 12 warns of its own AVX-512 intrinsics, which start from a register left undefined on purpose (its bug 105593).
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#ifdef XSIMD_NO_SUPPORTED_ARCHITECTURE
#error \
    "bcr: xsimd knows no instruction set that the compiler may use here: add -march=native, or define BCR_SIMD_SCALAR."
#endif

#if XSIMD_WITH_AVX512BW
#define BCR_XSIMD_TARGET N_XSIMD_AVX512BW
#elif XSIMD_WITH_AVX512F
#define BCR_XSIMD_TARGET N_XSIMD_AVX512F
#elif XSIMD_WITH_FMA3_AVX2
#define BCR_XSIMD_TARGET N_XSIMD_FMA3_AVX2
#elif XSIMD_WITH_AVX2
#define BCR_XSIMD_TARGET N_XSIMD_AVX2
#elif XSIMD_WITH_FMA3_AVX
#define BCR_XSIMD_TARGET N_XSIMD_FMA3_AVX
#elif XSIMD_WITH_AVX
#define BCR_XSIMD_TARGET N_XSIMD_AVX
#elif XSIMD_WITH_FMA3_SSE
#define BCR_XSIMD_TARGET N_XSIMD_FMA3_SSE
#elif XSIMD_WITH_SSE4_1
#define BCR_XSIMD_TARGET N_XSIMD_SSE4
#elif XSIMD_WITH_SSE2
#define BCR_XSIMD_TARGET N_XSIMD_SSE2
#elif XSIMD_WITH_NEON64
#define BCR_XSIMD_TARGET N_XSIMD_NEON64
#else
#define BCR_XSIMD_TARGET N_XSIMD
#endif
#ifdef BCR_KERNELS_NS
#define BCR_TARGET_NS BCR_KERNELS_NS::BCR_XSIMD_TARGET
#else
#define BCR_TARGET_NS BCR_XSIMD_TARGET
#endif
#define BCR_BEGIN_TARGET static_assert(true)
#define BCR_END_TARGET static_assert(true)
#define BCR_INLINE inline __attribute__((always_inline))
#define BCR_LAMBDA_ATTR __attribute__((always_inline))
#define BCR_IS_SVE 0
#define BCR_HAS_BLOCKS 1
#define BCR_MULTIPLIES_BY_LANE 0
#if defined(__F16C__) && XSIMD_WITH_AVX
#define BCR_WIDENS_F16 1
#else
#define BCR_WIDENS_F16 0
#endif

namespace bcr {
namespace BCR_TARGET_NS {
namespace ops {

// The architecture is part of the tag, so that vectors narrower than the widest have tags too.
template <class T, class Arch = xsimd::default_arch>
struct Tag {
  using lane_type = T;
  using arch = Arch;
};
template <class T>
using ScalableTag = Tag<T>;
// At most N lanes; N is a power of two for which the machine has a register, or more.
template <class T, std::size_t N>
using CappedTag =
    Tag<T, typename xsimd::make_sized_batch_t<T, (N < xsimd::batch<T>::size ? N : xsimd::batch<T>::size)>::arch_type>;
template <class D>
using TFromD = typename D::lane_type;
template <class D>
using Vec = xsimd::batch<TFromD<D>, typename D::arch>;
template <class D>
using VFromD = Vec<D>;
template <class D>
using Mask = xsimd::batch_bool<TFromD<D>, typename D::arch>;
template <class T, class D>
using Rebind = Tag<T, typename D::arch>;
template <class T, class D>
using Repartition = Tag<T, typename D::arch>;
template <class D>
using RebindToSigned = Rebind<std::conditional_t<sizeof(TFromD<D>) == 4, std::int32_t, std::int64_t>, D>;
template <class D>
using RebindToUnsigned = Rebind<std::make_unsigned_t<TFromD<RebindToSigned<D>>>, D>;
template <class T, class A>
using Batch = xsimd::batch<T, A>;
template <class T, class A>
using BatchMask = xsimd::batch_bool<T, A>;

template <class D>
constexpr std::size_t Lanes(D) {
  return Vec<D>::size;
}
template <class D>
constexpr std::size_t MaxLanes(D) {
  return Vec<D>::size;
}

template <class D>
BCR_INLINE Vec<D> Set(D, TFromD<D> x) {
  return Vec<D>(x);
}
template <class D>
BCR_INLINE Vec<D> Zero(D) {
  return Vec<D>(TFromD<D>(0));
}
template <class D>
BCR_INLINE Vec<D> LoadU(D, const TFromD<D>* p) {
  return Vec<D>::load_unaligned(p);
}
template <class D>
BCR_INLINE Vec<D> Load(D, const TFromD<D>* p) {
  return Vec<D>::load_aligned(p);
}
template <class D>
BCR_INLINE void StoreU(Vec<D> v, D, TFromD<D>* p) {
  v.store_unaligned(p);
}
template <class D>
BCR_INLINE void Store(Vec<D> v, D, TFromD<D>* p) {
  v.store_aligned(p);
}
template <class D>
BCR_INLINE Vec<D> Iota(D d, TFromD<D> first) {
  TFromD<D> lanes[Lanes(d)];
  for (std::size_t l = 0; l < Lanes(d); ++l) lanes[l] = first + static_cast<TFromD<D>>(l);
  return LoadU(d, lanes);
}
template <class T, class A>
BCR_INLINE T GetLane(Batch<T, A> v) {
  return v.get(0);
}

// xsimd 8 has no fused multiply-add for AVX-512 (its issue 884) and none for 128-bit vectors once AVX is there. A
// narrow vector must round as a wide one does, so x86 gets the instruction here.
#if XSIMD_WITH_AVX512F
#define BCR_X86_FMA_512(sign, a, b, c)                                                                \
  if constexpr (sizeof(a) == 64 && std::is_same_v<T, float>) return _mm512_f##sign##madd_ps(a, b, c); \
  if constexpr (sizeof(a) == 64 && std::is_same_v<T, double>) return _mm512_f##sign##madd_pd(a, b, c)
#else
#define BCR_X86_FMA_512(sign, a, b, c) static_assert(true)
#endif
#if defined(__FMA__) && XSIMD_WITH_AVX
#define BCR_X86_FMA(sign, a, b, c)                                                                     \
  if constexpr (sizeof(a) == 16 && std::is_same_v<T, float>) return _mm_f##sign##madd_ps(a, b, c);     \
  if constexpr (sizeof(a) == 16 && std::is_same_v<T, double>) return _mm_f##sign##madd_pd(a, b, c);    \
  if constexpr (sizeof(a) == 32 && std::is_same_v<T, float>) return _mm256_f##sign##madd_ps(a, b, c);  \
  if constexpr (sizeof(a) == 32 && std::is_same_v<T, double>) return _mm256_f##sign##madd_pd(a, b, c); \
  BCR_X86_FMA_512(sign, a, b, c)
#else
#define BCR_X86_FMA(sign, a, b, c) static_assert(true)
#endif
template <class T, class A>
BCR_INLINE Batch<T, A> MulAdd(Batch<T, A> a, Batch<T, A> b, Batch<T, A> c) {
  BCR_X86_FMA(, a, b, c);
  return xsimd::fma(a, b, c);
}
template <class T, class A>
BCR_INLINE Batch<T, A> NegMulAdd(Batch<T, A> a, Batch<T, A> b, Batch<T, A> c) {
  BCR_X86_FMA(n, a, b, c);
  return xsimd::fma(-a, b, c);  // not fnma, which is fused on x86 alone
}
#undef BCR_X86_FMA
#undef BCR_X86_FMA_512
template <class T, class A>
BCR_INLINE Batch<T, A> Add(Batch<T, A> a, Batch<T, A> b) {
  return a + b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Sub(Batch<T, A> a, Batch<T, A> b) {
  return a - b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Mul(Batch<T, A> a, Batch<T, A> b) {
  return a * b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Div(Batch<T, A> a, Batch<T, A> b) {
#if XSIMD_WITH_NEON64
  if constexpr (std::is_same_v<T, float>) return vdivq_f32(a, b);  // xsimd refines an estimate
#endif
  return a / b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Neg(Batch<T, A> a) {
  return -a;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Abs(Batch<T, A> a) {
  return xsimd::abs(a);
}
template <class T, class A>
BCR_INLINE Batch<T, A> Min(Batch<T, A> a, Batch<T, A> b) {
  return xsimd::min(a, b);
}
template <class T, class A>
BCR_INLINE Batch<T, A> Max(Batch<T, A> a, Batch<T, A> b) {
  return xsimd::max(a, b);
}
template <class T, class A>
BCR_INLINE Batch<T, A> Round(Batch<T, A> a) {
  return xsimd::nearbyint(a);
}
template <class T, class A>
BCR_INLINE Batch<T, A> CopySign(Batch<T, A> magnitude, Batch<T, A> sign) {
  return xsimd::copysign(magnitude, sign);
}

// xsimd::bitwise_cast changed its template parameter from the batch to the element; the register's bits did not. Nor is
// it std::bit_cast, an ordinary function: compiled for a lesser target it would take a vector in another register.
template <class D, class T, class A>
BCR_INLINE Vec<D> BitCast(D, Batch<T, A> v) {
  return __builtin_bit_cast(Vec<D>, v);
}
template <class D, class T, class A>
BCR_INLINE Vec<D> ConvertTo(D, Batch<T, A> v) {
  return xsimd::batch_cast<TFromD<D>>(v);
}
template <class T, class A>
BCR_INLINE Batch<T, A> And(Batch<T, A> a, Batch<T, A> b) {
  return a & b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Or(Batch<T, A> a, Batch<T, A> b) {
  return a | b;
}
template <class T, class A>
BCR_INLINE Batch<T, A> Xor(Batch<T, A> a, Batch<T, A> b) {
  return a ^ b;
}
template <int Count, class T, class A>
BCR_INLINE Batch<T, A> ShiftLeft(Batch<T, A> a) {
  return a << Count;
}

template <int Count, class T, class A>
BCR_INLINE Batch<T, A> ShiftRight(Batch<T, A> a) {
  return a >> Count;
}

template <class T, class A>
BCR_INLINE BatchMask<T, A> Lt(Batch<T, A> a, Batch<T, A> b) {
  return a < b;
}
template <class T, class A>
BCR_INLINE BatchMask<T, A> Le(Batch<T, A> a, Batch<T, A> b) {
  return a <= b;
}
template <class T, class A>
BCR_INLINE BatchMask<T, A> Gt(Batch<T, A> a, Batch<T, A> b) {
  return a > b;
}
template <class T, class A>
BCR_INLINE BatchMask<T, A> Ge(Batch<T, A> a, Batch<T, A> b) {
  return a >= b;
}
template <class T, class A>
BCR_INLINE BatchMask<T, A> Eq(Batch<T, A> a, Batch<T, A> b) {
  return a == b;
}
template <class T, class A>
BCR_INLINE BatchMask<T, A> IsNaN(Batch<T, A> a) {
  return xsimd::isnan(a);
}
template <class T, class A>
BCR_INLINE Batch<T, A> IfThenElse(BatchMask<T, A> mask, Batch<T, A> yes, Batch<T, A> no) {
  return xsimd::select(mask, yes, no);
}
template <class D>
BCR_INLINE Mask<D> FirstN(D d, std::size_t count) {
  bool lanes[Lanes(d)];
  for (std::size_t l = 0; l < Lanes(d); ++l) lanes[l] = l < count;
  return Mask<D>::load_unaligned(lanes);
}

// xsimd's zip_lo runs across the whole register; Highway's words stay within each 128-bit block, which is what a
// transposition wants and what the hardware does in one instruction. So the compiler's own shuffle says it.
template <std::size_t Offset, class T, class A, std::size_t... I>
BCR_INLINE Batch<T, A> InterleaveBlocks(Batch<T, A> a, Batch<T, A> b, std::index_sequence<I...>) {
  using raw [[gnu::vector_size(sizeof(a))]] = T;
  constexpr std::size_t block = 16 / sizeof(T);
  const auto x = __builtin_bit_cast(raw, a);
  const auto y = __builtin_bit_cast(raw, b);
  return __builtin_bit_cast(
      Batch<T, A>,
      __builtin_shufflevector(x, y, (I % 2 * sizeof...(I) + I / block * block + Offset + I % block / 2)...));
}
template <class D>
BCR_INLINE Vec<D> InterleaveLower(D d, Vec<D> a, Vec<D> b) {
  return InterleaveBlocks<0>(a, b, std::make_index_sequence<Lanes(d)>());
}
template <class D>
BCR_INLINE Vec<D> InterleaveUpper(D d, Vec<D> a, Vec<D> b) {
  return InterleaveBlocks<8 / sizeof(TFromD<D>)>(a, b, std::make_index_sequence<Lanes(d)>());
}

template <std::size_t First, class T, class A, std::size_t... I>
BCR_INLINE Batch<T, A> EveryOtherLane(Batch<T, A> high, Batch<T, A> low, std::index_sequence<I...>) {
  using raw [[gnu::vector_size(sizeof(low))]] = T;
  return __builtin_bit_cast(Batch<T, A>, __builtin_shufflevector(__builtin_bit_cast(raw, low),
                                                                 __builtin_bit_cast(raw, high), (2 * I + First)...));
}
template <class D>
BCR_INLINE Vec<D> ConcatEven(D d, Vec<D> high, Vec<D> low) {
  return EveryOtherLane<0>(high, low, std::make_index_sequence<Lanes(d)>());
}
template <class D>
BCR_INLINE Vec<D> ConcatOdd(D d, Vec<D> high, Vec<D> low) {
  return EveryOtherLane<1>(high, low, std::make_index_sequence<Lanes(d)>());
}

}  // namespace ops

inline constexpr detail::target_name kTargetName{BCR_STRINGIZE(BCR_XSIMD_TARGET)};
constexpr const char* target_name() noexcept { return kTargetName.text; }

#if XSIMD_WITH_AVX512F || XSIMD_WITH_NEON64 || XSIMD_WITH_SVE || XSIMD_WITH_RVV
inline constexpr int kVectorRegisters = 32;
#else
inline constexpr int kVectorRegisters = 16;
#endif

inline constexpr bool kHasDouble = xsimd::has_simd_register<double>::value;

#if XSIMD_WITH_AVX && !XSIMD_WITH_AVX512F
// Ones in the top bit of lanes [first, last), as vmaskmov reads them.
template <class T>
BCR_INLINE __m256i LaneRange(std::size_t first, std::size_t last) {
  using Int = std::conditional_t<sizeof(T) == 4, std::int32_t, std::int64_t>;
  alignas(32) static constexpr Int sliding[] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, 0};
  const __m256 below = _mm256_loadu_ps(reinterpret_cast<const float*>(sliding + 8 - first));
  const __m256 up_to = _mm256_loadu_ps(reinterpret_cast<const float*>(sliding + 8 - last));
  return _mm256_castps_si256(_mm256_andnot_ps(below, up_to));
}
#endif

// Targets whose masked loads and stores leave the other lanes' memory alone.
#if XSIMD_WITH_AVX512F || XSIMD_WITH_AVX
inline constexpr bool kMasksMemory = true;
#else
inline constexpr bool kMasksMemory = false;
#endif

// Lanes [first, last) of a vector from p[first] .. p[last - 1]; the other lanes are zero. No other memory is read.
template <class D>
BCR_INLINE ops::Vec<D> LoadLanes(D d, const ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  using T = ops::TFromD<D>;
#if XSIMD_WITH_AVX512F
  [[maybe_unused]] const unsigned range = (1u << last) - (1u << first);
  if constexpr (std::is_same_v<D, ops::Tag<float>>) return _mm512_maskz_loadu_ps(static_cast<__mmask16>(range), p);
  if constexpr (std::is_same_v<D, ops::Tag<double>>) return _mm512_maskz_loadu_pd(static_cast<__mmask8>(range), p);
#elif XSIMD_WITH_AVX
  if constexpr (std::is_same_v<D, ops::Tag<float>>) return _mm256_maskload_ps(p, LaneRange<T>(first, last));
  if constexpr (std::is_same_v<D, ops::Tag<double>>) return _mm256_maskload_pd(p, LaneRange<T>(first, last));
#endif
  T lanes[ops::Lanes(d)] = {};
  for (std::size_t l = first; l < last; ++l) lanes[l] = p[l];
  return ops::LoadU(d, lanes);
}

// Lanes [first, last) of `v` to p[first] .. p[last - 1]. No other memory is written.
template <class D>
BCR_INLINE void StoreLanes(ops::Vec<D> v, D d, ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  using T = ops::TFromD<D>;
#if XSIMD_WITH_AVX512F
  [[maybe_unused]] const unsigned range = (1u << last) - (1u << first);
  if constexpr (std::is_same_v<D, ops::Tag<float>>) return _mm512_mask_storeu_ps(p, static_cast<__mmask16>(range), v);
  if constexpr (std::is_same_v<D, ops::Tag<double>>) return _mm512_mask_storeu_pd(p, static_cast<__mmask8>(range), v);
#elif XSIMD_WITH_AVX
  if constexpr (std::is_same_v<D, ops::Tag<float>>) return _mm256_maskstore_ps(p, LaneRange<T>(first, last), v);
  if constexpr (std::is_same_v<D, ops::Tag<double>>) return _mm256_maskstore_pd(p, LaneRange<T>(first, last), v);
#endif
  T lanes[ops::Lanes(d)];
  ops::StoreU(v, d, lanes);
  for (std::size_t l = first; l < last; ++l) p[l] = lanes[l];
}

// Numbers of sixteen bits, one for each lane of `d`, in the lower half of it. xsimd 8 has no word for that.
template <class T, std::size_t Lanes>
using RawVector [[gnu::vector_size(Lanes * sizeof(T))]] = T;
template <class D>
BCR_INLINE ops::Vec<ops::RebindToUnsigned<D>> LoadShorts(D, const std::uint16_t* p) {
  constexpr std::size_t lanes = ops::Lanes(D());
  RawVector<std::uint16_t, lanes> numbers;
  __builtin_memcpy(&numbers, p, sizeof numbers);
  return __builtin_bit_cast(ops::Vec<ops::RebindToUnsigned<D>>,
                            __builtin_convertvector(numbers, RawVector<std::uint32_t, lanes>));
}
// Whole numbers below 256 as bytes.
template <class D>
BCR_INLINE void StoreBytes(D, ops::Vec<D> v, std::uint8_t* p) {
  constexpr std::size_t lanes = ops::Lanes(D());
  const auto numbers = __builtin_bit_cast(RawVector<ops::TFromD<D>, lanes>, v);
  const auto bytes = __builtin_convertvector(numbers, RawVector<std::uint8_t, lanes>);
  __builtin_memcpy(p, &bytes, sizeof bytes);
}
#if BCR_WIDENS_F16
template <class D, class V>
BCR_INLINE ops::Vec<D> PromoteF16(D, V bits) {
  if constexpr (sizeof(V) == 32) {
#if XSIMD_WITH_AVX512F
    return _mm512_cvtph_ps(bits);
#endif
  } else if constexpr (sizeof(ops::Vec<D>) == 32) {
    return _mm256_cvtph_ps(bits);
  } else {
    return _mm_cvtph_ps(bits);
  }
}
// The values of f16 numbers.
template <class D>
BCR_INLINE ops::Vec<D> LoadF16(D d, const std::uint16_t* p) {
  if constexpr (ops::Lanes(d) == 16) return PromoteF16(d, _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  if constexpr (ops::Lanes(d) == 8) return PromoteF16(d, _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  if constexpr (ops::Lanes(d) == 4) return PromoteF16(d, _mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
// The value of one in all lanes.
template <class D>
BCR_INLINE ops::Vec<D> SetF16(D d, std::uint16_t number) {
  const auto bits = static_cast<short>(number);
  if constexpr (ops::Lanes(d) == 16) return PromoteF16(d, _mm256_set1_epi16(bits));
  if constexpr (ops::Lanes(d) < 16) return PromoteF16(d, _mm_set1_epi16(bits));
}
#endif

template <std::size_t Blocks, class T, std::size_t... I>
BCR_INLINE auto LoadRawBlocks(const T* p, std::size_t stride, std::index_sequence<I...>) {
  if constexpr (Blocks == 1) {
    using raw [[gnu::vector_size(16)]] = T;
    raw block;
    __builtin_memcpy(&block, p, 16);
    return block;
  } else {
    constexpr std::make_index_sequence<sizeof...(I) / 2> half;
    const auto low = LoadRawBlocks<Blocks / 2>(p, stride, half);
    const auto high = LoadRawBlocks<Blocks / 2>(p + Blocks / 2 * stride, stride, half);
    return __builtin_shufflevector(low, high, I...);
  }
}
// A vector of 128-bit blocks, block b from p[b * stride].
template <class D>
BCR_INLINE ops::Vec<D> LoadBlocks(D d, const ops::TFromD<D>* p, std::size_t stride) {
  const auto raw = LoadRawBlocks<sizeof(ops::Vec<D>) / 16>(p, stride, std::make_index_sequence<ops::Lanes(d)>());
  return __builtin_bit_cast(ops::Vec<D>, raw);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr

#endif  // BCR_SIMD_XSIMD_INL_H_
