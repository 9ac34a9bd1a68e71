// Batch normalisation at inference is a factor and a term for each output channel: it disappears into the weights and
// the bias of the layer before it, once, when the model is loaded.
#pragma once

#include <cmath>
#include <cstddef>

#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"

namespace bcr {

// What a batch normalisation has learned, an element a channel, as PyTorch's BatchNorm2d: y = (x - mean) /
// sqrt(variance
// + epsilon) * scale + shift. `scale` and `shift` may be null, for ones and zeros.
template <class T>
struct batch_norm {
  const T* scale = nullptr;  // PyTorch's weight
  const T* shift = nullptr;  // PyTorch's bias
  const T* mean = nullptr;
  const T* variance = nullptr;
  T epsilon = T(1e-5);
};

// Changes weights W (a row a channel) and a bias so that W x + bias becomes what the normalisation made of it before.
// `bias` has an element a row, zeros if the layer had none. Zeros among the weights stay zeros, so that patterns do as
// well. In double precision, rounded once. Fails with invalid_argument, and then nothing was changed: also where a
// variance is negative or what it makes is not a number.
template <class T>
status fold_batch_norm(matrix_view<T> weights, T* bias, const batch_norm<T>& norm) noexcept {
  if (!weights.valid()) return {errc::invalid_argument, "The weights to be normalised have no data."};
  if (weights.rows == 0) return {};
  if (bias == nullptr || norm.mean == nullptr || norm.variance == nullptr) {
    return {errc::invalid_argument, "A batch normalisation needs a mean, a variance, and a bias to go to."};
  }
  const auto factor = [&](std::size_t i) {
    const double deviation = std::sqrt(static_cast<double>(norm.variance[i]) + static_cast<double>(norm.epsilon));
    return (norm.scale == nullptr ? 1 : static_cast<double>(norm.scale[i])) / deviation;
  };
  for (std::size_t i = 0; i < weights.rows; ++i) {
    if (!(static_cast<double>(norm.variance[i]) + static_cast<double>(norm.epsilon) > 0)) {
      return {errc::invalid_argument, "A variance of the batch normalisation is not positive, with its epsilon."};
    }
  }
  for (std::size_t i = 0; i < weights.rows; ++i) {
    const double f = factor(i), shift = norm.shift == nullptr ? 0 : static_cast<double>(norm.shift[i]);
    for (std::size_t k = 0; k < weights.columns; ++k) {
      weights(i, k) = static_cast<T>(static_cast<double>(weights(i, k)) * f);
    }
    bias[i] = static_cast<T>((static_cast<double>(bias[i]) - static_cast<double>(norm.mean[i])) * f + shift);
  }
  return {};
}

}  // namespace bcr
