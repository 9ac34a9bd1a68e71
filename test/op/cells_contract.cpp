// What cells promise besides numbers: sentences, names, what is saved and opened again, and cells that are hardly
// there.
#include <doctest/doctest.h>

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "op/cell_case.hpp"

namespace {

using bcr::cell_kind;
using bcr::test::cell_case;
using bcr::test::cell_shape;
using block = bcr::block<4, 16>;
using packed_type = bcr::packed_cell<float, block>;
using plan_type = bcr::test::cell_plan<float>;
using in_view = bcr::matrix_view<const float>;
using out_view = bcr::matrix_view<float>;

void says(const bcr::status& s, const char* sentence, bcr::errc code = bcr::errc::invalid_argument) {
  CHECK(s.code() == code);
  CHECK(s.message() == doctest::String(sentence));
}

packed_type packed_of(const cell_shape& shape) {
  auto made = cell_case<float, block>(shape, 1).packed();
  REQUIRE(made.ok());
  return std::move(*made);
}

TEST_CASE("cell_plan: options that no plan has") {
  const auto packed = packed_of({});
  const auto refused = [&](const bcr::cell_options& options, const char* sentence) {
    says(plan_type::can_implement(options), sentence);
    says(plan_type::create(packed, options).status(), sentence);
  };
  refused({.threads = 0}, "A plan needs at least one thread.");
  refused({.batch = 0}, "A cell needs a batch of at least one.");
  refused({.steps = 0}, "A cell's sequences need at least one step at a time.");
  CHECK(plan_type::can_implement({.batch = 16, .threads = 1000, .steps = 1000}).ok());
  constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
  for (const bcr::cell_options& options :
       {bcr::cell_options{.batch = most}, bcr::cell_options{.steps = most},
        bcr::cell_options{.batch = 1, .steps = most / 64},
        bcr::cell_options{.batch = std::size_t{1} << 32, .steps = std::size_t{1} << 32}}) {
    says(plan_type::create(packed, options).status(),
         "The cell's batch and steps ask for more memory than this machine can count.");
  }
}

TEST_CASE("cell_plan: names and sizes") {
  const auto starts = [](const std::string& name, const std::string& with) { return name.rfind(with, 0) == 0; };
  CHECK(starts(plan_type::create(packed_of({}), {})->kernel_name(), "lstm_f32_b4x16_t4x1_"));
  CHECK(
      starts(plan_type::create(packed_of({.kind = cell_kind::gru_reset_after}), {})->kernel_name(), "gru_f32_b4x16_"));
  CHECK(
      starts(plan_type::create(packed_of({.kind = cell_kind::gru_reset_before}), {})->kernel_name(), "gru_f32_b4x16_"));
  CHECK(starts(plan_type::create(packed_of({.kind = cell_kind::rnn_relu}), {})->kernel_name(), "rnn_f32_b4x16_"));
  const auto packed = packed_of({.inputs = 7, .hidden = 30, .projected = 11});
  const auto plan = plan_type::create(packed, {.batch = 3, .threads = 100});
  CHECK(plan->batch() == 3);
  CHECK(plan->inputs() == 7);
  CHECK(plan->hidden() == 30);
  CHECK(plan->outputs() == 11);
  CHECK(plan->tasks() == packed.layout().slices());
}

TEST_CASE("cell_plan: a run that cannot be, and writes nothing") {
  constexpr std::size_t batch = 2, inputs = 5, hidden = 20, time = 3;
  const auto packed = packed_of({.inputs = inputs, .hidden = hidden});
  const auto plan = plan_type::create(packed, {.batch = batch});
  std::vector<float> x(time * batch * inputs, 1), y(time * batch * hidden, 5), h(batch * hidden, 5), c = h;
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const out_view good_h(h.data(), batch, hidden), good_c(c.data(), batch, hidden);
  const bcr::cell_state<float> good{good_h, good_c};
  const in_view good_step(x.data(), batch, inputs), good_x(x.data(), time * batch, inputs);
  const out_view good_y(y.data(), time * batch, hidden);

  for (const in_view& bad : {in_view(x.data(), batch + 1, inputs), in_view(x.data(), batch, inputs - 1), in_view(),
                             in_view(nullptr, batch, inputs), in_view(x.data(), batch, inputs, inputs - 1)}) {
    says(plan->step(bad, good, workspace), "The input of the cell does not have the plan's shape, B x I.");
  }
  for (const in_view& bad : {in_view(x.data(), time * batch - 1, inputs), in_view(x.data(), batch, inputs - 1),
                             in_view(nullptr, batch, inputs), in_view(x.data(), batch, inputs, inputs - 1)}) {
    says(plan->sequence(bad, good_y, good, {}, workspace),
         "The input of the sequence does not have the plan's shape, T B x I.");
  }
  for (const out_view& bad : {out_view(y.data(), batch, hidden), out_view(y.data(), time * batch, hidden - 1),
                              out_view(nullptr, time * batch, hidden), out_view(y.data(), 0, hidden)}) {
    says(plan->sequence(good_x, bad, good, {}, workspace),
         "The output of the sequence does not have the plan's shape, T B x H.");
  }
  for (const out_view& bad : {out_view(h.data(), batch - 1, hidden), out_view(h.data(), batch, hidden - 1), out_view(),
                              out_view(nullptr, batch, hidden), out_view(h.data(), batch, hidden, hidden - 1)}) {
    constexpr const char* bad_h = "The state h of the cell does not have the plan's shape, B x H.";
    constexpr const char* bad_c = "The state c of the cell does not have the plan's shape, B x H.";
    says(plan->check_state({bad, good_c}), bad_h);
    says(plan->step(good_step, {bad, good_c}, workspace), bad_h);
    says(plan->step(good_step, {good_h, bad}, workspace), bad_c);
    says(plan->sequence(good_x, good_y, {bad, good_c}, {}, workspace), bad_h);
    says(plan->sequence(good_x, good_y, {good_h, bad}, {}, workspace), bad_c);
  }
  const std::vector<std::size_t> long_item{1, 4}, one{1}, three{1, 1, 1};
  says(plan->sequence(good_x, good_y, good, {.lengths = long_item}, workspace),
       "A length is longer than the sequence.");
  for (const auto& lengths : {one, three}) {
    says(plan->sequence(good_x, good_y, good, {.lengths = lengths}, workspace),
         "The sequence has not one length for every item of the batch.");
  }
  const std::span<std::byte> less = std::span(workspace).first(workspace.size() - 1);
  constexpr const char* small = "The workspace is smaller than the plan's workspace_bytes().";
  says(plan->step(good_step, good, less), small);
  says(plan->sequence(good_x, good_y, good, {}, less), small);
  for (const auto* values : {&y, &h, &c}) {
    for (const float value : *values) CHECK(value == 5.0f);
  }
  CHECK(plan->sequence(good_x, good_y, good, {}, workspace).ok());
  CHECK(plan->step(good_step, good, workspace).ok());
  CHECK(h[0] != 5.0f);
  const auto gru = packed_of({.kind = cell_kind::gru_reset_after, .inputs = inputs, .hidden = hidden});
  CHECK(plan_type::create(gru, {.batch = batch})->step(good_step, {good_h}, workspace).ok());
}

TEST_CASE("pack_cell: weights that are none of a cell") {
  const std::size_t hidden = 6, inputs = 5;
  std::vector<float> memory(4 * hidden * 20, 1);
  const in_view input(memory.data(), 4 * hidden, inputs), recurrent(memory.data(), 4 * hidden, hidden);
  // Two blocks a gate.
  const auto kept_input = bcr::cover_gates<block>(cell_kind::lstm, input);
  const auto kept_recurrent = bcr::cover_gates<block>(cell_kind::lstm, recurrent);
  REQUIRE((kept_input->pattern.rows() == 32 && kept_input->zeros_kept == 0));
  const auto other = bcr::cover_nonzeros<block>(input);
  const auto wide = bcr::cover_gates<block>(cell_kind::lstm, in_view(memory.data(), 4 * hidden, inputs + 1));
  const auto projection = bcr::cover_nonzeros<block>(in_view(memory.data(), 3, hidden));
  const bcr::cell_patterns<block> good{.input = kept_input->pattern, .recurrent = kept_recurrent->pattern};
  const bcr::dense_cell<float> dense{.input = input, .recurrent = recurrent};
  const auto refused = [&](const bcr::cell_form& form, const bcr::cell_patterns<block>& kept,
                           const bcr::dense_cell<float>& weights,
                           const char* sentence) { says(bcr::pack_cell(form, kept, weights).status(), sentence); };
  CHECK(bcr::pack_cell({}, good, dense).ok());
  refused({.kind = static_cast<cell_kind>(5)}, good, dense, "There is no cell of this kind.");
  refused({}, good, {.input = in_view(nullptr, 24, inputs), .recurrent = recurrent},
          "A matrix of the cell has no data, or a leading dimension below its columns.");
  for (const std::size_t rows : {23u, 28u}) {
    refused({}, good, {.input = in_view(memory.data(), rows, inputs), .recurrent = recurrent},
            "The cell's matrices do not have the same number of rows, one a gate and unit.");
  }
  refused({}, {.input = other->pattern, .recurrent = kept_recurrent->pattern}, dense,
          "A pattern of the cell does not have the rows of its gates, each of whole blocks.");
  refused({}, {.input = wide->pattern, .recurrent = kept_recurrent->pattern}, dense,
          "A matrix of the cell and its pattern have different columns.");
  constexpr const char* no_state = "The cell's recurrent matrix does not have a column an element of its state.";
  const in_view seven(memory.data(), 24, 7), narrow(memory.data(), 3, hidden);
  const auto kept_seven = bcr::cover_gates<block>(cell_kind::lstm, seven);
  refused({}, {.input = kept_input->pattern, .recurrent = kept_seven->pattern}, {.input = input, .recurrent = seven},
          no_state);
  const bcr::cell_patterns<block> projected{
      .input = kept_input->pattern, .recurrent = kept_recurrent->pattern, .projection = &projection->pattern};
  refused({}, projected, {.input = input, .recurrent = recurrent, .projection = narrow}, no_state);
  refused({.dense_diagonal = true}, projected, {.input = input, .recurrent = recurrent, .projection = narrow},
          no_state);
  const in_view three(memory.data(), 24, 3);
  const auto kept_three = bcr::cover_gates<block>(cell_kind::lstm, three);
  const bcr::cell_patterns<block> small{
      .input = kept_input->pattern, .recurrent = kept_three->pattern, .projection = &projection->pattern};
  const bcr::dense_cell<float> small_dense{.input = input, .recurrent = three, .projection = narrow};
  CHECK(bcr::pack_cell({}, small, small_dense).ok());
  refused({.dense_diagonal = true}, small, small_dense, "A cell with a projection has no diagonal to keep apart.");
  refused({}, small, {.input = input, .recurrent = three, .projection = in_view(memory.data(), 3, hidden + 1)},
          "The matrix to pack and its pattern have different shapes.");

  // 24 rows are 8 hidden units of a GRU.
  const in_view gru_recurrent(memory.data(), 24, 8);
  const auto gru_input = bcr::cover_gates<block>(cell_kind::gru_reset_after, input);
  const auto gru_kept = bcr::cover_gates<block>(cell_kind::gru_reset_after, gru_recurrent);
  refused({.kind = cell_kind::gru_reset_after}, {.input = gru_input->pattern, .recurrent = gru_kept->pattern},
          {.input = input, .recurrent = gru_recurrent, .peepholes = memory.data()}, "Only an LSTM has peepholes.");
  const in_view gru_three(memory.data(), 24, 3), gru_narrow(memory.data(), 3, 8);
  const auto kept_gru_three = bcr::cover_gates<block>(cell_kind::gru_reset_after, gru_three);
  const auto kept_narrow = bcr::cover_nonzeros<block>(gru_narrow);
  refused({.kind = cell_kind::gru_reset_after},
          {.input = gru_input->pattern, .recurrent = kept_gru_three->pattern, .projection = &kept_narrow->pattern},
          {.input = input, .recurrent = gru_three, .projection = gru_narrow}, "Only an LSTM has a projection.");
  says(bcr::cover_gates<block>(cell_kind::lstm, in_view(memory.data(), 23, 5)).status(),
       "The cell's matrices do not have the same number of rows, one a gate and unit.");
  says(bcr::cover_gates<block>(cell_kind::lstm, in_view(nullptr, 24, 5)).status(),
       "The dense matrix has no data or its leading dimension is less than its columns.");
}

// What was saved and is opened again.
packed_type::matrices opened(const packed_type& packed) {
  const auto again = [](const packed_type::matrix& m) {
    auto made = packed_type::matrix::open(m.bytes());
    REQUIRE(made.ok());
    return std::move(*made);
  };
  packed_type::matrices parts{again(packed.input()), again(packed.recurrent()), std::nullopt};
  if (packed.projection() != nullptr) parts.projection = again(*packed.projection());
  return parts;
}

TEST_CASE("packed_cell: matrices that were saved apart make the same cell") {
  for (const cell_shape& shape : {cell_shape{.hidden = 37, .projected = 11, .peepholes = true},
                                  cell_shape{.kind = cell_kind::gru_reset_after, .hidden = 37, .diagonal = true}}) {
    const auto packed = packed_of(shape);
    auto made = packed_type::assemble(packed.layout(), opened(packed), packed.vectors());
    REQUIRE(made.message() == doctest::String("Success."));
    const auto step = [&](const packed_type& cell) {
      const auto plan = plan_type::create(cell, {});
      std::vector<std::byte> workspace(plan->workspace_bytes());
      std::vector<float> x(shape.inputs, 1), state(shape.outputs() + shape.hidden, 0.5f);
      const bcr::cell_state<float> views{{state.data(), 1, shape.outputs()},
                                         {state.data() + shape.outputs(), 1, shape.hidden}};
      REQUIRE(plan->step({x.data(), 1, shape.inputs}, views, workspace).ok());
      return state;
    };
    const packed_type moved = std::move(*made);
    CHECK(step(moved) == step(packed));
  }
}

TEST_CASE("packed_cell: parts that do not fit together") {
  const auto lstm = packed_of({.hidden = 37}), gru = packed_of({.kind = cell_kind::gru_reset_after, .hidden = 37});
  const auto projected = packed_of({.hidden = 37, .projected = 11});
  const auto refused = [](const packed_type& of, const bcr::cell_layout& layout,
                          const bcr::cell_vectors<float>& vectors, const char* sentence) {
    says(packed_type::assemble(layout, opened(of), vectors).status(), sentence);
  };
  constexpr const char* no_layout = "The layout is of no cell that there is.";
  refused(lstm, {static_cast<cell_kind>(9), 37, 16}, {}, no_layout);
  for (const std::size_t units : {std::size_t{0}, std::size_t{6}, std::size_t{8192}, std::size_t{1} << 62}) {
    refused(lstm, {cell_kind::lstm, 37, units}, {}, no_layout);
  }
  constexpr const char* rows = "A matrix of the cell does not have the rows of the cell's layout.";
  refused(lstm, {cell_kind::gru_reset_after, 37, 16}, {}, rows);
  refused(lstm, {cell_kind::lstm, 50, 16}, {}, rows);
  constexpr const char* no_state = "The cell's recurrent matrix does not have a column an element of its state.";
  refused(lstm, {cell_kind::lstm, 38, 16}, {}, no_state);
  refused(projected, {cell_kind::lstm, 38, 16}, {}, "The cell's projection does not have a column a hidden unit.");
  const std::vector<float> zeros(1000);
  const float* const some = zeros.data();
  refused(gru, gru.layout(), {.peepholes = some}, "Only an LSTM has peepholes.");
  refused(projected, projected.layout(), {.diagonal = some}, "A cell with a projection has no diagonal to keep apart.");
  refused(lstm, lstm.layout(), {.recurrent_bias = some},
          "Only a GRU that resets after the product has a recurrent bias of its own.");
  CHECK(packed_type::assemble(lstm.layout(), opened(lstm), {}).ok());
  CHECK(packed_type::assemble(gru.layout(), opened(gru), {}).ok());
}

TEST_CASE("cell_plan: weights in groups that do not end with slices are refused") {
  // Three gates of 4 units, in groups of 16 rows.
  const std::size_t hidden = 16;
  const bcr::cell_layout layout{cell_kind::gru_reset_after, hidden, 4};
  const auto all = [](std::size_t rows, std::size_t columns) {
    const std::vector<float> ones(rows * columns, 1);
    const in_view dense(ones.data(), rows, columns);
    return std::move(*bcr::pack<float>(bcr::cover_nonzeros<block>(dense)->pattern, dense));
  };
  const auto cell = packed_type::assemble(layout, {all(48, 5), all(48, hidden), std::nullopt}, {});
  REQUIRE(cell.ok());
  says(plan_type::create(*cell, {}).status(), "The cell's weights were not packed in groups that end with its slices.",
       bcr::errc::unsupported);
}

TEST_CASE("cell_stack: layers that do not fit, and runs that cannot be") {
  using stack_type = bcr::cell_stack<plan_type>;
  const auto first = packed_of({.inputs = 5, .hidden = 20}), second = packed_of({.inputs = 20, .hidden = 30});
  const plan_type a{*plan_type::create(first, {.batch = 2})}, b{*plan_type::create(second, {.batch = 2})};
  const plan_type c{*plan_type::create(second, {.batch = 3})};
  const auto refused = [](const std::vector<plan_type>& cells, std::size_t directions, const char* sentence) {
    says(stack_type::create(cells, {.directions = directions}).status(), sentence);
  };
  refused({a}, 0, "A layer has one direction or two.");
  refused({a, a}, 3, "A layer has one direction or two.");
  refused({}, 1, "The layers do not have a cell for each of their directions.");
  refused({a, a, b}, 2, "The layers do not have a cell for each of their directions.");
  refused({a, c}, 1, "The cells of the layers are planned for different batches.");
  constexpr const char* inputs = "A layer's inputs are not as many as the outputs of the layer before.";
  refused({a, a}, 1, inputs);
  refused({a, b}, 2, inputs);
  refused({a, a, b, b}, 2, inputs);

  const std::vector<plan_type> cells{a, b};
  const auto stack = stack_type::create(cells);
  REQUIRE(stack.ok());
  CHECK(stack->workspace_bytes(std::numeric_limits<std::size_t>::max()) == std::numeric_limits<std::size_t>::max());
  std::vector<float> x(4 * 5), y(4 * 30, 5), h0(2 * 20, 5), c0 = h0, h1(2 * 30, 5), c1 = h1;
  std::vector<std::byte> workspace(stack->workspace_bytes(2));
  const in_view good_x(x.data(), 4, 5);
  const out_view good_y(y.data(), 4, 30);
  const bcr::cell_state<float> s0{{h0.data(), 2, 20}, {c0.data(), 2, 20}}, s1{{h1.data(), 2, 30}, {c1.data(), 2, 30}};
  const std::vector<bcr::cell_state<float>> good{s0, s1}, few{s0}, swapped{s1, s0}, half{s0, s0};
  says(stack->run(good_x, good_y, few, {}, workspace), "The layers need a state for each of their cells.");
  for (const auto& bad : {swapped, half}) {
    says(stack->run(good_x, good_y, bad, {}, workspace),
         "The state h of the cell does not have the plan's shape, B x H.");
  }
  says(stack->run(good_x, {y.data(), 4, 20}, good, {}, workspace),
       "The output of the sequence does not have the plan's shape, T B x H.");
  says(stack->run({x.data(), 3, 5}, {y.data(), 3, 30}, good, {}, workspace),
       "The input of the sequence does not have the plan's shape, T B x I.");
  const std::vector<std::size_t> lengths{1, 3};
  says(stack->run(good_x, good_y, good, lengths, workspace), "A length is longer than the sequence.");
  says(stack->run(good_x, good_y, good, {}, std::span(workspace).first(workspace.size() - 1)),
       "The workspace is smaller than the plan's workspace_bytes().");
  for (const auto* values : {&y, &h0, &c0, &h1, &c1}) {
    for (const float value : *values) CHECK(value == 5.0f);
  }
  CHECK(stack->run(good_x, good_y, good, {}, workspace).ok());
}

TEST_CASE("cells: sequences without steps, inputs or units may be null") {
  using stack_type = bcr::cell_stack<plan_type>;
  const auto packed = packed_of({.kind = cell_kind::rnn_tanh, .inputs = 0, .hidden = 20});
  const std::vector<plan_type> cells{{*plan_type::create(packed, {.batch = 2})},
                                     {*plan_type::create(packed, {.batch = 2})}};
  const auto stack = stack_type::create(cells, {.directions = 2});
  REQUIRE(stack.ok());
  std::vector<float> h(2 * 20, 5), y(6 * 40, 5);
  std::vector<std::byte> workspace(stack->workspace_bytes(3));
  const std::vector<bcr::cell_state<float>> states{{{h.data(), 2, 20}}, {{h.data(), 2, 20}}};
  CHECK(stack->run({nullptr, 0, 0}, {nullptr, 0, 40}, states, {}, workspace).ok());
  for (const float value : h) CHECK(value == 5.0f);
  CHECK(stack->run({nullptr, 6, 0}, {y.data(), 6, 40}, states, {}, workspace).ok());
  for (const float value : y) CHECK(value != 5.0f);

  const auto none = packed_of({.kind = cell_kind::gru_reset_before, .inputs = 5, .hidden = 0});
  const auto plan = plan_type::create(none, {.batch = 2, .threads = 3});
  std::vector<float> x(6 * 5);
  std::vector<std::byte> memory(plan->workspace_bytes());
  CHECK(plan->step({x.data(), 2, 5}, {{nullptr, 2, 0}}, memory).ok());
  CHECK(plan->sequence({x.data(), 6, 5}, {nullptr, 6, 0}, {{nullptr, 2, 0}}, {}, memory).ok());
}

}  // namespace
