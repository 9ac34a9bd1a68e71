// Cells whose matrices are in sixteen bits: the steps of what the weights were rounded to, to float's own tolerance,
// and to the bit those of a cell whose weights have these values in float.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "op/cell_steps.hpp"

namespace {

using bcr::bf16;
using bcr::blob_layout;
using bcr::cell_kind;
using bcr::f16;
using bcr::test::cell_case;
using bcr::test::cell_shape;
using bcr::test::check_steps;
using bcr::test::every_kind;
using bcr::test::random_source;
using block = bcr::block<4, 16>;

TEST_CASE_TEMPLATE("narrow cells: a step, for every kind, size and option", W, bf16, f16) {
  const std::size_t lanes = bcr::test::lanes_of<float>();
  const std::vector<std::size_t> batches{1, 1, 2, 3, 16, lanes + 1};
  const std::size_t inputs[] = {0, 1, 16, 39};
  random_source random(1);
  std::uint64_t seed = 10;
  for (const cell_kind kind : every_kind) {
    for (const std::size_t hidden : {1u, 7u, 17u, 64u, 100u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        cell_shape shape{.kind = kind, .inputs = inputs[random.below(4)], .hidden = hidden};
        shape.how = how;
        if (kind == cell_kind::lstm && random.chance(0.5)) shape.projected = 1 + random.below(hidden + 3);
        shape.diagonal = shape.projected == 0 && random.chance(0.3);
        const std::size_t batch = batches[random.below(batches.size())], threads = 1 + random.below(4);
        check_steps<float, block, blob_layout::panels, W>(shape, batch, threads, ++seed * 100);
        check_steps<float, block, blob_layout::bands, W>(shape, batch, threads, seed * 100);
      }
    }
  }
}

// What a sequence leaves behind.
template <class W, class Cell>
std::vector<std::byte> bits_of_sequence(const Cell& packed, const cell_shape& shape, std::size_t batch) {
  constexpr std::size_t time = 5;
  const auto plan = bcr::test::cell_plan<float, W>::create(packed, {.batch = batch, .threads = 2, .steps = 3});
  REQUIRE(plan.ok());
  const auto x = bcr::test::random_matrix<float>(time * batch, shape.inputs, 5);
  bcr::test::guarded_matrix<float> y(time * batch, shape.outputs(), {});
  random_source random(9);
  bcr::test::guarded_state<float> state(shape, batch, random);
  state.fill(random);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  REQUIRE(plan->sequence(x.view(), y.view(), state.view(), {}, workspace).ok());
  std::vector<std::byte> bits = bcr::test::bits_of(y), more = bcr::test::bits_of(state.h);
  bits.insert(bits.end(), more.begin(), more.end());
  return bits;
}

// By panels alone, whose rows are grouped in the same way whatever the type, so that sums have one order.
TEST_CASE_TEMPLATE("narrow cells: the bits that weights in float give", W, bf16, f16) {
  for (const cell_kind kind : every_kind) {
    for (const std::size_t batch : {1u, 3u, 40u}) {
      const cell_shape shape{.kind = kind, .inputs = 30, .hidden = 90, .projected = kind == cell_kind::lstm ? 50u : 0u};
      INFO(describe(shape), " batch ", batch);
      const cell_case<float, block, W> in(shape, 77);
      const auto narrow = in.packed();
      const auto wide = in.template packed_as<float>();
      REQUIRE((narrow.ok() && wide.ok()));
      CHECK(bits_of_sequence<W>(*narrow, shape, batch) == bits_of_sequence<float>(*wide, shape, batch));
    }
  }
}

TEST_CASE("narrow cells: kernel_name has the activations' type, then the weights'") {
  const cell_case<float, block, bf16> in({.kind = cell_kind::gru_reset_after}, 1);
  const auto packed = in.packed<blob_layout::bands>();
  const auto plan = bcr::test::cell_plan<float, bf16>::create(*packed, {});
  CHECK(plan->kernel_name() ==
        doctest::String((std::string("gru_f32_bf16_b4x16_t128x1_") + bcr::test::target_name()).c_str()));
}

}  // namespace
