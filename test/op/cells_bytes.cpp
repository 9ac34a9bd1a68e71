// Cells whose matrices are in eight bits. Inputs and states of a step are whole multiples of a scale, so that rounding
// them changes nothing and the step is exact but for float's own rounding; only what a cell multiplies on the way, the
// state that a GRU has reset before and the outputs that are projected, is rounded, and known to within half a step.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "op/cell_steps.hpp"

namespace {

using bcr::blob_layout;
using bcr::cell_kind;
using bcr::test::cell_shape;
using bcr::test::every_kind;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::guarded_state;
using bcr::test::random_source;
template <class Block>
using bytes_case = bcr::test::cell_case<float, Block, std::int8_t>;
using byte_plan = bcr::test::cell_plan<float, std::int8_t>;

// A vector's elements are -127 to 127 times 1/128, one of them at the end of these.
void fill_with_whole(guarded_matrix<float>& m, random_source& random) {
  const bcr::matrix_view<float> view = m.view();
  for (std::size_t i = 0; i < view.rows; ++i) {
    for (std::size_t k = 0; k < view.columns; ++k) {
      const int number = static_cast<int>(random.below(255)) - 127;
      m(i, k) = (k == 0 ? 127.f : static_cast<float>(number)) / 128;
    }
  }
}

template <class Block>
void check_step(const cell_shape& shape, std::size_t batch, std::size_t threads, std::uint64_t seed) {
  INFO(describe(shape), " batch ", batch, " threads ", threads, " seed ", seed);
  random_source random(seed);
  const bytes_case<Block> in(shape, seed);
  const auto packed = in.template packed<blob_layout::bands>();
  REQUIRE(packed.message() == doctest::String("Success."));
  const auto plan = byte_plan::create(*packed, {.batch = batch, .threads = threads});
  REQUIRE(plan.message() == doctest::String("Success."));
  guarded_matrix<float> x(batch, shape.inputs, bcr::test::any_placement(random));
  guarded_state<float> state(shape, batch, random);
  fill_with_whole(x, random);
  state.fill(random);
  fill_with_whole(state.h, random);
  std::vector<bcr::test::exact_state> expected;
  double tolerance = 0, worst = 0;
  for (std::size_t b = 0; b < batch; ++b) {
    expected.push_back(in.step(x.row(b), row_of(state.h, b), row_of(state.c, b), tolerance));
  }
  if (shape.kind == cell_kind::gru_reset_before || shape.projected != 0) {
    tolerance += in.most_row_magnitude() / 254;
  }
  guarded_array<std::byte> workspace(plan->workspace_bytes(), random.below(70), bcr::test::guard_side::after);
  REQUIRE(plan->step(x.view(), state.view(), workspace.span()).ok());
  for (std::size_t b = 0; b < batch; ++b) worst = bcr::test::worse(worst, state, b, expected[b], tolerance);
  CHECK(worst <= 1);
  CHECK(x.surroundings_intact());
  CHECK(state.surroundings_intact());
  CHECK(workspace.surroundings_intact());
}

TEST_CASE("bytes in cells: a step, for every kind, size and option") {
  const std::size_t inputs[] = {0, 1, 16, 39}, batches[] = {1, 1, 2, 5, 17};
  random_source random(1);
  std::uint64_t seed = 10;
  for (const cell_kind kind : every_kind) {
    for (const std::size_t hidden : {1u, 7u, 17u, 64u, 150u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        cell_shape shape{.kind = kind, .inputs = inputs[random.below(4)], .hidden = hidden};
        shape.how = how;
        if (kind == cell_kind::lstm && random.chance(0.5)) shape.projected = 1 + random.below(hidden + 3);
        shape.diagonal = shape.projected == 0 && random.chance(0.3);
        shape.peepholes = kind == cell_kind::lstm && random.chance(0.3);
        check_step<bcr::block<4, 16>>(shape, batches[random.below(5)], 1 + random.below(4), ++seed * 100);
      }
    }
  }
  check_step<bcr::block<16, 64>>({.inputs = 39, .hidden = 200}, 1, 2, 7);
}

// Item by item and step by step, or all at once on any threads: the same bits, as whole numbers add up in any order.
TEST_CASE("bytes in cells: a sequence has the bits of its steps") {
  constexpr std::size_t batch = 3, time = 7;
  for (const cell_kind kind : every_kind) {
    const cell_shape shape{.kind = kind, .inputs = 30, .hidden = 150, .projected = kind == cell_kind::lstm ? 70u : 0u};
    INFO(describe(shape));
    const bytes_case<bcr::block<4, 16>> in(shape, 77);
    const auto packed = in.packed<blob_layout::bands>();
    const auto x = bcr::test::random_matrix<float>(time * batch, shape.inputs, 5);
    std::vector<float> expected(time * batch * shape.outputs()), c(shape.hidden), h(shape.outputs());
    const auto one = byte_plan::create(*packed, {});
    std::vector<std::byte> memory(one->workspace_bytes());
    for (std::size_t b = 0; b < batch; ++b) {
      std::fill(c.begin(), c.end(), 0.f), std::fill(h.begin(), h.end(), 0.f);
      for (std::size_t t = 0; t < time; ++t) {
        REQUIRE(one->step({&x(t * batch + b, 0), 1, shape.inputs},
                          {{h.data(), 1, shape.outputs()}, {c.data(), 1, shape.hidden}}, memory)
                    .ok());
        std::copy(h.begin(), h.end(), expected.begin() + static_cast<long>((t * batch + b) * shape.outputs()));
      }
    }
    for (const std::size_t threads : {1u, 2u, 5u}) {
      for (const std::size_t steps : {1u, 4u, 100u}) {
        const auto plan = byte_plan::create(*packed, {.batch = batch, .threads = threads, .steps = steps});
        guarded_array<std::byte> workspace(plan->workspace_bytes(), 3, bcr::test::guard_side::after);
        std::vector<float> y(expected.size()), hs(batch * shape.outputs()), cs(batch * shape.hidden);
        const bcr::status done = plan->sequence(x.view(), {y.data(), time * batch, shape.outputs()},
                                                {{hs.data(), batch, shape.outputs()}, {cs.data(), batch, shape.hidden}},
                                                {}, workspace.span(), std::move(*bcr::thread_pool::create(threads)));
        REQUIRE(done.message() == doctest::String("Success."));
        CHECK(y == expected);
        CHECK(workspace.surroundings_intact());
      }
    }
  }
}

TEST_CASE("bytes in cells: not-a-number in the input or the state takes all units of its item, and no other's") {
  for (const bool in_state : {false, true}) {
    const cell_shape shape{.kind = cell_kind::gru_reset_after, .hidden = 19};
    const bytes_case<bcr::block<4, 16>> in(shape, 3);
    const auto packed = in.packed<blob_layout::bands>();
    const auto plan = byte_plan::create(*packed, {.batch = 3});
    std::vector<float> x(3 * shape.inputs, 1), h(3 * shape.hidden, 1);
    (in_state ? h[shape.hidden] : x[shape.inputs]) = std::numeric_limits<float>::infinity();
    std::vector<std::byte> workspace(plan->workspace_bytes());
    REQUIRE(plan->step({x.data(), 3, shape.inputs}, {{h.data(), 3, shape.hidden}}, workspace).ok());
    for (std::size_t u = 0; u < h.size(); ++u) CHECK(std::isnan(h[u]) == (u / shape.hidden == 1));
  }
}

TEST_CASE("bytes in cells: the kernel's name") {
  const bytes_case<bcr::block<4, 16>> in({}, 1);
  const auto packed = in.packed<blob_layout::bands>();
  const auto plan = byte_plan::create(*packed, {.batch = 2});
  CHECK(plan->kernel_name() ==
        doctest::String((std::string("lstm_f32_i8_b4x16_t128x2_") + bcr::test::target_name()).c_str()));
}

}  // namespace
