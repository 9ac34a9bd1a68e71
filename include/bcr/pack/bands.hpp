// Packing into bands, for matrix-vector work: see format/bands.hpp for what is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/format/blob.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/pack/band_strips.hpp"

namespace bcr::detail {

// How large the arrays of a layout are.
struct bands_size {
  std::size_t bands = 0, runs = 0, indices = 0, weights = 0;
};

// Where the strips of a band, in their order, begin another run.
class run_counter {
 public:
  bool begins_run(const planned_strip& s) noexcept {
    const bool same = count_ != 0 && count_ != most && shape_ == s.shape;
    shape_ = s.shape;
    count_ = same ? count_ + 1 : 1;
    return !same;
  }

 private:
  static constexpr std::size_t most = std::numeric_limits<std::uint16_t>::max();
  strip_run shape_{};
  std::size_t count_ = 0;
};

// Converts from the type that the matrix is in.
template <class T, block_shape Block, class From = T>
class bands_writer {
 public:
  bands_writer(blob_writer& blob, const band_strips<Block>& cuts, matrix_view<const From> dense) noexcept
      : cuts_(cuts), dense_(dense) {
    const auto at = [&]<class E>(E*& p, bands_section id) {
      p = blob.section<E>(static_cast<std::uint32_t>(id)).data();
    };
    at(band_, bands_section::bands);
    at(run_, bands_section::runs);
    at(index_, bands_section::indices);
    at(weight_, bands_section::weights);
  }

  // The sentinel after the last band is one without rows.
  void begin_band(std::size_t row) noexcept {
    band_[size_.bands++] = {static_cast<std::uint32_t>(row), static_cast<std::uint32_t>(size_.runs), size_.indices,
                            size_.weights};
    first_row_ = row;
  }

  // The band's strips, those of one shape after each other.
  BCR_COLD void add(std::span<const planned_strip> strips) noexcept {
    run_counter runs;
    for (const planned_strip& s : strips) {
      if (runs.begins_run(s)) {
        run_[size_.runs++] = s.shape;
      } else {
        ++run_[size_.runs - 1].strips;
      }
      add(s);
    }
  }

 private:
  void add(const planned_strip& s) noexcept {
    const std::size_t first_word = (s.first * Block::rows - first_row_) / mask_rows;
    const std::uint16_t window = static_cast<std::uint16_t>(s.begin / window_columns);
    std::uint8_t* const header = index_ + size_.indices;
    std::memcpy(header, &window, sizeof window);
    header[2] = static_cast<std::uint8_t>(first_word);
    for_each_block(s, [&](std::size_t bi, std::size_t bj) {
      if (s.shape.words == 0) return;
      bits::for_each(cuts_.kept().row_words(bi, bj), [&](std::size_t r) {
        add_bit(header + 3, bi * Block::rows + r - first_row_ - first_word * mask_rows);
      });
    });
    size_.indices += s.shape.index_bytes() - s.shape.column_bytes();
    if (s.shape.kind == strip_kind::own) {
      add_own(s, header + 3 + 2 * s.shape.words);
    } else {
      add_shared(s);
    }
  }

  static void add_bit(std::uint8_t* mask, std::size_t i) noexcept {
    mask[i / 8] = static_cast<std::uint8_t>(mask[i / 8] | 1u << i % 8);
  }
  // The blocks below each other of an `own` strip that keep a weight, or the first one of a `shared` strip.
  template <class Visit>
  void for_each_block(const planned_strip& s, Visit&& visit) const noexcept {
    const std::size_t bj = s.begin / Block::columns;
    for (std::size_t bi = s.first; bi < s.last; ++bi) {
      if (cuts_.columns_between(bi, bj, s.begin, s.end) != 0) visit(bi, bj);
    }
  }

