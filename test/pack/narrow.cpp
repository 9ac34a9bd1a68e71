// Weights of sixteen bits: rounded as they are packed, given back bit for bit, saved, and refused where they are
// damaged.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <span>
#include <utility>
#include <vector>

#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::bf16;
using bcr::f16;
using bcr::test::dense_matrix;
using bcr::test::tampered;
using block = bcr::block<8, 4>;

constexpr std::size_t rows = 37, columns = 29;

auto some_pattern() {
  return bcr::test::random_pattern<block>(rows, columns, {.density = 0.4, .rows_kept = 0.75, .empty_blocks = 0.2}, 3);
}

// Every kind of number there is, NaN among them.
template <class W>
dense_matrix<W> any_matrix() {
  bcr::test::random_source random(4);
  dense_matrix<W> made(rows, columns, columns + 3);
  for (W& w : made.elements) w = W::from_bits(static_cast<std::uint16_t>(random.word()));
  return made;
}

template <class W>
bcr::packed_weights<W, block> some_weights() {
  auto packed = bcr::pack<W>(some_pattern(), any_matrix<W>().view());
  REQUIRE(packed.ok());
  return std::move(*packed);
}

// What the matrix is once pruned.
template <class T, class W>
bool is_pruned(const dense_matrix<T>& found, const dense_matrix<W>& dense) {
  const auto kept = some_pattern();
  bool same = true;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const T expected = kept.keeps(i, j) ? static_cast<T>(dense(i, j)) : T(0);
      same = same && std::memcmp(&found(i, j), &expected, sizeof(T)) == 0;
    }
  }
  return same;
}

TEST_CASE_TEMPLATE("narrow weights: bit for bit, from their own type and into it", W, bf16, f16) {
  const dense_matrix<W> dense = any_matrix<W>();
  for (const bcr::panel_cut cut : {bcr::panel_cut::automatic, bcr::panel_cut::whole_rows, bcr::panel_cut::per_block}) {
    const auto packed = bcr::pack<W>(some_pattern(), dense.view(), {.cut = cut});
    REQUIRE(packed.ok());
    CHECK(packed->kept() == some_pattern().kept());
    dense_matrix<W> back(rows, columns, columns + 1, W(7.0f));
    CHECK(bcr::unpack(*packed, back.view()).ok());
    CHECK(is_pruned(back, dense));
    dense_matrix<float> wide(rows, columns, columns, 7.0f);
    CHECK(bcr::unpack(*packed, wide.view()).ok());
    CHECK(is_pruned(wide, dense));
  }
}

TEST_CASE_TEMPLATE("narrow weights: from float they are rounded, each to the nearest", W, bf16, f16) {
  const dense_matrix<float> dense = bcr::test::random_matrix<float>(rows, columns, 6);
  const auto packed = bcr::pack<W>(some_pattern(), dense.view());
  const auto again = bcr::pack<W>(some_pattern(), bcr::test::converted<W>(dense).view());
  REQUIRE(packed.ok());
  CHECK(std::memcmp(packed->bytes().data(), again->bytes().data(), packed->bytes().size()) == 0);
  dense_matrix<W> back(rows, columns);
  CHECK(bcr::unpack(*packed, back.view()).ok());
  CHECK(is_pruned(back, bcr::test::converted<W>(dense)));
}

TEST_CASE_TEMPLATE("narrow weights: packing and unpacking refuse other shapes", W, bf16, f16) {
  dense_matrix<float> wrong(rows, columns + 1);
  CHECK(bcr::pack<W>(some_pattern(), bcr::matrix_view<const float>(wrong.view())).message() ==
        doctest::String("The matrix to pack and its pattern have different shapes."));
  CHECK(bcr::unpack(some_weights<W>(), wrong.view()).message() ==
        doctest::String("The matrix to unpack into does not have the shape of the packed weights."));
}

TEST_CASE_TEMPLATE("narrow weights: the pattern that covers what is not zero", W, bf16, f16) {
  dense_matrix<W> dense(8, 8);
  dense(1, 2) = W(1.0f);
  dense(5, 6) = W::from_bits(0x8000);  // -0 is zero
  const auto found = bcr::cover_nonzeros<block>(dense.view());
  REQUIRE(found.ok());
  CHECK(found->pattern.kept() == 1);
  CHECK(found->pattern.keeps(1, 2));
}

