// How one group of rows is cut into panels. Two ways, and a cost model that chooses between them for every group:
//
//   whole_rows  Four rows with many columns in common form a panel and keep their outputs in registers over all columns,
//               one segment for each of the (at most 15) row masks. Best when blocks are small or few rows are pruned.
//   per_block   Columns that keep exactly the same rows of the group (usually: the columns of one block) form panels of
//               their own, up to four of the kept rows at a time, whose sums wait in a scratch tile meanwhile. No input
//               vector is loaded for a row that does not want it and all rows of a block find it in the nearest cache,
//               at the price of a load and a store of the outputs a panel. Best for large blocks with pruned rows.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/buffer.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/panels.hpp"

namespace bcr {

enum class panel_cut : std::uint8_t { automatic, whole_rows, per_block };

namespace detail {

// Columns are numbered in 16 bits from the first of their slab.
inline constexpr std::size_t slab_columns = 32768;

// A set of rows of one group.
struct row_set {
  std::uint64_t word[2] = {0, 0};
  friend constexpr auto operator<=>(const row_set&, const row_set&) noexcept = default;
  constexpr bool empty() const noexcept { return (word[0] | word[1]) == 0; }
  constexpr bool has(unsigned row) const noexcept { return (word[row / 64] >> (row % 64) & 1) != 0; }
  constexpr unsigned count() const noexcept {
    return static_cast<unsigned>(std::popcount(word[0]) + std::popcount(word[1]));
  }
  // The rows in ascending order, into `rows` (group_rows_limit of them at most); how many.
  constexpr unsigned list(std::uint8_t* rows) const noexcept {
    unsigned n = 0;
    for (unsigned w = 0; w < 2; ++w) {
      for (std::uint64_t rest = word[w]; rest != 0; rest &= rest - 1) {
        rows[n++] = static_cast<std::uint8_t>(w * 64 + static_cast<unsigned>(std::countr_zero(rest)));
      }
    }
    return n;
  }
};

// The model counts cycles of a core with two FMA pipes of vectors as wide as a cache line, six of which make a tile.
// The figures are those of current server cores; what matters is their proportion, and phones' are not far off.
namespace panel_cost {
inline constexpr double fma = 3;        // one row, one column
inline constexpr double near = 5;       // one column's vectors from the first-level cache
inline constexpr double far = 10;       // and from the second
inline constexpr double segment = 20;   // a loop that ends unforeseen
inline constexpr double carry = 24;     // sums of four rows through the scratch tile
inline constexpr std::size_t near_columns = 80;  // whose vectors stay in the first-level cache
}  // namespace panel_cost

// Whoever wants to know how a group was cut.
struct panel_sink {
  // A panel of the group's `rows`; its columns count from `first_column`.
  virtual void begin_panel(std::size_t first_column, std::span<const std::uint8_t> rows) noexcept = 0;
  // A segment of the panel, with `columns` columns that keep the panel's rows named by `mask`.
  virtual void begin_segment(unsigned mask, std::size_t columns) noexcept = 0;
  // The segment's columns, some at a time.
  virtual void columns(std::span<const std::uint32_t> some) noexcept = 0;

 protected:
  ~panel_sink() = default;
};

// One group: its columns by row set, and the panels that follow. Reused for all groups of a matrix.
class group_panels {
 public:
  static result<group_panels> create(std::size_t columns) noexcept {
    group_panels made;
    auto sets = buffer<row_set>::allocate(columns);
    auto order = buffer<std::uint32_t>::allocate(columns);
    auto common = buffer<std::uint32_t>::allocate(std::size_t{group_rows_limit} * group_rows_limit);
    if (!sets || !order || !common) return status(errc::out_of_memory, "There is not enough memory to pack the matrix.");
    made.sets_ = std::move(*sets);
    made.order_ = std::move(*order);
    made.common_ = std::move(*common);
    return made;
  }

  // The rows that each column keeps: for the caller to fill before cut().
  std::span<row_set> sets() noexcept { return sets_; }

  // Decides on the panels. `rows` is the group's number of rows.
  void cut(unsigned rows, panel_cut how) noexcept {
    rows_ = rows;
    ordered_ = 0;
    for (std::uint32_t k = 0; k < sets_.size(); ++k) {
      if (!sets_[k].empty()) order_[ordered_++] = k;
    }
    std::sort(order_.data(), order_.data() + ordered_, [this](std::uint32_t a, std::uint32_t b) {
      if (a / slab_columns != b / slab_columns) return a < b;
      return sets_[a] != sets_[b] ? sets_[a] < sets_[b] : a < b;
    });
    cluster_rows();
    per_block_ = how == panel_cut::per_block || (how == panel_cut::automatic && cost_per_block() < cost_whole_rows());
  }

  // Tells `sink` of the panels, in order.
  void emit(panel_sink& sink) const noexcept {
    for (std::size_t begin = 0; begin < ordered_;) {
      const std::size_t slab = order_[begin] / slab_columns;
      std::size_t end = begin;
      while (end < ordered_ && order_[end] / slab_columns == slab) ++end;
      if (per_block_) {
        emit_per_block(sink, slab * slab_columns, begin, end);
      } else {
        emit_whole_rows(sink, slab * slab_columns, begin, end);
      }
      begin = end;
    }
  }

 private:
  group_panels() noexcept = default;

  std::uint32_t& common(unsigned i, unsigned j) noexcept { return common_[std::size_t{i} * group_rows_limit + j]; }

