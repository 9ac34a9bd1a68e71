// How the rows of a band are cut into strips. A band whose blocks keep many weights each takes them one after the
// other, a strip each; small blocks, whose strips would be over before they have begun, are taken several at a time,
// each group of lanes with columns of its own. A cost model decides, band by band.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/byte_cycles.hpp"
#include "bcr/pack/group_panels.hpp"

namespace bcr {

// What the lanes of a strip have in common: see strip_kind. A cost model decides if `automatic`, by which weights of
// eight bits share their columns; or if `looked_up`, for targets that look up bytes in 64 of them with one instruction
// (AVX512-VBMI; others take up to five times as long), by which they may have their own. Of other weights, both are
// the same.
enum class strip_cut : std::uint8_t { automatic, shared_columns, own_columns, looked_up };

namespace detail {

// A strip to be, of the band's block rows [first, last) and the columns that `begin` <= column < `end`.
struct planned_strip {
  strip_run shape;          // of a run of one
  std::size_t first, last;  // block rows; one of them if shared
  std::size_t begin, end;   // columns

  std::size_t weights(unsigned together = 1) const noexcept { return shape.weights(together); }
};

template <block_shape Block>
class band_strips {
 public:
  // Block rows of a band: as many as fit, and in whole groups of panels, so that both layouts can be cut in one place.
  static constexpr std::size_t block_rows =
      band_rows_limit / Block::rows - band_rows_limit / Block::rows % block_rows_per_group<Block>;

  // Room for the strips of any band of `kept`, which must outlive this. Fails with out_of_memory.
  BCR_COLD static result<band_strips> create(const pattern<Block>& kept) noexcept {
    // Every block begins at most one strip for each window that it reaches into and each 255 columns.
    const std::size_t in_block = Block::columns / window_columns + 2;
    auto strips = buffer<planned_strip>::allocate(block_rows * (kept.block_columns() + 1) * in_block);
    if (!strips) return strips.status();
    return band_strips(kept, std::move(*strips));
  }

  // Cuts the band that begins with block row `first`.
  BCR_COLD std::span<const planned_strip> cut(std::size_t first, strip_cut how, std::size_t weight_bytes) noexcept {
    const std::size_t last = std::min(first + block_rows, kept_->block_rows());
    if (weight_bytes == 1) {
      cut_bytes(first, last);
      const double shared = cost_of_bytes();
      if (how >= strip_cut::own_columns) cut_own_bytes(first, last);
      if (how == strip_cut::looked_up && cost_of_bytes() > shared) cut_bytes(first, last);
    } else if (how == strip_cut::automatic || how == strip_cut::looked_up) {
      cut_shared(first, last);
      const double shared = cost(weight_bytes);
      cut_own(first, last, weight_bytes);
      if (cost(weight_bytes) > shared) cut_shared(first, last);
    } else if (how == strip_cut::shared_columns) {
      cut_shared(first, last);
    } else {
      cut_own(first, last, weight_bytes);
    }
    // Strips of as many steps follow each other: the end of a loop then surprises nobody.
    std::sort(strips_.data(), strips_.data() + count_, [](const planned_strip& a, const planned_strip& b) {
      const auto key = [](const strip_run& r) {
        return std::array<unsigned, 8>{unsigned(r.kind), r.lanes, r.steps,  r.full_steps,
                                       r.group_bits,     r.words, r.padded, r.windows};
      };
      if (a.shape != b.shape) return key(a.shape) < key(b.shape);
      // Long strips, of which a band has a few, meet what others have brought near of a long input.
      if (a.shape.steps >= 64 && a.begin != b.begin) return a.begin < b.begin;
      return a.first != b.first ? a.first < b.first : a.begin < b.begin;
    });
    return {strips_.data(), count_};
  }

  const pattern<Block>& kept() const noexcept { return *kept_; }

