// The stated errors of the transcendental functions: f32 over the whole range of floats, f64 at random, both at the
// values where something special happens. The reference is the standard library in a wider type.
#include "bcr/simd/math-inl.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <vector>

#include "support/random_pattern.hpp"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

// Applies Function, a functor on vectors, to an array in place.
template <class Function, class T>
void apply(std::vector<T>& x) {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  x.resize((x.size() + lanes - 1) / lanes * lanes);
  for (std::size_t i = 0; i < x.size(); i += lanes) {
    ops::StoreU(Function()(d, ops::LoadU(d, x.data() + i)), d, x.data() + i);
  }
}

#define BCR_TEST_FUNCTION(name, reference)    \
  struct test_##name {                        \
    template <class D, class V>               \
    BCR_INLINE V operator()(D d, V x) const { \
      return name(d, x);                      \
    }                                         \
    template <class R>                        \
    static R exactly(R x) {                   \
      return reference;                       \
    }                                         \
  }
template <class R>
R exact_sigmoid(R x) {
  return x < 0 ? std::exp(x) / (1 + std::exp(x)) : 1 / (1 + std::exp(-x));
}
BCR_TEST_FUNCTION(Exp, std::exp(x));
BCR_TEST_FUNCTION(Sigmoid, exact_sigmoid(x));
BCR_TEST_FUNCTION(Tanh, std::tanh(x));
BCR_TEST_FUNCTION(Silu, std::isinf(x) && x < 0 ? R(0) : x * exact_sigmoid(x));
BCR_TEST_FUNCTION(Gelu, std::isinf(x) && x < 0 ? R(0) : x / 2 * std::erfc(-x / std::sqrt(R(2))));
BCR_TEST_FUNCTION(GeluTanh, std::isinf(x) && x < 0 ? R(0)
                                                   : x * exact_sigmoid(2 * std::sqrt(2 / std::acos(R(-1))) *
                                                                       (x + R(0.044715L) * x * x * x)));

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

namespace {

// |got - want| in units of the last place of `want` rounded to T; the smallest denormal where that is the unit.
template <class T, class R>
double ulps(T got, R want) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : 1e30;
  const T rounded = static_cast<T>(want);
  if (std::isinf(rounded) || std::isinf(got)) return rounded == got ? 0 : 1e30;
  int exponent = 0;
  std::frexp(want, &exponent);
  exponent = std::max(want == 0 ? -9999 : exponent, std::numeric_limits<T>::min_exponent);
  return static_cast<double>(std::abs(static_cast<R>(got) - want) /
                             std::ldexp(R(1), exponent - std::numeric_limits<T>::digits));
}

template <class T>
T from_bits(std::uint64_t bits) {
  T x;
  if constexpr (sizeof(T) == 4) {
    const auto low = static_cast<std::uint32_t>(bits);
    std::memcpy(&x, &low, 4);
  } else {
    std::memcpy(&x, &bits, 8);
  }
  return x;
}

#ifdef BCR_TEST_EMULATED
constexpr std::uint64_t prime = 4999;
constexpr int doubles = 20000;
#else
constexpr std::uint64_t prime = 997;
constexpr int doubles = 100000;
#endif

// Every float whose bits are a multiple of a prime number; doubles of random bits and of random value.
template <class T, class Take>
void sweep(const Take& take) {
  std::vector<T> x;
  const auto add = [&](T value) {
    x.push_back(value);
    if (x.size() == 4096) {
      take(x);
      x.clear();
    }
  };
  if constexpr (sizeof(T) == 4) {
    for (std::uint64_t bits = 0; bits < std::uint64_t{1} << 32; bits += prime) add(from_bits<T>(bits));
  } else {
    bcr::test::random_source random(2026);
    for (int i = 0; i < doubles; ++i) {
      add(from_bits<T>(random.word()));
      for (const double range : {2., 8., 45., 800.}) add((random.uniform() * 2 - 1) * range);
    }
  }
  take(x);
}