  void add_shared(const planned_strip& s) noexcept {
    const std::size_t window = s.begin / window_columns * window_columns, bi = s.first;
    for (std::size_t bj = s.begin / Block::columns; bj * Block::columns < s.end; ++bj) {
      if (cuts_.kept().kept_rows(bi, bj) == 0) continue;
      cuts_.for_each_column(bi, bj, s.begin, s.end, [&](std::size_t column) {
        const std::uint16_t index = static_cast<std::uint16_t>(column - window);
        if (s.shape.kind == strip_kind::shared16) {
          std::memcpy(index_ + size_.indices, &index, sizeof index);
          size_.indices += sizeof index;
        } else {
          index_[size_.indices++] = static_cast<std::uint8_t>(index);
        }
        bits::for_each(cuts_.rows_of(s), [&](std::size_t r) {
          weight_[size_.weights++] = static_cast<T>(dense_(bi * Block::rows + r, column));
        });
      });
    }
  }

  // Step by step for each block: its groups are neighbours.
  void add_own(const planned_strip& s, std::uint8_t* lane_mask) noexcept {
    const std::size_t window = s.begin / window_columns * window_columns;
    const std::size_t groups = s.shape.groups(), group = std::size_t{1} << s.shape.group_bits;
    std::uint8_t* const index = index_ + size_.indices;
    std::memset(index, no_column, s.shape.column_bytes());
    std::size_t first_lane = 0;
    for_each_block(s, [&](std::size_t bi, std::size_t bj) {
      const std::size_t rows = cuts_.kept().kept_rows(bi, bj), block_groups = (rows + group - 1) / group;
      std::size_t step = 0;
      cuts_.for_each_column(bi, bj, s.begin, s.end, [&](std::size_t column) {
        std::memset(index + step * groups + first_lane / group, static_cast<int>(column - window), block_groups);
        T* weight = weight_ + size_.weights + step * s.shape.lanes + first_lane;
        bits::for_each(cuts_.kept().row_words(bi, bj),
                       [&](std::size_t r) { *weight++ = static_cast<T>(dense_(bi * Block::rows + r, column)); });
        ++step;
      });
      for (std::size_t r = 0; r < rows && s.shape.padded != 0; ++r) add_bit(lane_mask, first_lane + r);
      first_lane += block_groups * group;
    });
    size_.indices += s.shape.column_bytes();
    size_.weights += s.weights();
  }

  const band_strips<Block>& cuts_;
  matrix_view<const From> dense_;
  band* band_;
  strip_run* run_;
  std::uint8_t* index_;
  T* weight_;
  bands_size size_;
  std::size_t first_row_ = 0;
};

// Calls visit(first row, strips) for each band.
template <block_shape Block, class Visit>
BCR_COLD void for_each_band(band_strips<Block>& cuts, strip_cut how, std::size_t weight_bytes, Visit&& visit) noexcept {
  for (std::size_t bi = 0; bi < cuts.kept().block_rows(); bi += band_strips<Block>::block_rows) {
    visit(bi * Block::rows, cuts.cut(bi, how, weight_bytes));
  }
}

template <block_shape Block>
BCR_COLD bands_size measure_bands(band_strips<Block>& cuts, strip_cut how, std::size_t weight_bytes) noexcept {
  bands_size size;
  for_each_band(cuts, how, weight_bytes, [&](std::size_t, std::span<const planned_strip> strips) {
    ++size.bands;
    run_counter runs;
    for (const planned_strip& s : strips) {
      size.runs += runs.begins_run(s);
      size.indices += s.shape.index_bytes();
      size.weights += s.weights();
    }
  });
  return size;
}

template <class T, block_shape Block, class From>
BCR_COLD void write_bands(blob_writer& blob, band_strips<Block>& cuts, strip_cut how,
                          matrix_view<const From> dense) noexcept {
  bands_writer<T, Block, From> writer(blob, cuts, dense);
  for_each_band(cuts, how, sizeof(T), [&](std::size_t first, std::span<const planned_strip> strips) {
    writer.begin_band(first);
    writer.add(strips);
  });
  writer.begin_band(dense.rows);
}

}  // namespace bcr::detail