  // Calls visit(column) for the kept columns of block (bi, bj) from `begin` up to `end`.
  template <class Visit>
  void for_each_column(std::size_t bi, std::size_t bj, std::size_t begin, std::size_t end, Visit&& visit) const {
    bits::for_each(kept_->column_words(bi, bj), [&](std::size_t c) {
      const std::size_t column = bj * Block::columns + c;
      if (column >= begin && column < end) visit(column);
    });
  }
  unsigned columns_between(std::size_t bi, std::size_t bj, std::size_t begin, std::size_t end) const noexcept {
    unsigned count = 0;
    for_each_column(bi, bj, begin, end, [&](std::size_t) { ++count; });
    return count;
  }
  // The rows that a shared strip keeps, of its block row.
  std::span<const std::uint64_t> rows_of(const planned_strip& s) const noexcept {
    return kept_->row_words(s.first, s.begin / Block::columns);
  }

 private:
  band_strips(const pattern<Block>& kept, buffer<planned_strip> strips) noexcept
      : kept_(&kept), strips_(std::move(strips)) {}

  static bool equal(std::span<const std::uint64_t> a, std::span<const std::uint64_t> b) noexcept {
    return std::equal(a.begin(), a.end(), b.begin());
  }
  // Words of the row mask: none, where the rows of the block rows from `first` on are the lanes.
  static std::uint8_t words_of(const strip_run& shape, std::size_t first, std::size_t last) noexcept {
    const std::size_t begin = first % block_rows * Block::rows, end = begin + (last - first) * Block::rows;
    if (shape.is_whole() && shape.lanes == end - begin && begin % mask_rows == 0) return 0;
    return mask_words(first, last);
  }
  static std::uint8_t mask_words(std::size_t first, std::size_t last) noexcept {
    const std::size_t begin = first % block_rows * Block::rows, end = begin + (last - first) * Block::rows;
    return static_cast<std::uint8_t>((end + mask_rows - 1) / mask_rows - begin / mask_rows);
  }
  static std::size_t window_of(std::size_t column) noexcept { return column / window_columns * window_columns; }

  // The last column that a strip's indices reach.
  static constexpr std::size_t most_reach = 255 * byte_window_columns - 1;

  // Blocks beside each other that keep the same rows are one strip.
  void cut_shared(std::size_t first, std::size_t last) noexcept {
    count_ = 0;
    for (std::size_t bi = first; bi < last; ++bi) {
      planned_strip* open = nullptr;
      for (std::size_t bj = 0; bj < kept_->block_columns(); ++bj) {
        const std::size_t rows = kept_->kept_rows(bi, bj);
        if (rows == 0) continue;
        bits::for_each(kept_->column_words(bi, bj), [&](std::size_t c) {
          const std::size_t column = bj * Block::columns + c;
          if (open == nullptr || open->shape.steps == 255 || column - window_of(open->begin) > most_reach ||
              !equal(rows_of(*open), kept_->row_words(bi, bj))) {
            open = &strips_[count_++];
            *open = {.shape = {.strips = 1,
                               .kind = strip_kind::shared8,
                               .words = 0,
                               .lanes = static_cast<std::uint8_t>(rows),
                               .steps = 0,
                               .full_steps = 0,
                               .group_bits = 0,
                               .padded = 0,
                               .windows = 0},
                     .first = bi,
                     .last = bi + 1,
                     .begin = column,
                     .end = column};
            open->shape.words = words_of(open->shape, bi, bi + 1);
          }
          open->shape.steps = static_cast<std::uint8_t>(open->shape.steps + 1);
          open->end = column + 1;
          if (open->end - window_of(open->begin) > 256) open->shape.kind = strip_kind::shared16;
        });
      }
    }
  }

