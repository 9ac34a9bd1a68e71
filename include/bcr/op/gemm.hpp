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
#include "bcr/op/panel_plan.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

// Whether the library copies tiles of the input to aligned memory before it multiplies. Inputs of less than a vector
// are always copied; `automatic` copies misaligned ones as well, and those whose rows lie a power of two apart, so that
// a cache has room for few of them at a time, where a cost model says that it pays.
enum class input_copy : std::uint8_t { automatic, never, always };

struct gemm_options {
  std::size_t columns = 0;  // N
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency, or some times it
  bool accumulate = false;  // C += epilogue(W B) instead of C = epilogue(W B)
  int tile_vectors = 0;     // vectors in a tile at most; 0 lets the library choose, and has a kernel for N = 1
  input_copy copy = input_copy::automatic;
};

// Weights are of type W: T, or f16, bf16 or std::int8_t for activations in float. If W is both<bf16>, weights and B are
// in bf16, and C and arithmetic in float: where the target has dot products of bf16 (AVX512-BF16, Arm's BF16;
// kernel_name() then ends in _bf16) subnormal numbers count as zero, and sums are rounded as simd/pairs-inl.h says;
// elsewhere B is widened, exactly. Either way a result is off by at most K roundings of float, or on Arm twice as much.
template <class T, epilogue_for<T> Epilogue, class W = T>
class basic_gemm_plan : public detail::panel_plan<T, W> {
  using base = detail::panel_plan<T, W>;

