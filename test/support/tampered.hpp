// Packed weights that somebody who means harm has changed: any field, under a checksum that is right.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "bcr/format/packed_weights.hpp"
#include "bcr/pack/pack.hpp"
#include "support/random_pattern.hpp"
#include "support/reference.hpp"

namespace bcr::test {

class tampered {
 public:
  // A number in the bytes: `width` bytes of them.
  struct field {
    std::size_t at;
    std::size_t width;
  };

  explicit tampered(std::span<const std::byte> good) {
    bytes_ = std::move(*buffer<std::byte>::allocate(good.size()));
    std::memcpy(bytes_.data(), good.data(), good.size());
    section_count_ = reinterpret_cast<const blob_header*>(bytes_.data())->section_count;
  }

  blob_matrix& matrix() { return reinterpret_cast<blob_header*>(bytes_.data())->matrix; }
  // The table, as long as the frame is intact.
  std::span<blob_section> entries() {
    return {reinterpret_cast<blob_section*>(bytes_.data() + sizeof(blob_header)), section_count_};
  }
  template <class Id>
  blob_section& entry(Id id) {
    for (blob_section& s : entries()) {
      if (s.id == static_cast<std::uint32_t>(id)) return s;
    }
    std::abort();
  }
  template <class E, class Id>
  std::span<E> section(Id id) {
    return {reinterpret_cast<E*>(bytes_.data() + entry(id).offset),
            static_cast<std::size_t>(entry(id).bytes) / sizeof(E)};
  }
  std::span<row_group> groups() { return section<row_group>(panels_section::groups); }
  std::span<panel> panels() { return section<panel>(panels_section::panels); }
  std::span<segment> segments() { return section<segment>(panels_section::segments); }
  std::span<std::uint16_t> columns() { return section<std::uint16_t>(panels_section::columns); }
  std::span<std::uint32_t> rows() { return section<std::uint32_t>(panels_section::rows); }
  std::span<band> bands() { return section<band>(bands_section::bands); }
  std::span<strip_run> runs() { return section<strip_run>(bands_section::runs); }
  std::span<std::uint8_t> indices() { return section<std::uint8_t>(bands_section::indices); }

  // Every number of the frame: header and table, but for the checksum.
  std::vector<field> frame() const {
    std::vector<field> all;
    const auto add = [&](std::size_t at, std::initializer_list<std::size_t> widths) {
      for (const std::size_t width : widths) {
        all.push_back({at, width});
        at += width;
      }
    };
    add(0, {8, 4, 4, 4, 4, 8});
    add(offsetof(blob_header, kind), {4, 4, 4, 4, 8, 8, 8});
    for (std::size_t i = 0; i < section_count_; ++i) add(sizeof(blob_header) + i * sizeof(blob_section), {4, 4, 8, 8});
    return all;
  }
  // Every number that is no weight: the matrix's extents, then section by section. Of an intact frame.
  std::vector<field> fields() {
    std::vector<field> all;
    for (std::size_t i = 0; i < 3; ++i) all.push_back({offsetof(blob_header, matrix) + 8 * i, 8});
    const auto add = [&](auto id, std::initializer_list<std::size_t> widths) {
      if (std::none_of(entries().begin(), entries().end(),
                       [&](const blob_section& s) { return s.id == static_cast<std::uint32_t>(id); })) {
        return;
      }
      const blob_section& s = entry(id);
      for (auto at = static_cast<std::size_t>(s.offset); at < s.offset + s.bytes;) {
        for (const std::size_t width : widths) {
          all.push_back({at, width});
          at += width;
        }
      }
    };
    add(panels_section::groups, {4, 4, 4, 2, 2, 8, 8});
    add(panels_section::panels, {4, 2, 1, 1, 1, 1, 1, 1});
    add(panels_section::segments, {2, 2});
    add(panels_section::columns, {2});
    add(panels_section::rows, {4});
    add(bands_section::bands, {4, 4, 8, 8});
    add(bands_section::runs, {2, 1, 1, 1, 1, 1, 1, 1, 1});
    add(bands_section::indices, {1});
    if (reinterpret_cast<const blob_header*>(bytes_.data())->kind.type == value_type::i8) {
      add(bands_section::weights, {1});  // not every byte is one
      add(bands_section::scales, {4});
      add(bands_section::sums, {4});
    }
    return all;
  }
  // The bytes that must be zero, behind the table and the sections. Of an intact frame.
  std::vector<field> padding() {
    std::vector<field> all;
    std::size_t end = sizeof(blob_header) + section_count_ * sizeof(blob_section);
    const auto fill_up_to = [&](std::size_t begin) {
      for (; end < begin; ++end) all.push_back({end, 1});
    };
    for (const blob_section& section : entries()) {
      fill_up_to(static_cast<std::size_t>(section.offset));
      end += static_cast<std::size_t>(section.bytes);
    }
    fill_up_to(bytes_.size());
    return all;
  }
  std::uint64_t get(const field& f) const {
    std::uint64_t value = 0;
    for (std::size_t i = f.width; i-- > 0;) value = value << 8 | static_cast<std::uint64_t>(bytes_[f.at + i]);
    return value;
  }
  void set(const field& f, std::uint64_t value) {
    for (std::size_t i = 0; i < f.width; ++i) bytes_[f.at + i] = static_cast<std::byte>(value >> (8 * i));
  }

