// The layout that matrix-vector kernels read: bands of up to 128 rows, whose sums stay in the nearest cache while runs
// of strips go by. This header says what the bytes mean and proves that they can be believed; pack/bands.hpp writes
// them. Every weight is used once for each vector, so what counts is bytes: a strip is one stream of weights, and its
// indices are as few as can be.
//
//   band     up to 128 rows that are finished together
//     run      strips of one shape, so that a kernel meets no surprise from one to the next
//       strip    a rectangle of the band: some of its rows, compacted, and a few columns. Step after step, the weights
//                that its rows keep in one column each, in the order of the rows
//
//   strip_kind::shared   all lanes have the same column in a step: step s is the strip's column s
//   strip_kind::bytes    the same, for weights of eight bits
//   strip_kind::own      rows of several blocks below each other: groups of 1, 2, 4 or 8 lanes have a column of their
//                        own in every step, out of a window of 32. A group may be padded with lanes that are no rows
//   strip_kind::own_bytes   the same, for weights of eight bits: groups of up to 32 lanes, of which the last may have
//                        fewer, and a window of 64. Where a group has no column left, its weights are zeros
//
// The indices are one stream of bytes, and each strip has there
//
//   2        the window: what the strip's columns count from, in units of 32 columns
//   1        the first word: where in the band's rows the row mask begins, in words of 16 rows
//   2 words  the row mask: which rows the lanes are, in ascending order. Without words there is none, and the lanes
//            are one row after the other from there on: a kernel then adds such strips up in its registers
//   2 for 16 lanes   if `own` and padded: which lanes are rows
//   columns  a byte or two a step if `shared`; a byte a step and group if `own`; if `bytes`, how many there are in each
//            256 columns from the window on, a byte each, and then a byte a step, which counts from where these begin;
//            if `own_bytes`, a byte a step and group, those of four steps together, group by group
//
// Weights of eight bits (core/quantise.hpp) have strips of their own, in which the weights of four columns lie
// together, row by row, as instructions for dot products want them; after the last column come zeros until there are
// four. Each row of the matrix has a scale, and the sum of its weights, by which a kernel corrects for an input that
// has 128 added to it.
//
// Nothing here depends on a vector's width or on the type of machine, but for the byte order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>

#include "bcr/core/block.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/quantise.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"

namespace bcr {

inline constexpr int band_rows_limit = 128;
// Rows of a word of a row mask.
inline constexpr int mask_rows = 16;
// Columns of the window that a strip's indices count from: its first is a multiple of this.
inline constexpr int window_columns = 32;
// How many columns from there on the groups of a strip of bytes may have.
inline constexpr unsigned byte_groups_columns = 64;
inline constexpr std::size_t bands_columns_limit = std::size_t{window_columns} << 16;
inline constexpr unsigned byte_window_columns = 256;
// The index of a group that has no weights left for a step; its lanes are zeros, to be met by no input.
inline constexpr std::uint8_t no_column = 0xff;

// Columns of a strip whose weights lie together.
template <class W>
inline constexpr unsigned columns_together = quantised<W> ? 4 : 1;

// What a kernel may read, but not use, beyond the last index and the last weight; they are zero.
inline constexpr std::size_t index_read_ahead = 128;  // bytes
template <class W>
inline constexpr std::size_t band_weights_read_ahead = 64 * columns_together<W>;  // elements

struct band {
  std::uint32_t row_begin;
  std::uint32_t run_begin;
  std::uint64_t index_begin;
  std::uint64_t weight_begin;
};

enum class strip_kind : std::uint8_t { shared8, shared16, own, bytes, own_bytes };

constexpr bool has_own_columns(strip_kind kind) noexcept {
  return kind == strip_kind::own || kind == strip_kind::own_bytes;
}

struct strip_run {
  std::uint16_t strips;  // at least 1
  strip_kind kind;
  std::uint8_t words;       // of a row mask, or none
  std::uint8_t lanes;       // weights a step; if `own`, a multiple of the group
  std::uint8_t steps;       // at least 1; if `own_bytes`, a multiple of four
  std::uint8_t full_steps;  // if `own`: the first ones, in which every group has a column
  std::uint8_t group_bits;  // if of own columns: lanes that share one, as a power of two
  std::uint8_t padded;      // the same: 1 where some lane is no row
  std::uint8_t windows;     // if `bytes`: of byte_window_columns, from the strip's own on

