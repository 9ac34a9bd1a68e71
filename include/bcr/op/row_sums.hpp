// A range of row groups times a few vectors: what recurrent cells ask of packed weights. This is the one place where
// they meet a layout and its kernels; the cells themselves know rows and sums only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bcr/core/matrix_view.hpp"
#include "bcr/format/panels.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/op/partition.hpp"

namespace bcr::detail {

// Refers to the weights' arrays and to a table of kernels, which both must outlive it.
template <class T>
class row_sums {
 public:
  using kernels = linear_kernels<T, epilogue::none>;

  row_sums() noexcept = default;
  row_sums(const kernels& table, const panels_view<T>& weights) noexcept
      : kernels_(&table),
        weights_(weights),
        lanes_(table.panels.target.lanes()),
        widest_(best_tile_vectors(table.panels.target, weights.columns * lanes_ * sizeof(T), 0)) {}

  std::size_t rows() const noexcept { return weights_.rows; }
  std::size_t columns() const noexcept { return weights_.columns; }
  std::size_t group_count() const noexcept { return weights_.group_count(); }

  // The group that begins with row `row`; group_count() for the end of the rows, and more if no group begins there.
  std::size_t group_at(std::size_t row) const noexcept {
    const auto found = std::lower_bound(weights_.groups.begin(), weights_.groups.end(), row,
                                        [](const row_group& g, std::size_t r) { return g.row_begin < r; });
    const std::size_t g = static_cast<std::size_t>(found - weights_.groups.begin());
    return found != weights_.groups.end() && found->row_begin == row ? g : weights_.groups.size();
  }
  std::size_t row_begin(std::size_t g) const noexcept { return weights_.groups[g].row_begin; }
  bool begins_group(std::size_t row) const noexcept { return group_at(row) <= group_count(); }
  // What the groups before this one cost.
  std::uint64_t cost_before(std::size_t g) const noexcept { return cost_before_group(weights_.groups, g); }

  // Vectors come as tokens, and are multiplied some at a time. One alone is taken as it is.
  column_tiles tiles(std::size_t tokens) const noexcept { return {tokens, lanes_, widest_}; }
  // Elements that so many tokens have when they are loaded.
  std::size_t loaded_elements(std::size_t tokens) const noexcept {
    return columns() * (tokens == 1 ? 1 : blocks_covering(tokens, lanes_) * lanes_);
  }
  // Elements that a tile of them has at most.
  std::size_t tile_elements(std::size_t tokens) const noexcept {
    return columns() * (tokens == 1 ? 1 : std::min(blocks_covering(tokens, lanes_), widest_) * lanes_);
  }
  // Elements of scratch memory for at most so many tokens.
  std::size_t scratch_elements(std::size_t tokens) const noexcept {
    const std::size_t widest = tokens <= 1 ? 0 : std::min(blocks_covering(tokens, lanes_), widest_);
    const std::size_t tile = panel_scratch_elements(widest, lanes_) + stripe * (widest * lanes_ + lanes_);
    return widest == 0 ? gemv_scratch_elements(lanes_) : std::max(tile, gemv_scratch_elements(lanes_));
  }

  // Tokens x K, as run() wants them.
  void load(matrix_view<const T> x, T* loaded) const noexcept {
    if (x.empty()) return;
    if (x.rows == 1) {
      std::copy_n(x.data, x.columns, loaded);
      return;
    }
    const column_tiles all = tiles(x.rows);
    for (std::size_t tile = 0; tile < all.count(); ++tile) {
      const std::size_t begin = all.begin(tile), tokens = all.end(tile) - begin;
      kernels_->load_tokens(x.row(begin), x.leading_dimension, tokens, x.columns, loaded + begin * columns(),
                            all.vectors(tile) * lanes_);
    }
  }

  // out[token * stride + row - first row] = the sums of the rows of groups [begin, end), for `tokens` loaded vectors.
  void run(std::size_t begin, std::size_t end, std::size_t tokens, const T* loaded, T* out, std::size_t stride,
           T* scratch) const noexcept {
    if (begin == end) return;
    if (tokens == 1) {
      kernels_->vectors.on_panels(
          {&weights_, begin, end, loaded, out, 1, false, scratch, weights_.groups[begin].row_begin}, {});
      return;
    }
    const column_tiles all = tiles(tokens);
    for (std::size_t tile = 0; tile < all.count(); ++tile) {
      run_tile(begin, end, all, tile, loaded + all.begin(tile) * columns(), out, stride, scratch);
    }
  }

 private:
  // Rows whose results are turned back together; a group has no more.
  static constexpr std::size_t stripe = group_rows_limit;

  void run_tile(std::size_t begin, std::size_t end, const column_tiles& all, std::size_t tile, const T* loaded, T* out,
                std::size_t stride, T* scratch) const noexcept {
    const std::size_t vectors = all.vectors(tile), width = vectors * lanes_;
    const std::size_t first_row = weights_.groups[begin].row_begin;
    T* const sums = scratch + panel_scratch_elements(all.widest(), lanes_);
    panel_task<T> task{};
    task.weights = &weights_;
    task.b = loaded;
    task.ldb = task.ldc = width;
    task.c = sums;
    task.last_vector = width - lanes_;
    task.last_lane = lanes_;
    task.scratch = scratch;
    for (task.group_begin = begin; task.group_begin < end; task.group_begin = task.group_end) {
      task.group_end = stripe_end(task.group_begin, end);
      task.first_row = weights_.groups[task.group_begin].row_begin;
      kernels_->panels.run[vectors - 1](task, {});
      kernels_->store_tokens({.sums = sums,
                              .sums_ld = width,
                              .first_row = 0,
                              .rows = weights_.groups[task.group_end].row_begin - task.first_row,
                              .first_token = all.begin(tile),
                              .tokens = all.end(tile) - all.begin(tile),
                              .y = out + (task.first_row - first_row),
                              .ldy = stride,
                              .staging = sums + stripe * width},
                             {});
    }
  }
  std::size_t stripe_end(std::size_t begin, std::size_t end) const noexcept {
    std::size_t g = begin + 1;
    while (g < end && weights_.groups[g + 1].row_begin - weights_.groups[begin].row_begin <= stripe) ++g;
    return g;
  }

  const kernels* kernels_ = nullptr;
  panels_view<T> weights_;
  std::size_t lanes_ = 1, widest_ = 1;
};

}  // namespace bcr::detail