  // The bytes, with the checksum that belongs to them.
  std::span<const std::byte> sealed() {
    const std::uint64_t sum = detail::blob_checksum(bytes_);
    std::memcpy(bytes_.data() + detail::blob_checksum_at, &sum, sizeof sum);
    return bytes_;
  }

 private:
  buffer<std::byte> bytes_;
  std::size_t section_count_ = 0;
};

// Numbers likely to be at the edge of what is allowed.
inline std::vector<std::uint64_t> edges_around(std::uint64_t value) {
  return {0,
          1,
          2,
          3,
          15,
          16,
          17,
          127,
          128,
          129,
          130,
          255,
          0x7fff,
          0x8000,
          0xffff,
          0xffffffff,
          0x80000000,
          ~std::uint64_t{0},
          std::uint64_t{1} << 63,
          value - 1,
          value + 1,
          value + 2,
          value - 32,
          value * 2};
}

// Calls visit(t) with every single field at every edge, one at a time; `t` is as before afterwards.
template <class Visit>
void for_each_tampering(tampered& t, const std::vector<tampered::field>& fields, Visit&& visit) {
  for (const tampered::field& f : fields) {
    const std::uint64_t before = t.get(f);
    for (const std::uint64_t value : edges_around(before)) {
      t.set(f, value);
      if (t.get(f) != before) visit(t);
    }
    t.set(f, before);
  }
}

// The same for the fields() of good weights.
template <class Visit>
void for_each_tampering(std::span<const std::byte> good, Visit&& visit) {
  tampered t(good);
  for_each_tampering(t, t.fields(), visit);
}

// Several fields changed at random: to an edge, to any number, or to another field's value of the same width.
inline void tamper_at_random(tampered& t, const std::vector<tampered::field>& fields, random_source& random) {
  for (std::size_t n = 1 + random.below(4); n > 0; --n) {
    const tampered::field& f = fields[random.below(fields.size())];
    const tampered::field& other = fields[random.below(fields.size())];
    const std::vector<std::uint64_t> edges = edges_around(t.get(f));
    if (random.chance(0.4)) {
      t.set(f, edges[random.below(edges.size())]);
    } else if (random.chance(0.3)) {
      t.set(f, random.word());
    } else if (other.width == f.width) {
      const std::uint64_t value = t.get(f);  // exchanged, so that permutations stay such
      t.set(f, t.get(other));
      t.set(other, value);
    }
  }
}

// Whether a walk stays inside of the matrix; guards and sanitizers see to it that it stays inside of the arrays.
template <class T, class Block, blob_layout Layout>
bool can_be_walked(const packed_weights<T, Block, Layout>& w) {
  bool inside = true;
  std::size_t count = 0;
  double sum = 0;
  w.for_each_weight([&](std::size_t row, std::size_t column, T weight) {
    inside = inside && row < w.rows() && column < w.columns();
    ++count;
    sum += to_double(weight);
  });
  [[maybe_unused]] const volatile double read = sum;  // every weight has to be
  return inside && count == w.kept();
}

// Weights with direct rows, carried rows and rows without a weight, in three groups and as few fields as can be, and if
// blocks are cut apart panels that repeat columns; or in bands.
template <blob_layout Layout = blob_layout::panels, class W = float>
packed_weights<W, block<8, 4>, Layout> victim(const pack_options& how) {
  using shape = block<8, 4>;
  auto kept = random_pattern<shape>(37, 11, {.density = 0.3, .rows_kept = 0.6}, 11);
  for (std::size_t bj = 0; bj < kept.block_columns(); ++bj) kept.keep_row(0, bj, 5, false);
  for (std::size_t bj = 0; bj < kept.block_columns(); ++bj) kept.keep_block(4, bj);
  return std::move(*pack<W, Layout>(kept, random_weights<float>(kept, 12).view(), how));
}

}  // namespace bcr::test
