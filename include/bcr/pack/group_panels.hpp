// How one group of rows is cut into panels. Two ways, and a cost model that chooses between them for every group:
//
//   whole_rows  Four rows with many columns in common form a panel and keep their outputs in registers over all
//               columns, one segment for each of the (at most 15) row masks. Best when blocks are small or few rows are
//               pruned.
//   per_block   Columns that keep exactly the same rows of the group (usually: the columns of one block) are cut up to
//               four rows at a time, and blocks that share those four join into one panel. Every input vector that is
//               loaded meets as many rows as can be, at the price of a load and a store of the outputs a panel. Best
//               for large blocks with many pruned rows.
//
// Columns that keep the same rows are met in a scattered order. In their own order, which has gaps, hardware takes them
// for a stream and fetches the gaps as well: at density 0.5 and above that costs a tenth of the speed, and up to a
// third where few rows are kept (Zen 5).
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/panels.hpp"

namespace bcr {

enum class panel_cut : std::uint8_t { automatic, whole_rows, per_block };

namespace detail {

// Block rows in a group: enough that panels can choose among rows, few enough that a scratch tile stays near.
template <block_shape Block>
inline constexpr std::size_t block_rows_per_group = Block::rows >= 16 ? 1 : 16 / Block::rows;

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
  constexpr bool contains(const row_set& other) const noexcept {
    return (other.word[0] & ~word[0]) == 0 && (other.word[1] & ~word[1]) == 0;
  }
  constexpr void add(unsigned row) noexcept { word[row / 64] |= std::uint64_t{1} << (row % 64); }
  constexpr void remove(const row_set& other) noexcept {
    word[0] &= ~other.word[0];
    word[1] &= ~other.word[1];
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

// Columns whose input stays in a first-level cache of 32 to 48 KiB beside everything else, six vectors of 64 bytes
// each.
inline constexpr std::size_t near_columns = 80;

// Adds up what a cut would cost. The model counts cycles of a core with two FMA pipes of vectors as wide as a cache
// line, six of which make a tile. The figures were measured on such cores (Zen 5, where the second-level cache hands
// out about 47 bytes a cycle to loads of scattered rows); what matters is their proportion, and that of phones is not
// far off.
class panel_cost final : public panel_sink {
 public:
  // `last_load` has an element a column of the matrix, all zero.
  explicit panel_cost(std::span<std::uint32_t> last_load) noexcept : last_load_(last_load) {}
  double cycles() const noexcept { return cycles_; }

  void begin_panel(std::size_t, std::span<const std::uint8_t> rows) noexcept override {
    cycles_ += panel;
    if (std::any_of(rows.begin(), rows.end(), [this](std::uint8_t row) { return met_.has(row); })) cycles_ += resumed;
    for (const std::uint8_t row : rows) met_.add(row);
  }
  void begin_segment(unsigned mask, std::size_t) noexcept override {
    cycles_ += surprise;
    rows_ = static_cast<unsigned>(std::popcount(mask));
  }
  void columns(std::span<const std::uint32_t> some) noexcept override {
    for (const std::uint32_t k : some) {
      const bool near = last_load_[k] != 0 && loads_ - last_load_[k] < near_columns;
      cycles_ += (near ? from_near : from_far)[rows_ - 1];
      last_load_[k] = ++loads_;
    }
  }

 private:
  // One column that keeps one to four rows: three cycles of multiply-adds a row, unless loads take longer.
  static constexpr double from_near[panel_rows] = {4.1, 6.5, 9.4, 12.3};
  static constexpr double from_far[panel_rows] = {8.8, 9.4, 11.0, 12.5};
  static constexpr double surprise = 9;  // a loop that ends unforeseen
  static constexpr double panel = 28;    // its beginning and its end
  static constexpr double resumed = 14;  // sums that come from the scratch tile

  std::span<std::uint32_t> last_load_;
  std::uint32_t loads_ = 0;
  unsigned rows_ = 0;
  row_set met_;
  double cycles_ = 0;
};

// One group: its columns by row set, and the panels that follow. Reused for all groups of a matrix.
class group_panels {
 public:
  // With a kernel width above 1, the columns of a segment are all of the same column of a window so wide.
  BCR_COLD static result<group_panels> create(std::size_t columns, std::size_t kernel_width = 1) noexcept {
    group_panels made;
    made.kernel_width_ = kernel_width;
    auto sets = buffer<row_set>::allocate(columns);
    auto order = buffer<std::uint32_t>::allocate(columns);
    auto common = buffer<std::uint32_t>::allocate(std::size_t{group_rows_limit} * group_rows_limit);
    auto runs = buffer<column_run>::allocate(columns);
    auto last_load = buffer<std::uint32_t>::allocate(columns);
    if (!sets || !order || !common || !runs || !last_load)
      return status(errc::out_of_memory, "There is not enough memory to pack the matrix.");
    made.sets_ = std::move(*sets);
    made.order_ = std::move(*order);
    made.common_ = std::move(*common);
    made.runs_ = std::move(*runs);
    made.last_load_ = std::move(*last_load);
    return made;
  }

  // The rows that each column keeps: for the caller to fill before cut().
  std::span<row_set> sets() noexcept { return sets_; }

  // Decides on the panels. `rows` is the group's number of rows.
  BCR_COLD void cut(unsigned rows, panel_cut how) noexcept {
    rows_ = rows;
    ordered_ = 0;
    for (std::uint32_t k = 0; k < sets_.size(); ++k) {
      if (!sets_[k].empty()) order_[ordered_++] = k;
    }
    std::sort(order_.data(), order_.data() + ordered_,
              [this](std::uint32_t x, std::uint32_t y) { return before(x, y); });
    cluster_rows();
    how_ = how;
    if (how == panel_cut::automatic) {
      double least = std::numeric_limits<double>::infinity();
      for (const panel_cut trial : {panel_cut::whole_rows, panel_cut::per_block}) {
        std::fill(last_load_.begin(), last_load_.end(), 0u);
        panel_cost cost(last_load_);
        emit(trial, cost);
        if (cost.cycles() >= least) continue;
        least = cost.cycles();
        how_ = trial;
      }
    }
  }

  // Tells `sink` of the panels, in order.
  void emit(panel_sink& sink) noexcept { emit(how_, sink); }

 private:
  group_panels() noexcept = default;

  BCR_COLD void emit(panel_cut how, panel_sink& sink) noexcept {
    for (std::size_t begin = 0; begin < ordered_;) {
      const std::size_t slab = order_[begin] / slab_columns;
      std::size_t end = begin;
      while (end < ordered_ && order_[end] / slab_columns == slab) ++end;
      if (how == panel_cut::per_block) {
        emit_per_block(sink, slab * slab_columns, begin, end);
      } else {
        emit_whole_rows(sink, slab * slab_columns, begin, end);
      }
      begin = end;
    }
  }

  std::uint32_t& common(unsigned i, unsigned j) noexcept { return common_[std::size_t{i} * group_rows_limit + j]; }

  // Calls visit(set, begin, end) for each run of equal sets, and of one column of the window, in order_[first, last).
  template <class Visit>
  void for_each_run(std::size_t first, std::size_t last, Visit&& visit) const noexcept {
    for (std::size_t begin = first; begin < last;) {
      const std::size_t slab = order_[begin] / slab_columns;
      const row_set& set = sets_[order_[begin]];
      std::size_t end = begin + 1;
      while (end < last && sets_[order_[end]] == set && tap(end) == tap(begin) && order_[end] / slab_columns == slab) {
        ++end;
      }
      visit(set, begin, end);
      begin = end;
    }
  }

  // Which column of the window order_[i] is of.
  std::size_t tap(std::size_t i) const noexcept { return order_[i] % kernel_width_; }

  // The order of columns: by slab, then by the rows that they keep, then by the window's columns, then scattered.
  BCR_COLD bool before(std::uint32_t a, std::uint32_t b) const noexcept {
    if (a / slab_columns != b / slab_columns) return a < b;
    if (sets_[a] != sets_[b]) return sets_[a] < sets_[b];
    const std::size_t tap_a = a % kernel_width_, tap_b = b % kernel_width_;
    return tap_a == tap_b ? scattered(a) < scattered(b) : tap_a < tap_b;
  }
  // A permutation of the 32-bit numbers: multiplications by odd numbers and shifts, each of which can be undone.
  static std::uint32_t scattered(std::uint32_t k) noexcept {
    k *= 0x9e3779b1u;
    k ^= k >> 15;
    k *= 0x85ebca77u;
    return k ^ k >> 13;
  }

  // Greedy: a panel begins with the first row that is left and takes the rows that share the most columns with it.
  BCR_COLD void cluster_rows() noexcept {
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
  unsigned cluster_size(unsigned begin) const noexcept {
    return clustered_ - begin < unsigned{panel_rows} ? clustered_ - begin : unsigned{panel_rows};
  }

  BCR_COLD void emit_whole_rows(panel_sink& sink, std::size_t slab, std::size_t begin, std::size_t end) const noexcept {
    for (unsigned c = 0; c < clustered_; c += panel_rows) {
      const std::uint8_t* rows = cluster_ + c;
      const unsigned n = cluster_size(c);
      bool begun = false;
      for (std::size_t i = 0; i < ((std::size_t{1} << panel_rows) - 1) * kernel_width_; ++i) {
        const std::size_t mask = 1 + i / kernel_width_, column = i % kernel_width_;
        const auto in_segment = [&](const row_set& set, std::size_t from) {
          return tap(from) == column && mask_of(set, rows, n) == mask;
        };
        std::size_t count = 0;
        for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
          if (in_segment(set, from)) count += to - from;
        });
        if (count == 0) continue;
        if (!begun) sink.begin_panel(slab, {rows, n});
        begun = true;
        sink.begin_segment(static_cast<unsigned>(mask), count);
        for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
          if (in_segment(set, from)) sink.columns({order_.data() + from, to - from});
        });
      }
    }
  }