template <class Function, class T>
void check_error(T low, double allowed) {
  using reference = std::conditional_t<sizeof(T) == 4, double, long double>;
  double worst = 0;
  T worst_at = 0;
  sweep<T>([&](const std::vector<T>& x) {
    std::vector<T> y = x;
    target::apply<Function>(y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (x[i] < low) continue;
      const double error = ulps(y[i], Function::exactly(static_cast<reference>(x[i])));
      if (error > worst) {
        worst = error;
        worst_at = x[i];
      }
    }
  });
  CAPTURE(worst_at);
  CHECK(worst <= allowed);
  CHECK(worst > 0.4);  // an error of nothing at all would mean that nothing was compared
}

template <class Function, class T>
std::vector<T> at(std::initializer_list<T> x) {
  std::vector<T> y = x;
  target::apply<Function>(y);
  y.resize(x.size());
  return y;
}

}  // namespace

TEST_CASE_TEMPLATE("transcendental functions are as exact as they say", T, float, double) {
  const T everything = -std::numeric_limits<T>::infinity();
  SUBCASE("exp") { check_error<target::test_Exp>(everything, 1.1); }
  SUBCASE("sigmoid") { check_error<target::test_Sigmoid>(everything, 2.5); }
  SUBCASE("tanh") { check_error<target::test_Tanh>(everything, 3); }
  SUBCASE("silu") { check_error<target::test_Silu>(everything, 3); }
  SUBCASE("gelu") { check_error<target::test_Gelu>(everything, 4.5); }
  SUBCASE("gelu_tanh") { check_error<target::test_GeluTanh>(T(-1), 3); }
}

TEST_CASE_TEMPLATE("gelu_tanh is exact in absolute terms where x is below -1", T, float, double) {
  using reference = std::conditional_t<sizeof(T) == 4, double, long double>;
  const reference allowed = static_cast<reference>(std::numeric_limits<T>::epsilon()) / 2;
  reference worst = 0;
  sweep<T>([&](const std::vector<T>& x) {
    std::vector<T> y = x;
    target::apply<target::test_GeluTanh>(y);
    for (std::size_t i = 0; i < x.size(); ++i) {
      if (!(x[i] < -1)) continue;
      worst = std::max(
          worst, std::abs(static_cast<reference>(y[i]) - target::test_GeluTanh::exactly(static_cast<reference>(x[i]))));
    }
  });
  CHECK(worst <= allowed);
}

TEST_CASE_TEMPLATE("transcendental functions at infinity, zero and beyond", T, float, double) {
  using limits = std::numeric_limits<T>;
  const T inf = limits::infinity(), nan = limits::quiet_NaN(), huge = limits::max(), tiny = limits::denorm_min();
  using values = std::vector<T>;
  CHECK(at<target::test_Exp, T>({0, -T(0), inf, -inf, huge, -huge, tiny}) == values{1, 1, inf, 0, inf, 0, 1});
  CHECK(at<target::test_Sigmoid, T>({0, inf, -inf, huge, -huge}) == values{T(0.5), 1, 0, 1, 0});
  CHECK(at<target::test_Tanh, T>({0, inf, -inf, huge, -huge, tiny, -tiny}) == values{0, 1, -1, 1, -1, tiny, -tiny});
  CHECK(at<target::test_Silu, T>({0, inf, -inf, huge, -huge}) == values{0, inf, 0, huge, 0});
  CHECK(at<target::test_Gelu, T>({0, inf, -inf, huge, -huge}) == values{0, inf, 0, huge, 0});
  CHECK(at<target::test_GeluTanh, T>({0, inf, -inf, huge, -huge}) == values{0, inf, 0, huge, 0});
  CHECK(std::signbit(at<target::test_Tanh, T>({-T(0)})[0]));
  CHECK(std::isnan(at<target::test_Exp, T>({nan})[0]));
  CHECK(std::isnan(at<target::test_Sigmoid, T>({nan})[0]));
  CHECK(std::isnan(at<target::test_Tanh, T>({nan})[0]));
  CHECK(std::isnan(at<target::test_Silu, T>({nan})[0]));
  CHECK(std::isnan(at<target::test_Gelu, T>({nan})[0]));
  CHECK(std::isnan(at<target::test_GeluTanh, T>({nan})[0]));
}