  constexpr unsigned lane_words() const noexcept {
    return padded != 0 ? (unsigned{lanes} + mask_rows - 1) / mask_rows : 0;
  }
  constexpr unsigned groups() const noexcept { return (unsigned{lanes} + (1u << group_bits) - 1) >> group_bits; }
  // Whether a strip needs no row mask, if its rows follow each other: the lanes of whole vectors, of any target's.
  constexpr bool is_whole() const noexcept {
    return kind < strip_kind::bytes && padded == 0 && lanes % (2 * mask_rows) == 0;
  }
  // Bytes of a strip's columns, and of all of its indices.
  constexpr std::size_t column_bytes() const noexcept {
    if (kind == strip_kind::bytes) return std::size_t{windows} + steps;
    return std::size_t{steps} * (has_own_columns(kind) ? groups() : kind == strip_kind::shared16 ? 2u : 1u);
  }
  // Which byte of the columns a step and group has, of a strip of own columns.
  constexpr std::size_t column_index(unsigned step, unsigned group) const noexcept {
    const unsigned together = kind == strip_kind::own_bytes ? 4 : 1;
    return (std::size_t{step / together} * groups() + group) * together + step % together;
  }
  constexpr std::size_t index_bytes() const noexcept { return 3 + 2 * (words + lane_words()) + column_bytes(); }
  // A strip's elements of the stream of weights, and which of them a step and lane has.
  constexpr std::size_t weights(unsigned together) const noexcept {
    return blocks_covering(steps, together) * together * lanes;
  }
  constexpr std::size_t weight_index(unsigned step, unsigned lane, unsigned together) const noexcept {
    return (std::size_t{step / together} * lanes + lane) * together + step % together;
  }
  friend constexpr bool operator==(const strip_run&, const strip_run&) noexcept = default;
};

// The last two for weights of eight bits.
enum class bands_section : std::uint32_t { bands = 16, runs, indices, weights, scales, sums };

inline unsigned load_index16(const std::uint8_t* bytes) noexcept {
  std::uint16_t index;
  std::memcpy(&index, bytes, sizeof index);
  return index;
}

// Where they begin after the window, in a strip's bytes of the index stream.
inline constexpr std::size_t strip_first_word = 2, strip_row_mask = 3;

// A strip's bytes of the index stream.
struct strip_indices {
  const std::uint8_t* bytes;
  const strip_run& run;

  std::size_t first_column() const noexcept { return std::size_t{load_index16(bytes)} * window_columns; }
  unsigned first_word() const noexcept { return bytes[strip_first_word]; }
  const std::uint8_t* row_mask() const noexcept { return bytes + strip_row_mask; }
  const std::uint8_t* lane_mask() const noexcept { return row_mask() + 2 * run.words; }
  const std::uint8_t* columns() const noexcept { return lane_mask() + 2 * run.lane_words(); }

  static bool contains(const std::uint8_t* mask, unsigned i) noexcept { return (mask[i / 8] >> i % 8 & 1u) != 0; }
  bool is_row(unsigned lane) const noexcept { return run.padded == 0 || contains(lane_mask(), lane); }
  // The row of the next lane that is one, counted from the first word, where `row` is the first that it can be.
  unsigned next_row(unsigned row) const noexcept {
    while (run.words != 0 && !contains(row_mask(), row)) ++row;
    return row;
  }
  // Of a strip of bytes: how many columns a window has, and in which of them they are.
  unsigned window_count(unsigned window) const noexcept { return columns()[window]; }
  const std::uint8_t* byte_columns() const noexcept { return columns() + run.windows; }
  unsigned byte_column(unsigned step) const noexcept {
    unsigned window = 0;
    for (unsigned before = step; window + 1u < run.windows && before >= window_count(window); ++window) {
      before -= window_count(window);
    }
    return window * byte_window_columns + byte_columns()[step];
  }
  // The column of a step and lane, counted from first_column(), or no_column.
  unsigned column(unsigned step, unsigned lane) const noexcept {
    switch (run.kind) {
      case strip_kind::shared8:
        return columns()[step];
      case strip_kind::shared16:
        return load_index16(columns() + 2 * step);
      case strip_kind::bytes:
        return byte_column(step);
      case strip_kind::own:
      case strip_kind::own_bytes:
        break;
    }
    return columns()[run.column_index(step, lane >> run.group_bits)];
  }
};

// The arrays of a band layout, wherever they are. Every reader but the kernels should prefer for_each_weight.
template <class T>
struct bands_view {
  std::size_t rows = 0;         // of the matrix
  std::size_t columns = 0;      // of the matrix
  std::span<const band> bands;  // one more than there are: the last holds the ends
  std::span<const strip_run> runs;
  std::span<const std::uint8_t> indices;  // index_read_ahead more than there are
  std::span<const T> weights;             // band_weights_read_ahead more than there are
  std::span<const float> scales;          // of eight bits: of each row,
  std::span<const std::int32_t> sums;     // and the sum of its weights

