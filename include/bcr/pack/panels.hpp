// Packing: a dense matrix and a pattern become packed weights; unpacking gives the dense matrix back.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/format/panels.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/group_panels.hpp"

namespace bcr {

struct pack_options {
  // How rows are cut into panels; `automatic` lets the cost model of pack/group_panels.hpp choose, group by group.
  panel_cut cut = panel_cut::automatic;
};

namespace detail {

// How large the arrays of a layout are.
struct panels_size {
  std::size_t groups = 0, panels = 0, segments = 0, columns = 0, weights = 0;
};

// Sinks for group_panels::emit. This one counts.
struct panels_counter final : panel_sink {
  panels_size size;
  void begin_panel(std::size_t, std::span<const std::uint8_t>) noexcept override { ++size.panels; }
  void begin_segment(unsigned mask, std::size_t count) noexcept override {
    ++size.segments;
    size.columns += count;
    size.weights += count * static_cast<std::size_t>(std::popcount(mask));
  }
  void columns(std::span<const std::uint32_t>) noexcept override {}
};

// This one remembers in which panel a group's rows are met last, and with which others.
class row_visits final : public panel_sink {
 public:
  void begin_panel(std::size_t, std::span<const std::uint8_t> rows) noexcept override {
    row_set together;
    for (const std::uint8_t row : rows) together.add(row);
    ++panels_;
    for (const std::uint8_t row : rows) {
      last_[row] = panels_;
      mates_[row] = together;
    }
  }
  void begin_segment(unsigned, std::size_t) noexcept override {}
  void columns(std::span<const std::uint32_t>) noexcept override {}

  bool met(unsigned row) const noexcept { return last_[row] != 0; }
  // Whether panel `number`, counted from 1, is the last one for all of `rows`.
  bool finishes(std::uint32_t number, std::span<const std::uint8_t> rows) const noexcept {
    return std::all_of(rows.begin(), rows.end(), [&](std::uint8_t row) { return last_[row] == number; });
  }
  // Whether a row's last panel finishes it.
  bool finished(unsigned row) const noexcept {
    std::uint8_t rows[group_rows_limit];
    return met(row) && finishes(last_[row], {rows, mates_[row].list(rows)});
  }

 private:
  std::uint32_t panels_ = 0;
  std::uint32_t last_[group_rows_limit] = {};
  row_set mates_[group_rows_limit] = {};
};

// And this one writes, converting from the type that the matrix is in.
template <class T, class From = T>
class panels_writer final : public panel_sink {
 public:
  panels_writer(blob_writer& blob, matrix_view<const From> dense) noexcept : dense_(dense) {
    const auto at = [&]<class E>(E*& p, panels_section id) {
      p = blob.section<E>(static_cast<std::uint32_t>(id)).data();
    };
    at(group_, panels_section::groups);
    at(panel_, panels_section::panels);
    at(segment_, panels_section::segments);
    at(column_, panels_section::columns);
    at(row_, panels_section::rows);
    at(weight_, panels_section::weights);
  }

  // The group's rows begin at row `first`. Those that a panel finishes come first, those that keep nothing last.
  BCR_COLD void begin_group(std::size_t first, unsigned rows, const row_visits& visits) noexcept {
    first_row_ = first;
    rows_ = rows;
    visits_ = &visits;
    group_panels_ = 0;
    unsigned placed = 0;
    unsigned ends[3];
    for (unsigned kind = 0; kind < 3; ++kind) {
      for (unsigned r = 0; r < rows; ++r) {
        if ((visits.finished(r) ? 0u : visits.met(r) ? 1u : 2u) != kind) continue;
        row_[first + placed] = static_cast<std::uint32_t>(first + r);
        slot_[r] = static_cast<std::uint8_t>(++placed);
        begun_[r] = false;
      }
      ends[kind] = placed;
    }
    end_group(first);
    group_->direct_rows = static_cast<std::uint16_t>(ends[0]);
    group_->scratch_rows = static_cast<std::uint16_t>(ends[1] - ends[0]);
    ++group_;
  }
  // The sentinel after the last group is a group without rows.
  void end_group(std::size_t row) noexcept {
    group_->row_begin = static_cast<std::uint32_t>(row);
    group_->panel_begin = static_cast<std::uint32_t>(size_.panels);
    group_->segment_begin = static_cast<std::uint32_t>(size_.segments);
    group_->column_begin = size_.columns;
    group_->weight_begin = size_.weights;
  }

