// Layers of cells against PyTorch: golden/make_cells.py has run the same weights, in double.
//
// The tolerance is 16 epsilon, of outputs above 1 relative to them: a step sums up fewer than 32 products that are
// below 1/2, its functions hardly magnify the error of their argument, and what two layers and six steps inherit
// shrinks. With AVX-512 it came to 2 epsilon.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "bcr/core/executor_thread.hpp"
#include "op/golden/tensors.hpp"
#include "op/plans.hpp"

namespace {

using bcr::test::tensor;
using bcr::test::tensor_file;

const tensor_file& golden() {
  static const tensor_file file(BCR_TEST_FOLDER "/op/golden/cells.bin");
  return file;
}

template <class T>
double worst_error(const std::vector<T>& found, const tensor& expected) {
  REQUIRE(found.size() == expected.elements.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(static_cast<double>(found[i]) - expected.elements[i]);
    const double scaled = error / std::max(1., std::abs(expected.elements[i]));
    worst = std::max(worst, scaled >= 0 ? scaled : std::numeric_limits<double>::max());
  }
  return worst / static_cast<double>(std::numeric_limits<T>::epsilon());
}

// A layer's weights, and the cell packed of them.
template <class T, class Block>
bcr::packed_cell<T, Block> packed_cell(bcr::cell_kind kind, const std::string& layer, const std::string& suffix) {
  const auto matrix = [&](const std::string& name) { return golden()[layer + name + suffix].as<T>(); };
  const auto view = [&](const std::vector<T>& elements, const std::string& name) {
    const tensor& t = golden()[layer + name + suffix];
    return bcr::matrix_view<const T>(elements.data(), t.shape[0], t.shape[1]);
  };
  const auto input = matrix("weight_ih_"), recurrent = matrix("weight_hh_");
  const auto input_bias = matrix("bias_ih_"), recurrent_bias = matrix("bias_hh_");
  const auto projection = golden().has(layer + "weight_hr_" + suffix) ? matrix("weight_hr_") : std::vector<T>();
  bcr::dense_cell<T> dense{.input = view(input, "weight_ih_"),
                           .recurrent = view(recurrent, "weight_hh_"),
                           .input_bias = input_bias.data(),
                           .recurrent_bias = recurrent_bias.data()};
  if (!projection.empty()) dense.projection = view(projection, "weight_hr_");
  const auto kept_input = bcr::cover_gates<Block>(kind, dense.input);
  const auto kept_recurrent = bcr::cover_gates<Block>(kind, dense.recurrent);
  const auto kept_projection = bcr::cover_nonzeros<Block>(dense.projection);
  REQUIRE((kept_input.ok() && kept_recurrent.ok() && kept_projection.ok()));
  auto made = bcr::pack_cell<T, Block>({.kind = kind},
                                       {.input = kept_input->pattern,
                                        .recurrent = kept_recurrent->pattern,
                                        .projection = projection.empty() ? nullptr : &kept_projection->pattern},
                                       dense);
  REQUIRE(made.message() == doctest::String("Success."));
  return std::move(*made);
}

struct form {
  const char* name;
  std::size_t layers, directions;
  std::vector<std::size_t> lengths = {};
};

template <class T, class Block>
void check_form(bcr::cell_kind kind, const std::string& layer, const form& f, std::size_t batch, std::size_t steps,
                std::size_t threads) {
  const std::string at = layer + std::to_string(batch) + "/";
  INFO(at, " steps ", steps, " threads ", threads);
  std::vector<bcr::packed_cell<T, Block>> cells;
  std::vector<bcr::test::cell_plan<T>> plans;
  for (std::size_t l = 0; l < f.layers; ++l) {
    for (std::size_t d = 0; d < f.directions; ++d) {
      std::string suffix("l");
      suffix.append(std::to_string(l)).append(d == 0 ? "" : "_reverse");
      cells.push_back(packed_cell<T, Block>(kind, layer, suffix));
    }
  }
  for (const auto& cell : cells) {
    auto plan = bcr::test::cell_plan<T>::create(cell, {.batch = batch, .threads = threads, .steps = steps});
    REQUIRE(plan.ok());
    plans.push_back({*plan});
  }
  const std::size_t time = golden()[at + "x"].shape[0], hidden = plans[0].hidden(), outputs = plans[0].outputs();
  const auto x = golden()[at + "x"].as<T>();
  auto h = golden()[at + "h0"].as<T>();
  auto c = kind == bcr::cell_kind::lstm ? golden()[at + "c0"].as<T>() : std::vector<T>(h.size());
  std::vector<T> y(time * batch * f.directions * outputs, T(7));
  std::vector<bcr::cell_state<T>> states;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    states.push_back(
        {{h.data() + i * batch * outputs, batch, outputs}, {c.data() + i * batch * hidden, batch, hidden}});
  }
  const auto stack = bcr::cell_stack<bcr::test::cell_plan<T>>::create(plans, {.directions = f.directions});
  REQUIRE(stack.message() == doctest::String("Success."));
  std::vector<std::byte> workspace(stack->workspace_bytes(time));
  auto pool = std::move(*bcr::thread_pool::create(threads));
  const bcr::status done =
      stack->run({x.data(), time * batch, plans[0].inputs()}, {y.data(), time * batch, f.directions * outputs}, states,
                 f.lengths, workspace, pool);
  REQUIRE(done.message() == doctest::String("Success."));
  CHECK(worst_error(y, golden()[at + "y"]) <= 16);
  CHECK(worst_error(h, golden()[at + "h"]) <= 16);
  if (kind == bcr::cell_kind::lstm) CHECK(worst_error(c, golden()[at + "c"]) <= 16);
}

