// Sums, activations, the softmax, and channels put together.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include "op/image_case.hpp"

namespace {

using bcr::test::guard_side;
using bcr::test::guarded_matrix;
using bcr::test::placement;

template <class T>
guarded_matrix<T> random_rows(std::size_t rows, std::size_t columns, const placement& at, std::uint64_t seed, T scale) {
  guarded_matrix<T> made(rows, columns, at);
  bcr::test::random_source random(seed);
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) made(i, j) = static_cast<T>(2 * random.uniform() - 1) * scale;
  }
  return made;
}

const placement placements[] = {{}, {.padding = 3, .offset = 1}, {.offset = 2, .side = guard_side::before}};

TEST_CASE("add: sums, with an activation, on top of an operand or beside it") {
  auto pool = bcr::thread_pool::create(3);
  for (const placement& at : placements) {
    for (const std::size_t columns : {1u, 7u, 16u, 17u, 50u}) {
      auto a = random_rows<float>(4, columns, at, columns, 1), b = random_rows<float>(4, columns, {}, 99, 1);
      guarded_matrix<float> y(4, columns, at);
      REQUIRE(bcr::add(a.view(), b.view(), y.view(), bcr::epilogue::relu{}, *pool).ok());
      CHECK(y.surroundings_intact());
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < columns; ++j) CHECK(y(i, j) == std::max(a(i, j) + b(i, j), 0.0f));
      }
      guarded_matrix<float> sum(4, columns, {});
      REQUIRE(bcr::add(a.view(), b.view(), sum.view()).ok());
      REQUIRE(bcr::add(a.view(), b.view(), b.view()).ok());
      for (std::size_t i = 0; i < 4; ++i) {
        for (std::size_t j = 0; j < columns; ++j) CHECK(sum(i, j) == b(i, j));
      }
    }
  }
}

TEST_CASE("map: any epilogue, in place") {
  auto x = random_rows<double>(3, 21, {.padding = 2}, 5, 3);
  const std::vector<double> bias{1, 2, 3};
  guarded_matrix<double> y(3, 21, {});
  const auto both = bcr::epilogue::chain(bcr::epilogue::bias<double>{bias.data()}, bcr::epilogue::sigmoid{});
  REQUIRE(bcr::map(x.view(), y.view(), both).ok());
  REQUIRE(bcr::map(x.view(), x.view(), both).ok());
  for (std::size_t i = 0; i < 3; ++i) {
    for (std::size_t j = 0; j < 21; ++j) CHECK(x(i, j) == y(i, j));
  }
  CHECK(x.surroundings_intact());
}

template <class T>
void check_softmax(std::size_t columns, T scale, const placement& at) {
  CAPTURE(columns);
  CAPTURE(scale);
  auto x = random_rows<T>(3, columns, at, columns, scale);
  guarded_matrix<T> y(3, columns, at);
  REQUIRE(bcr::softmax(x.view(), y.view()).ok());
  CHECK(y.surroundings_intact());
  double worst = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    double most = -std::numeric_limits<double>::infinity(), sum = 0;
    for (std::size_t j = 0; j < columns; ++j) most = std::max(most, static_cast<double>(x(i, j)));
    for (std::size_t j = 0; j < columns; ++j) sum += std::exp(static_cast<double>(x(i, j)) - most);
    for (std::size_t j = 0; j < columns; ++j) {
      const double below = most - static_cast<double>(x(i, j)), expected = std::exp(-below) / sum;
      // What is smaller than normal numbers has an absolute error.
      const double unit = std::max(expected * static_cast<double>(std::numeric_limits<T>::epsilon()),
                                   static_cast<double>(std::numeric_limits<T>::denorm_min()));
      const double bound = below / 2 + static_cast<double>(columns) / 2 + 4;
      const double error = std::abs(static_cast<double>(y(i, j)) - expected) / (unit * bound);
      worst = std::max(worst, error >= 0 ? error : std::numeric_limits<double>::max());
    }
  }
  CHECK(worst <= 1);
  REQUIRE(bcr::softmax(x.view(), x.view()).ok());
  for (std::size_t i = 0; i < 3; ++i) CHECK(std::equal(x.row(i), x.row(i) + columns, y.row(i)));
}

TEST_CASE("softmax: within its error, whatever the size of its arguments") {
  for (const placement& at : placements) {
    for (const std::size_t columns : {1u, 2u, 7u, 8u, 15u, 16u, 17u, 33u, 100u, 1000u}) {
      for (const float scale : {0.1f, 10.0f, 1e3f, 1e38f}) check_softmax<float>(columns, scale, at);
      check_softmax<double>(columns, 300, at);
    }
  }
}

TEST_CASE("softmax: what is not finite") {
  const float infinity = std::numeric_limits<float>::infinity();
  constexpr std::size_t columns = 20;
  std::vector<float> x(4 * columns, 1.0f), y(x.size());
  for (std::size_t j = 0; j < columns; ++j) x[j] = -infinity;  // nothing but minus infinity
  x[columns + 4] = -infinity;                                  // one of it
  x[2 * columns + 19] = infinity;                              // one infinity
  x[3 * columns + 1] = std::numeric_limits<float>::quiet_NaN();
  REQUIRE(bcr::softmax<float>({x.data(), 4, columns}, {y.data(), 4, columns}).ok());
  for (std::size_t j = 0; j < columns; ++j) {
    CHECK(y[j] != y[j]);
    CHECK(y[columns + j] == (j == 4 ? 0.0f : doctest::Approx(1.0 / 19)));
    CHECK(y[2 * columns + 19] != y[2 * columns + 19]);
    CHECK(y[3 * columns + j] != y[3 * columns + j]);
  }
}

TEST_CASE("concat_channels puts channels behind each other, item by item") {
  const std::vector<float> a{1, 2, 3, 4, 5, 6, 7, 8}, b{10, 20, 30, 40};  // two items of two channels, and of one
  std::vector<float> y(12);
  const bcr::channels_view<float> inputs[] = {{a.data(), 2}, {nullptr, 0}, {b.data(), 1}};
  REQUIRE(bcr::concat_channels<float>(inputs, 2, 2, y.data()).ok());
  CHECK(y == std::vector<float>{1, 2, 3, 4, 10, 20, 5, 6, 7, 8, 30, 40});
  const bcr::channels_view<float> none[] = {{nullptr, 1}};
  bcr::test::says(bcr::concat_channels<float>(none, 1, 1, y.data()),
                  "An image whose channels are to be put together has no data.");
  bcr::test::says(bcr::concat_channels<float>(inputs, 2, 2, nullptr), "The image that takes the channels has no data.");
}

TEST_CASE("what pointwise layers refuse") {
  std::vector<float> x(12);
  const bcr::matrix_view<float> good(x.data(), 3, 4), low(x.data(), 2, 4), none(nullptr, 3, 4);
  constexpr const char* shapes = "Input and output are not of the same shape.";
  for (const auto& bad : {low, none}) {
    bcr::test::says(bcr::softmax(good, bad), shapes);
    bcr::test::says(bcr::map(bad, good, bcr::epilogue::relu{}), shapes);
    bcr::test::says(bcr::add(good, bad, good), "What is to be added is not of the same shape.");
  }
  bcr::test::says(bcr::map(good, good, bcr::epilogue::bias<float>{}),
                  "The epilogue's bias has no data: per_row is null.");
  const bcr::matrix_view<float> empty(nullptr, 0, 4);
  CHECK(bcr::softmax(empty, empty).ok());
  CHECK(bcr::map(empty, empty, bcr::epilogue::relu{}).ok());
}

}  // namespace
