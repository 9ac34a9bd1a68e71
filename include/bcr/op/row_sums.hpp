// A range of row groups times a few vectors: what recurrent cells ask of packed weights. This is the one place where
// they meet a layout and its kernels; the cells themselves know rows and sums only.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/matrix_view.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/op/few_vectors.hpp"
#include "bcr/op/partition.hpp"

namespace bcr::detail {

// Refers to the weights' arrays and to a table of kernels, which both must outlive it.
template <class T, class W = T>
class row_sums {
 public:
  using kernels = linear_kernels<T, epilogue::none, W>;

  row_sums() noexcept = default;
  template <block_shape Block, blob_layout Layout>
  row_sums(const kernels& table, const packed_weights<W, Block, Layout>& packed) noexcept
      : kernels_(&table),
        columns_(packed.columns()),
        weights_(packed.panels()),
        bands_(packed.bands()),
        has_panels_(packed.has_panels),
        has_bands_(packed.has_bands),
        lanes_(table.panels.target.lanes()),
        widest_(best_tile_vectors(table.panels.target, columns_ * lanes_ * sizeof(T), 0)),
        few_vectors_(has_panels_ && has_bands_ ? few_vectors(bands_, weights_, lanes_) : 0) {}

  std::size_t columns() const noexcept { return columns_; }
  // Bands, if there are any, or groups of panels.
  std::size_t group_count() const noexcept { return has_bands_ ? bands_.band_count() : weights_.group_count(); }
  std::size_t row_begin(std::size_t g) const noexcept {
    return has_bands_ ? bands_.bands[g].row_begin : weights_.groups[g].row_begin;
  }
  // What those before this one cost.
  std::uint64_t cost_before(std::size_t g) const noexcept {
    return has_bands_ ? cost_before_group(bands_.bands, g) : cost_before_group(weights_.groups, g);
  }
  std::uint64_t cost_before_row(std::size_t row) const noexcept {
    return cost_before(has_bands_ ? find(bands_.bands, row) : find(weights_.groups, row));
  }
  // Whether groups begin, or end, with row `row`, in all layouts that there are.
  bool begins_group(std::size_t row) const noexcept {
    return (!has_panels_ || find(weights_.groups, row) < weights_.groups.size()) &&
           (!has_bands_ || find(bands_.bands, row) < bands_.bands.size());
  }

  // Whether so many vectors are multiplied by bands.
  bool uses_bands(std::size_t tokens) const noexcept { return has_bands_ && (tokens <= few_vectors_ || !has_panels_); }

  // Vectors come as tokens, and are multiplied some at a time. One alone is taken as it is, but by weights of eight
  // bits.
  static constexpr bool loads_one() noexcept { return quantised<W>; }
  column_tiles tiles(std::size_t tokens) const noexcept {
    return uses_bands(tokens) ? column_tiles(tokens, 1, band_vectors) : column_tiles(tokens, lanes_, widest_);
  }
  // Elements that so many tokens have when they are loaded.
  std::size_t loaded_elements(std::size_t tokens) const noexcept {
    if (quantised<W> || uses_bands(tokens)) return tokens * loaded_ld();
    return columns() * (tokens == 1 ? tokens : blocks_covering(tokens, lanes_) * lanes_);
  }
  // Elements that a tile of them has at most.
  std::size_t tile_elements(std::size_t tokens) const noexcept {
    if (quantised<W>) return std::min(tokens, band_vectors) * loaded_ld();
    const std::size_t in_panels = std::min(blocks_covering(tokens, lanes_), widest_) * lanes_;
    return tokens == 1
               ? loaded_ld()
               : std::max(columns() * (has_panels_ ? in_panels : 1), has_bands_ ? loaded_ld() * band_vectors : 0);
  }
  // Elements of scratch memory for at most so many tokens.
  std::size_t scratch_elements(std::size_t tokens) const noexcept {
    return std::max(has_bands_ ? band_scratch_elements<W>(tokens, columns()) : 0,
                    has_panels_ ? panels_scratch(tokens) : 0);
  }

