// Packing: a dense matrix and a pattern become packed weights; unpacking gives the dense matrix back.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/bands.hpp"
#include "bcr/pack/group_panels.hpp"
#include "bcr/pack/panels.hpp"
#include "bcr/pack/widen.hpp"

namespace bcr {

struct pack_options {
  // How rows are cut into panels; `automatic` lets the cost model of pack/group_panels.hpp choose, group by group.
  panel_cut cut = panel_cut::automatic;
  // How bands are cut into strips; `automatic` lets the cost model of pack/band_strips.hpp choose, band by band.
  strip_cut strips = strip_cut::automatic;
  // The width of a convolution's window, of which the weights' columns are the elements, in panels. Columns are then
  // put together by the window's columns, whose elements lie outside of the image at the same positions: some targets
  // (conv2d_kernels::masks_lanes) compute without gaps between the rows of the image then. Others lose little.
  std::size_t kernel_width = 1;
};

// Packs the weights of `dense` (M x K) that `kept` keeps, zero or not; the others are not looked at. Rows are reordered
// inside the result, which only the kernels see. Fails with invalid_argument if the shapes differ or the view is
// invalid, with unsupported above 2^32 - 1 rows, columns or segments, or 2^21 columns in bands, and with out_of_memory.
template <class T, blob_layout Layout = blob_layout::panels, block_shape Block, class From = T>
BCR_COLD result<packed_weights<T, Block, Layout>> pack(const pattern<Block>& kept,
                                                       matrix_view<const std::type_identity_t<From>> dense,
                                                       const pack_options& options = {}) noexcept {
  using packed = packed_weights<T, Block, Layout>;
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (dense.rows != kept.rows() || dense.columns != kept.columns()) {
    return {errc::invalid_argument, "The matrix to pack and its pattern have different shapes."};
  }
  if (!dense.valid()) {
    return {errc::invalid_argument, "The matrix to pack has no data, or a leading dimension below its columns."};
  }
  if (options.kernel_width == 0 || dense.columns % options.kernel_width != 0) {
    return {errc::invalid_argument,
            "The columns of the matrix to pack do not divide into windows of the kernel's width."};
  }
  if (dense.rows > most || dense.columns > most) {
    return {errc::unsupported, "Packed weights have at most 4294967295 rows and columns."};
  }
  if (packed::has_bands && dense.columns > bands_columns_limit) {
    return {errc::unsupported, "Weights that are packed into bands have at most 2097152 columns."};
  }
  if (quantised<T> && dense.columns > quantised_columns_limit) {
    return {errc::unsupported, "Weights of eight bits have at most 131072 columns."};
  }

  std::optional<pattern<Block>> widened;
  if constexpr (quantised<T>) {
    auto made = detail::widened(kept, options.strips);
    if (!made) return made.status();
    widened.emplace(std::move(*made));
  }
  const pattern<Block>& laid_out = widened ? *widened : kept;
  blob_extent extents[12];
  std::size_t sections = 0;
  const auto extent = [&](auto id, std::size_t count, std::size_t element) {
    extents[sections++] = {static_cast<std::uint32_t>(id), count * element};
  };
  std::optional<detail::group_panels> group;
  if constexpr (packed::has_panels) {
    auto made = detail::group_panels::create(dense.columns, options.kernel_width);
    if (!made) return made.status();
    group.emplace(std::move(*made));
    const detail::panels_size size = detail::measure_panels(kept, options.cut, *group);
    if (size.segments > most) {
      return {errc::unsupported, "The pattern has more segments than packed weights can number."};
    }
    extent(panels_section::groups, size.groups + 1, sizeof(row_group));
    extent(panels_section::panels, size.panels, sizeof(panel));
    extent(panels_section::segments, size.segments, sizeof(segment));
    extent(panels_section::columns, size.columns + panels_read_ahead, sizeof(std::uint16_t));
    extent(panels_section::rows, dense.rows, sizeof(std::uint32_t));
    extent(panels_section::weights, size.weights + weights_read_ahead<T>, sizeof(T));
  }
  std::optional<detail::band_strips<Block>> strips;
  if constexpr (packed::has_bands) {
    auto made = detail::band_strips<Block>::create(laid_out);
    if (!made) return made.status();
    strips.emplace(std::move(*made));
    const detail::bands_size size = detail::measure_bands<T>(*strips, options.strips);
    if (size.runs > most) return {errc::unsupported, "The pattern has more runs than packed weights can number."};
    extent(bands_section::bands, size.bands + 1, sizeof(band));
    extent(bands_section::runs, size.runs, sizeof(strip_run));
    extent(bands_section::indices, size.indices + index_read_ahead, 1);
    extent(bands_section::weights, size.weights + band_weights_read_ahead<T>, sizeof(T));
    if constexpr (quantised<T>) {
      extent(bands_section::scales, dense.rows, sizeof(float));
      extent(bands_section::sums, dense.rows, sizeof(std::int32_t));
    }
  }

  auto blob = blob_writer::create(packed::kind, {dense.rows, dense.columns, laid_out.kept()}, {extents, sections});
  if (!blob) return blob.status();
  if constexpr (packed::has_panels) detail::write_panels<T>(*blob, kept, dense, options.cut, *group);
  if constexpr (packed::has_bands) {
    if (const status s = detail::write_bands<T>(*blob, *strips, options.strips, kept, dense); !s) return s;
  }
  return packed::adopt(std::move(*blob).finish());
}

// The same for f16 and bf16, from a matrix of float: every weight becomes the nearest number of that type (see
// core/narrow.hpp). One that becomes zero is kept all the same.
template <narrow_float T, blob_layout Layout = blob_layout::panels, block_shape Block>
result<packed_weights<T, Block, Layout>> pack(const pattern<Block>& kept, matrix_view<const float> dense,
                                              const pack_options& options = {}) noexcept {
  return pack<T, Layout, Block, float>(kept, dense, options);
}

// The same for weights of eight bits with a scale for every row, in bands only, from a matrix of float; the rule is in
// core/quantise.hpp. Where blocks keep few rows each, some that are pruned may be kept as zeros, since that is faster
// (pack/widen.hpp): kept() counts these, too. With strip_cut::looked_up there are fewer of them. Fails with
// invalid_argument as well if a kept weight is infinite or not a number, and with unsupported above 2^17 columns.
template <quantised T, blob_layout Layout, block_shape Block>
result<packed_weights<T, Block, Layout>> pack(const pattern<Block>& kept, matrix_view<const float> dense,
                                              const pack_options& options = {}) noexcept {
  return pack<T, Layout, Block, float>(kept, dense, options);
}

// Writes the dense matrix (M x K): kept weights bit for bit as they were packed, +0 elsewhere. Fails with
// invalid_argument if `dense` has another shape or is invalid.
template <class T, block_shape Block, blob_layout Layout, class To = T>
BCR_COLD status unpack(const packed_weights<T, Block, Layout>& packed,
                       matrix_view<std::type_identity_t<To>> dense) noexcept {
  if (dense.rows != packed.rows() || dense.columns != packed.columns() || !dense.valid()) {
    return {errc::invalid_argument, "The matrix to unpack into does not have the shape of the packed weights."};
  }
  for (std::size_t i = 0; i < dense.rows; ++i) {
    for (std::size_t j = 0; j < dense.columns; ++j) dense(i, j) = To(0);
  }
  packed.for_each_weight([&](std::size_t i, std::size_t j, T weight) { dense(i, j) = static_cast<To>(weight); });
  return {};
}

// The same for f16 and bf16, into a matrix of float, which holds their values exactly.
template <narrow_float T, block_shape Block, blob_layout Layout>
status unpack(const packed_weights<T, Block, Layout>& packed, matrix_view<float> dense) noexcept {
  return unpack<T, Block, Layout, float>(packed, dense);
}

// And for weights of eight bits, into a matrix of float: each times its row's scale.
template <quantised T, block_shape Block, blob_layout Layout>
status unpack(const packed_weights<T, Block, Layout>& packed, matrix_view<float> dense) noexcept {
  const status s = unpack<T, Block, Layout, float>(packed, dense);
  for (std::size_t i = 0; s.ok() && i < dense.rows; ++i) {
    for (std::size_t j = 0; j < dense.columns; ++j) dense(i, j) *= packed.bands().scales[i];
  }
  return s;
}

}  // namespace bcr
