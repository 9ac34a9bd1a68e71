// Recurrent cells: a plan binds a packed cell to the size of the batch and a target's kernels. It advances a state by
// one step or by a sequence, is immutable, may be shared by threads, and runs without allocating.
//
// Every task has some hidden units. It multiplies the rows of their gates, a few slices at a time, into memory that
// stays in the first cache level, and updates the units there and then; nothing that another task writes is read before
// all have returned. Of a sequence, the input half of many time steps is multiplied at once, as they do not depend on
// each other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/packed_cell.hpp"
#include "bcr/kernel/cell_kernels.hpp"
#include "bcr/op/cell_workspace.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/row_sums.hpp"

namespace bcr {

struct cell_options {
  std::size_t batch = 1;    // B; made for 1 to 16
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
  // Time steps whose input half is one product. Longer sequences are cut into so many steps at a time; the workspace
  // grows with them.
  std::size_t steps = 1;
};

// What a cell remembers; each run replaces it.
template <class T>
struct cell_state {
  matrix_view<T> h;    // B x H, or B x P with a projection
  matrix_view<T> c{};  // B x H, of an LSTM
};

struct sequence_options {
  // Time steps of each item of the batch, none above the sequence's; all of them if empty. Later steps leave the item's
  // state alone and its output zero. Items in order of falling length save the most time.
  std::span<const std::size_t> lengths{};
  bool reverse = false;  // from the last time step to the first
};

// Weights are of type W: T, or f16, bf16 or std::int8_t for activations and state in float.
template <class T, class W = T>
class basic_cell_plan {
  static_assert(weights_for<W, T>,
                "bcr: the weights of a cell are of the same type as its activations, or f16, bf16 or std::int8_t where "
                "those are float");
  static_assert(!has_narrow_input<W>,
                "bcr: both<bf16> is for gemm_plan and linear_plan; a cell's activations and state are float");

 public:
  using value = T;

  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const cell_options& options) noexcept {
    if (const status s = check_threads(options.threads); !s) return s;
    if (options.batch == 0) return {errc::invalid_argument, "A cell needs a batch of at least one."};
    if (options.steps == 0) return {errc::invalid_argument, "A cell's sequences need at least one step at a time."};
    return {};
  }

  // A plan for `cell`, which must outlive it, on the kernels of one target. Fails as can_implement says, and with
  // unsupported if the groups of the cell's weights were not packed slice by slice.
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static result<basic_cell_plan> create(const cell_kernels<T, W>& kernels,
                                                 const packed_cell<W, Block, Layout>& cell,
                                                 const cell_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    if (!countable(cell, options)) {
      return {errc::invalid_argument, "The cell's batch and steps ask for more memory than this machine can count."};
    }
    const basic_cell_plan made(kernels, cell, options);
    if (!made.slices_begin_groups()) {
      return {errc::unsupported, "The cell's weights were not packed in groups that end with its slices."};
    }
    return made;
  }

