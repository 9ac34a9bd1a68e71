// The saved form of packed weights: one relocatable run of bytes, a header, a table of sections, and the sections.
// Layouts (panels, bands) say what their sections mean; this header makes sure that the bytes are whole, unchanged,
// meant for this build, and that no section reaches outside them. It knows no layout and no file.
//
//   offset 0           80           80 + 24 n       aligned to 64                  aligned to 64
//          | blob_header | n x blob_section | 0 ... | bytes of section 0 | 0 ... | ... | 0 ... |
//
// Sections stand in ascending order of id, each at the first multiple of 64 after the one before, and every byte
// between them is zero, so that equal contents have equal bytes. Numbers are in the byte order of the machine that
// saved them; a machine of the other order refuses the blob instead of converting it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/narrow.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/checksum.hpp"

namespace bcr {

enum class value_type : std::uint32_t { f32 = 1, f64 = 2, f16 = 3, bf16 = 4, i8 = 5 };

template <class T>
struct value_type_of;
template <>
struct value_type_of<float> : std::integral_constant<value_type, value_type::f32> {};
template <>
struct value_type_of<double> : std::integral_constant<value_type, value_type::f64> {};
template <>
struct value_type_of<f16> : std::integral_constant<value_type, value_type::f16> {};
template <>
struct value_type_of<bf16> : std::integral_constant<value_type, value_type::bf16> {};
template <>
struct value_type_of<std::int8_t> : std::integral_constant<value_type, value_type::i8> {};

// Which layouts a blob has, each with all of the weights: one for matrix-matrix work, one for matrix-vector work. Or
// that its sections are the layers of a network (format/saved_network.hpp).
enum class blob_layout : std::uint32_t { panels = 1, bands = 2, panels_and_bands = 3, network = 4 };

// Whether `layout` has all that `part` has.
constexpr bool has_layout(blob_layout layout, blob_layout part) noexcept {
  return (static_cast<std::uint32_t>(layout) & static_cast<std::uint32_t>(part)) == static_cast<std::uint32_t>(part);
}

// What a reader must agree with the writer about before it can use the sections.
struct blob_kind {
  std::uint32_t block_rows = 0;
  std::uint32_t block_columns = 0;
  value_type type = {};
  blob_layout layout = {};
  friend constexpr bool operator==(const blob_kind&, const blob_kind&) noexcept = default;
};

// The matrix that was packed.
struct blob_matrix {
  std::uint64_t rows = 0;
  std::uint64_t columns = 0;
  std::uint64_t kept = 0;  // weights
  friend constexpr bool operator==(const blob_matrix&, const blob_matrix&) noexcept = default;
};

struct blob_header {
  std::uint8_t magic[8];
  std::uint32_t byte_order;
  std::uint32_t version;
  std::uint32_t header_bytes;
  std::uint32_t section_count;
  std::uint64_t total_bytes;
  std::uint64_t checksum;  // of all bytes of the blob but these eight
  blob_kind kind;
  blob_matrix matrix;
};

struct blob_section {
  std::uint32_t id;
  std::uint32_t zero;
  std::uint64_t offset;  // from the blob's first byte
  std::uint64_t bytes;
};

// What a section is to hold, for blob_writer.
struct blob_extent {
  std::uint32_t id = 0;
  std::size_t bytes = 0;
};

// Types whose every byte means something: no padding that would make equal contents differ.
template <class T>
concept blob_element = std::is_trivially_copyable_v<T> && alignof(T) <= buffer_alignment &&
                       (std::is_floating_point_v<T> || std::has_unique_object_representations_v<T>);

namespace detail {

// As in PNG, a byte above 127 and three line ends, so that a transfer in text mode is noticed at once.
inline constexpr std::uint8_t blob_magic[8] = {0x89, 'B', 'C', 'R', '\r', '\n', 0x1a, '\n'};
inline constexpr std::uint32_t blob_byte_order = 0x01020304;
inline constexpr std::uint32_t blob_foreign_byte_order = 0x04030201;
inline constexpr std::uint32_t blob_version = 2;
inline constexpr std::size_t blob_checksum_at = 32;

static_assert(sizeof(blob_header) == 80 && offsetof(blob_header, checksum) == blob_checksum_at);
static_assert(sizeof(blob_section) == 24);

constexpr std::uint64_t blob_aligned(std::uint64_t offset) noexcept {
  return (offset + (buffer_alignment - 1)) & ~std::uint64_t{buffer_alignment - 1};
}

// The blob's checksum, as if the field that holds it were zero. `bytes` is a positive multiple of 64.
inline std::uint64_t blob_checksum(std::span<const std::byte> bytes) noexcept {
  std::byte first[buffer_alignment];
  std::memcpy(first, bytes.data(), sizeof first);
  std::memset(first + blob_checksum_at, 0, sizeof(std::uint64_t));
  checksum sum;
  sum.add_lines(first);
  sum.add_lines(bytes.subspan(sizeof first));
  return sum.value();
}

inline bool all_zero(std::span<const std::byte> bytes) noexcept {
  for (const std::byte b : bytes) {
    if (b != std::byte{0}) return false;
  }
  return true;
}

}  // namespace detail

// Lays a blob out, lends its sections for filling, and seals it.
class blob_writer {
 public:
  // Reserves all of the blob's memory, zeroed. `extents` are in strictly ascending order of id. Fails with
  // invalid_argument if they are not or if their sum overflows, and with out_of_memory.
  BCR_COLD static result<blob_writer> create(const blob_kind& kind, const blob_matrix& matrix,
                                             std::span<const blob_extent> extents) noexcept {
    constexpr std::uint64_t most = std::numeric_limits<std::ptrdiff_t>::max() / buffer_alignment * buffer_alignment;
    constexpr status too_large(errc::invalid_argument, "The sections of the packed weights are too large to save.");
    if (extents.size() > std::numeric_limits<std::uint32_t>::max()) return too_large;
    std::uint64_t total = detail::blob_aligned(sizeof(blob_header) + extents.size() * sizeof(blob_section));
    for (std::size_t s = 0; s < extents.size(); ++s) {
      if (s != 0 && extents[s].id <= extents[s - 1].id) {
        return {errc::invalid_argument, "Sections must be declared in strictly ascending order of their numbers."};
      }
      if (extents[s].bytes > most - total) return too_large;
      total = detail::blob_aligned(total + extents[s].bytes);  // no more than `most`, which is aligned itself
    }
    auto bytes = buffer<std::byte>::allocate(static_cast<std::size_t>(total));
    if (!bytes) return bytes.status();

    blob_writer made(std::move(*bytes));
    blob_header header{.magic = {},
                       .byte_order = detail::blob_byte_order,
                       .version = detail::blob_version,
                       .header_bytes = sizeof(blob_header),
                       .section_count = static_cast<std::uint32_t>(extents.size()),
                       .total_bytes = total,
                       .checksum = 0,
                       .kind = kind,
                       .matrix = matrix};
    std::memcpy(header.magic, detail::blob_magic, sizeof header.magic);
    std::memcpy(made.bytes_.data(), &header, sizeof header);
    std::uint64_t offset = detail::blob_aligned(sizeof(blob_header) + extents.size() * sizeof(blob_section));
    for (std::size_t s = 0; s < extents.size(); ++s) {
      const blob_section section{.id = extents[s].id, .zero = 0, .offset = offset, .bytes = extents[s].bytes};
      std::memcpy(made.bytes_.data() + sizeof header + s * sizeof section, &section, sizeof section);
      offset = detail::blob_aligned(offset + extents[s].bytes);
    }
    return made;
  }