  // The same for bytes, which have a row mask always.
  void cut_bytes(std::size_t first, std::size_t last) noexcept {
    cut_shared(first, last);
    for (std::size_t i = 0; i < count_; ++i) {
      planned_strip& s = strips_[i];
      s.shape.kind = strip_kind::bytes;
      s.shape.words = mask_words(s.first, s.last);
      s.shape.windows = static_cast<std::uint8_t>((s.end - 1 - window_of(s.begin)) / byte_window_columns + 1);
    }
  }

  // Blocks below each other, window by window: as many as fit into a vector of lanes and two words of rows, which are
  // added up in registers.
  void cut_own_bytes(std::size_t first, std::size_t last) noexcept {
    count_ = 0;
    for (std::size_t bj = 0; bj < kept_->block_columns(); ++bj) {
      const std::size_t block_end = std::min((bj + 1) * Block::columns, kept_->columns());
      for (std::size_t begin = bj * Block::columns, end; begin < block_end; begin = end) {
        end = std::min(window_of(begin) + byte_groups_columns, block_end);
        std::size_t from = last, lanes = 0;
        for (std::size_t bi = first; bi < last; ++bi) {
          if (kept_->kept_rows(bi, bj) == 0 || columns_between(bi, bj, begin, end) == 0) continue;
          const std::size_t more = own_byte_lanes<Block>(kept_->kept_rows(bi, bj));
          const std::size_t rows = (bi + 1 - from) * Block::rows + from % block_rows * Block::rows % mask_rows;
          if (lanes != 0 && (lanes + more > own_byte_lanes_limit || rows > own_byte_rows_limit)) {
            add_own({from, bi, begin, end}, strip_kind::own_bytes, own_byte_lanes_limit);
            lanes = 0;
          }
          if (lanes == 0) from = bi;
          lanes += more;
        }
        if (lanes != 0) add_own({from, last, begin, end}, strip_kind::own_bytes, own_byte_lanes_limit);
      }
    }
  }

  // All blocks below each other, window by window.
  void cut_own(std::size_t first, std::size_t last, std::size_t weight_bytes) noexcept {
    count_ = 0;
    for (std::size_t bj = 0; bj < kept_->block_columns(); ++bj) {
      const std::size_t block_end = std::min((bj + 1) * Block::columns, kept_->columns());
      for (std::size_t begin = bj * Block::columns; begin < block_end;) {
        const std::size_t end = std::min(window_of(begin) + window_columns, block_end);
        add_own({first, last, begin, end}, strip_kind::own, band_rows_limit, weight_bytes);
        begin = end;
      }
    }
  }
  // Adds the strip, if there is one, with the groups that make it smallest. More lanes than `most` only without
  // padding.
  void add_own(const std::array<std::size_t, 4>& where, strip_kind kind, std::size_t most,
               std::size_t weight_bytes = 1) noexcept {
    planned_strip best{};
    std::size_t fewest = ~std::size_t{0};
    for (const int group_bits : {5, 4, 3, 2, 1, 0}) {
      if (kind == strip_kind::own && group_bits > 3) continue;
      const planned_strip s = own_strip(where, kind, static_cast<std::uint8_t>(group_bits));
      const std::size_t together = kind == strip_kind::own ? 1 : columns_together<std::int8_t>;
      const std::size_t bytes = s.weights(static_cast<unsigned>(together)) * weight_bytes + s.shape.index_bytes();
      if (s.shape.strips != 0 && bytes < fewest && (s.shape.lanes <= most || s.shape.padded == 0)) {
        fewest = bytes;
        best = s;
      }
    }
    if (best.shape.strips != 0) strips_[count_++] = best;
  }
  // No strip if it would keep nothing, or more lanes than there may be. Bytes have words for whole vectors of sums.
  planned_strip own_strip(const std::array<std::size_t, 4>& where, strip_kind kind,
                          std::uint8_t group_bits) const noexcept {
    const auto [first, last, begin, end] = where;
    const bool of_bytes = kind == strip_kind::own_bytes;
    const std::size_t group = std::size_t{1} << group_bits;
    std::size_t lanes = 0, rows = 0, steps = 0, fewest = end - begin;
    for (std::size_t bi = first; bi < last; ++bi) {
      const std::size_t kept = kept_->kept_rows(bi, begin / Block::columns);
      const std::size_t columns = columns_between(bi, begin / Block::columns, begin, end);
      if (kept == 0 || columns == 0) continue;
      rows += kept;
      // The last group of bytes has the lanes that it needs.
      lanes = of_bytes ? blocks_covering(lanes, group) * group + kept : lanes + blocks_covering(kept, group) * group;
      steps = std::max(steps, columns);
      fewest = std::min(fewest, columns);
    }
    if (of_bytes) steps = blocks_covering(steps, 4) * 4;
    const bool fits = lanes != 0 && lanes <= band_rows_limit;
    planned_strip s{.shape = {.strips = static_cast<std::uint16_t>(fits ? 1 : 0),
                              .kind = kind,
                              .words = 0,
                              .lanes = static_cast<std::uint8_t>(lanes),
                              .steps = static_cast<std::uint8_t>(steps),
                              .full_steps = static_cast<std::uint8_t>(of_bytes ? 0 : fewest),
                              .group_bits = group_bits,
                              .padded = static_cast<std::uint8_t>(lanes != rows ? 1 : 0),
                              .windows = 0},
                    .first = first,
                    .last = last,
                    .begin = begin,
                    .end = end};
    s.shape.words = words_of(s.shape, first, last);
    if (of_bytes)
      s.shape.words = s.shape.lanes <= 16 && s.shape.words <= 2 ? 2 : s.shape.words <= 4 ? 4 : s.shape.words;
    return s;
  }

