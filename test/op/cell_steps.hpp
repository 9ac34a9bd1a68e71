// Steps of a cell against the reference.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "op/cell_case.hpp"

namespace bcr::test {

inline double worse(double worst, double error, double tolerance) {
  const double ratio = error / tolerance;
  return std::max(worst, ratio >= 0 ? ratio : std::numeric_limits<double>::max());
}

// Of an item of the batch.
template <class T>
double worse(double worst, guarded_state<T>& state, std::size_t item, const exact_state& expected, double tolerance) {
  REQUIRE(expected.h.size() == state.h.view().columns);
  for (std::size_t u = 0; u < expected.h.size(); ++u) {
    worst = worse(worst, std::abs(static_cast<double>(state.h(item, u)) - expected.h[u]), tolerance);
  }
  for (std::size_t u = 0; u < expected.c.size(); ++u) {
    worst = worse(worst, std::abs(static_cast<double>(state.c(item, u)) - expected.c[u]), tolerance);
  }
  return worst;
}

// Three steps, each from the state that the one before has left.
template <class T, class Block, blob_layout Layout, class W = T>
void check_steps(const cell_shape& shape, std::size_t batch, std::size_t threads, std::uint64_t seed) {
  INFO(describe(shape), " batch ", batch, " threads ", threads, " seed ", seed);
  random_source random(seed);
  const cell_case<T, Block, W> in(shape, seed);
  const auto packed = in.template packed<Layout>();
  REQUIRE(packed.message() == doctest::String("Success."));
  const auto plan = cell_plan<T, W>::create(*packed, {.batch = batch, .threads = threads});
  REQUIRE(plan.message() == doctest::String("Success."));
  REQUIRE(plan->tasks() <= threads);
  guarded_matrix<T> x(batch, shape.inputs, any_placement(random));
  guarded_state<T> state(shape, batch, random);
  state.fill(random);
  guarded_array<std::byte> workspace(plan->workspace_bytes(), random.below(70),
                                     random.chance(0.5) ? guard_side::before : guard_side::after);
  double worst = 0;
  for (int step = 0; step < 3; ++step) {
    std::vector<exact_state> expected;
    double tolerance = 0;
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t k = 0; k < shape.inputs; ++k) x(b, k) = random_value<T>(random);
      expected.push_back(in.step(x.row(b), row_of(state.h, b), row_of(state.c, b), tolerance));
    }
    const status done = plan->step(x.view(), state.view(), workspace.span());
    REQUIRE(done.message() == doctest::String("Success."));
    for (std::size_t b = 0; b < batch; ++b) worst = worse(worst, state, b, expected[b], tolerance);
  }
  CHECK(worst <= 1);
  CHECK(x.surroundings_intact());
  CHECK(state.surroundings_intact());
  CHECK(workspace.surroundings_intact());
}

}  // namespace bcr::test