  // The section's elements, zero until written: the declared bytes over sizeof(T), 64-byte aligned. Empty if no such
  // section was declared.
  template <blob_element T>
  std::span<T> section(std::uint32_t id) noexcept {
    blob_header header;
    std::memcpy(&header, bytes_.data(), sizeof header);
    for (std::size_t s = 0; s < header.section_count; ++s) {
      blob_section section;
      std::memcpy(&section, bytes_.data() + sizeof header + s * sizeof section, sizeof section);
      if (section.id != id) continue;
      return {reinterpret_cast<T*>(bytes_.data() + section.offset),
              static_cast<std::size_t>(section.bytes) / sizeof(T)};
    }
    return {};
  }

  // Writes the checksum and gives the blob away; the writer is empty afterwards.
  buffer<std::byte> finish() && noexcept {
    const std::uint64_t sum = detail::blob_checksum(bytes_);
    std::memcpy(bytes_.data() + detail::blob_checksum_at, &sum, sizeof sum);
    return std::move(bytes_);
  }

 private:
  explicit blob_writer(buffer<std::byte> bytes) noexcept : bytes_(std::move(bytes)) {}

  buffer<std::byte> bytes_;
};

// A blob in memory that somebody else owns, checked once when it is opened and believed from then on: the memory must
// outlive the view and must not change under it. What the sections contain (indices in range, counts that add up) is
// for the layout to check.
class blob_view {
 public:
  // Checks all of `bytes`, any content and length of which is safe to pass; reads every byte at least once and none
  // outside. Fails with
  //
  //   invalid_argument  the memory is not 64-byte aligned: copy it into a bcr::buffer first
  //   foreign           no blob at all, or one of another format version or byte order
  //   truncated         bytes are missing at the end
  //   corrupt           the checksum, the header, the table or the padding is wrong, or bytes follow the blob
  BCR_COLD static result<blob_view> open(std::span<const std::byte> bytes) noexcept {
    if (reinterpret_cast<std::uintptr_t>(bytes.data()) % buffer_alignment != 0) {
      return {errc::invalid_argument, "Packed weights can be used in place only from memory that is 64-byte aligned."};
    }
    if (const status s = check_signature(bytes); !s) return s;
    if (bytes.size() < sizeof(blob_header)) return ends_early();
    blob_view view(bytes);
    if (const status s = view.check_header(); !s) return s;
    if (const status s = view.check_sections(); !s) return s;
    return view;
  }

