// Packing into panels, for matrix-matrix work: see format/panels.hpp for what is written.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/panels.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/group_panels.hpp"

namespace bcr::detail {

// How large the arrays of a layout are.
struct panels_size {
  std::size_t groups = 0, panels = 0, segments = 0, columns = 0, weights = 0;
};

// Sinks for group_panels::emit. This one counts.
struct panels_counter final : panel_sink {
  panels_size size;
  void begin_panel(std::size_t, std::span<const std::uint8_t>, bool repeats) noexcept override {
    ++size.panels;
    repeats_ = repeats;
  }
  void begin_segment(unsigned mask, std::size_t count) noexcept override {
    ++size.segments;
    if (!repeats_) size.columns += count;
    size.weights += count * static_cast<std::size_t>(std::popcount(mask));
  }
  void columns(std::span<const std::uint32_t>) noexcept override {}

 private:
  bool repeats_ = false;
};

// This one remembers in which panel a group's rows are met last, and with which others.
class row_visits final : public panel_sink {
 public:
  void begin_panel(std::size_t, std::span<const std::uint8_t> rows, bool) noexcept override {
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

  void begin_panel(std::size_t first_column, std::span<const std::uint8_t> rows, bool repeats) noexcept override {
    panel& p = panel_[size_.panels++];
    p.first_column = static_cast<std::uint32_t>(first_column);
    p.segments = 0;
    p.flags = static_cast<std::uint8_t>((visits_->finishes(++group_panels_, rows) ? panel::finishing : 0) |
                                        (repeats ? panel::repeating : 0));
    p.resumes = 0;
    for (unsigned i = 0; i < panel_rows; ++i) {
      p.to[i] = static_cast<std::uint8_t>(rows_ + 1);
      if (i >= rows.size()) continue;
      panel_row_[i] = first_row_ + rows[i];
      p.to[i] = slot_[rows[i]];
      if (begun_[rows[i]]) p.resumes = static_cast<std::uint8_t>(p.resumes | 1u << i);
      begun_[rows[i]] = true;
    }
  }
  void begin_segment(unsigned mask, std::size_t count) noexcept override {
    ++panel_[size_.panels - 1].segments;
    segment_[size_.segments++] = {static_cast<std::uint16_t>(mask), static_cast<std::uint16_t>(count)};
    mask_ = mask;
  }
  void columns(std::span<const std::uint32_t> all) noexcept override {
    const panel& p = panel_[size_.panels - 1];
    for (const std::uint32_t k : all) {
      if (!p.repeats()) column_[size_.columns++] = static_cast<std::uint16_t>(k - p.first_column);
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

template <block_shape Block>
BCR_COLD panels_size measure_panels(const pattern<Block>& kept, panel_cut how, group_panels& group) noexcept {
  panels_counter counter;
  for_each_group(kept, how, group, [&](std::size_t, unsigned) {
    ++counter.size.groups;
    group.emit(counter);
  });
  return counter.size;
}

template <class T, block_shape Block, class From>
BCR_COLD void write_panels(blob_writer& blob, const pattern<Block>& kept, matrix_view<const From> dense, panel_cut how,
                           group_panels& group) noexcept {
  panels_writer<T, From> writer(blob, dense);
  for_each_group(kept, how, group, [&](std::size_t first, unsigned rows) {
    row_visits visits;
    group.emit(visits);
    writer.begin_group(first, rows, visits);
    group.emit(writer);
  });
  writer.end_group(dense.rows);
}

}  // namespace bcr::detail