  // Finds the arrays in a blob and checks everything that a kernel relies on. Fails with corrupt.
  static result<bands_view> open(const blob_view& blob) noexcept;

  std::size_t band_count() const noexcept { return bands.size() - 1; }
  std::size_t band_rows(std::size_t b) const noexcept { return bands[b + 1].row_begin - bands[b].row_begin; }

  // Calls visit(row, column, weight) for every kept weight, strip by strip.
  template <class Visit>
  void for_each_weight(Visit&& visit) const {
    for (std::size_t b = 0; b < band_count(); ++b) {
      const std::uint8_t* index = indices.data() + bands[b].index_begin;
      const T* weight = weights.data() + bands[b].weight_begin;
      for (std::size_t r = bands[b].run_begin; r < bands[b + 1].run_begin; ++r) {
        const strip_run& run = runs[r];
        for (unsigned s = 0; s < run.strips; ++s, index += run.index_bytes()) {
          const strip_indices strip{index, run};
          const std::size_t first_row = bands[b].row_begin + std::size_t{strip.first_word()} * mask_rows;
          for (unsigned step = 0; step < run.steps; ++step) {
            unsigned row = 0;
            for (unsigned lane = 0; lane < run.lanes; ++lane) {
              if (!strip.is_row(lane)) continue;
              row = strip.next_row(row);
              const unsigned column = strip.column(step, lane);
              if (!has_own_columns(run.kind) || column != no_column) {
                visit(first_row + row, strip.first_column() + column,
                      weight[run.weight_index(step, lane, columns_together<T>)]);
              }
              ++row;
            }
          }
          weight += run.weights(columns_together<T>);
        }
      }
    }
  }
};

namespace detail {

// Walks the arrays as a kernel would and answers for every index a kernel would use.
template <class T>
class bands_check {
 public:
  explicit bands_check(const bands_view<T>& view) noexcept : v_(view) {}

  BCR_COLD status run(std::uint64_t kept) noexcept {
    if (const status s = check_ends(); !s) return s;
    if (const status s = check_scales(); !s) return s;
    for (std::size_t b = 0; b + 1 < v_.bands.size(); ++b) {
      if (const status s = check_band(b); !s) return s;
    }
    for (std::size_t i = index_end_; i < v_.indices.size(); ++i) {
      if (v_.indices[i] != 0) return damaged("The indices of the packed weights are not padded with zeros.");
    }
    for (std::size_t i = weight_end_; i < v_.weights.size(); ++i) {
      if (!is_zero(v_.weights[i])) return damaged("The weights are not padded with zeros.");
    }
    if (kept_ != kept) return damaged("The packed weights are not as many as their header says.");
    return {};
  }

 private:
  static constexpr status damaged(const char* message) noexcept { return {errc::corrupt, message}; }

  BCR_COLD status check_ends() noexcept {
    if (v_.bands.empty() || v_.indices.size() < index_read_ahead || v_.weights.size() < band_weights_read_ahead<T>) {
      return damaged("An array of the packed weights has the wrong size.");
    }
    index_end_ = v_.indices.size() - index_read_ahead;
    weight_end_ = v_.weights.size() - band_weights_read_ahead<T>;
    const band& first = v_.bands.front();
    const band& last = v_.bands.back();
    if (first.row_begin != 0 || first.run_begin != 0 || first.index_begin != 0 || first.weight_begin != 0 ||
        last.row_begin != v_.rows || last.run_begin != v_.runs.size() || last.index_begin != index_end_ ||
        last.weight_begin != weight_end_) {
      return damaged("The bands do not cover the packed weights.");
    }
    return {};
  }

  BCR_COLD status check_band(std::size_t b) noexcept {
    const band& here = v_.bands[b];
    const band& next = v_.bands[b + 1];
    constexpr status out_of_order(errc::corrupt, "The bands of the packed weights are out of order.");
    if (next.row_begin <= here.row_begin || next.row_begin - here.row_begin > band_rows_limit ||
        next.row_begin > v_.rows || next.run_begin < here.run_begin || next.run_begin > v_.runs.size()) {
      return out_of_order;
    }
    rows_ = next.row_begin - here.row_begin;
    index_ = here.index_begin;
    weight_ = here.weight_begin;
    if (index_ > index_end_ || weight_ > weight_end_) return out_of_order;
    for (row_weights& row : of_rows_) row = {};
    for (std::size_t r = here.run_begin; r < next.run_begin; ++r) {
      if (const status why = check_run(v_.runs[r]); !why) return why;
    }
    for (std::size_t r = 0; quantised<T> && r < rows_; ++r) {
      if (v_.sums[here.row_begin + r] != of_rows_[r].sum) return damaged("A sum of a row's packed weights is wrong.");
    }
    return index_ == next.index_begin && weight_ == next.weight_begin ? status() : out_of_order;
  }

