// The plain C++ back end of ops-inl.h: a vector is one number, a mask is a bool. It is the reference that the other two
// are tested against, and what remains on a machine that neither library knows.
#if defined(BCR_SIMD_SCALAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_SCALAR_INL_H_
#undef BCR_SIMD_SCALAR_INL_H_
#else
#define BCR_SIMD_SCALAR_INL_H_
#endif

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <type_traits>

// The compiler's flags decide what these functions become, so files with different flags need different names.
#if defined(__AVX512F__)
#define BCR_TARGET_NS N_CPP_AVX512
#elif defined(__FMA__) && defined(__AVX2__)
#define BCR_TARGET_NS N_CPP_AVX2
#elif defined(__AVX__)
#define BCR_TARGET_NS N_CPP_AVX
#else
#define BCR_TARGET_NS N_CPP
#endif
#define BCR_BEGIN_TARGET static_assert(true)
#define BCR_END_TARGET static_assert(true)
#define BCR_INLINE inline __attribute__((always_inline))
#define BCR_LAMBDA_ATTR __attribute__((always_inline))
#define BCR_IS_SVE 0
#define BCR_HAS_BLOCKS 0
#define BCR_MULTIPLIES_BY_LANE 0
#define BCR_WIDENS_F16 0

namespace bcr {
namespace BCR_TARGET_NS {
namespace ops {

template <class T>
struct ScalableTag {
  using lane_type = T;
};
template <class T, std::size_t N>
using CappedTag = ScalableTag<T>;
template <class D>
using TFromD = typename D::lane_type;
template <class D>
using Vec = TFromD<D>;
template <class D>
using VFromD = Vec<D>;
template <class D>
using Mask = bool;
template <class T, class D>
using Rebind = ScalableTag<T>;
template <class D>
using RebindToSigned = ScalableTag<std::conditional_t<sizeof(TFromD<D>) == 4, std::int32_t, std::int64_t>>;
template <class D>
using RebindToUnsigned = ScalableTag<std::make_unsigned_t<TFromD<RebindToSigned<D>>>>;

template <class D>
constexpr std::size_t Lanes(D) {
  return 1;
}
template <class D>
constexpr std::size_t MaxLanes(D) {
  return 1;
}

template <class D>
BCR_INLINE Vec<D> Zero(D) {
  return 0;
}
template <class D>
BCR_INLINE Vec<D> Set(D, TFromD<D> x) {
  return x;
}
template <class D>
BCR_INLINE Vec<D> Iota(D, TFromD<D> first) {
  return first;
}
template <class D>
BCR_INLINE Vec<D> LoadU(D, const TFromD<D>* p) {
  return *p;
}
template <class D>
BCR_INLINE Vec<D> Load(D, const TFromD<D>* p) {
  return *p;
}
template <class D>
BCR_INLINE void StoreU(Vec<D> v, D, TFromD<D>* p) {
  *p = v;
}
template <class D>
BCR_INLINE void Store(Vec<D> v, D, TFromD<D>* p) {
  *p = v;
}
template <class V>
BCR_INLINE V GetLane(V v) {
  return v;
}

// The compiler fuses these where it may; std::fma would be a library call elsewhere.
template <class V>
BCR_INLINE V MulAdd(V a, V b, V c) {
  return a * b + c;
}
template <class V>
BCR_INLINE V NegMulAdd(V a, V b, V c) {
  return c - a * b;
}
template <class V>
BCR_INLINE V Add(V a, V b) {
  return static_cast<V>(a + b);
}
template <class V>
BCR_INLINE V Sub(V a, V b) {
  return static_cast<V>(a - b);
}
template <class V>
BCR_INLINE V Mul(V a, V b) {
  return static_cast<V>(a * b);
}
template <class V>
BCR_INLINE V Div(V a, V b) {
  return a / b;
}
template <class V>
BCR_INLINE V Neg(V a) {
  return -a;
}
template <class V>
BCR_INLINE V Abs(V a) {
  return std::abs(a);
}
// As on x86, the second argument wins when either is not a number.
template <class V>
BCR_INLINE V Min(V a, V b) {
  return a < b ? a : b;
}
template <class V>
BCR_INLINE V Max(V a, V b) {
  return a > b ? a : b;
}
template <class V>
BCR_INLINE V Round(V a) {
  return std::nearbyint(a);
}
template <class V>
BCR_INLINE V CopySign(V magnitude, V sign) {
  return std::copysign(magnitude, sign);
}

template <class D, class V>
BCR_INLINE Vec<D> BitCast(D, V v) {
  return std::bit_cast<Vec<D>>(v);
}
template <class D, class V>
BCR_INLINE Vec<D> ConvertTo(D, V v) {
  return static_cast<Vec<D>>(v);
}
template <class V>
using Bits = TFromD<RebindToUnsigned<ScalableTag<V>>>;
template <class V>
BCR_INLINE V And(V a, V b) {
  return std::bit_cast<V>(std::bit_cast<Bits<V>>(a) & std::bit_cast<Bits<V>>(b));
}
template <class V>
BCR_INLINE V Or(V a, V b) {
  return std::bit_cast<V>(std::bit_cast<Bits<V>>(a) | std::bit_cast<Bits<V>>(b));
}
template <class V>
BCR_INLINE V Xor(V a, V b) {
  return std::bit_cast<V>(std::bit_cast<Bits<V>>(a) ^ std::bit_cast<Bits<V>>(b));
}
template <int Count, class V>
BCR_INLINE V ShiftLeft(V a) {
  return std::bit_cast<V>(std::bit_cast<Bits<V>>(a) << Count);
}

template <int Count, class V>
BCR_INLINE V ShiftRight(V a) {
  return static_cast<V>(a >> Count);
}

template <class V>
BCR_INLINE bool Lt(V a, V b) {
  return a < b;
}
template <class V>
BCR_INLINE bool Le(V a, V b) {
  return a <= b;
}
template <class V>
BCR_INLINE bool Gt(V a, V b) {
  return a > b;
}
template <class V>
BCR_INLINE bool Ge(V a, V b) {
  return a >= b;
}
template <class V>
BCR_INLINE bool Eq(V a, V b) {
  return a == b;
}
template <class V>
BCR_INLINE bool IsNaN(V a) {
  return std::isnan(a);
}
template <class V>
BCR_INLINE V IfThenElse(bool mask, V yes, V no) {
  return mask ? yes : no;
}
template <class D>
BCR_INLINE Vec<D> ConcatEven(D, Vec<D>, Vec<D> low) {
  return low;
}
template <class D>
BCR_INLINE Vec<D> ConcatOdd(D, Vec<D> high, Vec<D>) {
  return high;
}
template <class D>
BCR_INLINE bool FirstN(D, std::size_t count) {
  return count != 0;
}

}  // namespace ops

constexpr const char* target_name() noexcept { return "scalar"; }

#if defined(__AVX512F__) || defined(__aarch64__) || defined(__riscv)
inline constexpr int kVectorRegisters = 32;
#else
inline constexpr int kVectorRegisters = 16;
#endif

inline constexpr bool kHasDouble = true;

// Whether partial loads and stores are instructions of their own; here they are a test.
inline constexpr bool kMasksMemory = false;

// Lanes [first, last) of a vector from p[first] .. p[last - 1]; the other lanes are zero. No other memory is read.
template <class D>
BCR_INLINE ops::Vec<D> LoadLanes(D, const ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  return first < last ? *p : ops::TFromD<D>(0);
}

// Lanes [first, last) of `v` to p[first] .. p[last - 1]. No other memory is written.
template <class D>
BCR_INLINE void StoreLanes(ops::Vec<D> v, D, ops::TFromD<D>* p, std::size_t first, std::size_t last) {
  if (first < last) *p = v;
}

// A whole number below 256 as a byte.
template <class D, class V>
BCR_INLINE void StoreBytes(D, V v, std::uint8_t* p) {
  *p = static_cast<std::uint8_t>(v);
}

// A number of sixteen bits in one of 32.
template <class D>
BCR_INLINE std::uint32_t LoadShorts(D, const std::uint16_t* p) {
  return *p;
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr

#endif  // BCR_SIMD_SCALAR_INL_H_
