// Y[T, M] = epilogue(X[T, K] W^T): the same weights and kernels as gemm, for activations stored token by token. Tiles
// of tokens are transposed on their way in and their results on the way out, in the caller's workspace. A single token
// needs neither.
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
#include "bcr/op/panel_plan.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

struct linear_options {
  std::size_t tokens = 0;   // T
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency, or some times it
  int tile_vectors = 0;     // vectors in a tile at most; 0 lets the library choose, and has a kernel for T = 1
};

// Weights are of type W: T, or f16, bf16 or std::int8_t for activations in float. If W is both<bf16>, weights and X are
// in bf16, and Y and arithmetic in float, as basic_gemm_plan says.
template <class T, epilogue_for<T> Epilogue, class W = T>
class basic_linear_plan : public detail::panel_plan<T, W> {
  using base = detail::panel_plan<T, W>;

 public:
  using typename base::input_type;
  using typename base::weight_type;

  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const linear_options& options) noexcept {
    return check_plan_options(options.threads, options.tile_vectors);
  }

  // A plan for `weights`, which must outlive it, on the kernels of one target: with those for bands, if the weights
  // have any.
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static result<basic_linear_plan> create(const linear_kernels<T, Epilogue, W>& kernels,
                                                   const packed_weights<weight_type, Block, Layout>& weights,
                                                   const linear_options& options) noexcept {
    base::template check_layout<Layout>();
    if (const status s = can_implement(options); !s) return s;
    return basic_linear_plan(kernels, weights, options);
  }

  // Y[T, M] = epilogue(X[T, K] W^T). A bias is indexed by feature, a residual like Y, which it may be itself. X and Y
  // must not overlap. Allocates nothing and starts no thread but through `threads`. Bitwise the same result for any
  // number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(matrix_view<const input_type> x, matrix_view<T> y, std::span<std::byte> workspace,
             const Epilogue& epilogue = {}, Executor&& threads = {}) const noexcept {
    if (x.rows != tokens_ || x.columns != shape_.columns || !x.valid()) {
      return {errc::invalid_argument, "The input of the layer does not have the plan's shape, T x K."};
    }
    if (y.rows != tokens_ || y.columns != shape_.rows || !y.valid()) {
      return {errc::invalid_argument, "The output of the layer does not have the plan's shape, T x M."};
    }
    if (const status s = bcr::epilogue::check(epilogue, y.rows, y.columns); !s) return s;
    if (const status s = detail::check_workspace(workspace, this->workspace_bytes()); !s) return s;
    if (y.empty()) return {};
    threads.run(this->tasks(), [&](std::size_t number) noexcept {
      const auto part = this->share_of(number, workspace);
      if constexpr (has_narrow_input<W>) {
        run_tiles(part, x, y, epilogue);
      } else {
        switch (this->work_) {
          case base::work::on_bands:
            return kernels_->vectors.on_bands({&this->bands_, part.group_begin, part.group_end, tokens_, x.data,
                                               x.leading_dimension, y.data, 1, y.leading_dimension, false, part.memory},
                                              epilogue);
          case base::work::vector:
            return kernels_->vectors.on_panels(this->vector_task(part, x.data, 1, y.data, 1, false), epilogue);
          case base::work::tiles:
            return run_tiles(part, x, y, epilogue);
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

  // Rows whose results are turned back together: enough to fill lines of the output, few enough to stay in the cache.
  static constexpr std::size_t stripe = 64;

  template <block_shape Block, blob_layout Layout>
  basic_linear_plan(const linear_kernels<T, Epilogue, W>& kernels,
                    const packed_weights<weight_type, Block, Layout>& weights, const linear_options& options) noexcept
      : base("linear", kernels.panels.target, weights, options.tokens, options.threads, options.tile_vectors, false),
        kernels_(&kernels),
        tokens_(options.tokens) {
    if (this->work_ == base::work::on_bands) this->reserve(band_scratch_elements<W>(tokens_, shape_.columns));
    if (this->work_ != base::work::tiles) return;
    stripe_rows_ = stripe_rows(weights_);
    this->reserve(this->tile_scratch_elements() + this->tile_input_elements() + stripe_rows_ * (tile_width() + lanes_));
  }

  static std::size_t group_after(const panels_view<weight_type>& w, std::size_t begin, std::size_t end) noexcept {
    std::size_t g = begin + 1;
    while (g < end && w.groups[g + 1].row_begin - w.groups[begin].row_begin <= stripe) ++g;
    return g;
  }
  static std::size_t stripe_rows(const panels_view<weight_type>& w) noexcept {
    std::size_t most = 0;
    for (std::size_t g = 0; g < w.group_count(); ++g) {
      most = w.group_rows(g) > most ? w.group_rows(g) : most;
    }
    return most > stripe ? most : stripe;
  }

  std::size_t tile_width() const noexcept { return tiles_.widest() * lanes_; }

  void run_tiles(const typename base::share& part, const matrix_view<const input_type>& x, const matrix_view<T>& y,
                 const Epilogue& epilogue) const noexcept {
    T* const scratch = part.memory;
    auto* const input = reinterpret_cast<input_type*>(scratch + this->tile_scratch_elements());
    T* const sums = scratch + this->tile_scratch_elements() + this->tile_input_elements();
    for (std::size_t tile = part.tile_begin; tile < part.tile_end; ++tile) {
      const std::size_t begin = tiles_.begin(tile), tokens = tiles_.end(tile) - begin;
      const std::size_t width = tiles_.vectors(tile) * lanes_;
      kernels_->load_tokens(x.columns == 0 ? x.data : x.row(begin), x.leading_dimension, tokens, x.columns, input,
                            width);
      panel_task<T, W> task{};
      task.weights = &weights_;
      task.b = input;
      task.ldb = task.ldc = width;
      task.c = sums;
      task.last_vector = width - lanes_;
      task.last_lane = lanes_;
      task.scratch = scratch;
      for (task.group_begin = part.group_begin; task.group_begin < part.group_end; task.group_begin = task.group_end) {
        task.group_end = group_after(weights_, task.group_begin, part.group_end);
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
                                .staging = sums + stripe_rows_ * tile_width()},
                               epilogue);
      }
    }
    if constexpr (!has_narrow_input<W>) {
      if (!part.lone_vector) return;
      const std::size_t last = tokens_ - 1;
      kernels_->vectors.on_panels(
          this->vector_task(part, x.columns == 0 ? x.data : x.row(last), 1, y.row(last), 1, false, last), epilogue);
    }
  }

  const linear_kernels<T, Epilogue, W>* kernels_;
  std::size_t tokens_, stripe_rows_ = 0;
};

}  // namespace bcr
