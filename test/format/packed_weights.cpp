// Saved weights: what open and view accept, and in which words they refuse.
#include "bcr/format/packed_weights.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "bcr/pack/pack.hpp"
#include "support/random_pattern.hpp"

namespace {

using block = bcr::block<4, 16>;
using weights = bcr::packed_weights<float, block>;
using bytes = bcr::buffer<std::byte>;

weights some_weights() {
  const auto kept = bcr::test::random_pattern<block>(30, 50, {.density = 0.3, .rows_kept = 0.75}, 1);
  auto packed = bcr::pack<float>(kept, bcr::test::random_weights<float>(kept, 2).view());
  REQUIRE(packed.ok());
  return std::move(*packed);
}

bytes copy_of(std::span<const std::byte> from, std::size_t offset = 0) {
  auto made = bytes::allocate(from.size() + offset);
  std::memcpy(made->data() + offset, from.data(), from.size());
  return std::move(*made);
}

bool same(const weights& a, const weights& b) {
  bcr::test::dense_matrix<float> x(a.rows(), a.columns()), y(b.rows(), b.columns());
  return bcr::unpack(a, x.view()).ok() && bcr::unpack(b, y.view()).ok() && x.elements == y.elements;
}

TEST_CASE("packed_weights: open copies, from memory of any alignment") {
  const weights packed = some_weights();
  for (const std::size_t offset : {0u, 1u, 4u, 63u}) {
    auto opened = [&] {
      const bytes moved = copy_of(packed.bytes(), offset);
      return weights::open(std::span<const std::byte>(moved).subspan(offset));
    }();
    REQUIRE(opened.ok());  // though the bytes it was made of are gone
    CHECK(same(*opened, packed));
  }
}

TEST_CASE("packed_weights: view refers to the bytes, which must be aligned") {
  const weights packed = some_weights();
  const bytes moved = copy_of(packed.bytes());
  auto viewed = weights::view(moved);
  REQUIRE(viewed.ok());
  CHECK(viewed->bytes().data() == moved.data());
  CHECK(same(*viewed, packed));
  for (const std::size_t offset : {1u, 4u, 32u}) {
    const bytes misaligned = copy_of(packed.bytes(), offset);
    auto refused = weights::view(std::span<const std::byte>(misaligned).subspan(offset));
    REQUIRE(!refused.ok());
    CHECK(refused.status().code() == bcr::errc::invalid_argument);
    CHECK(refused.message() ==
          doctest::String("Packed weights can be used in place only from memory that is 64-byte aligned."));
  }
}

TEST_CASE("packed_weights: adopt takes the bytes over") {
  const weights packed = some_weights();
  bytes moved = copy_of(packed.bytes());
  const std::byte* const where = moved.data();
  auto adopted = weights::adopt(std::move(moved));
  REQUIRE(adopted.ok());
  CHECK(adopted->bytes().data() == where);
  CHECK(same(*adopted, packed));
}

TEST_CASE("packed_weights: moved weights stay where they are") {
  static_assert(std::is_nothrow_move_constructible_v<weights> && !std::is_copy_constructible_v<weights>);
  weights packed = some_weights();
  const weights reference = some_weights();
  const std::byte* const where = packed.bytes().data();
  weights elsewhere = std::move(packed);
  CHECK(elsewhere.bytes().data() == where);
  CHECK(same(elsewhere, reference));
  weights other = some_weights();
  other = std::move(elsewhere);
  CHECK(other.bytes().data() == where);
  CHECK(same(other, reference));
}

TEST_CASE("packed_weights: what was packed for another kernel is refused") {
  const weights packed = some_weights();
  const auto refusal = [&](const auto& opened) {
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::foreign);
    return doctest::String(opened.message());
  };
  CHECK(refusal(bcr::packed_weights<float, bcr::block<8, 16>>::open(packed.bytes())) ==
        "The weights were packed for another block shape.");
  CHECK(refusal(bcr::packed_weights<float, bcr::block<4, 32>>::view(packed.bytes())) ==
        "The weights were packed for another block shape.");
  CHECK(refusal(bcr::packed_weights<double, block>::open(packed.bytes())) ==
        "The weights were packed as another type of number.");
  auto bands = weights::kind;
  bands.layout = bcr::blob_layout::bands;
  auto writer = bcr::blob_writer::create(bands, {}, {});
  CHECK(refusal(weights::open(std::move(*writer).finish())) == "The weights were packed in another layout.");
}

TEST_CASE("packed_weights: truncated and damaged bytes") {
  const weights packed = some_weights();
  for (std::size_t size = 0; size < packed.bytes().size(); size += 1 + size / 16) {
    CAPTURE(size);
    auto cut = weights::open(packed.bytes().first(size));
    REQUIRE(!cut.ok());
    CHECK(cut.status().code() == bcr::errc::truncated);
    CHECK(cut.message() ==
          doctest::String("The packed weights are truncated: the buffer ends before the contents do."));
  }
  for (std::size_t at = 40; at < packed.bytes().size(); at += 1 + at / 16) {
    CAPTURE(at);
    bytes damaged = copy_of(packed.bytes());
    damaged[at] ^= std::byte{0x10};
    auto refused = weights::open(damaged);
    REQUIRE(!refused.ok());
    CHECK(refused.status().code() == bcr::errc::corrupt);
    CHECK(refused.message() == doctest::String("The packed weights are damaged: their checksum does not match."));
  }
}

}  // namespace