  // Tokens x K, as run() wants them.
  void load(matrix_view<const T> x, T* loaded) const noexcept {
    if (x.empty() && !quantised<W>) return;
    if constexpr (quantised<W>) {
      return kernels_->vectors.quantise(x.data, x.leading_dimension, x.rows, x.columns, loaded);
    }
    if (x.rows == 1 || uses_bands(x.rows)) {
      for (std::size_t t = 0; t < x.rows; ++t) std::copy_n(x.row(t), x.columns, loaded + t * loaded_ld());
      return;
    }
    const column_tiles all = tiles(x.rows);
    for (std::size_t tile = 0; tile < all.count(); ++tile) {
      const std::size_t begin = all.begin(tile), tokens = all.end(tile) - begin;
      kernels_->load_tokens(x.row(begin), x.leading_dimension, tokens, x.columns, loaded + begin * columns(),
                            all.vectors(tile) * lanes_);
    }
  }

  // out[token * stride + row - begin] = the sums of rows [begin, end), with which groups begin and end, for `tokens`
  // loaded vectors.
  void run(std::size_t begin, std::size_t end, std::size_t tokens, const T* loaded, T* out, std::size_t stride,
           T* scratch) const noexcept {
    if (begin == end) return;
    if (uses_bands(tokens)) {
      kernels_->vectors.on_bands({&bands_, find(bands_.bands, begin), find(bands_.bands, end), tokens, loaded,
                                  loaded_ld(), out, 1, stride, false, scratch, begin, quantised<W>},
                                 {});
      return;
    }
    const std::size_t first = find(weights_.groups, begin), last = find(weights_.groups, end);
    if (tokens == 1) {
      kernels_->vectors.on_panels({&weights_, first, last, loaded, out, 1, false, scratch, begin}, {});
      return;
    }
    const column_tiles all = tiles(tokens);
    for (std::size_t tile = 0; tile < all.count(); ++tile) {
      run_tile(first, last, all, tile, loaded + all.begin(tile) * columns(), out, stride, scratch);
    }
  }

 private:
  // From one loaded vector to the next, on bands: an odd number of cache lines, as eight vectors of 4 KiB each would
  // meet in eight lines of the nearest cache (Zen 4: a load of the next vector takes three times as long).
  std::size_t loaded_ld() const noexcept {
    constexpr std::size_t line = 64 / sizeof(T);
    return quantised<W> ? quantised_elements(columns_) : (blocks_covering(columns_, line) | 1) * line;
  }
  // The group, or band, that begins with row `row`; all of them if none does.
  template <class Group>
  static std::size_t find(std::span<const Group> groups, std::size_t row) noexcept {
    const auto found = std::lower_bound(groups.begin(), groups.end(), row,
                                        [](const Group& g, std::size_t r) { return g.row_begin < r; });
    return found != groups.end() && found->row_begin == row ? static_cast<std::size_t>(found - groups.begin())
                                                            : groups.size();
  }
  std::size_t panels_scratch(std::size_t tokens) const noexcept {
    const std::size_t widest = tokens <= 1 ? 0 : std::min(blocks_covering(tokens, lanes_), widest_);
    const std::size_t tile = panel_scratch_elements(widest, lanes_) + stripe * (widest * lanes_ + lanes_);
    return widest == 0 ? gemv_scratch_elements(lanes_) : std::max(tile, gemv_scratch_elements(lanes_));
  }

  // Rows whose results are turned back together; a group has no more.
  static constexpr std::size_t stripe = group_rows_limit;

  void run_tile(std::size_t begin, std::size_t end, const column_tiles& all, std::size_t tile, const T* loaded, T* out,
                std::size_t stride, T* scratch) const noexcept {
    const std::size_t vectors = all.vectors(tile), width = vectors * lanes_;
    const std::size_t first_row = weights_.groups[begin].row_begin;
    T* const sums = scratch + panel_scratch_elements(all.widest(), lanes_);
    panel_task<T, W> task{};
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
  std::size_t columns_ = 0;
  panels_view<W> weights_;
  bands_view<W> bands_;
  bool has_panels_ = false, has_bands_ = false;
  std::size_t lanes_ = 1, widest_ = 1;
  std::size_t few_vectors_ = 0;  // so many are multiplied by bands, where there are panels as well
};

}  // namespace bcr::detail
