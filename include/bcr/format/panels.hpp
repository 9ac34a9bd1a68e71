// The layout that matrix-matrix kernels read: panels of up to four rows whose outputs stay in registers while a list of
// columns goes by. This header says what the bytes mean and proves that they can be believed; pack/panels.hpp writes
// them.
//
//   group    up to 128 reordered rows that are finished together
//     panel    up to 4 of the group's rows and a share of the columns; the sums of rows that are met again in a later
//              panel wait in a scratch tile. A panel that is the last one for all of its rows sends them straight to
//              the output: it "finishes" them
//       segment  columns that keep the same rows of the panel: row mask, count; then for each column its index and the
//                kept weights in row order
//
// A panel whose columns are those of the panel before it, one by one, has no indices of its own: in blocks of eight
// rows that are all kept every second panel, in blocks of sixteen three of four. Beside weights of sixteen bits an
// index would be a fifth of a column's bytes.
//
// Nothing here depends on a vector's width or on the type of machine, but for the byte order.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <type_traits>

#include "bcr/core/cold.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/blob.hpp"

namespace bcr {

// Rows of a panel: with six vectors of columns their accumulators fill three quarters of a 32-register file, and the
// fifteen row masks are few enough for one loop each.
inline constexpr int panel_rows = 4;
// Rows of a group at most, so that a row's number fits into a byte beside the two reserved ones.
inline constexpr int group_rows_limit = 128;

struct row_group {
  std::uint32_t row_begin;  // in reordered rows
  std::uint32_t panel_begin;
  std::uint32_t segment_begin;
  std::uint16_t direct_rows;   // the group's first rows, which panels finish
  std::uint16_t scratch_rows;  // the next rows, whose sums end in the scratch tile; rows after these keep nothing
  std::uint64_t column_begin;
  std::uint64_t weight_begin;
};

// A row of the group is named by its slot of the scratch tile: slot 0 is always zero, slot 1 the group's first row, and
// slot rows + 1 takes what is not wanted.
struct panel {
  static constexpr std::uint8_t finishing = 1;  // no row is met again
  static constexpr std::uint8_t repeating = 2;  // the columns are those of the panel before, of the same group

  std::uint32_t first_column;  // what the panel's column indices count from
  std::uint16_t segments;
  std::uint8_t resumes;         // bit i: row i has a sum so far
  std::uint8_t flags;           // finishing, repeating
  std::uint8_t to[panel_rows];  // slot of the row; rows + 1 where the panel has no i-th row

  constexpr bool finishes() const noexcept { return (flags & finishing) != 0; }
  constexpr bool repeats() const noexcept { return (flags & repeating) != 0; }

  // Slot of the row's sum so far.
  constexpr unsigned from(unsigned i) const noexcept { return (resumes >> i & 1u) != 0 ? to[i] : 0u; }
};

struct segment {
  std::uint16_t mask;     // bit i: the columns keep row i of the panel
  std::uint16_t columns;  // at least 1
};

// Whether a panel whose first segment this is has no other, and all of its rows begin and end in it: "whole" panels are
// all that there is where whole columns of blocks are pruned.
constexpr bool is_whole(const panel& p, const segment& s) noexcept {
  return p.segments == 1 && s.mask == (1u << panel_rows) - 1 && p.finishes() && p.resumes == 0;
}

// Column indices after the last that a kernel may read ahead, to prefetch; they are zero.
inline constexpr std::size_t panels_read_ahead = 32;
// And weights of sixteen bits, which are widened by the vector; they are zero as well.
template <class T>
inline constexpr std::size_t weights_read_ahead = narrow_float<T> ? 32 : 0;

enum class panels_section : std::uint32_t { groups = 1, panels, segments, columns, rows, weights };

// The arrays of a panel layout, wherever they are. Every reader but the kernels should prefer for_each_weight.
template <class T>
struct panels_view {
  std::size_t rows = 0;               // of the matrix
  std::size_t columns = 0;            // of the matrix
  std::span<const row_group> groups;  // one more than there are groups: the last holds the ends
  std::span<const panel> panels;
  std::span<const segment> segments;
  std::span<const std::uint16_t> column_index;  // panels_read_ahead more than there are
  std::span<const std::uint32_t> row_index;     // original row of each reordered row, one of the same group's
  std::span<const T> weights;                   // weights_read_ahead more follow