  void begin_panel(std::size_t first_column, std::span<const std::uint8_t> rows) noexcept override {
    panel& p = panel_[size_.panels++];
    p.first_column = static_cast<std::uint32_t>(first_column);
    p.finishes = visits_->finishes(++group_panels_, rows);
    p.resumes = 0;
    for (unsigned i = 0; i < panel_rows; ++i) {
      p.from[i] = 0;
      p.to[i] = static_cast<std::uint8_t>(rows_ + 1);
      if (i >= rows.size()) continue;
      panel_row_[i] = first_row_ + rows[i];
      p.to[i] = slot_[rows[i]];
      if (begun_[rows[i]]) {
        p.from[i] = p.to[i];
        p.resumes = 1;
      }
      begun_[rows[i]] = true;
    }
  }
  void begin_segment(unsigned mask, std::size_t count) noexcept override {
    ++panel_[size_.panels - 1].segments;
    segment_[size_.segments++] = {static_cast<std::uint16_t>(mask), static_cast<std::uint16_t>(count)};
    mask_ = mask;
  }
  void columns(std::span<const std::uint32_t> some) noexcept override {
    const std::uint32_t first = panel_[size_.panels - 1].first_column;
    for (const std::uint32_t k : some) {
      column_[size_.columns++] = static_cast<std::uint16_t>(k - first);
      for (unsigned i = 0; i < panel_rows; ++i) {
        if (mask_ >> i & 1u) weight_[size_.weights++] = static_cast<T>(dense_(panel_row_[i], k));
      }
    }
  }

