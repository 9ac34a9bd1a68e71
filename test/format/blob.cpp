// The saved form against accidents and malice. Under the address sanitiser a read past the buffer is a failure too:
// every buffer here is allocated to its exact size.
#include "bcr/format/blob.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "support/property.hpp"

namespace {

using bytes = bcr::buffer<std::byte>;

constexpr bcr::blob_kind kind{4, 16, bcr::value_type::f32, bcr::blob_layout::panels};
constexpr bcr::blob_matrix matrix{10, 35, 7};
constexpr bcr::blob_extent extents[] = {{1, 6 * sizeof(std::uint16_t)}, {2, 0}, {9, 7 * sizeof(float)}};
constexpr const char* truncated = "The packed weights are truncated: the buffer ends before the contents do.";
constexpr const char* bad_checksum = "The packed weights are damaged: their checksum does not match.";
constexpr const char* bad_sizes = "The packed weights are damaged: the sizes in their header contradict each other.";
constexpr const char* bad_table = "The packed weights are damaged: their table of sections contradicts itself.";
constexpr const char* bad_padding = "The packed weights are damaged: bytes that must be zero are not.";
constexpr const char* bad_matrix = "The header of the packed weights describes a matrix that cannot be.";

// Header at 0, table at 80 to 152, section 1 at 192 to 204, section 2 (empty) at 256, section 9 at 256 to 284, end at
// 320.
bytes small_blob() {
  auto writer = bcr::blob_writer::create(kind, matrix, extents);
  REQUIRE(writer.ok());
  const auto ids = writer->section<std::uint16_t>(1);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::uint16_t>(100 + i);
  const auto weights = writer->section<float>(9);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = 0.5f + static_cast<float>(i);
  return std::move(*writer).finish();
}

bytes copy_of(std::span<const std::byte> from) {
  auto made = bytes::allocate(from.size());
  if (!from.empty()) std::memcpy(made->data(), from.data(), from.size());
  return std::move(*made);
}

template <class T>
void put(bytes& blob, std::size_t offset, T value) {
  std::memcpy(blob.data() + offset, &value, sizeof value);
}

// Makes the checksum right again, as someone who means harm would.
void reseal(bytes& blob) { put(blob, 32, bcr::detail::blob_checksum(blob)); }

void check_refused(const bytes& blob, bcr::errc code, const char* sentence) {
  auto view = bcr::blob_view::open(blob);
  REQUIRE(!view.ok());
  CHECK(view.message() == doctest::String(sentence));
  CHECK(view.status().code() == code);
}

TEST_CASE("blob: what was written is read") {
  const bytes blob = small_blob();
  auto view = bcr::blob_view::open(blob, kind);
  REQUIRE(view.ok());
  CHECK(view->kind() == kind);
  CHECK(view->matrix() == matrix);
  CHECK(view->version() == 2);
  CHECK(view->sections().size() == 3);
  CHECK(view->bytes().data() == blob.data());
  auto ids = view->section<std::uint16_t>(1, 6);
  REQUIRE(ids.ok());
  CHECK((*ids)[5] == 105);
  auto nothing = view->section<double>(2);
  REQUIRE(nothing.ok());
  CHECK(nothing->empty());
  auto weights = view->section<float>(9);
  REQUIRE(weights.ok());
  CHECK(weights->size() == 7);
  CHECK((*weights)[6] == 6.5f);
  CHECK(reinterpret_cast<std::uintptr_t>(weights->data()) % 64 == 0);
}

TEST_CASE("blob: asking for a section that is not so") {
  const bytes blob = small_blob();
  auto view = bcr::blob_view::open(blob);
  REQUIRE(view.ok());
  CHECK(view->section<float>(3).status().code() == bcr::errc::corrupt);
  CHECK(view->section<float>(3).message() == doctest::String("A section of the packed weights is missing."));
  CHECK(view->section<double>(9).message() ==
        doctest::String("A section of the packed weights ends within an element."));
  CHECK(view->section<float>(9, 8).message() ==
        doctest::String("A section of the packed weights has the wrong number of elements."));
}

TEST_CASE("blob: the format, byte by byte") {
  const bytes blob = small_blob();
  REQUIRE(blob.size() == 320);
  if constexpr (std::endian::native != std::endian::little) return;
  // clang-format off
  constexpr std::uint8_t head[] = {
      0x89, 'B', 'C', 'R', '\r', '\n', 0x1a, '\n',        // signature
      4, 3, 2, 1,   2, 0, 0, 0,   80, 0, 0, 0,   3, 0, 0, 0,  // byte order, version, header bytes, sections
      0x40, 1, 0, 0, 0, 0, 0, 0};                         // total bytes
  constexpr std::uint8_t tail[] = {                       // behind the checksum
      4, 0, 0, 0,   16, 0, 0, 0,   1, 0, 0, 0,   1, 0, 0, 0,  // block rows, block columns, f32, panels
      10, 0, 0, 0, 0, 0, 0, 0,   35, 0, 0, 0, 0, 0, 0, 0,   7, 0, 0, 0, 0, 0, 0, 0,
      1, 0, 0, 0,   0, 0, 0, 0,   192, 0, 0, 0, 0, 0, 0, 0,   12, 0, 0, 0, 0, 0, 0, 0,
      2, 0, 0, 0,   0, 0, 0, 0,   0, 1, 0, 0, 0, 0, 0, 0,   0, 0, 0, 0, 0, 0, 0, 0,
      9, 0, 0, 0,   0, 0, 0, 0,   0, 1, 0, 0, 0, 0, 0, 0,   28, 0, 0, 0, 0, 0, 0, 0};
  // clang-format on
  CHECK(std::memcmp(blob.data(), head, sizeof head) == 0);
  CHECK(std::memcmp(blob.data() + 40, tail, sizeof tail) == 0);
  // Files saved by version 2 carry this checksum; if it changes, so must the version.
  CHECK(bcr::blob_view::open(blob)->checksum() == 16217615432602888911u);
}

TEST_CASE("checksum: what checksum.hpp says, written the long way") {
  auto data = bytes::allocate(640);
  bcr::test::random_source random(1);
  for (std::byte& b : *data) b = static_cast<std::byte>(random.below(256));
  const auto step = [](std::uint64_t lane, std::uint64_t word) {
    const std::uint64_t product = (lane ^ word) * 0x9e3779b97f4a7c15u;
    return product << 31 | product >> 33;
  };
  std::uint64_t lanes[8] = {1, 2, 3, 4, 5, 6, 7, 8}, folded = 0;
  for (std::size_t w = 0; w < 80; ++w) {
    std::uint64_t word;
    std::memcpy(&word, data->data() + 8 * w, 8);
    lanes[w % 8] = step(lanes[w % 8], word);
  }
  for (const std::uint64_t lane : lanes) folded = step(folded, lane);
  bcr::detail::checksum sum;
  sum.add_lines(std::span<const std::byte>(*data).first(64));
  sum.add_lines(std::span<const std::byte>(*data).subspan(64));
  CHECK(sum.value() == (folded ^ folded >> 32));
}

TEST_CASE("blob: a blob without sections") {
  auto writer = bcr::blob_writer::create(kind, {}, {});
  REQUIRE(writer.ok());
  CHECK(writer->section<float>(1).empty());
  const bytes blob = std::move(*writer).finish();
  CHECK(blob.size() == 128);
  auto view = bcr::blob_view::open(blob);
  REQUIRE(view.ok());
  CHECK(view->sections().empty());
  CHECK(view->matrix() == bcr::blob_matrix{});
}

TEST_CASE("blob_writer: extents that cannot be") {
  const auto refusal = [](std::initializer_list<bcr::blob_extent> list) {
    return bcr::blob_writer::create(kind, matrix, std::span(list.begin(), list.size())).status();
  };
  for (const bcr::status& s : {refusal({{1, 8}, {1, 8}}), refusal({{2, 8}, {1, 8}})}) {
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(s.message() == doctest::String("Sections must be declared in strictly ascending order of their numbers."));
  }
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  constexpr std::size_t most = std::numeric_limits<std::ptrdiff_t>::max();
  for (const bcr::status& s : {refusal({{1, huge}}), refusal({{1, 8}, {2, huge - 63}}), refusal({{1, most - 127}}),
                               refusal({{1, most / 2}, {2, most / 2}, {3, most / 2}, {4, most / 2}})}) {
    CHECK(s.code() == bcr::errc::invalid_argument);
    CHECK(s.message() == doctest::String("The sections of the packed weights are too large to save."));
  }
  CHECK(refusal({{1, most / 2}}).code() == bcr::errc::out_of_memory);
}

TEST_CASE("blob: every truncation is noticed") {
  const bytes blob = small_blob();
  for (std::size_t size = 0; size < blob.size(); ++size) {
    CAPTURE(size);
    check_refused(copy_of({blob.data(), size}), bcr::errc::truncated, truncated);
  }
}

TEST_CASE("blob: every flipped bit is noticed") {
  bytes blob = small_blob();
  for (std::size_t at = 0; at < blob.size(); ++at) {
    CAPTURE(at);
    for (int bit = 0; bit < 8; ++bit) {
      blob[at] ^= std::byte(1 << bit);
      auto view = bcr::blob_view::open(blob);
      REQUIRE(!view.ok());
      // Behind the fields that say how much there is to sum, it is the checksum that notices.
      if (at >= 32) CHECK(view.message() == doctest::String(bad_checksum));
      blob[at] ^= std::byte(1 << bit);
    }
  }
  CHECK(bcr::blob_view::open(blob).ok());
}

TEST_CASE("blob: bytes behind the end") {
  const bytes blob = small_blob();
  for (const std::size_t more : {1u, 63u, 64u, 1000u}) {
    auto longer = bytes::allocate(blob.size() + more);
    std::memcpy(longer->data(), blob.data(), blob.size());
    check_refused(*longer, bcr::errc::corrupt, "Bytes follow the end of the packed weights.");
  }
}

TEST_CASE("blob: memory that is not aligned") {
  const bytes blob = small_blob();
  auto room = bytes::allocate(blob.size() + 64);
  for (const std::size_t off : {1u, 8u, 32u, 63u}) {
    std::memcpy(room->data() + off, blob.data(), blob.size());
    auto view = bcr::blob_view::open({room->data() + off, blob.size()});
    REQUIRE(!view.ok());
    CHECK(view.status().code() == bcr::errc::invalid_argument);
    CHECK(view.message() ==
          doctest::String("Packed weights can be used in place only from memory that is 64-byte aligned."));
  }
}

TEST_CASE("blob: foreign files") {
  constexpr const char* no_blob = "The buffer holds no packed weights: it does not begin with their signature.";
  for (const char* other : {"P",
                            "\x7f"
                            "ELF and more",
                            "\x89"
                            "PNG\r\n\x1a\n",
                            "\x89"
                            "BCR\n\x1a\n\n"}) {
    check_refused(copy_of(std::as_bytes(std::span(other, std::strlen(other)))), bcr::errc::foreign, no_blob);
  }
  check_refused(*bytes::allocate(4096), bcr::errc::foreign, no_blob);

  bytes blob = small_blob();
  put(blob, 8, std::uint32_t{0x04030201});
  check_refused(blob, bcr::errc::foreign, "The packed weights were saved on a machine of the other byte order.");
  put(blob, 8, std::uint32_t{0x01030204});
  check_refused(blob, bcr::errc::corrupt, "The packed weights are damaged: their byte-order mark is none.");
  blob = small_blob();
  put(blob, 12, std::uint32_t{1});
  check_refused(blob, bcr::errc::foreign, "The packed weights were saved in another version of the format.");
}

TEST_CASE("blob: packed for another kernel") {
  const bytes blob = small_blob();
  const auto sentence = [&](const bcr::blob_kind& wanted) {
    auto view = bcr::blob_view::open(blob, wanted);
    REQUIRE(!view.ok());
    CHECK(view.status().code() == bcr::errc::foreign);
    return doctest::String(view.message());
  };
  using bcr::blob_layout, bcr::value_type;
  CHECK(sentence({8, 16, value_type::f32, blob_layout::panels}) == "The weights were packed for another block shape.");
  CHECK(sentence({4, 32, value_type::f32, blob_layout::panels}) == "The weights were packed for another block shape.");
  CHECK(sentence({4, 16, value_type::f64, blob_layout::panels}) ==
        "The weights were packed as another type of number.");
  CHECK(sentence({4, 16, value_type::f32, blob_layout::bands}) == "The weights were packed in another layout.");
}

TEST_CASE("blob: hostile numbers under a correct checksum") {
  constexpr std::uint64_t huge = std::numeric_limits<std::uint64_t>::max();
  const auto refused = [](std::size_t offset, auto value, const char* sentence) {
    CAPTURE(offset);
    CAPTURE(value);
    bytes blob = small_blob();
    put(blob, offset, value);
    reseal(blob);
    check_refused(blob, bcr::errc::corrupt, sentence);
  };
  for (const std::uint32_t size : {0u, 79u, 81u, ~0u}) refused(16, size, bad_sizes);
  for (const std::uint32_t sections : {11u, 0x08000000u, ~0u}) refused(20, sections, bad_sizes);
  for (const std::uint32_t rows : {0u, 129u, ~0u}) refused(40, rows, bad_matrix);
  for (const std::uint32_t columns : {0u, 1025u, ~0u}) refused(44, columns, bad_matrix);
  for (const std::uint64_t extent : {huge, huge / 2, std::uint64_t{0}}) {
    refused(56, extent, bad_matrix);
    refused(64, extent, bad_matrix);
  }
  refused(72, std::uint64_t{351}, bad_matrix);
  refused(72, huge, bad_matrix);
  // The table: entries at 80, 104 and 128, each id, zero, offset, bytes. Ids must ascend.
  for (const std::uint32_t id : {2u, 3u, ~0u}) refused(80, id, bad_table);
  refused(128, std::uint32_t{2}, bad_table);
  for (std::size_t entry = 80; entry < 152; entry += 24) {
    refused(entry + 4, std::uint32_t{1}, bad_table);
    for (const std::uint64_t offset :
         {std::uint64_t{0}, std::uint64_t{128}, std::uint64_t{200}, std::uint64_t{320}, huge, huge - 63}) {
      refused(entry + 8, offset, bad_table);
    }
    for (const std::uint64_t size : {std::uint64_t{1000}, huge, huge - 191, huge - 255})
      refused(entry + 16, size, bad_table);
  }
  refused(144, std::uint64_t{65}, bad_table);    // past the end
  refused(144, std::uint64_t{27}, bad_padding);  // the last weight's last byte becomes padding
  for (const std::uint32_t sections : {2u, 4u}) refused(20, sections, bad_table);
  refused(20, std::uint32_t{0}, "The packed weights are damaged: they are longer than their sections.");
  refused(144, std::uint64_t{0}, "The packed weights are damaged: they are longer than their sections.");
}

TEST_CASE("blob: padding is zero") {
  for (std::size_t at = 0; at < 320; ++at) {
    const bool padding = (at >= 152 && at < 192) || (at >= 204 && at < 256) || at >= 284;
    if (!padding) continue;
    CAPTURE(at);
    bytes blob = small_blob();
    blob[at] = std::byte{1};
    reseal(blob);
    check_refused(blob, bcr::errc::corrupt, bad_padding);
  }
}

TEST_CASE("blob: whatever opens can be read to the last byte of its sections") {
  PROPERTY("damage anywhere, resealed", [] {
    bytes blob = small_blob();
    for (int damages = *rc::gen::inRange(1, 6); damages > 0; --damages) {
      const auto at = 4 * *rc::gen::inRange<std::size_t>(4, blob.size() / 4);
      const std::uint32_t words[] = {*rc::gen::arbitrary<std::uint32_t>(), *rc::gen::inRange<std::uint32_t>(0, 400), 0};
      put(blob, at, words[*rc::gen::inRange(0, 3)]);
    }
    reseal(blob);
    auto view = bcr::blob_view::open(blob);
    if (!view) return;
    std::size_t end = 0;
    for (const bcr::blob_section& s : view->sections()) {
      auto found = view->section<std::byte>(s.id);
      RC_ASSERT(found.ok());
      const auto begin = static_cast<std::size_t>(found->data() - blob.data());
      RC_ASSERT(begin >= end);
      end = begin + found->size();
      RC_ASSERT(end <= blob.size());
    }
  });
  PROPERTY("noise behind a good beginning", [] {
    const bytes good = small_blob();
    bcr::test::random_source random(bcr::test::any_seed());
    auto blob = bytes::allocate(*rc::gen::inRange<std::size_t>(0, 400));
    for (std::byte& b : *blob) b = static_cast<std::byte>(random.below(256));
    const std::size_t beginnings[] = {0, 8, 16, 24, 32, 40, 80, 152};
    const std::size_t kept = beginnings[*rc::gen::inRange(0, 8)];
    if (kept > blob->size()) return;
    if (kept != 0) std::memcpy(blob->data(), good.data(), kept);
    RC_ASSERT(!bcr::blob_view::open(*blob).ok());
  });
}

TEST_CASE("blob: any sections, and only one image for the same contents") {
  PROPERTY("sections of any sizes come back, and equal contents are equal bytes", [] {
    bcr::test::random_source random(bcr::test::any_seed());
    std::vector<bcr::blob_extent> list;
    std::vector<std::vector<std::byte>> contents;
    std::uint32_t id = 0;
    for (int n = *rc::gen::inRange(0, 9); n > 0; --n) {
      id += 1 + static_cast<std::uint32_t>(random.below(1000));
      contents.emplace_back(*rc::gen::inRange<std::size_t>(0, 300));
      for (std::byte& b : contents.back()) b = static_cast<std::byte>(random.below(256));
      list.push_back({id, contents.back().size()});
    }
    const auto save = [&] {
      auto writer = bcr::blob_writer::create(kind, matrix, list);
      for (std::size_t s = list.size(); s-- > 0;) {
        const auto section = writer->section<std::byte>(list[s].id);
        std::copy(contents[s].begin(), contents[s].end(), section.begin());
      }
      return std::move(*writer).finish();
    };
    const bytes blob = save(), again = save();
    RC_ASSERT(blob.size() == again.size());
    RC_ASSERT(std::memcmp(blob.data(), again.data(), blob.size()) == 0);
    auto view = bcr::blob_view::open(blob, kind);
    RC_ASSERT(view.ok());
    for (std::size_t s = 0; s < list.size(); ++s) {
      auto found = view->section<std::byte>(list[s].id, list[s].bytes);
      RC_ASSERT(found.ok());
      RC_ASSERT(std::vector<std::byte>(found->begin(), found->end()) == contents[s]);
    }
    // A byte of one section changed, and the checksum with it.
    const std::uint64_t before = view->checksum();
    for (auto& content : contents) {
      if (content.empty()) continue;
      content[random.below(content.size())] ^= static_cast<std::byte>(1 + random.below(255));
      const bytes changed = save();
      RC_ASSERT(bcr::blob_view::open(changed)->checksum() != before);
      break;
    }
  });
}

}  // namespace