  // Finds the arrays in a blob and checks everything that a kernel relies on. Fails with corrupt.
  static result<panels_view> open(const blob_view& blob) noexcept;

  std::size_t group_count() const noexcept { return groups.size() - 1; }
  std::size_t group_rows(std::size_t g) const noexcept { return groups[g + 1].row_begin - groups[g].row_begin; }
  std::size_t most_group_rows() const noexcept {
    std::size_t most = 0;
    for (std::size_t g = 0; g < group_count(); ++g) most = group_rows(g) > most ? group_rows(g) : most;
    return most;
  }
  // How often a panel meets a column: more often than there are indices, if panels repeat them.
  std::size_t column_uses() const noexcept {
    std::size_t uses = 0;
    for (const segment& s : segments) uses += s.columns;
    return uses;
  }

  // Whether nine panels in ten are whole.
  bool mostly_whole() const noexcept {
    const segment* s = segments.data();
    std::size_t whole = 0;
    for (const panel& p : panels) {
      whole += is_whole(p, *s) ? 1 : 0;
      s += p.segments;
    }
    return 10 * whole >= 9 * panels.size();
  }

  // Calls visit(row, column, weight) for every kept weight, panel by panel, rows being the original ones.
  template <class Visit>
  void for_each_weight(Visit&& visit) const {
    for (std::size_t g = 0; g < group_count(); ++g) {
      const row_group& group = groups[g];
      const segment* s = segments.data() + group.segment_begin;
      const std::uint16_t* column = column_index.data() + group.column_begin;
      const std::uint16_t* first = column;
      const T* weight = weights.data() + group.weight_begin;
      for (std::size_t p = group.panel_begin; p < groups[g + 1].panel_begin; ++p) {
        first = column = panels[p].repeats() ? first : column;
        for (const segment* end = s + panels[p].segments; s != end; ++s) {
          for (unsigned c = 0; c < s->columns; ++c, ++column) {
            for (unsigned i = 0; i < panel_rows; ++i) {
              if ((s->mask >> i & 1u) == 0) continue;
              visit(std::size_t{row_index[group.row_begin + panels[p].to[i] - 1u]},
                    std::size_t{panels[p].first_column} + *column, *weight++);
            }
          }
        }
      }
    }
  }
};

namespace detail {

// Whether the columns of each segment are all of the same column of a window so wide (pack_options::kernel_width).
template <class T>
BCR_COLD bool segments_keep_to(const panels_view<T>& w, std::size_t kernel_width) noexcept {
  const segment* s = w.segments.data();
  const std::uint16_t* column = w.column_index.data();
  const std::uint16_t* first = column;
  for (const panel& p : w.panels) {
    first = column = p.repeats() ? first : column;
    for (const segment* const end = s + p.segments; s != end; ++s) {
      const std::size_t tap = (p.first_column + std::size_t{*column}) % kernel_width;
      for (const std::uint16_t* const last = column + s->columns; column != last; ++column) {
        if ((p.first_column + std::size_t{*column}) % kernel_width != tap) return false;
      }
    }
  }
  return true;
}

// Walks the arrays as a kernel would and answers for every index a kernel would use.
template <class T>
class panels_check {
 public:
  explicit panels_check(const panels_view<T>& view) noexcept : v_(view) {}

  BCR_COLD status run() noexcept {
    if (const status s = check_ends(); !s) return s;
    for (std::size_t g = 0; g + 1 < v_.groups.size(); ++g) {
      if (const status s = check_group(g); !s) return s;
    }
    for (std::size_t i = 0; i < panels_read_ahead; ++i) {
      if (v_.column_index[v_.column_index.size() - 1 - i] != 0)
        return damaged("The column indices are not padded with zeros.");
    }
    return {};
  }

