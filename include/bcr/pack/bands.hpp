// Packing into bands, for matrix-vector work: see format/bands.hpp for what is written.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/quantise.hpp"
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
  // The strips may have room for more than `kept` keeps, which is then zero.
  bands_writer(blob_writer& blob, const band_strips<Block>& cuts, const pattern<Block>& kept,
               matrix_view<const From> dense) noexcept
      : cuts_(cuts), kept_(kept), dense_(dense) {
    const auto at = [&]<class E>(E*& p, bands_section id) {
      p = blob.section<E>(static_cast<std::uint32_t>(id)).data();
    };
    at(band_, bands_section::bands);
    at(run_, bands_section::runs);
    at(index_, bands_section::indices);
    at(weight_, bands_section::weights);
    if constexpr (quantised<T>) {
      at(scale_, bands_section::scales);
      at(sum_, bands_section::sums);
    }
  }

  // The largest magnitude of every row's weights stands for its scale until the rows are finished. Fails with
  // invalid_argument if a weight is not finite.
  BCR_COLD status begin_rows() noexcept
    requires quantised<T>
  {
    for (std::size_t bi = 0; bi < kept_.block_rows(); ++bi) {
      for (std::size_t bj = 0; bj < kept_.block_columns(); ++bj) {
        bits::for_each(kept_.row_words(bi, bj), [&](std::size_t r) {
          float& largest = scale_[bi * Block::rows + r];
          bits::for_each(kept_.column_words(bi, bj), [&](std::size_t c) {
            const float magnitude = std::fabs(dense_(bi * Block::rows + r, bj * Block::columns + c));
            if (!is_finite_magnitude(largest) || !is_finite_magnitude(magnitude)) {
              largest = std::numeric_limits<float>::infinity();
            } else if (magnitude > largest) {
              largest = magnitude;
            }
          });
        });
      }
    }
    for (std::size_t row = 0; row < dense_.rows; ++row) {
      if (!is_finite_magnitude(scale_[row])) {
        return {errc::invalid_argument, "A weight that eight bits are to hold is infinite, or not a number."};
      }
    }
    return {};
  }
  void finish_rows() noexcept
    requires quantised<T>
  {
    for (std::size_t row = 0; row < dense_.rows; ++row) scale_[row] = quantised_scale(scale_[row]);
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
    const std::size_t first_word = std::min((s.first * Block::rows - first_row_) / mask_rows,
                                            band_rows_limit / mask_rows - std::size_t{s.shape.words});
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
    if (has_own_columns(s.shape.kind)) {
      add_own(s, header + 3 + 2 * s.shape.words);
    } else {
      add_shared(s);
    }
  }

  T stored(std::size_t row, std::size_t column) const noexcept {
    if constexpr (quantised<T>) {
      if (!kept_.keeps(row, column)) return 0;
      const T weight = quantise(dense_(row, column), quantised_factor(scale_[row]));
      sum_[row] += weight;
      return weight;
    } else {
      return static_cast<T>(dense_(row, column));
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
    std::uint8_t* const counts = index_ + size_.indices;
    size_.indices += s.shape.windows;
    unsigned step = 0;
    for (std::size_t bj = s.begin / Block::columns; bj * Block::columns < s.end; ++bj) {
      if (cuts_.kept().kept_rows(bi, bj) == 0) continue;
      cuts_.for_each_column(bi, bj, s.begin, s.end, [&](std::size_t column) {
        const std::uint16_t index = static_cast<std::uint16_t>(column - window);
        if (s.shape.kind == strip_kind::bytes) {
          std::uint8_t& count = counts[index / byte_window_columns];
          count = static_cast<std::uint8_t>(count + 1);
          index_[size_.indices++] = static_cast<std::uint8_t>(index % byte_window_columns);
        } else if (s.shape.kind == strip_kind::shared16) {
          std::memcpy(index_ + size_.indices, &index, sizeof index);
          size_.indices += sizeof index;
        } else {
          index_[size_.indices++] = static_cast<std::uint8_t>(index);
        }
        unsigned lane = 0;
        bits::for_each(cuts_.rows_of(s), [&](std::size_t r) {
          weight_[size_.weights + s.shape.weight_index(step, lane++, columns_together<T>)] =
              stored(bi * Block::rows + r, column);
        });
        ++step;
      });
    }
    size_.weights += s.weights(columns_together<T>);
  }

  // Step by step for each block: its groups are neighbours.
  void add_own(const planned_strip& s, std::uint8_t* lane_mask) noexcept {
    const std::size_t window = s.begin / window_columns * window_columns;
    const std::size_t group = std::size_t{1} << s.shape.group_bits;
    std::uint8_t* const index = index_ + size_.indices;
    std::memset(index, no_column, s.shape.column_bytes());
    std::size_t first_lane = 0;
    for_each_block(s, [&](std::size_t bi, std::size_t bj) {
      const std::size_t rows = cuts_.kept().kept_rows(bi, bj), block_groups = (rows + group - 1) / group;
      unsigned step = 0;
      cuts_.for_each_column(bi, bj, s.begin, s.end, [&](std::size_t column) {
        for (std::size_t g = 0; g < block_groups; ++g) {
          const unsigned number = static_cast<unsigned>(first_lane / group + g);
          index[s.shape.column_index(step, number)] = static_cast<std::uint8_t>(column - window);
        }
        unsigned lane = static_cast<unsigned>(first_lane);
        bits::for_each(cuts_.kept().row_words(bi, bj), [&](std::size_t r) {
          weight_[size_.weights + s.shape.weight_index(step, lane++, columns_together<T>)] =
              stored(bi * Block::rows + r, column);
        });
        ++step;
      });
      for (std::size_t r = 0; r < rows && s.shape.padded != 0; ++r) add_bit(lane_mask, first_lane + r);
      first_lane += block_groups * group;
    });
    size_.indices += s.shape.column_bytes();
    size_.weights += s.weights(columns_together<T>);
  }

  const band_strips<Block>& cuts_;
  const pattern<Block>& kept_;
  matrix_view<const From> dense_;
  band* band_;
  strip_run* run_;
  std::uint8_t* index_;
  T* weight_;
  float* scale_ = nullptr;       // of quantised weights
  std::int32_t* sum_ = nullptr;  // the same
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

template <class T, block_shape Block>
BCR_COLD bands_size measure_bands(band_strips<Block>& cuts, strip_cut how) noexcept {
  bands_size size;
  for_each_band(cuts, how, sizeof(T), [&](std::size_t, std::span<const planned_strip> strips) {
    ++size.bands;
    run_counter runs;
    for (const planned_strip& s : strips) {
      size.runs += runs.begins_run(s);
      size.indices += s.shape.index_bytes();
      size.weights += s.weights(columns_together<T>);
    }
  });
  return size;
}

// Fails with invalid_argument if quantised weights would not be finite.
template <class T, block_shape Block, class From>
BCR_COLD status write_bands(blob_writer& blob, band_strips<Block>& cuts, strip_cut how, const pattern<Block>& kept,
                            matrix_view<const From> dense) noexcept {
  bands_writer<T, Block, From> writer(blob, cuts, kept, dense);
  if constexpr (quantised<T>) {
    if (const status s = writer.begin_rows(); !s) return s;
  }
  for_each_band(cuts, how, sizeof(T), [&](std::size_t first, std::span<const planned_strip> strips) {
    writer.begin_band(first);
    writer.add(strips);
  });
  writer.begin_band(dense.rows);
  if constexpr (quantised<T>) writer.finish_rows();
  return {};
}

}  // namespace bcr::detail