template <class T, class Block>
void check_every_form() {
  const form forms[] = {
      {"single", 1, 1}, {"pruned", 1, 1}, {"stacked", 2, 1}, {"bidirectional", 2, 2}, {"lengths", 1, 2, {6, 2, 5}}};
  const std::pair<const char*, bcr::cell_kind> kinds[] = {{"lstm", bcr::cell_kind::lstm},
                                                          {"lstmp", bcr::cell_kind::lstm},
                                                          {"gru", bcr::cell_kind::gru_reset_after},
                                                          {"rnn_tanh", bcr::cell_kind::rnn_tanh},
                                                          {"rnn_relu", bcr::cell_kind::rnn_relu}};
  for (const auto& [name, kind] : kinds) {
    for (const form& f : forms) {
      const std::string layer = std::string(name) + "/" + f.name + "/";
      for (const std::size_t batch : {1u, 3u}) {
        if (batch == 1 && !f.lengths.empty()) continue;
        for (const std::size_t steps : {1u, 4u, 100u}) {
          check_form<T, Block>(kind, layer, f, batch, steps, 1 + steps % 3);
        }
      }
    }
  }
}

TEST_CASE("cells: as PyTorch's layers, in one direction and both, stacked, and of several lengths") {
  SUBCASE("f32") { check_every_form<float, bcr::block<4, 8>>(); }
  SUBCASE("f64") { check_every_form<double, bcr::block<4, 8>>(); }
  SUBCASE("f32 in blocks of other rows than the pruning's") { check_every_form<float, bcr::block<3, 16>>(); }
  SUBCASE("f32 in blocks taller than the cell") { check_every_form<float, bcr::block<32, 8>>(); }
}

TEST_CASE("cells: the expected outputs are not what any answer would be near") {
  // Of all outputs, few are near zero: a kernel that did nothing would not pass.
  std::size_t small = 0, all = 0;
  for (const double y : golden()["lstm/pruned/3/y"].elements) {
    small += std::abs(y) < 0.01;
    ++all;
  }
  CHECK(all == 6 * 3 * 10);
  CHECK(small < all / 5);
}

}  // namespace