  // Cycles for the strips of bytes.
  double cost_of_bytes() const noexcept {
    double cycles = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const strip_run& s = strips_[i].shape;
      cycles += s.kind == strip_kind::bytes ? cycles_of_bytes(s.lanes, s.steps, s.words, s.windows)
                                            : cycles_of_own_bytes(s.lanes, s.steps, s.words);
    }
    return cycles;
  }

  // Cycles for the strips, roughly, on a core with vectors of 16 lanes: what begins and ends a strip, and the loads of
  // its steps (Zen 4; strips of many rows and their own: Zen 5).
  double cost(std::size_t weight_bytes) const noexcept {
    double cycles = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      const planned_strip& s = strips_[i];
      const double bytes = static_cast<double>(s.weights() * weight_bytes + s.shape.index_bytes());
      const double lanes = 64.0 / static_cast<double>(weight_bytes);
      double loads, fixed;
      if (s.shape.kind == strip_kind::own) {
        double vectors = std::ceil(s.shape.lanes / lanes);
        if (s.shape.words != 0 && vectors > 4) vectors = std::ceil(vectors / 4) * 4;  // walked again
        loads = s.shape.steps * vectors * (s.shape.group_bits >= 2 ? 2.2 : 3.4);
        fixed = s.shape.words == 0 ? 15 : 45;
      } else {
        const double at_once = s.shape.lanes * 4 <= lanes ? 4 : s.shape.lanes * 2 <= lanes ? 2 : 1;
        loads = std::ceil(s.shape.steps / at_once) * (at_once + std::ceil(s.shape.lanes / lanes)) / 2;
        fixed = s.shape.words == 0 ? 10 : 25;
        if (s.shape.words == 1 && weight_bytes <= 4) {  // its rows' sums stay in a register
          loads = s.shape.steps * (s.shape.lanes <= 8 ? 1.5 : 2.2);
          fixed = s.shape.lanes == 8 || s.shape.lanes == 16 ? 2 : 4;
        }
      }
      cycles += std::max(loads, bytes / 28) + fixed;
    }
    return cycles;
  }

  const pattern<Block>* kept_;
  buffer<planned_strip> strips_;
  std::size_t count_ = 0;
};

}  // namespace detail
}  // namespace bcr
