// The transcendental functions that activations are made of, for vectors of float and double on every target. Each is
// one branchless body for both types; the errors stated were measured against long double over the whole range and are
// checked by test/simd/math.cpp. Not-a-number is kept, infinities and denormals give the limits one expects.
//
// Everything rests on exp(x) = 2^n exp(r): n = round(x / ln 2), r = x - n ln 2 with ln 2 in two parts (Cody and Waite,
// "Software Manual for the Elementary Functions", 1980), exp(r) a minimax polynomial. The polynomials come from
// test/simd/derive_coefficients.py.
#if defined(BCR_SIMD_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_SIMD_MATH_INL_H_
#undef BCR_SIMD_MATH_INL_H_
#else
#define BCR_SIMD_MATH_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class T>
struct math_constants;

template <>
struct math_constants<float> {
  static constexpr float log2_e = 1.44269504f;
  static constexpr float ln2_high = 0.693359375f;  // 9 bits: times n it is exact, with or without a fused instruction
  static constexpr float ln2_low = -0.00021219444f;
  static constexpr float exp_series[] = {0.500000003f, 0.16666577f, 0.0416663752f, 0.00836318189f, 0.00139411223f};
  static constexpr float exp_overflows = 89;    // infinity from here up
  static constexpr float exp_underflows = 110;  // x exp(-x) is zero from here up
  static constexpr float tanh_is_one = 10;
  // 1.5 * 2^23 puts an integer added to it into the lowest bits; 127 is the exponent's bias.
  static constexpr float exponent_magic = 12582912.f + 127;
  static constexpr int mantissa_bits = 23;
  static constexpr std::int32_t upper_half = -0x1000;  // keeps 12 of 24 bits
  static constexpr float tail_scale = 3.25f;
  static constexpr float tail_is_zero = 15;
  static constexpr float tail_series[] = {0.737438401f,  1.07897344f,    1.09781542f,  0.647395506f, 0.017561358f,
                                          -0.265730946f, -0.0745563539f, 0.134584366f, 0.037070862f, -0.0656514202f};
};

template <>
struct math_constants<double> {
  static constexpr double log2_e = 1.4426950408889634;
  static constexpr double ln2_high = 0.69314718060195446;  // 32 bits
  static constexpr double ln2_low = -4.2009150726810846e-11;
  static constexpr double exp_series[] = {0.50000000000000011,    0.16666666666666674,    0.041666666666624122,
                                          0.0083333333333222067,  0.0013888888917217457,  0.00019841269886590999,
                                          2.4801521290973345e-05, 2.7557242336680357e-06, 2.7620090518499427e-07,
                                          2.5110049895858716e-08};
  static constexpr double exp_overflows = 710;
  static constexpr double exp_underflows = 760;
  static constexpr double tanh_is_one = 20;
  static constexpr double exponent_magic = 6755399441055744. + 1023;
  static constexpr int mantissa_bits = 52;
  static constexpr std::int64_t upper_half = -0x8000000;  // keeps 26 of 53 bits
  static constexpr double tail_scale = 5;
  static constexpr double tail_is_zero = 39;
  static constexpr double tail_series[] = {
      0.76919304975006297,   1.3307650057801135,   1.9812224638799092,     2.5082652533703698,    2.6403258587253986,
      2.2117964386102384,    1.3308842752536201,   0.38315222613840549,    -0.20425456845078013,  -0.27898830509810291,
      -0.060800690981141804, 0.10191391728836725,  0.068325544754215789,   -0.032607311767410295, -0.045366516496117476,
      0.010994884222718531,  0.028369486712128199, -0.0053582911753453852, -0.017304503756766516, 0.0043488725525831478,
      0.0083279355658686903, -0.00300306837512118, -0.0012704106433194941};
};

template <class D>
using constants_of = math_constants<ops::TFromD<D>>;