  // Greedy: the first run of columns with rows left over picks, from these, rows that the runs after it want as well.
  BCR_COLD void emit_per_block(panel_sink& sink, std::size_t slab, std::size_t begin, std::size_t end) noexcept {
    std::size_t runs = 0;
    for_each_run(begin, end, [&](const row_set& set, std::size_t from, std::size_t to) {
      runs_[runs++] = {set, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(to)};
    });
    for (std::size_t seed = 0; seed < runs;) {
      if (runs_[seed].rows.empty()) {
        ++seed;
        continue;
      }
      std::uint32_t members[window];
      const std::size_t near = gather(seed, runs, members);
      const row_set taken = pick_rows(members, near);
      std::uint8_t rows[group_rows_limit];
      const unsigned n = taken.list(rows);
      sink.begin_panel(slab, {rows, n});
      for (std::size_t column = 0; column < kernel_width_; ++column) {
        const auto in_segment = [&](const column_run& run) { return tap(run.begin) == column && joins(run, taken, n); };
        std::size_t count = 0;
        for (std::size_t m = 0; m < near; ++m) {
          const column_run& run = runs_[members[m]];
          if (in_segment(run)) count += run.end - run.begin;
        }
        if (count == 0) continue;
        sink.begin_segment((1u << n) - 1, count);
        for (std::size_t m = 0; m < near; ++m) {
          column_run& run = runs_[members[m]];
          if (!in_segment(run)) continue;
          sink.columns({order_.data() + run.begin, run.end - run.begin});
          run.rows.remove(taken);
        }
      }
    }
  }