  // The same, and fails with foreign if the blob is intact but not of the kind that the caller can use.
  BCR_COLD static result<blob_view> open(std::span<const std::byte> bytes, const blob_kind& expected) noexcept {
    auto view = open(bytes);
    if (!view) return view;
    const blob_kind found = view->kind();
    if (found.block_rows != expected.block_rows || found.block_columns != expected.block_columns) {
      return {errc::foreign, "The weights were packed for another block shape."};
    }
    if (found.type != expected.type) return {errc::foreign, "The weights were packed as another type of number."};
    if (found.layout != expected.layout) return {errc::foreign, "The weights were packed in another layout."};
    return view;
  }

  const blob_kind& kind() const noexcept { return header_.kind; }
  const blob_matrix& matrix() const noexcept { return header_.matrix; }
  std::uint32_t version() const noexcept { return header_.version; }
  std::uint64_t checksum() const noexcept { return header_.checksum; }
  std::span<const std::byte> bytes() const noexcept { return bytes_; }
  std::span<const blob_section> sections() const noexcept {
    return {reinterpret_cast<const blob_section*>(bytes_.data() + sizeof(blob_header)), header_.section_count};
  }

  // The section's elements, 64-byte aligned. Fails with corrupt if there is no such section or if its bytes are no
  // whole number of elements.
  template <blob_element T>
  result<std::span<const T>> section(std::uint32_t id) const noexcept {
    for (const blob_section& s : sections()) {
      if (s.id != id) continue;
      if (s.bytes % sizeof(T) != 0) return {errc::corrupt, "A section of the packed weights ends within an element."};
      return std::span<const T>(reinterpret_cast<const T*>(bytes_.data() + s.offset),
                                static_cast<std::size_t>(s.bytes / sizeof(T)));
    }
    return {errc::corrupt, "A section of the packed weights is missing."};
  }

  // The same, and fails with corrupt unless there are exactly `count` elements.
  template <blob_element T>
  result<std::span<const T>> section(std::uint32_t id, std::size_t count) const noexcept {
    auto found = section<T>(id);
    if (found && found->size() != count) {
      return {errc::corrupt, "A section of the packed weights has the wrong number of elements."};
    }
    return found;
  }