 private:
  static constexpr status damaged(const char* message) noexcept { return {errc::corrupt, message}; }

  BCR_COLD status check_ends() noexcept {
    if (v_.groups.empty() || v_.column_index.size() < panels_read_ahead || v_.row_index.size() != v_.rows) {
      return damaged("An array of the packed weights has the wrong size.");
    }
    const row_group& first = v_.groups.front();
    const row_group& last = v_.groups.back();
    if (first.row_begin != 0 || first.panel_begin != 0 || first.segment_begin != 0 || first.column_begin != 0 ||
        first.weight_begin != 0 || last.row_begin != v_.rows || last.panel_begin != v_.panels.size() ||
        last.segment_begin != v_.segments.size() || last.column_begin != v_.column_index.size() - panels_read_ahead ||
        last.weight_begin != v_.weights.size() || last.direct_rows != 0 || last.scratch_rows != 0) {
      return damaged("The row groups do not cover the packed weights.");
    }
    return {};
  }

  BCR_COLD status check_group(std::size_t g) noexcept {
    const row_group& group = v_.groups[g];
    const row_group& next = v_.groups[g + 1];
    constexpr status out_of_order(errc::corrupt, "The row groups of the packed weights are out of order.");
    if (next.row_begin <= group.row_begin || next.row_begin > v_.rows || next.panel_begin < group.panel_begin ||
        next.panel_begin > v_.panels.size()) {
      return out_of_order;
    }
    rows_ = next.row_begin - group.row_begin;
    if (rows_ > group_rows_limit || unsigned{group.direct_rows} + group.scratch_rows > rows_) {
      return damaged("A row group of the packed weights has an impossible number of rows.");
    }
    if (const status s = check_rows(group.row_begin); !s) return s;
    for (bool& t : touched_) t = false;
    for (bool& f : finished_) f = false;
    if (group.segment_begin > v_.segments.size() || group.column_begin > v_.column_index.size() - panels_read_ahead ||
        group.weight_begin > v_.weights.size()) {
      return out_of_order;
    }
    segment_ = group.segment_begin;
    column_ = static_cast<std::size_t>(group.column_begin);  // which may be the narrower type
    list_ = column_;
    weight_ = static_cast<std::size_t>(group.weight_begin);
    for (std::size_t p = group.panel_begin; p < next.panel_begin; ++p) {
      if (const status s = check_panel_rows(v_.panels[p]); !s) return s;
      if (const status s = check_segments(v_.panels[p]); !s) return s;
    }
    for (unsigned slot = 1; slot <= rows_; ++slot) {
      if (touched_[slot] != (slot <= unsigned{group.direct_rows} + group.scratch_rows) ||
          finished_[slot] != (slot <= group.direct_rows)) {
        return damaged("A row group of the packed weights miscounts its rows.");
      }
    }
    if (segment_ != next.segment_begin || column_ != next.column_begin || weight_ != next.weight_begin) {
      return out_of_order;
    }
    return {};
  }

  // A group's rows are reordered among themselves.
  status check_rows(std::size_t begin) const noexcept {
    bool seen[group_rows_limit] = {};
    for (unsigned r = 0; r < rows_; ++r) {
      const std::size_t row = v_.row_index[begin + r];
      if (row < begin || row - begin >= rows_ || seen[row - begin]) {
        return damaged("The row order of the packed weights is no permutation.");
      }
      seen[row - begin] = true;
    }
    return {};
  }

