// Images for tests: random ones, their convolution in double precision, and a run with every operand between guards.
#pragma once

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "bcr/bcr.hpp"
#include "bcr/core/executor_thread.hpp"
#include "support/guarded.hpp"
#include "support/random_pattern.hpp"
#include "support/reference.hpp"

namespace bcr::test {

inline void says(const status& s, const char* sentence) {
  CHECK(s.code() == errc::invalid_argument);
  CHECK(s.message() == doctest::String(sentence));
}

template <class T>
std::vector<T> random_elements(std::size_t count, std::uint64_t seed) {
  random_source random(seed);
  std::vector<T> elements(count);
  for (T& x : elements) x = static_cast<T>(2 * random.uniform() - 1);
  return elements;
}

// Calls visit(element of the window, element of the plane) for those inside of the image, as the window stands at (y,
// x).
template <class Visit>
void for_window(const image_shape& image, const window2d& w, std::size_t y, std::size_t x, Visit&& visit) {
  for (std::size_t ky = 0; ky < w.kernel.height; ++ky) {
    for (std::size_t kx = 0; kx < w.kernel.width; ++kx) {
      const std::size_t row = y * w.stride.height + ky * w.dilation.height;
      const std::size_t column = x * w.stride.width + kx * w.dilation.width;
      if (row < w.padding.top || row - w.padding.top >= image.height) continue;
      if (column < w.padding.left || column - w.padding.left >= image.width) continue;
      visit(ky * w.kernel.width + kx, (row - w.padding.top) * image.width + column - w.padding.left);
    }
  }
}

struct convolution_case {
  image_shape input;
  std::size_t outputs;
  window2d window;
  std::size_t groups = 1;

  extent2d positions() const { return window.positions(input); }
  std::size_t inner() const { return input.channels / groups * window.kernel.height * window.kernel.width; }
  image_shape output() const { return {input.batch, outputs, positions().height, positions().width}; }
};

inline doctest::String describe(const convolution_case& c) {
  const auto n = [](std::size_t x) { return doctest::toString(x) + " "; };
  const window2d& w = c.window;
  return "input " + n(c.input.batch) + n(c.input.channels) + n(c.input.height) + n(c.input.width) + "outputs " +
         n(c.outputs) + "groups " + n(c.groups) + "kernel " + n(w.kernel.height) + n(w.kernel.width) + "stride " +
         n(w.stride.height) + n(w.stride.width) + "dilation " + n(w.dilation.height) + n(w.dilation.width) +
         "padding " + n(w.padding.top) + n(w.padding.left) + n(w.padding.bottom) + n(w.padding.right);
}

// Operands, and relu(convolution + bias + residual) as it should be. The tolerance is that of support/reference.hpp.
template <class T>
struct convolution_operands {
  convolution_case layer;
  std::vector<T> input, weights, bias, residual;

  explicit convolution_operands(const convolution_case& c)
      : layer(c),
        input(random_elements<T>(c.input.elements(), 1)),
        weights(random_elements<T>(c.outputs * c.inner(), 2)),
        bias(random_elements<T>(c.outputs, 3)),
        residual(random_elements<T>(c.output().elements(), 4)) {}

  exact_value exact(std::size_t item, std::size_t channel, std::size_t y, std::size_t x) const {
    const image_shape &in = layer.input, out = layer.output();
    const std::size_t group_channels = in.channels / layer.groups, group_outputs = layer.outputs / layer.groups;
    exact_value sum;
    const auto add = [&](double term) {
      sum.value += term;
      sum.magnitude += std::abs(term);
    };
    for (std::size_t c = 0; c < group_channels; ++c) {
      const std::size_t plane = item * in.channels + channel / group_outputs * group_channels + c;
      const T* const w =
          weights.data() + channel * layer.inner() + c * layer.window.kernel.height * layer.window.kernel.width;
      for_window(in, layer.window, y, x, [&](std::size_t k, std::size_t at) {
        add(to_double(w[k]) * to_double(input[plane * in.pixels() + at]));
      });
    }
    add(to_double(bias[channel]));
    add(to_double(residual[((item * out.channels + channel) * out.height + y) * out.width + x]));
    return sum;
  }