  // Columns that keep the same rows, and which of these no panel has yet.
  struct column_run {
    row_set rows;
    std::uint32_t begin, end;
  };
  // Runs that are looked at for a panel: enough to find company, few enough that packing stays quick.
  static constexpr std::size_t window = 64 * 3;
  std::size_t runs_in_sight() const noexcept { return 64 * (kernel_width_ < 3 ? kernel_width_ : 3); }

  // A run joins a panel unless a single row would be left of it, which would load columns for itself alone.
  static bool joins(const column_run& run, const row_set& taken, unsigned n) noexcept {
    return run.rows.contains(taken) && (run.rows.count() != n + 1 || n == 1);
  }

  // The runs from `seed` on that have rows left.
  std::size_t gather(std::size_t seed, std::size_t runs, std::uint32_t* members) const noexcept {
    std::size_t n = 0;
    for (std::size_t r = seed; r < runs && n < runs_in_sight(); ++r) {
      if (!runs_[r].rows.empty()) members[n++] = static_cast<std::uint32_t>(r);
    }
    return n;
  }

  // Rows of the first member, up to four and dividing its rows evenly, each the one that the most columns want of those
  // which want all rows before it.
  BCR_COLD row_set pick_rows(const std::uint32_t* members, std::size_t count) const noexcept {
    const row_set& candidates = runs_[members[0]].rows;
    const unsigned left = candidates.count();
    const unsigned panels = (left + panel_rows - 1) / panel_rows;
    row_set taken;
    for (unsigned want = (left + panels - 1) / panels; want != 0; --want) {
      std::size_t columns[group_rows_limit] = {};
      for (std::size_t m = 0; m < count; ++m) {
        const column_run& run = runs_[members[m]];
        if (!run.rows.contains(taken)) continue;
        for (unsigned r = 0; r < rows_; ++r) columns[r] += run.rows.has(r) ? run.end - run.begin : 0;
      }
      unsigned best = rows_;
      for (unsigned r = 0; r < rows_; ++r) {
        if (candidates.has(r) && !taken.has(r) && (best == rows_ || columns[r] > columns[best])) best = r;
      }
      taken.add(best);
    }
    return taken;
  }

  buffer<row_set> sets_;
  buffer<column_run> runs_;          // for emit_per_block
  buffer<std::uint32_t> order_;      // columns that keep any row, by slab, then set, then scattered
  buffer<std::uint32_t> common_;     // columns that rows i and j both keep
  buffer<std::uint32_t> last_load_;  // for panel_cost
  std::size_t ordered_ = 0, kernel_width_ = 1;
  std::uint8_t cluster_[group_rows_limit] = {};  // rows that keep any column, four to a panel
  unsigned clustered_ = 0, rows_ = 0;
  panel_cut how_ = panel_cut::whole_rows;
};

}  // namespace detail
}  // namespace bcr