  status check_run(const strip_run& run) noexcept {
    const bool own = run.kind == strip_kind::own, own_bytes = run.kind == strip_kind::own_bytes;
    if (run.strips == 0 || run.steps == 0 || run.lanes == 0 || run.lanes > band_rows_limit ||
        run.words > band_rows_limit / mask_rows || run.kind > strip_kind::own_bytes ||
        (run.kind >= strip_kind::bytes) != quantised<T> || (run.windows != 0) != (run.kind == strip_kind::bytes) ||
        run.group_bits > (own         ? 3
                          : own_bytes ? 5
                                      : 0) ||
        run.padded > (own || own_bytes ? 1 : 0) || run.full_steps > (own ? run.steps : 0) ||
        (own && (run.groups() << run.group_bits) != run.lanes) || (own_bytes && run.steps % columns_together<T> != 0) ||
        (run.words == 0 && !run.is_whole())) {
      return damaged("A run of the packed weights has a shape that it cannot have.");
    }
    const std::size_t strip_weights = run.weights(columns_together<T>);
    if (run.strips > (index_end_ - index_) / run.index_bytes() ||
        run.strips > (weight_end_ - weight_) / strip_weights) {
      return damaged("A run of the packed weights reaches beyond them.");
    }
    for (unsigned s = 0; s < run.strips; ++s) {
      const strip_indices strip{v_.indices.data() + index_, run};
      if (const status why = check_strip(strip); !why) return why;
      if (const status why = check_weights(strip); !why) return why;
      index_ += run.index_bytes();
      weight_ += strip_weights;
    }
    return {};
  }

  status check_strip(const strip_indices& strip) noexcept {
    constexpr status outside(errc::corrupt, "A strip of the packed weights reaches outside of the matrix.");
    const strip_run& run = strip.run;
    if (strip.first_word() + run.words > band_rows_limit / mask_rows || strip.first_column() >= v_.columns) {
      return outside;
    }
    unsigned kept = 0, row_lanes = 0;
    if (run.words == 0) {
      kept = run.lanes;
      if (strip.first_word() * mask_rows + kept > rows_) return outside;
    }
    for (unsigned r = 0; r < unsigned{run.words} * mask_rows; ++r) {
      if (!strip_indices::contains(strip.row_mask(), r)) continue;
      if (strip.first_word() * mask_rows + r >= rows_) return outside;
      ++kept;
    }
    for (unsigned lane = 0; lane < run.lane_words() * mask_rows; ++lane) {
      if (!strip_indices::contains(strip.lane_mask(), lane)) continue;
      if (lane >= run.lanes) return lanes_wrong();
      ++row_lanes;
    }
    if (run.padded == 0) row_lanes = run.lanes;
    if (kept != row_lanes) return lanes_wrong();
    return check_columns(strip, v_.columns - strip.first_column());
  }
  static constexpr status lanes_wrong() noexcept {
    return damaged("A strip of the packed weights has other lanes than it has rows.");
  }

  // Up to `left` columns from the window on.
  status check_columns(const strip_indices& strip, std::size_t left) noexcept {
    constexpr status outside(errc::corrupt, "A strip of the packed weights reaches outside of the matrix.");
    const strip_run& run = strip.run;
    if (!has_own_columns(run.kind)) {
      // A kernel may read from the last window on, even if it has no columns.
      if (run.windows != 0 && (run.windows - 1u) * std::size_t{byte_window_columns} >= left) return outside;
      unsigned counted = 0;
      for (unsigned w = 0; w < run.windows; ++w) counted += strip.window_count(w);
      if (run.windows != 0 && counted != run.steps) {
        return damaged("A strip of the packed weights miscounts its columns.");
      }
      for (unsigned step = 0; step < run.steps; ++step) {
        if (strip.column(step, 0) >= left) return outside;
      }
      kept_ += std::uint64_t{run.steps} * run.lanes;
      return {};
    }
    const unsigned window = quantised<T> ? byte_groups_columns : window_columns;
    for (unsigned step = 0; step < run.steps; ++step) {
      for (unsigned lane = 0; lane < run.lanes; ++lane) {
        const unsigned column = strip.column(step, lane);
        if (column == no_column ? step < run.full_steps : column >= window || column >= left) return outside;
        kept_ += column != no_column && strip.is_row(lane);
      }
    }
    return {};
  }