  std::size_t batch() const noexcept { return options_.batch; }
  std::size_t inputs() const noexcept { return input_.columns(); }
  std::size_t hidden() const noexcept { return layout_.hidden; }
  // Elements of h and of an output: H, or P with a projection.
  std::size_t outputs() const noexcept { return recurrent_.columns(); }
  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept { return memory_.bytes(tasks_); }
  // "lstm_f32_b4x16_t4x1_avx3": operation, type, block, tile, target. Weights of another type than the activations are
  // named after these: "gru_f32_bf16_b4x16_...".
  const char* kernel_name() const noexcept { return label_.text(); }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return tasks_; }

  // Whether a state has the plan's shapes. Fails with invalid_argument.
  status check_state(const cell_state<T>& state) const noexcept {
    if (state.h.rows != options_.batch || state.h.columns != outputs() || !state.h.valid()) {
      return {errc::invalid_argument, "The state h of the cell does not have the plan's shape, B x H."};
    }
    if (layout_.kind == cell_kind::lstm &&
        (state.c.rows != options_.batch || state.c.columns != hidden() || !state.c.valid())) {
      return {errc::invalid_argument, "The state c of the cell does not have the plan's shape, B x H."};
    }
    return {};
  }

  // One step: replaces `state` by what the cell makes of it and of x[B, I]. x must not overlap the state. Allocates
  // nothing and starts no thread but through `threads`. Bitwise the same result for any number of threads. Fails with
  // invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status step(matrix_view<const T> x, const cell_state<T>& state, std::span<std::byte> workspace,
              Executor&& threads = {}) const noexcept {
    if (x.rows != options_.batch || x.columns != inputs() || !x.valid()) {
      return {errc::invalid_argument, "The input of the cell does not have the plan's shape, B x I."};
    }
    if (const status s = check(state, workspace); !s) return s;
    const auto memory = memory_.at(workspace.data());
    frame now{.state = state, .active = options_.batch, .input = x.data};
    if (options_.batch != 1 || input_.loads_one()) {
      input_.load(x, memory.input);
      now.input = memory.input;
    }
    advance(now, memory, threads);
    return {};
  }

  // T steps: x[T B, I] has the inputs of one time step after the other, and y[T B, H] (or P) takes every h, in the same
  // order whatever the direction; without any view, {}, it is not asked for. `state` goes in and comes out. Neither of
  // x, y and the state may overlap another. Otherwise as step().
  template <executor Executor = serial_executor>
  status sequence(matrix_view<const T> x, matrix_view<T> y, const cell_state<T>& state, const sequence_options& how,
                  std::span<std::byte> workspace, Executor&& threads = {}) const noexcept {
    const std::size_t batch = options_.batch, time = x.rows / batch;
    if (x.rows % batch != 0 || x.columns != inputs() || !x.valid()) {
      return {errc::invalid_argument, "The input of the sequence does not have the plan's shape, T B x I."};
    }
    const bool wanted = y.rows != 0 || y.columns != 0;
    if (wanted && (y.rows != x.rows || y.columns != outputs() || !y.valid())) {
      return {errc::invalid_argument, "The output of the sequence does not have the plan's shape, T B x H."};
    }
    if (const status s = check_lengths(how.lengths, time); !s) return s;
    if (const status s = check(state, workspace); !s) return s;
    const auto memory = memory_.at(workspace.data());
    for (std::size_t done = 0; done < time;) {
      const std::size_t count = std::min(options_.steps, time - done);
      const std::size_t first = how.reverse ? time - done - count : done;
      multiply_input(rows_of(x, first * batch, count * batch), memory, threads);
      for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = how.reverse ? count - 1 - i : i;
        frame now{.state = state, .sums = memory.sums + at * batch * layout_.rows()};
        now.lengths = how.lengths.empty() ? nullptr : how.lengths.data();
        now.time = first + at;
        now.active = active_items(how.lengths, now.time);
        if (wanted) now.y = rows_of(y, now.time * batch, batch);
        clear_ended(now);
        advance(now, memory, threads);
      }
      done += count;
    }
    return {};
  }

 private:
  using sums = detail::row_sums<T, W>;
  using pieces = typename detail::cell_workspace<T>::pieces;

  // One time step.
  struct frame {
    const cell_state<T>& state;
    matrix_view<T> y{};
    std::size_t active = 0;                // items; those after them have ended
    const std::size_t* lengths = nullptr;  // items before them may have, too
    std::size_t time = 0;
    const T* input = nullptr;  // loaded, or
    const T* sums = nullptr;   // already multiplied: rows of the layout for every item

    bool ended(std::size_t item) const noexcept { return lengths != nullptr && lengths[item] <= time; }
  };

  template <block_shape Block, blob_layout Layout>
  basic_cell_plan(const cell_kernels<T, W>& kernels, const packed_cell<W, Block, Layout>& cell,
                  const cell_options& options) noexcept
      : kernels_(&kernels),
        options_(options),
        layout_(cell.layout()),
        vectors_(cell.vectors()),
        input_(kernels.products, cell.input()),
        recurrent_(kernels.products, cell.recurrent()) {
    has_projection_ = cell.projection() != nullptr;
    if (has_projection_) projection_ = sums(kernels.products, *cell.projection());
    tasks_ = std::max<std::size_t>(1, std::min(options.threads, layout_.slices()));
    const std::size_t slice = options.batch * layout_.slice_rows(0);
    chunk_slices_ = slice >= chunk_sums ? 1 : chunk_sums / slice;
    chunk_rows_ = std::max<std::size_t>(layout_.slice_rows(0) * chunk_slices_, band_rows_limit);
    plan_workspace();
    const std::size_t tile = options.batch == 1 ? 1 : recurrent_.tiles(options.batch).widest();
    label_ = kernel_label(name_of(layout_.kind), {value_type_of<T>::value, value_type_of<W>::value}, Block::rows,
                          Block::columns, recurrent_.uses_bands(options.batch) ? band_rows_limit : panel_rows, tile,
                          kernels.products.panels.target.name);
  }

  // Sums of each half that a task makes before it updates units: they and what is made of them stay in a first cache
  // level of 32 KiB.
  static constexpr std::size_t chunk_sums = 8192 / sizeof(T);

  static constexpr const char* name_of(cell_kind kind) noexcept {
    return kind == cell_kind::lstm ? "lstm" : gates_of(kind) == 3 ? "gru" : "rnn";
  }

  // Whether the sizes below can be computed: generously, and in numbers that do not overflow.
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static bool countable(const packed_cell<W, Block, Layout>& cell, const cell_options& options) noexcept {
    const auto number = [](std::size_t n) { return static_cast<double>(n); };
    const double tokens = (number(options.batch) + 64) * (number(options.steps) + 1);
    const double widest = number(cell.layout().rows()) + number(cell.inputs()) + number(cell.outputs()) + 256;
    return 8 * tokens * widest * number(std::min(options.threads, cell.hidden()) + 1) <
           number(std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T));
  }

  BCR_COLD void plan_workspace() noexcept {
    const std::size_t batch = options_.batch, tokens = batch * options_.steps;
    memory_.input = batch == 1 && !input_.loads_one() ? 0 : input_.loaded_elements(batch);
    memory_.state = recurrent_.loaded_elements(batch);
    memory_.sums = tokens * layout_.rows();
    if (layout_.phases() > 1) memory_.update = memory_.reset = batch * layout_.padded();
    if (has_projection_) {
      memory_.cell = batch * layout_.hidden;
      memory_.loaded_cell = projection_.loaded_elements(batch);
    }
    memory_.scratch = std::max(input_.scratch_elements(tokens), recurrent_.scratch_elements(batch));
    if (has_projection_) memory_.scratch = std::max(memory_.scratch, projection_.scratch_elements(batch));
    memory_.work = std::max(2 * batch * chunk_rows_, input_.tile_elements(tokens));
  }

  BCR_COLD bool slices_begin_groups() const noexcept {
    for (std::size_t phase = 0; phase < layout_.phases(); ++phase) {
      for (std::size_t s = 0; s <= layout_.slices(); ++s) {
        const std::size_t row = layout_.first_row(phase) + s * layout_.slice_rows(phase);
        if (!input_.begins_group(row) || !recurrent_.begins_group(row)) return false;
      }
    }
    return true;
  }

  template <class E>
  static matrix_view<E> rows_of(const matrix_view<E>& all, std::size_t first, std::size_t count) noexcept {
    return {all.empty() ? all.data : all.row(first), count, all.columns, all.leading_dimension};
  }

  status check(const cell_state<T>& state, std::span<std::byte> workspace) const noexcept {
    if (const status s = check_state(state); !s) return s;
    return detail::check_workspace(workspace, workspace_bytes());
  }
  status check_lengths(std::span<const std::size_t> lengths, std::size_t time) const noexcept {
    if (!lengths.empty() && lengths.size() != options_.batch) {
      return {errc::invalid_argument, "The sequence has not one length for every item of the batch."};
    }
    for (const std::size_t length : lengths) {
      if (length > time) return {errc::invalid_argument, "A length is longer than the sequence."};
    }
    return {};
  }

  std::size_t active_items(std::span<const std::size_t> lengths, std::size_t time) const noexcept {
    if (lengths.empty()) return options_.batch;
    std::size_t active = options_.batch;
    while (active != 0 && lengths[active - 1] <= time) --active;
    return active;
  }
  void clear_ended(const frame& now) const noexcept {
    for (std::size_t b = 0; now.lengths != nullptr && b < now.y.rows; ++b) {
      if (now.ended(b)) std::fill_n(now.y.row(b), now.y.columns, T(0));
    }
  }

  // The input half of some steps: W x for every token, to memory.sums.
  template <class Executor>
  void multiply_input(matrix_view<const T> x, const pieces& memory, Executor& threads) const noexcept {
    const column_tiles tiles = input_.tiles(x.rows);
    if (layout_.slices() == 0) return;
    const task_grid grid = best_grid(layout_.slices(), tiles.count(), tasks_);
    threads.run(grid.tasks(), [&](std::size_t number) noexcept {
      const std::size_t row_part = number / grid.columns, column_part = number % grid.columns;
      T* const scratch = memory.task(number);
      T* const loaded = scratch + memory_.scratch_size();
      const std::size_t tile_end = tiles.count() * (column_part + 1) / grid.columns;
      for (std::size_t tile = tiles.count() * column_part / grid.columns; tile < tile_end; ++tile) {
        const std::size_t first = tiles.begin(tile), tokens = tiles.end(tile) - first;
        input_.load(rows_of(x, first, tokens), loaded);
        for (std::size_t phase = 0; phase < layout_.phases(); ++phase) {
          const std::size_t begin = row_of(phase, first_slice(phase, row_part, grid.rows));
          const std::size_t end = row_of(phase, first_slice(phase, row_part + 1, grid.rows));
          input_.run(begin, end, tokens, loaded, memory.sums + first * layout_.rows() + begin, layout_.rows(), scratch);
        }
      }
    });
  }

  // The state by one step.
  template <class Executor>
  void advance(const frame& now, const pieces& memory, Executor& threads) const noexcept {
    if (now.active == 0) return;
    const auto& h = now.state.h;
    recurrent_.load({h.data, now.active, h.columns, h.leading_dimension}, memory.state);
    threads.run(tasks_, [&](std::size_t number) noexcept { update(0, now, memory, number); });
    if (layout_.phases() > 1) {
      recurrent_.load({memory.reset, now.active, layout_.hidden, layout_.padded()}, memory.state);
      threads.run(tasks_, [&](std::size_t number) noexcept { update(1, now, memory, number); });
    }
    if (has_projection_) {
      projection_.load({memory.cell, now.active, layout_.hidden, layout_.hidden}, memory.loaded_cell);
      threads.run(tasks_, [&](std::size_t number) noexcept { project(now, memory, number); });
    }
  }

  // One task's units through one phase.
  void update(std::size_t phase, const frame& now, const pieces& memory, std::size_t number) const noexcept {
    T* const scratch = memory.task(number);
    const std::size_t end = first_slice(phase, number + 1, tasks_);
    for (std::size_t s = first_slice(phase, number, tasks_); s < end; s += chunk_slices_) {
      const std::size_t past = std::min(s + chunk_slices_, end);
      const std::size_t row = row_of(phase, s), rows = row_of(phase, past) - row;
      T* const recurrent = scratch + memory_.scratch_size();
      T* const input = recurrent + now.active * rows;
      recurrent_.run(row, row + rows, now.active, memory.state, recurrent, rows, scratch);
      cell_task<T> task = task_of(now, memory, s * layout_.slice_units, row);
      task.units = std::min(past * layout_.slice_units, layout_.hidden) - s * layout_.slice_units;
      task.recurrent = {recurrent, rows};
      if (now.sums != nullptr) {
        task.input = {now.sums + row, layout_.rows()};
      } else {
        input_.run(row, row + rows, now.active, now.input, input, rows, scratch);
        task.input = {input, rows};
      }
      kernels_->of(layout_.kind, phase)(task);
    }
  }

  // All of a task but its sums, from unit `unit` and row `row` on.
  cell_task<T> task_of(const frame& now, const pieces& memory, std::size_t unit, std::size_t row) const noexcept {
    const auto units_of = [unit](const T* vector) { return vector == nullptr ? nullptr : vector + unit; };
    const auto view = [unit](const matrix_view<T>& m) {
      return cell_rows<T>{m.data == nullptr ? nullptr : m.data + unit, m.leading_dimension};
    };
    cell_task<T> task{};
    task.slice_units = layout_.slice_units;
    task.batch = now.active;
    task.lengths = now.lengths;
    task.time = now.time;
    task.bias = vectors_.bias + row;
    task.diagonal = vectors_.diagonal == nullptr ? nullptr : vectors_.diagonal + row;
    task.recurrent_bias = units_of(vectors_.recurrent_bias);
    for (std::size_t p = 0; p < 3 && vectors_.peepholes != nullptr; ++p) {
      task.peepholes[p] = units_of(vectors_.peepholes + p * layout_.padded());
    }
    task.h = has_projection_ ? cell_rows<T>{memory.cell + unit, layout_.hidden} : view(now.state.h);
    task.c = view(now.state.c);
    if (!has_projection_) task.y = view(now.y);
    if (layout_.phases() > 1) {
      task.update = {memory.update + unit, layout_.padded()};
      task.reset = {memory.reset + unit, layout_.padded()};
    }
    return task;
  }

  // One task's share of h from the units' outputs.
  void project(const frame& now, const pieces& memory, std::size_t number) const noexcept {
    T* const scratch = memory.task(number);
    T* const some = scratch + memory_.scratch_size();
    const std::size_t groups = projection_.group_count();
    const auto cost = [&](std::size_t g) { return projection_.cost_before(g); };
    const std::size_t end = first_of_part(groups, number + 1, tasks_, cost);
    for (std::size_t g = first_of_part(groups, number, tasks_, cost); g < end; ++g) {
      const std::size_t row = projection_.row_begin(g), rows = projection_.row_begin(g + 1) - row;
      projection_.run(row, row + rows, now.active, memory.loaded_cell, some, rows, scratch);
      for (std::size_t b = 0; b < now.active; ++b) {
        if (now.ended(b)) continue;
        std::copy_n(some + b * rows, rows, now.state.h.row(b) + row);
        if (now.y.data != nullptr) std::copy_n(some + b * rows, rows, now.y.row(b) + row);
      }
    }
  }

  std::size_t row_of(std::size_t phase, std::size_t slice) const noexcept {
    return layout_.first_row(phase) + slice * layout_.slice_rows(phase);
  }
  // Where part `part` of `parts` begins: each has the same share of both matrices.
  std::size_t first_slice(std::size_t phase, std::size_t part, std::size_t parts) const noexcept {
    const auto cost = [&](std::size_t s) {
      const std::size_t row = row_of(phase, s);
      return input_.cost_before_row(row) + recurrent_.cost_before_row(row);
    };
    return first_of_part(layout_.slices(), part, parts, cost);
  }

  const cell_kernels<T, W>* kernels_;
  cell_options options_;
  cell_layout layout_;
  cell_vectors<T> vectors_;
  sums input_, recurrent_, projection_;
  bool has_projection_ = false;
  std::size_t tasks_ = 1, chunk_slices_ = 1, chunk_rows_ = 0;
  detail::cell_workspace<T> memory_;
  kernel_label label_;
};

}  // namespace bcr
