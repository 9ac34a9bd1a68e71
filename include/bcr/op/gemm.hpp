// C[M, N] = epilogue(W B): a plan binds packed weights to the number of columns, a target's kernels and an epilogue. It
// is immutable, may be shared by threads, and runs without allocating.
#pragma once

#include <cstddef>
#include <cstdint>
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

// Whether the library copies tiles of the input to aligned memory before it multiplies. Inputs narrower than a vector
// are always copied; `automatic` copies misaligned ones as well, where enough rows profit and the copy stays in the
// cache.
enum class input_copy : std::uint8_t { automatic, never, always };

struct gemm_options {
  std::size_t columns = 0;  // N
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
  bool accumulate = false;  // C += epilogue(W B) instead of C = epilogue(W B)
  int tile_vectors = 0;     // vectors in a tile at most; 0 lets the library choose
  input_copy copy = input_copy::automatic;
};

template <class T, epilogue_for<T> Epilogue>
class basic_gemm_plan {
 public:
  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const gemm_options& options) noexcept {
    return check_plan_options(options.threads, options.tile_vectors);
  }

  // A plan for `weights`, which must outlive it, on the kernels of one target.
  template <block_shape Block>
  BCR_COLD static result<basic_gemm_plan> create(const gemm_kernels<T, Epilogue>& kernels,
                                                 const packed_weights<T, Block>& weights,
                                                 const gemm_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    basic_gemm_plan plan;
    plan.kernels_ = &kernels;
    plan.weights_ = weights.arrays();
    plan.columns_ = options.columns;
    plan.accumulate_ = options.accumulate;
    plan.lanes_ = kernels.panels.target.lanes();
    const std::size_t vectors =
        best_tile_vectors(kernels.panels.target, weights.columns() * plan.lanes_ * sizeof(T), options.tile_vectors);
    plan.tiles_ = column_tiles(options.columns, plan.lanes_, vectors);
    plan.may_copy_ = options.copy == input_copy::always || options.columns < plan.lanes_;
    plan.must_copy_ = plan.may_copy_;
    if (plan.weights_.group_count() != 0 && plan.tiles_.count() != 0) {
      plan.grid_ = best_grid(plan.weights_.group_count(), plan.tiles_.count(), options.threads);
    }
    // Tasks that share columns would each copy them.
    if (options.copy == input_copy::automatic && plan.grid_.rows == 1 && plan.copy_pays(weights.kept())) {
      plan.may_copy_ = true;
    }
    plan.label_ = kernel_label("gemm", value_type_of<T>::value, Block::rows, Block::columns, panel_rows,
                               plan.tiles_.widest(), kernels.panels.target.name);
    return plan;
  }

  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept { return detail::workspace_bytes(grid_.tasks(), bytes_per_task()); }
  // "gemm_f32_b4x16_t4x6_avx3": operation, type, block, widest tile, target.
  const char* kernel_name() const noexcept { return label_.text(); }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return grid_.tasks(); }

  // C[M, N] = epilogue(W B[K, N]), or C += with accumulate. Rows of B and C may be any distance apart; C must not
  // overlap B, and `workspace` neither. Allocates nothing and starts no thread but through `threads`. Bitwise the same
  // result for any number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(matrix_view<const T> b, matrix_view<T> c, std::span<std::byte> workspace, const Epilogue& epilogue = {},
             Executor&& threads = {}) const noexcept {
    if (b.rows != weights_.columns || b.columns != columns_ || !b.valid()) {
      return {errc::invalid_argument, "The input of the product does not have the plan's shape, K x N."};
    }
    if (c.rows != weights_.rows || c.columns != columns_ || !c.valid()) {
      return {errc::invalid_argument, "The output of the product does not have the plan's shape, M x N."};
    }
    if (const status s = bcr::epilogue::check(epilogue, c.rows, c.columns); !s) return s;
    if (workspace.size() < workspace_bytes()) {
      return {errc::invalid_argument, "The workspace is smaller than the plan's workspace_bytes()."};
    }
    if (c.empty()) return {};
    threads.run(grid_.tasks(), [&](std::size_t task) noexcept { run_task(task, b, c, workspace, epilogue); });
    return {};
  }

 private:
  basic_gemm_plan() noexcept = default;

  // A misaligned vector costs two loads; its copy costs a load and a store, once for all rows that use it.
  bool copy_pays(std::size_t kept) const noexcept {
    constexpr std::size_t uses = 40;                     // kept rows an input row, on average
    constexpr std::size_t cache = std::size_t{1} << 18;  // bytes, beside the input itself
    return kept >= uses * weights_.columns && weights_.columns * tiles_.widest() * lanes_ * sizeof(T) <= cache;
  }
  static bool misaligned(const matrix_view<const T>& b) noexcept {
    return reinterpret_cast<std::uintptr_t>(b.data) % buffer_alignment != 0 ||
           b.leading_dimension * sizeof(T) % buffer_alignment != 0;
  }

  std::size_t scratch_elements() const noexcept { return panel_scratch_elements(tiles_.widest(), lanes_); }
  std::size_t bytes_per_task() const noexcept {
    const std::size_t copied = may_copy_ ? weights_.columns * tiles_.widest() * lanes_ : 0;
    return (scratch_elements() + copied) * sizeof(T);
  }

  void run_task(std::size_t number, const matrix_view<const T>& b, const matrix_view<T>& c,
                std::span<std::byte> workspace, const Epilogue& epilogue) const noexcept {
    const std::size_t row_part = number / grid_.columns, column_part = number % grid_.columns;
    T* const scratch = reinterpret_cast<T*>(detail::workspace_piece(workspace, number, bytes_per_task()));
    panel_task<T> task{};
    task.weights = &weights_;
    task.group_begin = first_group(weights_, row_part, grid_.rows);
    task.group_end = first_group(weights_, row_part + 1, grid_.rows);
    task.ldc = c.leading_dimension;
    task.accumulate = accumulate_;
    task.scratch = scratch;

    const bool copy = must_copy_ || (may_copy_ && misaligned(b));
    const std::size_t tile_end = tiles_.count() * (column_part + 1) / grid_.columns;
    std::size_t tile = tiles_.count() * column_part / grid_.columns;
    if (copy) {
      for (; tile < tile_end; ++tile) {
        copy_tile(task, tile, b, c, scratch + scratch_elements());
        kernels_->panels.run[tiles_.vectors(tile) - 1](task, epilogue);
      }
      return;
    }
    // Neighbouring tiles take turns at each group as long as their input stays in the cache, so that rows of input and
    // output are met in long runs, which hardware foresees.
    const std::size_t group_end = task.group_end;
    const std::size_t turns = neighbours();
    for (; tile < tile_end; tile += turns) {
      const std::size_t turn_end = tile + turns < tile_end ? tile + turns : tile_end;
      for (task.group_begin = first_group(weights_, row_part, grid_.rows); task.group_begin < group_end;
           task.group_begin = task.group_end) {
        task.group_end = turns == 1 ? group_end : task.group_begin + 1;
        for (std::size_t t = tile; t < turn_end; ++t) {
          place_tile(task, t, b, c);
          kernels_->panels.run[tiles_.vectors(t) - 1](task, epilogue);
        }
      }
    }
  }

  // Tiles whose input, all rows of it, fits into half of a cache of 2 MiB.
  std::size_t neighbours() const noexcept {
    constexpr std::size_t cache = std::size_t{1} << 20;
    const std::size_t tile_bytes = weights_.columns * tiles_.widest() * lanes_ * sizeof(T);
    return tile_bytes == 0 || tile_bytes >= cache ? 1 : cache / tile_bytes;
  }

  void copy_tile(panel_task<T>& task, std::size_t tile, const matrix_view<const T>& b, const matrix_view<T>& c,
                 T* copied) const noexcept {
    const std::size_t begin = tiles_.begin(tile), end = tiles_.end(tile), width = tiles_.vectors(tile) * lanes_;
    kernels_->copy_tile(b.rows == 0 ? b.data : b.data + begin, b.leading_dimension, b.rows, end - begin, copied, width);
    task.column = begin;
    task.c = c.data + begin;
    task.b = copied;
    task.ldb = width;
    task.last_vector = width - lanes_;
    task.first_lane = 0;
    task.last_lane = end - begin - task.last_vector;
  }

  // The last vector of a ragged tile begins further left, so that it ends with the matrix; if it is the only one, the
  // tile begins further left.
  void place_tile(panel_task<T>& task, std::size_t tile, const matrix_view<const T>& b,
                  const matrix_view<T>& c) const noexcept {
    const std::size_t width = tiles_.vectors(tile) * lanes_;
    const std::size_t missing = tiles_.begin(tile) + width - tiles_.end(tile);
    const std::size_t begin = tiles_.begin(tile) - (width == lanes_ ? missing : 0);
    task.column = begin;
    task.b = b.rows == 0 ? b.data : b.data + begin;  // without rows the data may be null
    task.c = c.data + begin;
    task.ldb = b.leading_dimension;
    task.last_vector = width == lanes_ ? 0 : width - lanes_ - missing;
    task.first_lane = missing;
    task.last_lane = lanes_;
  }

  const gemm_kernels<T, Epilogue>* kernels_ = nullptr;
  panels_view<T> weights_;
  std::size_t columns_ = 0, lanes_ = 1;
  bool accumulate_ = false, may_copy_ = false, must_copy_ = false;
  column_tiles tiles_;
  task_grid grid_;
  kernel_label label_;
};

}  // namespace bcr
