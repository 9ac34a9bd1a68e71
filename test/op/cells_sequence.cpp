// Sequences against the steps they are made of: directions, lengths, any number of steps at a time, and stacks.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "op/cell_case.hpp"

namespace {

using bcr::cell_kind;
using bcr::test::bits_of;
using bcr::test::cell_case;
using bcr::test::cell_shape;
using bcr::test::every_kind;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::guarded_state;
using bcr::test::random_source;
using block = bcr::block<8, 16>;

// What a sequence leaves behind.
template <class T>
struct outcome {
  guarded_matrix<T> y;
  guarded_state<T> state;
};

struct setting {
  std::size_t batch = 1, time = 1, steps = 1;
  std::vector<std::size_t> lengths = {};
  bool reverse = false;
  bool wants_outputs = true;
};

template <class T, bcr::blob_layout Layout>
outcome<T> run_sequence(const bcr::packed_cell<T, block, Layout>& packed, const cell_shape& shape, const setting& s,
                        const bcr::test::dense_matrix<T>& x, std::uint64_t seed) {
  random_source random(seed);
  outcome<T> out{{s.wants_outputs ? s.batch * s.time : 0, shape.outputs(), bcr::test::any_placement(random)},
                 {shape, s.batch, random}};
  random_source start(42);
  out.state.fill(start);
  guarded_matrix<T> in(s.batch * s.time, shape.inputs, bcr::test::any_placement(random));
  for (std::size_t i = 0; i < s.batch * s.time; ++i) std::copy_n(&x(i, 0), shape.inputs, in.row(i));
  const auto plan = bcr::test::cell_plan<T>::create(packed, {.batch = s.batch, .threads = 2, .steps = s.steps});
  REQUIRE(plan.ok());
  guarded_array<std::byte> workspace(plan->workspace_bytes(), random.below(70), bcr::test::guard_side::after);
  const bcr::status done =
      plan->sequence(in.view(), s.wants_outputs ? out.y.view() : bcr::matrix_view<T>(), out.state.view(),
                     {.lengths = s.lengths, .reverse = s.reverse}, workspace.span());
  REQUIRE(done.message() == doctest::String("Success."));
  CHECK(in.surroundings_intact());
  CHECK(out.y.surroundings_intact());
  CHECK(out.state.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return out;
}

// The largest difference, scaled by what the later of the two steps may differ in: sums of other orders, passed on from
// step to step by weights that mostly shrink it.
template <class T>
void check_near(const std::vector<double>& a, const std::vector<double>& b) {
  REQUIRE(a.size() == b.size());
  double worst = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(1., std::abs(b[i]));
    worst = std::max(worst, error >= 0 ? error : std::numeric_limits<double>::max());
  }
  CHECK(worst <= 1000 * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

cell_shape shape_of(cell_kind kind, bool projected) {
  cell_shape shape{.kind = kind, .inputs = 13, .hidden = 45};
  if (projected && kind == cell_kind::lstm) shape.projected = 21;
  if (kind == cell_kind::rnn_relu) shape.how.density = 0.1;  // so that it does not grow from step to step
  return shape;
}

// Outputs and states of a sequence, of each item by itself, are those of its steps.
template <class T, bcr::blob_layout Layout>
void check_items_of(const cell_shape& shape, const setting& s) {
  INFO(describe(shape), " batch ", s.batch, " steps ", s.steps, s.reverse ? " reverse" : "");
  const cell_case<T, block> in(shape, 11);
  const auto packed = in.template packed<Layout>();
  REQUIRE(packed.ok());
  const auto x = bcr::test::random_matrix<T>(s.batch * s.time, shape.inputs, 12);
  outcome<T> all = run_sequence(*packed, shape, s, x, 13);
  const auto plan = bcr::test::cell_plan<T>::create(*packed, {});
  std::vector<std::byte> workspace(plan->workspace_bytes());
  random_source start(42);
  guarded_state<T> state(shape, s.batch, start);
  random_source again(42);
  state.fill(again);
  for (std::size_t b = 0; b < s.batch; ++b) {
    const std::size_t length = s.lengths.empty() ? s.time : s.lengths[b];
    const bcr::cell_state<T> one{
        {state.h.row(b), 1, shape.outputs()},
        shape.kind == cell_kind::lstm ? bcr::matrix_view<T>(state.c.row(b), 1, shape.hidden) : bcr::matrix_view<T>()};
    for (std::size_t i = 0; i < s.time; ++i) {
      const std::size_t t = s.reverse ? s.time - 1 - i : i;
      std::vector<double> expected(shape.outputs(), 0.);
      if (t < length) {
        REQUIRE(plan->step({&x(t * s.batch + b, 0), 1, shape.inputs}, one, workspace).ok());
        expected = row_of(state.h, b);
      }
      if (!s.wants_outputs) continue;
      check_near<T>(row_of(all.y, t * s.batch + b), expected);
      if (t >= length) CHECK(row_of(all.y, t * s.batch + b) == expected);
    }
    check_near<T>(row_of(all.state.h, b), row_of(state.h, b));
    check_near<T>(row_of(all.state.c, b), row_of(state.c, b));
  }
}
template <class T>
void check_items(const cell_shape& shape, const setting& s) {
  check_items_of<T, bcr::blob_layout::panels>(shape, s);
  check_items_of<T, bcr::blob_layout::bands>(shape, s);
  check_items_of<T, bcr::blob_layout::panels_and_bands>(shape, s);
}

TEST_CASE("sequences: what the steps of each item make, in either direction") {
  for (const cell_kind kind : every_kind) {
    for (const bool reverse : {false, true}) {
      for (const std::size_t batch : {1u, 3u, 17u}) {
        for (const std::size_t steps : {1u, 2u, 9u, 200u}) {
          check_items<double>(shape_of(kind, batch == 3),
                              {.batch = batch, .time = 9, .steps = steps, .reverse = reverse});
        }
        check_items<float>(shape_of(kind, batch == 3), {.batch = batch, .time = 5, .steps = 3, .reverse = reverse});
      }
    }
  }
  check_items<float>(shape_of(cell_kind::lstm, false), {.batch = 2, .time = 150, .steps = 100});
  check_items<float>(shape_of(cell_kind::lstm, false), {.batch = 2, .time = 0});
}

TEST_CASE("sequences: items of any length, in any order") {
  const std::vector<std::size_t> some[] = {{6, 4, 1}, {1, 0, 6, 3}, {0, 0}, {2, 2}, {0, 0, 5}};
  for (const cell_kind kind : every_kind) {
    for (const std::vector<std::size_t>& lengths : some) {
      for (const bool reverse : {false, true}) {
        for (const bool wants_outputs : {false, true}) {
          check_items<double>(shape_of(kind, wants_outputs), {.batch = lengths.size(),
                                                              .time = 6,
                                                              .steps = 4,
                                                              .lengths = lengths,
                                                              .reverse = reverse,
                                                              .wants_outputs = wants_outputs});
        }
      }
    }
  }
}

TEST_CASE("sequences: what stands after an item's end does not matter, not even not-a-number") {
  const cell_shape shape = shape_of(cell_kind::gru_reset_before, false);
  const cell_case<float, block> in(shape, 11);
  const auto packed = in.packed();
  auto x = bcr::test::random_matrix<float>(2 * 5, shape.inputs, 12);
  const setting s{.batch = 2, .time = 5, .steps = 2, .lengths = {5, 2}};
  outcome<float> first = run_sequence<float>(*packed, shape, s, x, 13);
  for (std::size_t t = 2; t < 5; ++t) {
    for (std::size_t k = 0; k < shape.inputs; ++k) x(t * 2 + 1, k) = std::numeric_limits<float>::quiet_NaN();
  }
  outcome<float> second = run_sequence<float>(*packed, shape, s, x, 14);
  CHECK(bits_of(first.y) == bits_of(second.y));
  CHECK(bits_of(first.state.h) == bits_of(second.state.h));
}

TEST_CASE("stacks: the same bits as their layers one by one, without touching other memory") {
  constexpr std::size_t batch = 2, time = 5, hidden = 30;
  std::vector<bcr::packed_cell<float, block>> cells;
  std::vector<bcr::test::cell_plan<float>> plans;
  for (std::size_t i = 0; i < 6; ++i) {
    const cell_shape shape{.kind = cell_kind::lstm, .inputs = i < 2 ? 13 : 2 * hidden, .hidden = hidden};
    cells.push_back(std::move(*cell_case<float, block>(shape, i).packed()));
  }
  for (const auto& cell : cells) {
    plans.push_back({*bcr::test::cell_plan<float>::create(cell, {.batch = batch, .steps = 3})});
  }
  const auto x = bcr::test::random_matrix<float>(time * batch, 13, 3);
  for (const std::size_t layers : {1u, 2u, 3u}) {
    const std::size_t count = 2 * layers;
    std::vector<float> state(2 * count * batch * hidden, 0.25f), expected_state = state;
    const auto states_in = [&](std::vector<float>& memory) {
      std::vector<bcr::cell_state<float>> states;
      for (std::size_t i = 0; i < count; ++i) {
        float* const at = memory.data() + 2 * i * batch * hidden;
        states.push_back({{at, batch, hidden}, {at + batch * hidden, batch, hidden}});
      }
      return states;
    };
    const std::vector<bcr::test::cell_plan<float>> some(plans.begin(), plans.begin() + static_cast<long>(count));
    const auto stack = bcr::cell_stack<bcr::test::cell_plan<float>>::create(some, {.directions = 2});
    REQUIRE(stack.ok());
    CHECK(stack->inputs() == 13);
    CHECK(stack->outputs() == 2 * hidden);
    guarded_matrix<float> y(time * batch, 2 * hidden, {.padding = 3});
    guarded_array<std::byte> workspace(stack->workspace_bytes(time), 5, bcr::test::guard_side::after);
    REQUIRE(stack->run(x.view(), y.view(), states_in(state), {}, workspace.span()).ok());
    CHECK(y.surroundings_intact());
    CHECK(workspace.surroundings_intact());

    bcr::test::dense_matrix<float> in = x;
    const auto expected_states = states_in(expected_state);
    for (std::size_t l = 0; l < layers; ++l) {
      bcr::test::dense_matrix<float> out(time * batch, 2 * hidden);
      for (std::size_t d = 0; d < 2; ++d) {
        const auto& plan = plans[2 * l + d];
        std::vector<std::byte> memory(plan.workspace_bytes());
        const bcr::matrix_view<float> half(out.elements.data() + d * hidden, time * batch, hidden, 2 * hidden);
        REQUIRE(plan.sequence(std::as_const(in).view(), half, expected_states[2 * l + d], {.reverse = d == 1}, memory)
                    .ok());
      }
      in = out;
    }
    for (std::size_t i = 0; i < time * batch; ++i) {
      for (std::size_t u = 0; u < 2 * hidden; ++u) REQUIRE(y(i, u) == in(i, u));
    }
    CHECK(state == expected_state);
    // Without outputs the states are the same.
    std::vector<float> other(state.size(), 0.25f);
    REQUIRE(stack->run(x.view(), {}, states_in(other), {}, workspace.span()).ok());
    CHECK(other == expected_state);
  }
}

}  // namespace
