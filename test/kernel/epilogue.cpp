// Every epilogue, in every orientation, for all lanes and for part of them, against double precision.
#include "bcr/kernel/epilogue-inl.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bcr/op/epilogue.hpp"
#include "support/random_pattern.hpp"

namespace ep = bcr::epilogue;

namespace {

// The same in scalar code: element (row, column) of the result of W, which linear stores transposed.
struct element {
  std::size_t row, column;
  bcr::orientation along;
};
template <class T>
double exactly(const ep::bias<T>& b, double x, element e) {
  return x + b.per_row[e.row];
}
template <class T>
double exactly(const ep::residual<T>& r, double x, element e) {
  return x + r.data[e.along == bcr::along_rows ? e.column * r.leading_dimension + e.row
                                               : e.row * r.leading_dimension + e.column];
}
template <class T>
double exactly(const ep::clamp<T>& c, double x, element) {
  return std::min<double>(std::max<double>(x, c.low), c.high);
}
template <class T>
double exactly(const ep::leaky_relu<T>& l, double x, element) {
  return x < 0 ? x * l.slope : x;
}
double exactly(ep::none, double x, element) { return x; }
double exactly(ep::relu, double x, element) { return std::max(x, 0.); }
double exactly(ep::relu6, double x, element) { return std::min(std::max(x, 0.), 6.); }
double exactly(ep::sigmoid, double x, element) { return 1 / (1 + std::exp(-x)); }
double exactly(ep::tanh, double x, element) { return std::tanh(x); }
double exactly(ep::silu, double x, element) { return x / (1 + std::exp(-x)); }
double exactly(ep::hard_swish, double x, element) { return x * std::min(std::max(x + 3, 0.), 6.) / 6; }
double exactly(ep::gelu, double x, element) { return x * (1 + std::erf(x / std::sqrt(2.))) / 2; }
double exactly(ep::gelu_tanh, double x, element) {
  return x * (1 + std::tanh(std::sqrt(2 / std::acos(-1.)) * (x + 0.044715 * x * x * x))) / 2;
}
double exactly(const ep::chain_of<>&, double x, element) { return x; }
template <class First, class... Rest>
double exactly(const ep::chain_of<First, Rest...>& c, double x, element e) {
  return exactly(c.rest, exactly(c.first, x, e), e);
}

}  // namespace

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {
namespace {

// The vector that starts at element (row, column), of which lanes [first, last) belong to the output.
template <orientation Along, class T, class Epilogue>
void apply_at(const Epilogue& e, const std::vector<T>& x, std::vector<T>& y, std::size_t row, std::size_t column,
              std::size_t first, std::size_t last) {
  const ops::ScalableTag<T> d;
  ops::StoreU(Apply<Along>(d, e, ops::LoadU(d, x.data()), row, column, first, last), d, y.data());
}

template <class T>
std::size_t lanes_of() {
  return ops::Lanes(ops::ScalableTag<T>());
}

}  // namespace
}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

namespace target = bcr::BCR_TARGET_NS;