// The limits themselves are taken for what lies beyond; Highway's Min and Max would lose not-a-number on Arm. On x86
// they are one instruction, which gives its second operand where one is not a number.
#undef BCR_LIMITS_KEEP_SECOND
#if defined(HWY_TARGET) && HWY_ARCH_X86 && HWY_TARGET <= HWY_SSE4
#define BCR_LIMITS_KEEP_SECOND 1
#else
#define BCR_LIMITS_KEEP_SECOND 0
#endif
template <class D, class V = ops::Vec<D>>
BCR_INLINE V AtLeast(D d, ops::TFromD<D> low, V x) {
  const V limit = ops::Set(d, low);
#if BCR_LIMITS_KEEP_SECOND
  return ops::Max(limit, x);
#else
  return ops::IfThenElse(ops::Lt(x, limit), limit, x);
#endif
}
template <class D, class V = ops::Vec<D>>
BCR_INLINE V AtMost(D d, ops::TFromD<D> high, V x) {
  const V limit = ops::Set(d, high);
#if BCR_LIMITS_KEEP_SECOND
  return ops::Min(limit, x);
#else
  return ops::IfThenElse(ops::Gt(x, limit), limit, x);
#endif
}

// c[0] + c[1] x + c[2] x^2 + ... by Horner's rule: the rows of a matrix give enough independent work.
template <std::size_t From = 0, class D, std::size_t Count, class V = ops::Vec<D>>
BCR_INLINE V Polynomial(D d, V x, const ops::TFromD<D> (&c)[Count]) {
  if constexpr (From + 1 == Count) {
    return ops::Set(d, c[From]);
  } else {
    return ops::MulAdd(Polynomial<From + 1>(d, x, c), x, ops::Set(d, c[From]));
  }
}

// 2^n for a whole n from -126 to 127 (-1022 to 1023).
template <class D, class V = ops::Vec<D>>
BCR_INLINE V PowerOfTwo(D d, V n) {
  const ops::RebindToSigned<D> bits;
  const auto biased = ops::BitCast(bits, ops::Add(n, ops::Set(d, constants_of<D>::exponent_magic)));
  return ops::BitCast(d, ops::ShiftLeft<constants_of<D>::mantissa_bits>(biased));
}

// x + y = n ln 2 + r, where |y| is small beside x, or zero.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V ReduceByLn2(D d, V x, V y, V& n) {
  n = ops::Round(ops::Mul(ops::Add(x, y), ops::Set(d, constants_of<D>::log2_e)));
  const V r = ops::NegMulAdd(n, ops::Set(d, constants_of<D>::ln2_high), x);
  return ops::Add(r, ops::NegMulAdd(n, ops::Set(d, constants_of<D>::ln2_low), y));
}

// exp(r) - 1 for |r| <= ln(2) / 2.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V ReducedExpm1(D d, V r) {
  return ops::MulAdd(ops::Mul(r, r), Polynomial(d, r, constants_of<D>::exp_series), r);
}

// x * 2^n, in two steps: the power of two alone may be out of range, and only the last product may round.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V ScaleByPowerOfTwo(D d, V x, V n) {
  const V half = ops::Round(ops::Mul(n, ops::Set(d, ops::TFromD<D>(0.5))));
  return ops::Mul(ops::Mul(x, PowerOfTwo(d, half)), PowerOfTwo(d, ops::Sub(n, half)));
}

// exp(x). At most 1.1 ULP, denormal results included.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Exp(D d, V x) {
  V n;
  x = AtLeast(d, -constants_of<D>::exp_underflows, AtMost(d, constants_of<D>::exp_overflows, x));
  const V r = ReduceByLn2(d, x, ops::Zero(d), n);
  return ScaleByPowerOfTwo(d, ops::Add(ReducedExpm1(d, r), ops::Set(d, 1)), n);
}