  // Calls visit(set, begin, end) for each run of equal sets in order_[first, last).
  template <class Visit>
  void for_each_run(std::size_t first, std::size_t last, Visit&& visit) const noexcept {
    for (std::size_t begin = first; begin < last;) {
      const std::size_t slab = order_[begin] / slab_columns;
      const row_set& set = sets_[order_[begin]];
      std::size_t end = begin + 1;
      while (end < last && sets_[order_[end]] == set && order_[end] / slab_columns == slab) ++end;
      visit(set, begin, end);
      begin = end;
    }
  }

  // Greedy: a panel begins with the first row that is left and takes the rows that share the most columns with it.
  void cluster_rows() noexcept {
    std::fill(common_.begin(), common_.end(), 0u);
    for_each_run(0, ordered_, [this](const row_set& set, std::size_t begin, std::size_t end) {
      std::uint8_t rows[group_rows_limit];
      const unsigned n = set.list(rows);
      for (unsigned i = 0; i < n; ++i) {
        for (unsigned j = 0; j < n; ++j) common(rows[i], rows[j]) += static_cast<std::uint32_t>(end - begin);
      }
    });
    bool taken[group_rows_limit] = {};
    clustered_ = 0;
    for (unsigned seed = 0; seed < rows_; ++seed) {
      if (taken[seed] || common(seed, seed) == 0) continue;
      std::uint8_t* panel = cluster_ + clustered_;
      std::uint64_t shared[group_rows_limit] = {};
      unsigned n = 0;
      for (unsigned next = seed; next != rows_ && n < panel_rows;) {
        panel[n++] = static_cast<std::uint8_t>(next);
        taken[next] = true;
        for (unsigned r = 0; r < rows_; ++r) shared[r] += common(next, r);
        next = rows_;
        for (unsigned r = 0; r < rows_; ++r) {
          if (!taken[r] && common(r, r) != 0 && (next == rows_ || shared[r] > shared[next])) next = r;
        }
      }
      clustered_ += n;
    }
  }

  static unsigned mask_of(const row_set& set, const std::uint8_t* rows, unsigned n) noexcept {
    unsigned mask = 0;
    for (unsigned i = 0; i < n; ++i) mask |= unsigned{set.has(rows[i])} << i;
    return mask;
  }
  static constexpr unsigned chunks(unsigned rows) noexcept { return (rows + panel_rows - 1) / panel_rows; }
  unsigned cluster_size(unsigned begin) const noexcept {
    return clustered_ - begin < unsigned{panel_rows} ? clustered_ - begin : unsigned{panel_rows};
  }

  double cost_whole_rows() const noexcept {
    double total = 0;
    for (unsigned c = 0; c < clustered_; c += panel_rows) {
      const bool near = c != 0 && ordered_ <= panel_cost::near_columns;
      bool met[1 << panel_rows] = {};
      for_each_run(0, ordered_, [&](const row_set& set, std::size_t begin, std::size_t end) {
        const unsigned mask = mask_of(set, cluster_ + c, cluster_size(c));
        if (mask == 0) return;
        total += static_cast<double>(end - begin) *
                 std::max(panel_cost::fma * std::popcount(mask), near ? panel_cost::near : panel_cost::far);
        if (!met[mask]) total += panel_cost::segment;
        met[mask] = true;
      });
    }
    return total;
  }

  double cost_per_block() const noexcept {
    double total = 0;
    for_each_run(0, ordered_, [&](const row_set& set, std::size_t begin, std::size_t end) {
      const unsigned n = set.count();
      for (unsigned at = 0, left = chunks(n); at < n; --left) {
        const unsigned take = (n - at + left - 1) / left;
        total += static_cast<double>(end - begin) *
                     std::max(panel_cost::fma * take, at == 0 ? panel_cost::far : panel_cost::near) +
                 panel_cost::segment + panel_cost::carry;
        at += take;
      }
    });
    return total;
  }

  void emit_whole_rows(panel_sink& sink, std::size_t slab, std::size_t begin, std::size_t end) const noexcept {
    for (unsigned c = 0; c < clustered_; c += panel_rows) {
      const std::uint8_t* rows = cluster_ + c;
      const unsigned n = cluster_size(c);
      bool begun = false;
      for (unsigned mask = 1; mask < 1u << panel_rows; ++mask) {
        std::size_t count = 0;
        for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
          if (mask_of(set, rows, n) == mask) count += to - from;
        });
        if (count == 0) continue;
        if (!begun) sink.begin_panel(slab, {rows, n});
        begun = true;
        sink.begin_segment(mask, count);
        for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
          if (mask_of(set, rows, n) == mask) sink.columns({order_.data() + from, to - from});
        });
      }
    }
  }

  void emit_per_block(panel_sink& sink, std::size_t slab, std::size_t begin, std::size_t end) const noexcept {
    for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
      std::uint8_t rows[group_rows_limit];
      const unsigned n = set.list(rows);
      for (unsigned at = 0, left = chunks(n); at < n; --left) {
        const unsigned take = (n - at + left - 1) / left;
        sink.begin_panel(slab, {rows + at, take});
        sink.begin_segment((1u << take) - 1, to - from);
        sink.columns({order_.data() + from, to - from});
        at += take;
      }
    });
  }

  buffer<row_set> sets_;
  buffer<std::uint32_t> order_;   // columns that keep any row, by slab, then set, then number
  buffer<std::uint32_t> common_;  // columns that rows i and j both keep
  std::size_t ordered_ = 0;
  std::uint8_t cluster_[group_rows_limit] = {};  // rows that keep any column, four to a panel
  unsigned clustered_ = 0, rows_ = 0;
  bool per_block_ = false;
};

}  // namespace detail
}  // namespace bcr