namespace {

template <bcr::orientation Along, class T, class Epilogue>
void check_along(const Epilogue& e, std::size_t rows, std::size_t columns) {
  const std::size_t lanes = target::lanes_of<T>();
  const std::size_t extent = Along == bcr::along_columns ? columns : rows;
  bcr::test::random_source random(rows);
  std::vector<T> x(lanes), y(lanes);
  double worst = 0;
  for (std::size_t start = 0; start < extent; ++start) {
    const std::size_t room = std::min(lanes, extent - start);
    for (std::size_t first = 0; first < (Along == bcr::down_rows ? 1 : room); ++first) {
      for (std::size_t last : {first + 1, (first + room + 1) / 2, room}) {
        if (last <= first) continue;
        for (T& value : x) value = static_cast<T>(random.uniform() * 16 - 8);
        const std::size_t across = start % 3;
        const std::size_t row = Along == bcr::along_columns ? across : start;
        const std::size_t column = Along == bcr::along_columns ? start : across;
        target::apply_at<Along>(e, x, y, row, column, first, last);
        for (std::size_t l = first; l < last; ++l) {
          const element at =
              Along == bcr::along_columns ? element{row, column + l, Along} : element{row + l, column, Along};
          const double want = exactly(e, x[l], at);
          worst = std::max(worst, std::abs(y[l] - want) / (8 + std::abs(want)));
        }
      }
    }
  }
  // The sum of a few roundings of numbers up to 8 in size, and of the 4 units that the functions may be off.
  CHECK(worst <= 4 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

// The arrays that bias and residual read end where they may no longer be read.
template <class T>
struct fixture {
  std::size_t rows = 2 * target::lanes_of<T>() + 3, columns = 2 * target::lanes_of<T>() + 5;
  std::vector<T> per_row, gemm_shaped, linear_shaped;
  fixture()
      : per_row(rows), gemm_shaped((rows - 1) * (columns + 3) + columns), linear_shaped((columns - 1) * rows + rows) {
    bcr::test::random_source random(7);
    for (auto* data : {&per_row, &gemm_shaped, &linear_shaped}) {
      for (T& value : *data) value = static_cast<T>(random.uniform() * 4 - 2);
    }
  }
  template <class Epilogue>
  void check(const Epilogue& e) const {
    static_assert(bcr::epilogue_for<Epilogue, T>);
    check_along<bcr::along_columns, T>(e, rows, columns);
    check_along<bcr::along_rows, T>(e, rows, columns);
    check_along<bcr::down_rows, T>(e, rows, columns);
  }
};

}  // namespace

TEST_CASE_TEMPLATE("epilogues agree with double precision", T, float, double) {
  const fixture<T> f;
  const ep::bias<T> bias{f.per_row.data()};
  const ep::residual<T> gemm_residual{f.gemm_shaped.data(), f.columns + 3};
  const ep::residual<T> linear_residual{f.linear_shaped.data(), f.rows};
  SUBCASE("none") { f.check(ep::none{}); }
  SUBCASE("bias") { f.check(bias); }
  SUBCASE("residual") {
    check_along<bcr::along_columns, T>(gemm_residual, f.rows, f.columns);
    check_along<bcr::along_rows, T>(linear_residual, f.rows, f.columns);
    check_along<bcr::down_rows, T>(gemm_residual, f.rows, f.columns);
  }
  SUBCASE("relu") { f.check(ep::relu{}); }
  SUBCASE("relu6") { f.check(ep::relu6{}); }
  SUBCASE("clamp") { f.check(ep::clamp<T>{T(-1.5), T(2.25)}); }
  SUBCASE("leaky_relu") { f.check(ep::leaky_relu<T>{T(0.125)}); }
  SUBCASE("sigmoid") { f.check(ep::sigmoid{}); }
  SUBCASE("tanh") { f.check(ep::tanh{}); }
  SUBCASE("silu") { f.check(ep::silu{}); }
  SUBCASE("hard_swish") { f.check(ep::hard_swish{}); }
  SUBCASE("gelu") { f.check(ep::gelu{}); }
  SUBCASE("gelu_tanh") { f.check(ep::gelu_tanh{}); }
  SUBCASE("chains run from left to right") {
    f.check(ep::chain());
    f.check(ep::chain(bias, ep::relu{}));
    f.check(ep::chain(ep::relu{}, bias));
    f.check(ep::chain(bias, ep::gelu{}, ep::clamp<T>{T(0.25), T(3)}));
    f.check(ep::chain(ep::chain(bias, ep::tanh{}), ep::leaky_relu<T>{T(2)}));
    check_along<bcr::along_columns, T>(ep::chain(bias, gemm_residual, ep::silu{}), f.rows, f.columns);
    check_along<bcr::along_rows, T>(ep::chain(bias, linear_residual, ep::silu{}), f.rows, f.columns);
    check_along<bcr::down_rows, T>(ep::chain(bias, gemm_residual, ep::silu{}), f.rows, f.columns);
  }
}

TEST_CASE_TEMPLATE("activations at infinity and at what is not a number", T, float, double) {
  const T inf = std::numeric_limits<T>::infinity();
  const auto at = [](const auto& e, T x) {
    const std::size_t lanes = target::lanes_of<T>();
    std::vector<T> in(lanes, x), out(lanes);
    target::apply_at<bcr::along_columns>(e, in, out, 0, 0, 0, lanes);
    return out.back();
  };
  const auto limits = [&](const auto& e, T low, T high) {
    CHECK(at(e, -inf) == low);
    CHECK(at(e, inf) == high);
    CHECK(std::isnan(at(e, std::numeric_limits<T>::quiet_NaN())));
  };
  limits(ep::relu{}, 0, inf);
  limits(ep::relu6{}, 0, 6);
  limits(ep::clamp<T>{-2, 3}, -2, 3);
  limits(ep::leaky_relu<T>{T(0.5)}, -inf, inf);
  limits(ep::sigmoid{}, 0, 1);
  limits(ep::tanh{}, -1, 1);
  limits(ep::silu{}, 0, inf);
  limits(ep::hard_swish{}, 0, inf);
  limits(ep::gelu{}, 0, inf);
  limits(ep::gelu_tanh{}, 0, inf);
  const T huge = std::numeric_limits<T>::max();
  CHECK(at(ep::hard_swish{}, huge) == huge);
}

TEST_CASE("what a plan asks of an epilogue's type") {
  static_assert(bcr::is_cheap_v<ep::none> && bcr::is_cheap_v<ep::bias<float>> && bcr::is_cheap_v<ep::hard_swish>);
  static_assert(!bcr::is_cheap_v<ep::gelu> && !bcr::is_cheap_v<ep::sigmoid>);
  static_assert(bcr::is_cheap_v<ep::chain_of<ep::bias<float>, ep::relu>>);
  static_assert(!bcr::is_cheap_v<ep::chain_of<ep::bias<float>, ep::chain_of<ep::relu, ep::tanh>>>);
  static_assert(bcr::epilogue_for<ep::relu, float> && bcr::epilogue_for<ep::bias<double>, double>);
  static_assert(!bcr::epilogue_for<ep::bias<double>, float>);
  static_assert(!bcr::epilogue_for<ep::chain_of<ep::relu, ep::clamp<float>>, double>);
  using made = decltype(ep::chain(ep::bias<float>{}, ep::relu{}));
  static_assert(std::is_same_v<made, ep::chain_of<ep::bias<float>, ep::relu>>);
  static_assert(std::is_trivially_copyable_v<made>);
}

TEST_CASE("check says which parameter is wrong") {
  const float data[6] = {};
  CHECK(ep::check(ep::relu{}, 2, 3).ok());
  CHECK(ep::check(ep::bias{data}, 2, 3).ok());
  CHECK(ep::check(ep::bias<float>{}, 0, 3).ok());
  CHECK(ep::check(ep::residual{data, 3}, 2, 3).ok());
  const auto says = [](bcr::status s, std::string_view sentence) {
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(s.message() == sentence);
  };
  says(ep::check(ep::bias<float>{}, 2, 3), "The epilogue's bias has no data: per_row is null.");
  says(ep::check(ep::residual<float>{}, 2, 3), "The epilogue's residual has no data: its pointer is null.");
  says(ep::check(ep::chain(ep::relu{}, ep::residual{data, 2}), 2, 3),
       "The epilogue's residual has a leading dimension shorter than a row of the output.");
}