// factor / (1 + exp(-x)), from exp(-|x|) so that nothing overflows; where x is negative the factor joins in before the
// exponential can become denormal. A negative x must come with a factor no larger than exp_underflows.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Logistic(D d, V x, V factor) {
  V n;
  const V z = AtMost(d, constants_of<D>::exp_underflows, ops::Abs(x));
  const V r = ReduceByLn2(d, ops::Neg(z), ops::Zero(d), n);
  const V e = ops::Add(ReducedExpm1(d, r), ops::Set(d, 1));
  const V negative = ScaleByPowerOfTwo(d, ops::Mul(factor, e), n);
  const V numerator = ops::IfThenElse(ops::Lt(x, ops::Zero(d)), negative, factor);
  return ops::Div(numerator, ops::Add(ScaleByPowerOfTwo(d, e, n), ops::Set(d, 1)));
}

// 1 / (1 + exp(-x)). At most 2.5 ULP, denormal results included.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Sigmoid(D d, V x) {
  return Logistic(d, x, ops::Set(d, 1));
}

// x / (1 + exp(-x)), also known as swish. At most 3 ULP, denormal results included.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Silu(D d, V x) {
  x = AtLeast(d, -constants_of<D>::exp_underflows, x);
  return Logistic(d, x, x);
}

// tanh(x) = -m / (2 + m) with m = exp(-2|x|) - 1, which is exact near zero. At most 3 ULP, denormals included.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Tanh(D d, V x) {
  V n;
  const V z = AtMost(d, constants_of<D>::tanh_is_one, ops::Abs(x));
  const V r = ReduceByLn2(d, ops::Mul(z, ops::Set(d, -2)), ops::Zero(d), n);
  const V scale = PowerOfTwo(d, n);
  const V m = ops::MulAdd(ReducedExpm1(d, r), scale, ops::Sub(scale, ops::Set(d, 1)));
  return ops::CopySign(ops::Div(m, ops::Add(m, ops::Set(d, 2))), x);
}

// x Phi(x), with Phi the normal distribution: gelu(x) = max(x, 0) - z Q(z), where z = |x| and the upper tail is Q(z) =
// exp(-z^2 / 2) w p(1/2 - w) / z with w = z / (scale + z). Nothing cancels for negative x, unlike in x (1 + erf(x /
// sqrt 2)) / 2. z is split into halves, so that z^2 has no error for exp to magnify. At most 4.5 ULP, denormal results
// included.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Gelu(D d, V x) {
  V n;
  const ops::RebindToSigned<D> bits;
  const V z = AtMost(d, constants_of<D>::tail_is_zero, ops::Abs(x));
  const V w = ops::Div(z, ops::Add(z, ops::Set(d, constants_of<D>::tail_scale)));
  const V t = ops::Sub(ops::Set(d, ops::TFromD<D>(0.5)), w);
  const V tail = ops::Mul(w, Polynomial(d, t, constants_of<D>::tail_series));
  const V high = ops::BitCast(d, ops::And(ops::BitCast(bits, z), ops::Set(bits, constants_of<D>::upper_half)));
  const V minus_half = ops::Set(d, ops::TFromD<D>(-0.5));
  const V rest = ops::Mul(ops::Mul(ops::Sub(z, high), ops::Add(z, high)), minus_half);
  const V r = ReduceByLn2(d, ops::Mul(ops::Mul(high, high), minus_half), rest, n);
  const V below = ScaleByPowerOfTwo(d, ops::MulAdd(tail, ReducedExpm1(d, r), tail), n);
  return ops::Sub(AtLeast(d, 0, x), below);
}

// x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2, the approximation of gelu that many networks were trained with. At
// most 3 ULP for x >= -1. Below, exp magnifies the rounding of its own argument: the error stays under 2^-24 (2^-53)
// in absolute terms, but in a tail too small to matter it is not small beside the result.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V GeluTanh(D d, V x) {
  using T = ops::TFromD<D>;
  x = AtLeast(d, -constants_of<D>::exp_underflows, x);
  const V slope = ops::MulAdd(ops::Mul(x, x), ops::Set(d, T(0.071354816272600249)), ops::Set(d, T(1.5957691216057307)));
  return Logistic(d, ops::Mul(x, slope), x);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_SIMD_MATH_INL_H_
