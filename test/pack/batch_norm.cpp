// Batch normalisation folded into weights: what the layer computes afterwards is what it and the normalisation did.
#include "bcr/pack/batch_norm.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

#include "support/random_pattern.hpp"

namespace {

TEST_CASE("fold_batch_norm: weights and bias make what the normalisation did, and zeros stay") {
  constexpr std::size_t rows = 5, columns = 7, stride = 9;
  bcr::test::random_source random(1);
  const auto draw = [&](double low, double high) { return static_cast<float>(low + (high - low) * random.uniform()); };
  std::vector<float> weights(rows * stride), bias(rows), scale(rows), shift(rows), mean(rows), variance(rows),
      x(columns);
  for (auto* v : {&weights, &bias, &scale, &shift, &mean, &x}) {
    for (float& e : *v) e = draw(-1, 1);
  }
  for (float& v : variance) v = draw(0.1, 2);
  for (std::size_t i = 0; i < rows; ++i) weights[i * stride + i] = 0;
  for (const bool plain : {false, true}) {
    std::vector<float> folded = weights, folded_bias = bias;
    const bcr::batch_norm<float> norm{.scale = plain ? nullptr : scale.data(),
                                      .shift = plain ? nullptr : shift.data(),
                                      .mean = mean.data(),
                                      .variance = variance.data(),
                                      .epsilon = 1e-3f};
    REQUIRE(bcr::fold_batch_norm<float>({folded.data(), rows, columns, stride}, folded_bias.data(), norm).ok());
    for (std::size_t i = 0; i < rows; ++i) {
      const auto sum = [&](const std::vector<float>& w, const std::vector<float>& b) {
        double total = static_cast<double>(b[i]);
        for (std::size_t k = 0; k < columns; ++k) {
          total += static_cast<double>(w[i * stride + k]) * static_cast<double>(x[k]);
        }
        return total;
      };
      const double normal = (sum(weights, bias) - static_cast<double>(mean[i])) /
                            std::sqrt(static_cast<double>(variance[i]) + static_cast<double>(1e-3f));
      const double expected = plain ? normal : normal * static_cast<double>(scale[i]) + static_cast<double>(shift[i]);
      CHECK(sum(folded, folded_bias) == doctest::Approx(expected).epsilon(1e-6));
      CHECK(folded[i * stride + i] == 0.0f);
      for (std::size_t k = columns; k < stride; ++k) CHECK(folded[i * stride + k] == weights[i * stride + k]);
    }
  }
}

TEST_CASE("fold_batch_norm: what it refuses, and then changes nothing") {
  std::vector<float> weights(6, 1.0f), bias(2, 1.0f), mean(2, 0.5f), variance{1.0f, -1.0f};
  const bcr::matrix_view<float> view(weights.data(), 2, 3);
  const auto says = [&](const bcr::status& s, const char* sentence) {
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(s.message() == doctest::String(sentence));
    for (const float w : weights) CHECK(w == 1.0f);
    for (const float b : bias) CHECK(b == 1.0f);
  };
  constexpr const char* missing = "A batch normalisation needs a mean, a variance, and a bias to go to.";
  constexpr const char* negative = "A variance of the batch normalisation is not positive, with its epsilon.";
  says(bcr::fold_batch_norm<float>(view, nullptr, {.mean = mean.data(), .variance = mean.data()}), missing);
  says(bcr::fold_batch_norm<float>(view, bias.data(), {.variance = mean.data()}), missing);
  says(bcr::fold_batch_norm<float>(view, bias.data(), {.mean = mean.data()}), missing);
  says(bcr::fold_batch_norm<float>(view, bias.data(), {.mean = mean.data(), .variance = variance.data()}), negative);
  variance[1] = std::numeric_limits<float>::quiet_NaN();
  says(bcr::fold_batch_norm<float>(view, bias.data(), {.mean = mean.data(), .variance = variance.data()}), negative);
  says(bcr::fold_batch_norm<float>({nullptr, 2, 3}, bias.data(), {}), "The weights to be normalised have no data.");
  CHECK(bcr::fold_batch_norm<float>({nullptr, 0, 3}, nullptr, {}).ok());
}

}  // namespace