TEST_CASE_TEMPLATE("narrow weights: half the bytes of weights, and little more than their indices", W, bf16, f16) {
  const auto kept = bcr::test::random_pattern<block>(256, 512, {.density = 0.25}, 1);
  const auto dense = bcr::test::random_matrix<float>(256, 512, 2);
  const auto narrow = bcr::pack<W>(kept, dense.view());
  const auto wide = bcr::pack<float>(kept, dense.view());
  const std::size_t saved = wide->bytes().size() - narrow->bytes().size();
  CHECK(saved >= 2 * kept.kept() - 128);
}

TEST_CASE_TEMPLATE("narrow weights: saved, opened and viewed", W, bf16, f16) {
  const auto packed = some_weights<W>();
  auto copy = bcr::buffer<std::byte>::allocate(packed.bytes().size());
  std::memcpy(copy->data(), packed.bytes().data(), copy->size());
  const auto opened = bcr::packed_weights<W, block>::open(packed.bytes());
  const auto viewed = bcr::packed_weights<W, block>::view(*copy);
  REQUIRE(opened.ok());
  REQUIRE(viewed.ok());
  for (const auto* which : {&*opened, &*viewed}) {
    dense_matrix<W> back(rows, columns);
    CHECK(bcr::unpack(*which, back.view()).ok());
    CHECK(is_pruned(back, any_matrix<W>()));
  }
}

TEST_CASE("narrow weights: those of another type are refused") {
  const auto refusal = [](const auto& opened) {
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::foreign);
    return doctest::String(opened.message());
  };
  const doctest::String sentence = "The weights were packed as another type of number.";
  const auto bf = some_weights<bf16>();
  const auto half = some_weights<f16>();
  CHECK(refusal(bcr::packed_weights<f16, block>::open(bf.bytes())) == sentence);
  CHECK(refusal(bcr::packed_weights<bf16, block>::view(half.bytes())) == sentence);
  CHECK(refusal(bcr::packed_weights<float, block>::open(bf.bytes())) == sentence);
  CHECK(refusal(bcr::packed_weights<bf16, block>::open(bcr::test::victim({}).bytes())) == sentence);
}

// The checksum is right in all of these.
TEST_CASE_TEMPLATE("narrow weights: what kernels read behind the last weight is there, and zero", W, bf16, f16) {
  const auto good = some_weights<W>();
  const auto refused = [](tampered& t) {
    const auto opened = bcr::packed_weights<W, block>::open(t.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::corrupt);
    return doctest::String(opened.message());
  };
  tampered t(good.bytes());
  const std::span<W> stored = t.section<W>(bcr::panels_section::weights);
  CHECK(stored.size() == good.kept() + bcr::weights_read_ahead<W>);
  for (const std::size_t i : {good.kept(), stored.size() - 1}) {
    stored[i] = W::from_bits(0x8000);
    CHECK(refused(t) == "The weights are not padded with zeros.");
    stored[i] = W(0.0f);
  }
  // As if there were no padding, or none but the padding.
  for (const std::size_t fewer : {bcr::weights_read_ahead<W>, stored.size() - 1}) {
    tampered shorter(good.bytes());
    shorter.entry(bcr::panels_section::weights).bytes -= fewer * sizeof(W);
    const auto opened = bcr::packed_weights<W, block>::open(shorter.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::corrupt);
  }
  t.matrix().kept += 1;
  CHECK(refused(t) == "The packed weights are not as many as their header says.");
}

TEST_CASE_TEMPLATE("narrow weights: any field at any edge is refused, or describes a matrix", W, bf16, f16) {
  const auto good = some_weights<W>();
  std::size_t accepted = 0, outside = 0;
  bcr::test::for_each_tampering(good.bytes(), [&](tampered& t) {
    const auto opened = bcr::packed_weights<W, block>::view(t.sealed());
    if (!opened) return;
    ++accepted;
    outside += !bcr::test::can_be_walked(*opened);
  });
  CHECK(accepted > 0);
  CHECK(outside == 0);
}

}  // namespace
