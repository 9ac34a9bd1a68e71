// What plans have in common: which layout of the weights they take, the cut of the product into tiles and tasks, each
// task's share of the caller's workspace, and the name of the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/block.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/op/few_vectors.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/lone_vector.hpp"
#include "bcr/op/partition.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr::detail {

// Activations are of type T, weights of type W.
template <class T, class W = T>
class panel_plan {
  static_assert(weights_for<W, T>,
                "bcr: the weights of a plan are of the same type as its activations, or f16, bf16 or std::int8_t where "
                "those are float");

 public:
  using weight_type = stored_weight<W>;  // of the packed weights
  using input_type = input_for<T, W>;    // of the activations that are multiplied

  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept { return detail::workspace_bytes(grid_.tasks(), bytes_per_task_); }
  // "gemm_f32_b4x16_t4x6_avx3": operation, type, block, widest tile, target. For a vector the operation is "gemv", and
  // the tile 4x1 on panels, 128x1 on bands; for a few vectors on bands it is "skinny", and the tile 128x8 for eight.
  // Weights of another type than the activations are named after these: "gemm_f32_bf16_b4x16_...".
  const char* kernel_name() const noexcept { return label_.text(); }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return grid_.tasks(); }

 protected:
  // `columns` results for each row of the weights: columns of C, or tokens. Where the input stays in place, tasks read
  // its rows as far apart as they are.
  template <block_shape Block, blob_layout Layout>
  panel_plan(const char* operation, const kernel_target& target,
             const packed_weights<weight_type, Block, Layout>& weights, std::size_t columns, std::size_t threads,
             int tile_vectors, bool input_stays) noexcept
      : shape_{weights.rows(), weights.columns()},
        weights_(weights.panels()),
        bands_(weights.bands()),
        lanes_(target.lanes()),
        work_(work_for(Layout, columns, tile_vectors)) {
    constexpr kernel_types types{value_type_of<input_type>::value, value_type_of<weight_type>::value};
    if (work_ == work::on_bands) {
      if (bands_.band_count() != 0 && columns != 0) grid_ = best_grid(bands_.band_count(), 1, threads);
      label_ = kernel_label(columns == 1 ? "gemv" : "skinny", types, Block::rows, Block::columns, band_rows_limit,
                            columns < band_vectors ? columns : band_vectors, target.name);
      return;
    }
    if constexpr (!has_narrow_input<W>) {
      lone_vector_ = work_ == work::tiles && tile_vectors == 0 && leaves_one(columns, lanes_) &&
                     multiplies_alone<T>(weights_, lanes_, lone_columns_of_product);
    }
    const std::size_t vector_bytes = weights.columns() * lanes_ * sizeof(input_type);
    const product_cut cut = best_cut(weights_.group_count(), columns - (lone_vector_ ? 1 : 0), lanes_,
                                     best_tile_vectors(target, vector_bytes, tile_vectors), threads,
                                     work_of_product(vector_bytes, input_stays && collide(columns)));
    tiles_ = cut.tiles;
    grid_ = cut.grid;
    const bool vector = work_ == work::vector;
    label_ = kernel_label(vector ? "gemv" : operation, types, Block::rows, Block::columns, panel_rows,
                          vector ? 1 : tiles_.widest(), target.name);
    if (vector) reserve(vector_elements());
  }

  // What can be multiplied by activations of this type.
  template <blob_layout Layout>
  static constexpr void check_layout() noexcept {
    static_assert(!has_narrow_input<W> || has_layout(Layout, blob_layout::panels),
                  "bcr: a plan whose activations are in bf16 takes weights that are packed into panels");
  }

  // What a plan's tasks do: tiles of panels, a vector on panels, or a few vectors on bands.
  enum class work : std::uint8_t { tiles, vector, on_bands };

  // Elements of memory for each task; a vector's tasks have theirs.
  void reserve(std::size_t elements_per_task) noexcept {
    if (lone_vector_ && elements_per_task < vector_elements()) elements_per_task = vector_elements();
    bytes_per_task_ = elements_per_task * sizeof(T);
  }
  // Elements of scratch for tiles.
  std::size_t tile_scratch_elements() const noexcept { return panel_scratch_elements(tiles_.widest(), lanes_); }
  // Elements of a tile's input: the widest there is, all rows of it. In elements of T, as all memory; narrow input ends
  // with a line of the cache, as the vectors of what comes behind it are to be aligned.
  std::size_t tile_input_elements() const noexcept {
    const std::size_t elements = weights_.columns * tiles_.widest() * lanes_;
    constexpr std::size_t line = buffer_alignment;
    return has_narrow_input<W> ? (elements * sizeof(input_type) + line - 1) / line * line / sizeof(T) : elements;
  }

  // Whether a tile's rows, so many elements apart, all begin in the same line of the first cache level and are more
  // than the second has room for: 8 in each of the places, up to 128 KiB from the first, where rows so far apart begin.
  bool collide(std::size_t leading_dimension) const noexcept {
    constexpr std::size_t first_way = std::size_t{1} << 12, second_way = std::size_t{1} << 17, ways = 8;
    const std::size_t apart = leading_dimension * sizeof(input_type), power_of_two = apart & (~apart + 1);
    return apart % first_way == 0 &&
           weights_.columns * (power_of_two < second_way ? power_of_two : second_way) > ways * second_way;
  }

  // What one task computes, and the memory that it has: groups of rows, or bands.
  struct share {
    std::size_t group_begin, group_end;
    std::size_t tile_begin, tile_end;
    bool lone_vector;  // and the vector after all tiles
    T* memory;
  };
  share share_of(std::size_t task, std::span<std::byte> workspace) const noexcept {
    const std::size_t row_part = grid_.row_part(task), column_part = grid_.column_part(task);
    const auto first = [&](std::size_t part) {
      return work_ == work::on_bands ? first_group(bands_.bands, part, grid_.rows)
                                     : first_group(weights_.groups, part, grid_.rows);
    };
    const std::size_t tile_end = tiles_.count() * (column_part + 1) / grid_.columns;
    return {first(row_part),
            first(row_part + 1),
            tiles_.count() * column_part / grid_.columns,
            tile_end,
            lone_vector_ && tile_end == tiles_.count(),
            reinterpret_cast<T*>(workspace_piece(workspace, task, bytes_per_task_))};
  }

  // The task of vector `number`: elements of x and y lie `x_stride` and `y_stride` apart.
  gemv_task<T, W> vector_task(const share& part, const T* x, std::size_t x_stride, T* y, std::size_t y_stride,
                              bool accumulate, std::size_t number = 0) const noexcept {
    if (x_stride != 1) {
      T* const copied = part.memory + gemv_scratch_elements(lanes_);
      for (std::size_t k = 0; k < weights_.columns; ++k) copied[k] = x[k * x_stride];
      x = copied;
    }
    return {&weights_, part.group_begin, part.group_end, x, y, y_stride, accumulate, part.memory, 0, number};
  }

  struct extents {
    std::size_t rows, columns;  // of the weights
  };
  extents shape_;
  panels_view<weight_type> weights_;
  bands_view<weight_type> bands_;
  column_tiles tiles_;
  task_grid grid_;
  std::size_t lanes_ = 1;
  work work_ = work::tiles;
  bool lone_vector_ = false;  // the last column is in no tile

 private:
  std::size_t vector_elements() const noexcept { return gemv_scratch_elements(lanes_) + weights_.columns; }

  product_work work_of_product(std::size_t vector_bytes, bool colliding) const noexcept {
    const double kept = static_cast<double>(weights_.weights.size());
    return {.panels = static_cast<double>(weights_.panels.size()),
            .column_uses = static_cast<double>(weights_.column_uses()),
            .weights = kept,
            .weight_bytes = kept * sizeof(weight_type) + static_cast<double>(weights_.column_index.size_bytes()),
            .vector_bytes = static_cast<double>(vector_bytes),
            .bytes_a_cycle = colliding ? 8.0 : 32.0};
  }

  // Asking for tiles is asking for panels, where there are any.
  work work_for(blob_layout layout, std::size_t columns, int tile_vectors) const noexcept {
    if constexpr (has_narrow_input<W>) return work::tiles;
    if (!has_layout(layout, blob_layout::panels)) return work::on_bands;
    if (has_layout(layout, blob_layout::bands) && tile_vectors == 0 && columns <= band_vectors &&
        columns <= few_vectors(bands_, weights_, lanes_)) {
      return work::on_bands;
    }
    return columns == 1 && tile_vectors == 0 ? work::vector : work::tiles;
  }

  std::size_t bytes_per_task_ = 0;
  kernel_label label_;
};

}  // namespace bcr::detail