 public:
  using typename base::input_type;
  using typename base::weight_type;

  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const gemm_options& options) noexcept {
    return check_plan_options(options.threads, options.tile_vectors);
  }

  // A plan for `weights`, which must outlive it, on the kernels of one target: with those for bands, if the weights
  // have any.
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static result<basic_gemm_plan> create(const gemm_kernels<T, Epilogue, W>& kernels,
                                                 const packed_weights<weight_type, Block, Layout>& weights,
                                                 const gemm_options& options) noexcept {
    base::template check_layout<Layout>();
    if (const status s = can_implement(options); !s) return s;
    return basic_gemm_plan(kernels, weights, options);
  }

  // C[M, N] = epilogue(W B[K, N]), or C += with accumulate. Rows of B and C may be any distance apart; C must not
  // overlap B, and `workspace` neither. Allocates nothing and starts no thread but through `threads`. Bitwise the same
  // result for any number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(matrix_view<const input_type> b, matrix_view<T> c, std::span<std::byte> workspace,
             const Epilogue& epilogue = {}, Executor&& threads = {}) const noexcept {
    if (b.rows != shape_.columns || b.columns != columns_ || !b.valid()) {
      return {errc::invalid_argument, "The input of the product does not have the plan's shape, K x N."};
    }
    if (c.rows != shape_.rows || c.columns != columns_ || !c.valid()) {
      return {errc::invalid_argument, "The output of the product does not have the plan's shape, M x N."};
    }
    if (const status s = bcr::epilogue::check(epilogue, c.rows, c.columns); !s) return s;
    if (const status s = detail::check_workspace(workspace, this->workspace_bytes()); !s) return s;
    if (c.empty()) return {};
    threads.run(this->tasks(), [&](std::size_t number) noexcept {
      const auto part = this->share_of(number, workspace);
      if constexpr (has_narrow_input<W>) {
        run_tiles(part, b, c, epilogue);
      } else {
        switch (this->work_) {
          case base::work::on_bands:
            return run_bands(part, b, c, epilogue);
          case base::work::vector:
            return kernels_->vectors.on_panels(
                this->vector_task(part, b.data, b.leading_dimension, c.data, c.leading_dimension, accumulate_),
                epilogue);
          case base::work::tiles:
            return run_tiles(part, b, c, epilogue);
        }
      }
    });
    return {};
  }

 private:
  using base::lanes_;
  using base::shape_;
  using base::tiles_;
  using base::weights_;

  template <block_shape Block, blob_layout Layout>
  basic_gemm_plan(const gemm_kernels<T, Epilogue, W>& kernels,
                  const packed_weights<weight_type, Block, Layout>& weights, const gemm_options& options) noexcept
      : base("gemm", kernels.panels.target, weights, options.columns, options.threads, options.tile_vectors,
             options.copy != input_copy::always),
        kernels_(&kernels),
        columns_(options.columns),
        accumulate_(options.accumulate),
        copy_(options.copy) {
    if (columns_ < lanes_) copy_ = input_copy::always;
    if (copy_ == input_copy::automatic && this->work_ == base::work::tiles) {
      // Tasks that share columns would each copy them.
      copies_misaligned_ = this->grid_.rows == 1 && copying_misaligned_pays();
      copies_colliding_ = this->collide(columns_) && copying_colliding_pays();
    }
    const bool may_copy = copy_ == input_copy::always || copies_misaligned_ || copies_colliding_;
    if (this->work_ == base::work::tiles && !accumulate_ && weights_.mostly_whole()) {
      tiles_together_ =
          best_tiles_together(kernels.panels.target, weights_.columns * tiles_.widest() * lanes_ * sizeof(input_type));
    }
    if (this->work_ == base::work::on_bands) {
      this->reserve(band_scratch_elements<W>(columns_, shape_.columns) + shape_.columns * columns_);
    } else if (this->work_ == base::work::tiles) {
      this->reserve(this->tile_scratch_elements() + (may_copy ? this->tile_input_elements() : 0));
    }
  }

  // A misaligned vector is loaded from two lines of the cache; its copy costs a load and a store, once for all panels
  // that use it. How much a use gains, in cycles, depends on whether the loads are the limit or the multiply-adds:
  // measured on Zen 5 and Emerald Rapids.
  bool copying_misaligned_pays() const noexcept {
    const double column_uses = static_cast<double>(weights_.column_uses());
    const double rows_a_use = static_cast<double>(weights_.weights.size()) / column_uses;
    const double gain = rows_a_use < 2.5 ? 0.25 : rows_a_use < 3.5 || tiles_.widest() < 4 ? 0.15 : 0.1;
    constexpr std::size_t near_cache = std::size_t{1} << 18;  // bytes, beside the input itself
    const double cost = this->tile_input_elements() * sizeof(T) <= near_cache ? 1.5 : 3.5;
    return column_uses * gain > cost * static_cast<double>(weights_.columns);
  }

  // Where rows collide, each use of a vector waits for the third level, for 0.7 cycles on Zen 4 and 2 to 4 on Emerald
  // Rapids, and its copy costs 9. A product of 2048 x 2048 x 1024 in 4x16 takes 0.78 of the time, or 0.4.
  bool copying_colliding_pays() const noexcept {
    return static_cast<double>(weights_.column_uses()) > 9.0 * static_cast<double>(weights_.columns * this->grid_.rows);
  }

  bool copies(const matrix_view<const input_type>& b) const noexcept {
    return copy_ == input_copy::always ||
           (copies_misaligned_ && (reinterpret_cast<std::uintptr_t>(b.data) % buffer_alignment != 0 ||
                                   b.leading_dimension * sizeof(input_type) % buffer_alignment != 0)) ||
           (copies_colliding_ && this->collide(b.leading_dimension));
  }

  // A column alone may be anywhere; several are turned first.
  void run_bands(const typename base::share& part, const matrix_view<const T>& b, const matrix_view<T>& c,
                 const Epilogue& epilogue) const noexcept {
    band_task<T, W> task{&this->bands_, part.group_begin, part.group_end,      columns_, b.data,
                         b.rows,        c.data,           c.leading_dimension, 1,        accumulate_,
                         part.memory};
    if (columns_ != 1 || b.leading_dimension != 1) {
      T* const turned = part.memory + band_scratch_elements<W>(columns_, shape_.columns);
      kernels_->turn(b.data, b.leading_dimension, b.rows, columns_, turned, b.rows);
      task.x = turned;
    }
    kernels_->vectors.on_bands(task, epilogue);
  }

  void run_tiles(const typename base::share& part, const matrix_view<const input_type>& b, const matrix_view<T>& c,
                 const Epilogue& epilogue) const noexcept {
    panel_task<T, W> task{};
    task.weights = &weights_;
    task.group_begin = part.group_begin;
    task.group_end = part.group_end;
    task.ldc = c.leading_dimension;
    task.accumulate = accumulate_;
    task.scratch = part.memory;

    // One tile after the other, or some together: the input, all rows of it, stays in the cache for all groups.
    const bool copy = copies(b);
    for (std::size_t tile = part.tile_begin; tile < part.tile_end; tile += task.tiles) {
      task.tiles = tiles_.alike(tile, part.tile_end, copy || tiles_.vectors(tile) == 1 ? 1 : tiles_together_);
      if (copy) {
        copy_tile(task, tile, b, c, reinterpret_cast<input_type*>(part.memory + this->tile_scratch_elements()));
      } else {
        place_tile(task, tile, b, c);
      }
      kernels_->panels.run[tiles_.vectors(tile) - 1](task, epilogue);
    }
    if constexpr (!has_narrow_input<W>) {
      if (!part.lone_vector) return;
      const std::size_t last = columns_ - 1;
      kernels_->vectors.on_panels(this->vector_task(part, b.rows == 0 ? b.data : b.data + last, b.leading_dimension,
                                                    c.data + last, c.leading_dimension, accumulate_, last),
                                  epilogue);
    }
  }

  void copy_tile(panel_task<T, W>& task, std::size_t tile, const matrix_view<const input_type>& b,
                 const matrix_view<T>& c, input_type* copied) const noexcept {
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
  // tile begins further left. Some tiles side by side begin with `tile`.
  void place_tile(panel_task<T, W>& task, std::size_t tile, const matrix_view<const input_type>& b,
                  const matrix_view<T>& c) const noexcept {
    const std::size_t width = tiles_.vectors(tile) * lanes_, last = tile + task.tiles - 1;
    const std::size_t missing = tiles_.begin(last) + width - tiles_.end(last);
    const std::size_t begin = tiles_.begin(tile) - (width == lanes_ ? missing : 0);
    task.column = begin;
    task.b = b.rows == 0 ? b.data : b.data + begin;  // without rows the data may be null
    task.c = c.data + begin;
    task.ldb = b.leading_dimension;
    task.last_vector = width == lanes_ ? 0 : width - lanes_ - missing;
    task.first_lane = missing;
    task.last_lane = lanes_;
  }

  const gemm_kernels<T, Epilogue, W>* kernels_;
  std::size_t columns_;
  std::size_t tiles_together_ = 1;
  bool accumulate_;
  input_copy copy_;
  bool copies_misaligned_ = false, copies_colliding_ = false;  // where `copy_` is automatic
};

}  // namespace bcr