 private:
  // Precondition: at least a header's worth of bytes.
  explicit blob_view(std::span<const std::byte> bytes) noexcept : bytes_(bytes) {
    std::memcpy(&header_, bytes.data(), sizeof header_);
  }

  static constexpr status ends_early() noexcept {
    return {errc::truncated, "The packed weights are truncated: the buffer ends before the contents do."};
  }

  // A short buffer that begins as a blob does is truncated; any other is foreign.
  static status check_signature(std::span<const std::byte> bytes) noexcept {
    constexpr std::size_t all = sizeof detail::blob_magic;
    const std::size_t there = bytes.size() < all ? bytes.size() : all;
    if (there != 0 && std::memcmp(bytes.data(), detail::blob_magic, there) != 0) {
      return {errc::foreign, "The buffer holds no packed weights: it does not begin with their signature."};
    }
    return there < all ? ends_early() : status();
  }

  // Everything that can be said without the table: is this blob whole, unchanged and of our making?
  BCR_COLD status check_header() const noexcept {
    if (header_.byte_order == detail::blob_foreign_byte_order) {
      return {errc::foreign, "The packed weights were saved on a machine of the other byte order."};
    }
    if (header_.byte_order != detail::blob_byte_order) {
      return {errc::corrupt, "The packed weights are damaged: their byte-order mark is none."};
    }
    if (header_.version != detail::blob_version) {
      return {errc::foreign, "The packed weights were saved in another version of the format."};
    }
    if (header_.total_bytes > bytes_.size()) return ends_early();
    if (header_.total_bytes < bytes_.size()) {
      return {errc::corrupt, "Bytes follow the end of the packed weights."};
    }
    if (bytes_.size() % buffer_alignment != 0 || header_.header_bytes != sizeof(blob_header) ||
        header_.section_count > (bytes_.size() - sizeof(blob_header)) / sizeof(blob_section)) {
      return {errc::corrupt, "The packed weights are damaged: the sizes in their header contradict each other."};
    }
    if (detail::blob_checksum(bytes_) != header_.checksum) {
      return {errc::corrupt, "The packed weights are damaged: their checksum does not match."};
    }
    return check_matrix();
  }

  BCR_COLD status check_matrix() const noexcept {
    const auto& [rows, columns, kept] = header_.matrix;
    constexpr std::uint64_t most = std::numeric_limits<std::size_t>::max();
    const bool countable = columns == 0 || rows <= most / columns;
    const auto& kind = header_.kind;
    if (!countable || rows > most || columns > most || kept > rows * columns || kind.block_rows < 1 ||
        kind.block_rows > 128 || kind.block_columns < 1 || kind.block_columns > 1024) {
      return {errc::corrupt, "The header of the packed weights describes a matrix that cannot be."};
    }
    return {};
  }

  // There is one place where each section can be, and all bytes around the sections are zero.
  BCR_COLD status check_sections() const noexcept {
    std::uint64_t end = sizeof(blob_header) + std::uint64_t{header_.section_count} * sizeof(blob_section);
    const blob_section* before = nullptr;
    for (const blob_section& s : sections()) {
      const std::uint64_t begin = detail::blob_aligned(end);
      if (s.zero != 0 || s.offset != begin || begin > bytes_.size() || s.bytes > bytes_.size() - begin ||
          (before != nullptr && s.id <= before->id)) {
        return {errc::corrupt, "The packed weights are damaged: their table of sections contradicts itself."};
      }
      if (!padding_is_zero(end, begin)) return dirty_padding();
      end = begin + s.bytes;
      before = &s;
    }
    if (detail::blob_aligned(end) != bytes_.size()) {
      return {errc::corrupt, "The packed weights are damaged: they are longer than their sections."};
    }
    return padding_is_zero(end, bytes_.size()) ? status() : dirty_padding();
  }

  bool padding_is_zero(std::uint64_t begin, std::uint64_t end) const noexcept {
    return detail::all_zero(bytes_.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin)));
  }
  static constexpr status dirty_padding() noexcept {
    return {errc::corrupt, "The packed weights are damaged: bytes that must be zero are not."};
  }

  std::span<const std::byte> bytes_;
  blob_header header_;
};

}  // namespace bcr
