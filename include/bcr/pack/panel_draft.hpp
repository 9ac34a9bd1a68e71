// A panel while group_panels puts it together, and who wants to know of panels. Panels that follow each other often
// have the same columns: those of one block whose rows are all kept, or of a block with more rows than a panel has.
// They are found here, so that their list of columns is stored once.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/panels.hpp"

namespace bcr::detail {

// Whoever wants to know how a group was cut.
struct panel_sink {
  // A panel of the group's `rows`; its columns count from `first_column`. It `repeats` the columns of the panel before,
  // one by one, or has others.
  virtual void begin_panel(std::size_t first_column, std::span<const std::uint8_t> rows, bool repeats) noexcept = 0;
  // A segment of the panel, with `columns` columns that keep the panel's rows named by `mask`.
  virtual void begin_segment(unsigned mask, std::size_t columns) noexcept = 0;
  // The segment's columns, all of them.
  virtual void columns(std::span<const std::uint32_t> all) noexcept = 0;

 protected:
  ~panel_sink() = default;
};

// Takes a group's panels piece by piece, and hands each on when it is complete.
class panel_draft {
 public:
  // For a matrix of so many columns. Fails with out_of_memory.
  BCR_COLD static result<panel_draft> create(std::size_t columns) noexcept {
    panel_draft made;
    auto segments = buffer<segment_of>::allocate(columns);
    if (!segments) return segments.status();
    made.segment_ = std::move(*segments);
    for (columns_of& list : made.lists_) {
      auto memory = buffer<std::uint32_t>::allocate(columns);
      if (!memory) return memory.status();
      list.memory = std::move(*memory);
    }
    return made;
  }

  // A group's first panel repeats none.
  void begin_group() noexcept { lists_[0].count = lists_[1].count = 0; }

  void begin(std::size_t first_column, std::span<const std::uint8_t> rows) noexcept {
    first_column_ = first_column;
    rows_ = static_cast<unsigned>(rows.size());
    std::copy(rows.begin(), rows.end(), row_);
    segments_ = 0;
    now().count = 0;
  }
  void begin_segment(unsigned mask) noexcept { segment_[segments_++] = {mask, now().count}; }
  void add(std::span<const std::uint32_t> columns) noexcept {
    std::copy(columns.begin(), columns.end(), now().memory.data() + now().count);
    now().count += columns.size();
  }
  BCR_COLD void finish(panel_sink& sink) noexcept {
    const std::span<const std::uint32_t> all = now().all(), before = lists_[1 - now_].all();
    sink.begin_panel(first_column_, {row_, rows_}, std::equal(all.begin(), all.end(), before.begin(), before.end()));
    for (std::size_t s = 0; s < segments_; ++s) {
      const std::size_t end = s + 1 == segments_ ? all.size() : segment_[s + 1].begin;
      sink.begin_segment(segment_[s].mask, end - segment_[s].begin);
      sink.columns(all.subspan(segment_[s].begin, end - segment_[s].begin));
    }
    now_ = 1 - now_;
  }

 private:
  struct columns_of {
    buffer<std::uint32_t> memory;
    std::size_t count = 0;
    std::span<const std::uint32_t> all() const noexcept { return {memory.data(), count}; }
  };
  struct segment_of {
    unsigned mask;
    std::size_t begin;
  };

  panel_draft() noexcept = default;
  columns_of& now() noexcept { return lists_[now_]; }

  columns_of lists_[2];  // this panel's, and those of the one before
  unsigned now_ = 0;
  buffer<segment_of> segment_;  // each with a column of its own at least
  std::size_t segments_ = 0;
  std::size_t first_column_ = 0;
  std::uint8_t row_[panel_rows] = {};
  unsigned rows_ = 0;
};

}  // namespace bcr::detail