  status check_panel_rows(const panel& p) noexcept {
    constexpr status wrong(errc::corrupt, "A panel of the packed weights names a row that it cannot have.");
    present_ = 0;
    if (p.segments == 0 || p.flags > (panel::finishing | panel::repeating) || p.resumes >> panel_rows != 0)
      return wrong;
    for (unsigned i = 0; i < panel_rows; ++i) {
      const unsigned slot = p.to[i];
      const bool resumes = (p.resumes >> i & 1u) != 0;
      if (slot == rows_ + 1 && !resumes) continue;
      if (slot == 0 || slot > rows_) return wrong;
      for (unsigned j = 0; j < i; ++j) {
        if (p.to[j] == slot) return wrong;
      }
      if (finished_[slot] || resumes != touched_[slot]) return wrong;
      touched_[slot] = true;
      finished_[slot] = p.finishes();
      present_ |= 1u << i;
    }
    return {};
  }

  status check_segments(const panel& p) noexcept {
    constexpr status wrong(errc::corrupt, "A segment of the packed weights reaches outside of the matrix.");
    constexpr status other(errc::corrupt, "A panel of the packed weights repeats columns that no panel before it has.");
    // The columns that it may repeat are those from list_ to column_; a group's first panel finds none.
    if (p.repeats() && list_ == column_) return other;
    const std::size_t list_end = column_;
    const std::size_t column_end = p.repeats() ? list_end : v_.column_index.size() - panels_read_ahead;
    list_ = column_ = p.repeats() ? list_ : column_;
    for (unsigned s = 0; s < p.segments; ++s, ++segment_) {
      if (segment_ >= v_.segments.size()) return wrong;
      const segment& run = v_.segments[segment_];
      const unsigned kept = static_cast<unsigned>(std::popcount(run.mask));
      if (p.first_column >= v_.columns || run.mask == 0 || (run.mask & ~present_) != 0 || run.columns == 0 ||
          run.columns > column_end - column_ || std::size_t{run.columns} * kept > v_.weights.size() - weight_) {
        return wrong;
      }
      for (unsigned c = 0; c < run.columns; ++c) {
        if (v_.column_index[column_ + c] >= v_.columns - p.first_column) return wrong;
      }
      column_ += run.columns;
      weight_ += std::size_t{run.columns} * kept;
    }
    if (p.repeats() && column_ != list_end) return other;
    return {};
  }

  const panels_view<T>& v_;
  unsigned rows_ = 0, present_ = 0;
  std::size_t segment_ = 0, column_ = 0, weight_ = 0;
  std::size_t list_ = 0;  // where the columns of the panel before begin
  bool touched_[group_rows_limit + 2] = {}, finished_[group_rows_limit + 2] = {};
};

}  // namespace detail

template <class T>
BCR_COLD result<panels_view<T>> panels_view<T>::open(const blob_view& blob) noexcept {
  panels_view v;
  v.rows = static_cast<std::size_t>(blob.matrix().rows);
  v.columns = static_cast<std::size_t>(blob.matrix().columns);
  constexpr std::size_t most = std::numeric_limits<std::uint32_t>::max();
  if (v.rows > most || v.columns > most) {
    return {errc::corrupt, "The packed weights have more rows or columns than this layout can number."};
  }
  status why;
  const auto find = [&]<class E>(panels_section id, std::span<const E>& into) {
    auto found = blob.section<E>(static_cast<std::uint32_t>(id));
    if (found) into = *found;
    if (!found && why.ok()) why = found.status();
  };
  find(panels_section::groups, v.groups);
  find(panels_section::panels, v.panels);
  find(panels_section::segments, v.segments);
  find(panels_section::columns, v.column_index);
  find(panels_section::rows, v.row_index);
  find(panels_section::weights, v.weights);
  constexpr std::size_t ahead = weights_read_ahead<T>;
  if (why.ok() && (v.weights.size() < ahead || v.weights.size() - ahead != blob.matrix().kept)) {
    why = {errc::corrupt, "The packed weights are not as many as their header says."};
  }
  if (why.ok() && !detail::all_zero(std::as_bytes(v.weights.last(ahead)))) {
    why = {errc::corrupt, "The weights are not padded with zeros."};
  }
  if (why.ok()) v.weights = v.weights.first(v.weights.size() - ahead);
  if (why.ok()) why = detail::panels_check<T>(v).run();
  if (!why) return why;
  return v;
}

}  // namespace bcr