  // The largest error, in units of the tolerance.
  double worst(std::span<const T> found) const {
    const image_shape out = layer.output();
    REQUIRE(found.size() == out.elements());
    const double terms = static_cast<double>(layer.inner()) + 8;
    double most = 0;
    std::size_t i = 0;
    for (std::size_t n = 0; n < out.batch; ++n) {
      for (std::size_t c = 0; c < out.channels; ++c) {
        for (std::size_t y = 0; y < out.height; ++y) {
          for (std::size_t x = 0; x < out.width; ++x, ++i) {
            const exact_value e = exact(n, c, y, x);
            const double error = std::abs(to_double(found[i]) - std::max(e.value, 0.));
            const double unit = terms * static_cast<double>(std::numeric_limits<T>::epsilon()) * e.magnitude;
            most = std::max(most, is_finite(found[i]) ? error / unit : std::numeric_limits<double>::max());
          }
        }
      }
    }
    return most;
  }
};

template <class T>
using bias_residual_relu = epilogue::chain_of<epilogue::bias<T>, epilogue::residual<T>, epilogue::relu>;

// Runs a plan with operands that end or begin at a guard, and returns its output. The residual is the output.
template <class Plan, class T, class Executor = serial_executor>
std::vector<T> run_guarded(const Plan& plan, const convolution_operands<T>& in, std::size_t offset, guard_side side,
                           Executor&& threads = {}) {
  guarded_array<T> x(in.input.size(), offset, side), y(in.residual.size(), (offset + 1) % 4, side);
  guarded_array<std::byte> workspace(plan.workspace_bytes(), offset, side);
  std::copy(in.input.begin(), in.input.end(), x.data());
  std::copy(in.residual.begin(), in.residual.end(), y.data());
  const bias_residual_relu<T> epilogue =
      bcr::epilogue::chain(bcr::epilogue::bias<T>{in.bias.data()},
                           bcr::epilogue::residual<T>{y.data(), plan.output_shape().pixels()}, bcr::epilogue::relu{});
  const status done = plan.run(x.span(), y.span(), workspace.span(), epilogue, threads);
  CHECK(done.message() == doctest::String("Success."));
  CHECK(x.surroundings_intact());
  CHECK(y.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return {y.data(), y.data() + y.size()};
}

// A plan of every number of threads gives the right result, and the same one.
template <class T, class Create>
void check_convolution(const convolution_case& layer, Create&& create) {
  INFO(describe(layer));
  const convolution_operands<T> in(layer);
  std::vector<T> first;
  for (const std::size_t threads : {1u, 3u}) {
    const auto plan = create(in, threads);
    REQUIRE(plan.message() == doctest::String("Success."));
    CHECK(plan->tasks() <= threads);
    CHECK(plan->output_shape() == layer.output());
    for (const guard_side side : {guard_side::before, guard_side::after}) {
      const std::size_t offset = threads == 1 ? 0 : 3;
      const std::vector<T> y = run_guarded(*plan, in, offset, side);
      if (first.empty()) {
        CHECK(in.worst(y) <= 1);
        first = y;
      }
      CHECK((y.empty() || std::memcmp(y.data(), first.data(), y.size() * sizeof(T)) == 0));
    }
  }
  auto pool = thread_pool::create(3);
  REQUIRE(pool.ok());
  const auto plan = create(in, 3);
  const std::vector<T> y = run_guarded(*plan, in, 1, guard_side::after, *pool);
  CHECK((y.empty() || std::memcmp(y.data(), first.data(), y.size() * sizeof(T)) == 0));
}

}  // namespace bcr::test
