// One step of every cell against the reference: every kind, gate order and option, sizes around blocks, slices and
// vectors, batches around vectors, anywhere in memory.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "op/cell_steps.hpp"

namespace {

using bcr::cell_kind;
using bcr::gate_order;
using bcr::test::cell_case;
using bcr::test::cell_shape;
using bcr::test::check_steps;
using bcr::test::every_kind;
using bcr::test::guarded_array;
using bcr::test::guarded_matrix;
using bcr::test::guarded_state;
using bcr::test::random_source;

using bcr::blob_layout;

template <class T, class Block>
void check_every_shape(const std::vector<std::size_t>& hiddens, std::uint64_t seed) {
  const std::size_t lanes = bcr::test::lanes_of<T>();
  const std::vector<std::size_t> batches{1, 1, 2, 3, 8, 16, lanes, lanes + 1, 3 * lanes + 1};
  const std::size_t inputs[] = {0, 1, 3, 16, 39};
  random_source random(seed);
  for (const cell_kind kind : every_kind) {
    for (const gate_order order : {gate_order::pytorch, gate_order::onnx}) {
      [[maybe_unused]] std::size_t number = 0;
      for (const std::size_t hidden : hiddens) {
        for (const bcr::test::pattern_options& how : bcr::test::every_density) {
          cell_shape shape{.kind = kind, .order = order, .inputs = inputs[random.below(5)], .hidden = hidden};
          shape.how = how;
          shape.biases = random.chance(0.8);
          if (kind == cell_kind::lstm) {
            shape.peepholes = random.chance(0.5);
            if (random.chance(0.4)) shape.projected = 1 + random.below(hidden + 3);
          }
          shape.diagonal = shape.projected == 0 && random.chance(0.3);
          const std::size_t batch = batches[random.below(batches.size())], threads = 1 + random.below(4);
#ifdef BCR_TEST_EMULATED
          // Every other one, and the rest in the other order, which is of packing alone.
          if (number++ % 2 == (order == gate_order::onnx ? 0u : 1u)) continue;
#endif
          check_steps<T, Block, blob_layout::panels>(shape, batch, threads, ++seed * 100);
          check_steps<T, Block, blob_layout::bands>(shape, batch, threads, seed * 100);
          if (seed % 3 == 0) check_steps<T, Block, blob_layout::panels_and_bands>(shape, batch, threads, seed * 100);
        }
      }
    }
  }
}

TEST_CASE("cells: a step, for every kind, order, size and option") {
  SUBCASE("f32") { check_every_shape<float, bcr::block<4, 16>>({0, 1, 3, 7, 15, 16, 17, 33, 64, 100}, 1); }
  SUBCASE("f64") { check_every_shape<double, bcr::block<4, 16>>({1, 16, 21, 50}, 2); }
  SUBCASE("f32, blocks of one row") { check_every_shape<float, bcr::block<1, 8>>({1, 17, 40}, 3); }
  SUBCASE("f32, blocks that vectors do not fit") { check_every_shape<float, bcr::block<7, 5>>({5, 14, 29, 60}, 4); }
  SUBCASE("f32, tall blocks") { check_every_shape<float, bcr::block<64, 32>>({10, 64, 130}, 5); }
}

// The same step, or sequence, on any number of threads and tasks in any order.
template <class T, class Block, bcr::blob_layout Layout = bcr::blob_layout::panels>
void check_bits(const cell_shape& shape, std::size_t batch) {
  INFO(describe(shape), " batch ", batch);
  const cell_case<T, Block> in(shape, 77);
  const auto packed = in.template packed<Layout>();
  constexpr std::size_t time = 5;
  const auto x = bcr::test::random_matrix<T>(time * batch, shape.inputs, 5);
  const auto run = [&](std::size_t threads, std::size_t steps, auto&& executor) {
    random_source random(9);
    guarded_state<T> state(shape, batch, random);
    state.fill(random);
    guarded_matrix<T> y(time * batch, shape.outputs(), {});
    const auto plan = bcr::test::cell_plan<T>::create(*packed, {.batch = batch, .threads = threads, .steps = steps});
    REQUIRE(plan->tasks() > std::min<std::size_t>(threads, 2) - 1);
    std::vector<std::byte> workspace(plan->workspace_bytes());
    REQUIRE(plan->sequence(x.view(), y.view(), state.view(), {}, workspace, executor).ok());
    std::vector<std::byte> bits = bcr::test::bits_of(y);
    for (guarded_matrix<T>* m : {&state.h, &state.c}) {
      const std::vector<std::byte> more = bcr::test::bits_of(*m);
      bits.insert(bits.end(), more.begin(), more.end());
    }
    return bits;
  };
  for (const std::size_t steps : {1u, 3u}) {
    const std::vector<std::byte> alone = run(1, steps, bcr::serial_executor());
    for (const std::size_t threads : {2u, 16u}) {  // two tasks, and one a slice of the units
      CHECK(run(threads, steps, bcr::serial_executor()) == alone);
      CHECK(run(threads, steps, bcr::test::backward_executor()) == alone);
      CHECK(run(threads, steps, std::move(*bcr::thread_pool::create(3))) == alone);
    }
  }
}

TEST_CASE("cells: the same bits for any number of threads") {
  for (const cell_kind kind : every_kind) {
    // The last is a tile of two and a half vectors.
    for (const std::size_t batch : {std::size_t{1}, std::size_t{5}, 5 * bcr::test::lanes_of<float>() / 2}) {
      const cell_shape shape{.kind = kind, .inputs = 30, .hidden = 150, .diagonal = true};
      check_bits<float, bcr::block<4, 16>>(shape, batch);
      check_bits<float, bcr::block<4, 16>, blob_layout::bands>(shape, batch);
      check_bits<float, bcr::block<4, 16>, blob_layout::panels_and_bands>(shape, batch);
    }
  }
  check_bits<float, bcr::block<4, 16>>({.inputs = 30, .hidden = 150, .projected = 70, .peepholes = true}, 1);
  check_bits<double, bcr::block<8, 16>>({.inputs = 30, .hidden = 150, .projected = 70, .peepholes = true}, 5);
}

TEST_CASE("cells: not-a-number in the input or the state comes out of every unit that meets it") {
  for (const cell_kind kind : every_kind) {
    for (const std::size_t batch : {1u, 2u}) {
      for (const bool in_state : {false, true}) {
        const cell_shape shape{.kind = kind, .hidden = 19, .how = {.density = 1}};
        INFO(describe(shape));
        const cell_case<float, bcr::block<4, 16>> in(shape, 3);
        const auto packed = in.packed();
        const auto plan = bcr::test::cell_plan<float>::create(*packed, {.batch = batch});
        std::vector<float> x(batch * shape.inputs, 1), h(batch * shape.hidden, 1), c(batch * shape.hidden, 1);
        (in_state ? h : x)[2] = std::numeric_limits<float>::quiet_NaN();
        std::vector<std::byte> workspace(plan->workspace_bytes());
        REQUIRE(plan->step({x.data(), batch, shape.inputs},
                           {{h.data(), batch, shape.hidden}, {c.data(), batch, shape.hidden}}, workspace)
                    .ok());
        for (std::size_t u = 0; u < batch * shape.hidden; ++u) CHECK(std::isnan(h[u]) == (u < shape.hidden));
      }
    }
  }
}

TEST_CASE("cells: arguments beyond all bounds saturate") {
  for (const float sign : {1.f, -1.f}) {
    const cell_shape shape{.kind = cell_kind::lstm, .inputs = 1, .hidden = 5, .how = {.density = 1}};
    const std::vector<float> input(20, sign * 3e38f), recurrent(100, 0);
    const bcr::matrix_view<const float> wi(input.data(), 20, 1), wh(recurrent.data(), 20, 5);
    const auto ki = bcr::cover_gates<bcr::block<4, 16>>(shape.kind, wi);
    const auto kh = bcr::cover_gates<bcr::block<4, 16>>(shape.kind, wh);
    const auto packed = bcr::pack_cell<float, bcr::block<4, 16>>({}, {.input = ki->pattern, .recurrent = kh->pattern},
                                                                 {.input = wi, .recurrent = wh});
    REQUIRE(packed.ok());
    const auto plan = bcr::test::cell_plan<float>::create(*packed, {});
    std::vector<float> x(1, 3e38f), h(5, 0.5f), c(5, 0.25f);
    std::vector<std::byte> workspace(plan->workspace_bytes());
    REQUIRE(plan->step({x.data(), 1, 1}, {{h.data(), 1, 5}, {c.data(), 1, 5}}, workspace).ok());
    for (const float value : c) CHECK(value == (sign > 0 ? 1.25f : 0.f));
    for (const float value : h) CHECK(value == doctest::Approx(sign > 0 ? std::tanh(1.25f) : 0.f));
  }
}

}  // namespace
