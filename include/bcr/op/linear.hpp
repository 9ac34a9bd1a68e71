// Y[T, M] = epilogue(X[T, K] W^T): the same weights and kernels as gemm, for activations stored token by token. Tiles
// of tokens are transposed on their way in and their results on the way out, in the caller's workspace.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/partition.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

struct linear_options {
  std::size_t tokens = 0;   // T
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
  int tile_vectors = 0;     // vectors in a tile at most; 0 lets the library choose
};

template <class T, epilogue_for<T> Epilogue>
class basic_linear_plan {
 public:
  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const linear_options& options) noexcept {
    return check_plan_options(options.threads, options.tile_vectors);
  }

  // A plan for `weights`, which must outlive it, on the kernels of one target.
  template <block_shape Block>
  BCR_COLD static result<basic_linear_plan> create(const linear_kernels<T, Epilogue>& kernels,
                                                   const packed_weights<T, Block>& weights,
                                                   const linear_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    basic_linear_plan plan;
    plan.kernels_ = &kernels;
    plan.weights_ = weights.arrays();
    plan.tokens_ = options.tokens;
    plan.lanes_ = kernels.panels.target.lanes();
    plan.tiles_ = column_tiles(
        options.tokens, plan.lanes_,
        best_tile_vectors(kernels.panels.target, weights.columns() * plan.lanes_ * sizeof(T), options.tile_vectors));
    plan.stripe_rows_ = stripe_rows(plan.weights_);
    if (plan.weights_.group_count() != 0 && plan.tiles_.count() != 0) {
      plan.grid_ = best_grid(plan.weights_.group_count(), plan.tiles_.count(), options.threads);
    }
    plan.label_ = kernel_label("linear", value_type_of<T>::value, Block::rows, Block::columns, panel_rows,
                               plan.tiles_.widest(), kernels.panels.target.name);
    return plan;
  }

  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept { return detail::workspace_bytes(grid_.tasks(), bytes_per_task()); }
  // "linear_f32_b4x16_t4x6_avx3": operation, type, block, widest tile, target.
  const char* kernel_name() const noexcept { return label_.text(); }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return grid_.tasks(); }

  // Y[T, M] = epilogue(X[T, K] W^T). A bias is indexed by feature, a residual like Y, which it may be itself. X and Y
  // must not overlap. Allocates nothing and starts no thread but through `threads`. Bitwise the same result for any
  // number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(matrix_view<const T> x, matrix_view<T> y, std::span<std::byte> workspace, const Epilogue& epilogue = {},
             Executor&& threads = {}) const noexcept {
    if (x.rows != tokens_ || x.columns != weights_.columns || !x.valid()) {
      return {errc::invalid_argument, "The input of the layer does not have the plan's shape, T x K."};
    }
    if (y.rows != tokens_ || y.columns != weights_.rows || !y.valid()) {
      return {errc::invalid_argument, "The output of the layer does not have the plan's shape, T x M."};
    }
    if (const status s = bcr::epilogue::check(epilogue, y.rows, y.columns); !s) return s;
    if (workspace.size() < workspace_bytes()) {
      return {errc::invalid_argument, "The workspace is smaller than the plan's workspace_bytes()."};
    }
    if (y.empty()) return {};
    threads.run(grid_.tasks(), [&](std::size_t task) noexcept { run_task(task, x, y, workspace, epilogue); });
    return {};
  }

 private:
  // Rows whose results are turned back together: enough to fill lines of the output, few enough to stay in the cache.
  static constexpr std::size_t stripe = 64;

  basic_linear_plan() noexcept = default;

  static std::size_t group_after(const panels_view<T>& w, std::size_t begin, std::size_t end) noexcept {
    std::size_t g = begin + 1;
    while (g < end && w.groups[g + 1].row_begin - w.groups[begin].row_begin <= stripe) ++g;
    return g;
  }
  static std::size_t stripe_rows(const panels_view<T>& w) noexcept {
    std::size_t most = 0;
    for (std::size_t g = 0; g < w.group_count(); ++g) {
      most = w.group_rows(g) > most ? w.group_rows(g) : most;
    }
    return most > stripe ? most : stripe;
  }

  std::size_t tile_elements() const noexcept { return tiles_.widest() * lanes_; }
  std::size_t scratch_elements() const noexcept { return panel_scratch_elements(tiles_.widest(), lanes_); }
  std::size_t bytes_per_task() const noexcept {
    return (scratch_elements() + (weights_.columns + stripe_rows_) * tile_elements() + stripe_rows_ * lanes_) *
           sizeof(T);
  }

  void run_task(std::size_t number, const matrix_view<const T>& x, const matrix_view<T>& y,
                std::span<std::byte> workspace, const Epilogue& epilogue) const noexcept {
    const std::size_t row_part = number / grid_.columns, column_part = number % grid_.columns;
    T* const scratch = reinterpret_cast<T*>(detail::workspace_piece(workspace, number, bytes_per_task()));
    T* const input = scratch + scratch_elements();
    T* const sums = input + weights_.columns * tile_elements();
    const std::size_t group_end = first_group(weights_, row_part + 1, grid_.rows);
    const std::size_t tile_end = tiles_.count() * (column_part + 1) / grid_.columns;
    for (std::size_t tile = tiles_.count() * column_part / grid_.columns; tile < tile_end; ++tile) {
      const std::size_t begin = tiles_.begin(tile), tokens = tiles_.end(tile) - begin;
      const std::size_t width = tiles_.vectors(tile) * lanes_;
      kernels_->load_tokens(x.columns == 0 ? x.data : x.row(begin), x.leading_dimension, tokens, x.columns, input,
                            width);
      panel_task<T> task{};
      task.weights = &weights_;
      task.b = input;
      task.ldb = task.ldc = width;
      task.c = sums;
      task.last_vector = width - lanes_;
      task.last_lane = lanes_;
      task.scratch = scratch;
      for (task.group_begin = first_group(weights_, row_part, grid_.rows); task.group_begin < group_end;
           task.group_begin = task.group_end) {
        task.group_end = group_after(weights_, task.group_begin, group_end);
        task.first_row = weights_.groups[task.group_begin].row_begin;
        kernels_->panels.run[tiles_.vectors(tile) - 1](task, {});
        kernels_->store_tokens({.sums = sums,
                                .sums_ld = width,
                                .first_row = task.first_row,
                                .rows = weights_.groups[task.group_end].row_begin - task.first_row,
                                .first_token = begin,
                                .tokens = tokens,
                                .y = y.data,
                                .ldy = y.leading_dimension,
                                .staging = sums + stripe_rows_ * tile_elements()},
                               epilogue);
      }
    }
  }

  const linear_kernels<T, Epilogue>* kernels_ = nullptr;
  panels_view<T> weights_;
  std::size_t tokens_ = 0, lanes_ = 1, stripe_rows_ = 0;
  column_tiles tiles_;
  task_grid grid_;
  kernel_label label_;
};

}  // namespace bcr