 private:
  matrix_view<const From> dense_;
  row_group* group_;
  panel* panel_;
  segment* segment_;
  std::uint16_t* column_;
  std::uint32_t* row_;
  T* weight_;
  panels_size size_;
  std::size_t first_row_ = 0;
  std::size_t panel_row_[panel_rows] = {};
  unsigned rows_ = 0, mask_ = 0;
  const row_visits* visits_ = nullptr;  // of the group
  std::uint32_t group_panels_ = 0;      // begun so far
  std::uint8_t slot_[group_rows_limit] = {};
  bool begun_[group_rows_limit] = {};
};

// Block rows in a group: enough that panels can choose among rows, few enough that a scratch tile stays near.
template <block_shape Block>
inline constexpr std::size_t block_rows_per_group = Block::rows >= 16 ? 1 : 16 / Block::rows;

// Fills in which rows of block rows [first, last) each column keeps.
template <block_shape Block>
BCR_COLD void collect_row_sets(const pattern<Block>& kept, std::size_t first, std::size_t last,
                               std::span<row_set> sets) noexcept {
  for (row_set& set : sets) set = {};
  for (std::size_t bi = first; bi < last; ++bi) {
    const std::size_t shift = (bi - first) * Block::rows;
    for (std::size_t bj = 0; bj < kept.block_columns(); ++bj) {
      row_set rows;
      bits::for_each(kept.row_words(bi, bj),
                     [&](std::size_t r) { rows.word[(r + shift) / 64] |= std::uint64_t{1} << ((r + shift) % 64); });
      bits::for_each(kept.column_words(bi, bj), [&](std::size_t c) {
        for (unsigned w = 0; w < 2; ++w) sets[bj * Block::columns + c].word[w] |= rows.word[w];
      });
    }
  }
}

// Calls visit(first row, rows) for each group, with its row sets collected and its panels cut.
template <block_shape Block, class Visit>
BCR_COLD void for_each_group(const pattern<Block>& kept, panel_cut how, group_panels& group, Visit&& visit) noexcept {
  constexpr std::size_t step = block_rows_per_group<Block>;
  for (std::size_t bi = 0; bi < kept.block_rows(); bi += step) {
    const std::size_t end = bi + step < kept.block_rows() ? bi + step : kept.block_rows();
    const std::size_t first = bi * Block::rows;
    const std::size_t past = end * Block::rows < kept.rows() ? end * Block::rows : kept.rows();
    collect_row_sets(kept, bi, end, group.sets());
    group.cut(static_cast<unsigned>(past - first), how);
    visit(first, static_cast<unsigned>(past - first));
  }
}

}  // namespace detail

// Packs the weights of `dense` (M x K) that `kept` keeps, zero or not; the others are not looked at. Rows are reordered
// inside the result, which only the kernels see. Fails with invalid_argument if the shapes differ or the view is
// invalid, with unsupported above 2^32 - 1 rows, columns or segments, and with out_of_memory.
template <class T, block_shape Block, class From = T>
BCR_COLD result<packed_weights<T, Block>> pack(const pattern<Block>& kept,
                                               matrix_view<const std::type_identity_t<From>> dense,
                                               const pack_options& options = {}) noexcept {
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (dense.rows != kept.rows() || dense.columns != kept.columns()) {
    return {errc::invalid_argument, "The matrix to pack and its pattern have different shapes."};
  }
  if (!dense.valid()) {
    return {errc::invalid_argument, "The matrix to pack has no data, or a leading dimension below its columns."};
  }
  if (dense.rows > most || dense.columns > most) {
    return {errc::unsupported, "Packed weights have at most 4294967295 rows and columns."};
  }
  auto group = detail::group_panels::create(dense.columns);
  if (!group) return group.status();

  detail::panels_counter counter;
  detail::for_each_group(kept, options.cut, *group, [&](std::size_t, unsigned) {
    ++counter.size.groups;
    group->emit(counter);
  });
  const detail::panels_size& size = counter.size;
  if (size.segments > most) return {errc::unsupported, "The pattern has more segments than packed weights can number."};

  const auto extent = [](panels_section id, std::size_t count, std::size_t element) {
    return blob_extent{static_cast<std::uint32_t>(id), count * element};
  };
  const blob_extent extents[] = {
      extent(panels_section::groups, size.groups + 1, sizeof(row_group)),
      extent(panels_section::panels, size.panels, sizeof(panel)),
      extent(panels_section::segments, size.segments, sizeof(segment)),
      extent(panels_section::columns, size.columns + panels_read_ahead, sizeof(std::uint16_t)),
      extent(panels_section::rows, dense.rows, sizeof(std::uint32_t)),
      extent(panels_section::weights, size.weights + weights_read_ahead<T>, sizeof(T)),
  };
  auto blob = blob_writer::create(packed_weights<T, Block>::kind, {dense.rows, dense.columns, size.weights}, extents);
  if (!blob) return blob.status();

  detail::panels_writer<T, From> writer(*blob, dense);
  detail::for_each_group(kept, options.cut, *group, [&](std::size_t first, unsigned rows) {
    detail::row_visits visits;
    group->emit(visits);
    writer.begin_group(first, rows, visits);
    group->emit(writer);
  });
  writer.end_group(dense.rows);
  return packed_weights<T, Block>::adopt(std::move(*blob).finish());
}

// The same for f16 and bf16, from a matrix of float: every weight becomes the nearest number of that type (see
// core/narrow.hpp). One that becomes zero is kept all the same.
template <narrow_float T, block_shape Block>
result<packed_weights<T, Block>> pack(const pattern<Block>& kept, matrix_view<const float> dense,
                                      const pack_options& options = {}) noexcept {
  return pack<T, Block, float>(kept, dense, options);
}

// Writes the dense matrix (M x K): kept weights bit for bit as they were packed, +0 elsewhere. Fails with
// invalid_argument if `dense` has another shape or is invalid.
template <class T, block_shape Block, class To = T>
BCR_COLD status unpack(const packed_weights<T, Block>& packed, matrix_view<std::type_identity_t<To>> dense) noexcept {
  if (dense.rows != packed.rows() || dense.columns != packed.columns() || !dense.valid()) {
    return {errc::invalid_argument, "The matrix to unpack into does not have the shape of the packed weights."};
  }
  for (std::size_t i = 0; i < dense.rows; ++i) {
    for (std::size_t j = 0; j < dense.columns; ++j) dense(i, j) = To(0);
  }
  packed.arrays().for_each_weight(
      [&](std::size_t i, std::size_t j, T weight) { dense(i, j) = static_cast<To>(weight); });
  return {};
}

// The same for f16 and bf16, into a matrix of float, which holds their values exactly.
template <narrow_float T, block_shape Block>
status unpack(const packed_weights<T, Block>& packed, matrix_view<float> dense) noexcept {
  return unpack<T, Block, float>(packed, dense);
}

}  // namespace bcr