  status check_weights(const strip_indices& strip) noexcept {
    if constexpr (quantised<T>) {
      return check_quantised(strip);
    } else {
      return check_padding(strip);
    }
  }

  // What is no weight is zero.
  status check_padding(const strip_indices& strip) const noexcept {
    if (strip.run.kind != strip_kind::own) return {};
    const T* weight = v_.weights.data() + weight_;
    for (unsigned step = 0; step < strip.run.steps; ++step, weight += strip.run.lanes) {
      for (unsigned lane = 0; lane < strip.run.lanes; ++lane) {
        if ((!strip.is_row(lane) || strip.column(step, lane) == no_column) && !is_zero(weight[lane])) {
          return damaged("A strip of the packed weights is not padded with zeros.");
        }
      }
    }
    return {};
  }

  // Weights of eight bits are -127 to 127, and zero where a column is missing.
  status check_quantised(const strip_indices& strip) noexcept
    requires quantised<T>
  {
    const strip_run& run = strip.run;
    const std::size_t steps = run.weights(columns_together<T>) / run.lanes;
    const bool own = has_own_columns(run.kind);
    for (unsigned lane = 0, bit = 0; lane < run.lanes; ++lane) {
      const bool is_row = strip.is_row(lane);
      if (is_row) bit = strip.next_row(bit);
      row_weights none, &row = is_row ? of_rows_[strip.first_word() * mask_rows + bit] : none;
      for (unsigned step = 0; step < steps; ++step) {
        const int weight = v_.weights[weight_ + run.weight_index(step, lane, columns_together<T>)];
        const bool kept = is_row && step < run.steps && (!own || strip.column(step, lane) != no_column);
        if (weight < -127) return damaged("A weight of the packed weights is -128, which no weight can be.");
        if (!kept && weight != 0) return damaged("A strip of the packed weights is not padded with zeros.");
        row.count += kept;
        row.sum += weight;
      }
      // So that no sum of products overflows.
      if (row.count > v_.columns) {
        return damaged("A row of the packed weights has more weights than columns.");
      }
      bit += is_row;
    }
    return {};
  }

  status check_scales() const noexcept {
    const std::size_t rows = quantised<T> ? v_.rows : 0;
    if (v_.scales.size() != rows || v_.sums.size() != rows) {
      return damaged("An array of the packed weights has the wrong size.");
    }
    for (const float scale : v_.scales) {
      if (!is_finite_magnitude(scale)) return damaged("A scale of the packed weights is negative or not finite.");
    }
    return {};
  }

  static bool is_zero(const T& weight) noexcept {
    constexpr unsigned char zero[sizeof(T)] = {};
    return std::memcmp(&weight, zero, sizeof zero) == 0;
  }

  const bands_view<T>& v_;
  std::size_t rows_ = 0;  // of the band
  std::size_t index_ = 0, weight_ = 0, index_end_ = 0, weight_end_ = 0;
  std::uint64_t kept_ = 0;
  struct row_weights {
    std::size_t count = 0;
    std::int32_t sum = 0;
  };
  row_weights of_rows_[quantised<T> ? band_rows_limit : 1] = {};  // of the band
};

}  // namespace detail

template <class T>
BCR_COLD result<bands_view<T>> bands_view<T>::open(const blob_view& blob) noexcept {
  bands_view v;
  v.rows = static_cast<std::size_t>(blob.matrix().rows);
  v.columns = static_cast<std::size_t>(blob.matrix().columns);
  constexpr std::size_t most_columns = quantised<T> ? quantised_columns_limit : bands_columns_limit;
  if (v.rows > std::numeric_limits<std::uint32_t>::max() || v.columns > most_columns) {
    return {errc::corrupt, "The packed weights have more rows or columns than this layout can number."};
  }
  status why;
  const auto find = [&]<class E>(bands_section id, std::span<const E>& into) {
    auto found = blob.section<E>(static_cast<std::uint32_t>(id));
    if (found) into = *found;
    if (!found && why.ok()) why = found.status();
  };
  find(bands_section::bands, v.bands);
  find(bands_section::runs, v.runs);
  find(bands_section::indices, v.indices);
  find(bands_section::weights, v.weights);
  if constexpr (quantised<T>) {
    find(bands_section::scales, v.scales);
    find(bands_section::sums, v.sums);
  }
  if (why.ok()) why = detail::bands_check<T>(v).run(blob.matrix().kept);
  if (!why) return why;
  return v;
}

}  // namespace bcr
