// Numbers of sixteen bits on their way into vectors of float. Kernels say LoadWide for whatever type the numbers are
// stored in, and where that is the vector's own it is a plain load.
//
// A bf16 is the upper half of a float: one shift. An f16 is an instruction of its own where the back end has it
// (BCR_WIDENS_F16), and elsewhere some integer arithmetic that never meets a subnormal float, so that neither the
// processor nor -ffast-math may take it for zero.
#if defined(BCR_SIMD_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_NARROW_INL_H_
#undef BCR_SIMD_NARROW_INL_H_
#else
#define BCR_SIMD_NARROW_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "bcr/core/narrow.hpp"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// The values of f16 numbers, each of which stands in the lower half of a lane.
template <class D, class V>
BCR_INLINE ops::Vec<D> WidenF16(D d, const V& bits) {
  const ops::RebindToUnsigned<D> du;
  const auto magnitude = ops::ShiftLeft<13>(ops::And(bits, ops::Set(du, 0x7fff)));
  const auto exponent = ops::And(magnitude, ops::Set(du, 31u << 23));
  const auto sign = ops::ShiftLeft<16>(ops::And(bits, ops::Set(du, 0x8000)));
  // The biases of the exponents are 112 apart, and the largest exponent stays the largest.
  const auto normal = ops::Add(magnitude, ops::Set(du, 112u << 23));
  const auto special = ops::Add(magnitude, ops::Set(du, 224u << 23));
  // Without a leading one, the mantissa counts what is added to 2^-14.
  const auto least = ops::BitCast(d, ops::Set(du, 113u << 23));
  const auto above_least = ops::BitCast(d, ops::Add(magnitude, ops::Set(du, 113u << 23)));
  const auto subnormal = ops::BitCast(du, ops::Sub(above_least, least));
  const auto finite = ops::IfThenElse(ops::Eq(exponent, ops::Zero(du)), subnormal, normal);
  const auto any = ops::IfThenElse(ops::Eq(exponent, ops::Set(du, 31u << 23)), special, finite);
  return ops::BitCast(d, ops::Or(any, sign));
}

// As many numbers as the vector has lanes, from any address, each exactly.
template <class D>
BCR_INLINE ops::Vec<D> LoadWide(D d, const ops::TFromD<D>* p) {
  return ops::LoadU(d, p);
}
template <class D>
BCR_INLINE ops::Vec<D> LoadWide(D d, const bf16* p) {
  return ops::BitCast(d, ops::ShiftLeft<16>(LoadShorts(d, &p->bits)));
}
template <class D>
BCR_INLINE ops::Vec<D> LoadWide(D d, const f16* p) {
#if BCR_WIDENS_F16
  return LoadF16(d, &p->bits);
#else
  return WidenF16(d, LoadShorts(d, &p->bits));
#endif
}

// The number in all lanes. Two more bytes may be read behind it.
template <class D>
BCR_INLINE ops::Vec<D> SetWide(D d, const ops::TFromD<D>* p) {
  return ops::Set(d, *p);
}
template <class D>
BCR_INLINE ops::Vec<D> SetWide(D d, const bf16* p) {
  if constexpr (std::endian::native == std::endian::little) {
    // What comes behind it is shifted out; so the load is one that broadcasts, which no load of sixteen bits is.
    std::uint32_t two;
    std::memcpy(&two, p, sizeof two);
    return ops::BitCast(d, ops::ShiftLeft<16>(ops::Set(ops::RebindToUnsigned<D>(), two)));
  } else {
    return ops::Set(d, static_cast<float>(*p));
  }
}
template <class D>
BCR_INLINE ops::Vec<D> SetWide(D d, const f16* p) {
#if BCR_WIDENS_F16
  return SetF16(d, p->bits);
#else
  return ops::Set(d, static_cast<float>(*p));  // beside the vectors, in general registers
#endif
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_SIMD_NARROW_INL_H_
