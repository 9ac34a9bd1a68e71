// The band layout against malice: what its check accepts can be walked by a kernel, and what it refuses it explains.
#include "bcr/format/bands.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "support/tampered.hpp"

namespace {

using bcr::blob_layout;
using bcr::strip_cut;
using bcr::test::tampered;
using weights = bcr::packed_weights<float, bcr::block<8, 4>, blob_layout::bands>;

weights victim(strip_cut cut) { return bcr::test::victim<blob_layout::bands>({.strips = cut}); }

constexpr strip_cut both_cuts[] = {strip_cut::shared_columns, strip_cut::own_columns};

TEST_CASE("bands: every field at every edge is refused with corrupt, or harmless") {
  for (const strip_cut cut : both_cuts) {
    const auto good = victim(cut);
    std::size_t accepted = 0, refused = 0, harmful = 0, other_codes = 0;
    bcr::test::for_each_tampering(good.bytes(), [&](tampered& t) {
      const auto opened = weights::view(t.sealed());
      accepted += opened.ok();
      refused += !opened.ok();
      if (opened) harmful += !bcr::test::can_be_walked(*opened);
      if (!opened) other_codes += opened.status().code() != bcr::errc::corrupt;
    });
    CHECK(harmful == 0);
    CHECK(other_codes == 0);
    CHECK(accepted > 50);
    CHECK(refused > 4 * accepted);
  }
}

TEST_CASE("bands: several fields at once") {
  bcr::test::random_source random(1);
  for (const strip_cut cut : both_cuts) {
    const auto good = victim(cut);
    std::size_t harmful = 0;
    for (int round = 0; round < 20000; ++round) {
      tampered t(good.bytes());
      bcr::test::tamper_at_random(t, t.fields(), random);
      const auto opened = weights::view(t.sealed());
      if (opened) harmful += !bcr::test::can_be_walked(*opened);
    }
    CHECK(harmful == 0);
  }
}

TEST_CASE("bands: the sentence for each kind of damage") {
  const auto says = [](strip_cut cut, const char* sentence, auto&& damage) {
    const auto good = victim(cut);
    tampered t(good.bytes());
    damage(t);
    const auto opened = weights::view(t.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::corrupt);
    CHECK(opened.message() == doctest::String(sentence));
  };
  constexpr strip_cut shared = strip_cut::shared_columns, own = strip_cut::own_columns;

  constexpr const char* cover = "The bands do not cover the packed weights.";
  says(shared, cover, [](tampered& t) { ++t.matrix().rows; });
  says(shared, cover, [](tampered& t) { t.bands()[0].row_begin = 1; });
  says(shared, cover, [](tampered& t) { ++t.bands().back().run_begin; });
  says(shared, cover, [](tampered& t) { --t.bands().back().index_begin; });
  says(own, cover, [](tampered& t) { --t.bands().back().weight_begin; });
  says(shared, "The packed weights have more rows or columns than this layout can number.",
       [](tampered& t) { t.matrix().columns = bcr::bands_columns_limit + 1; });
  says(shared, "The packed weights are not as many as their header says.", [](tampered& t) { --t.matrix().kept; });

  constexpr const char* shape = "A run of the packed weights has a shape that it cannot have.";
  says(shared, shape, [](tampered& t) { t.runs()[0].strips = 0; });
  says(shared, shape, [](tampered& t) { t.runs()[0].kind = static_cast<bcr::strip_kind>(3); });
  says(shared, shape, [](tampered& t) { t.runs()[0].words = 9; });
  says(shared, shape, [](tampered& t) { t.runs()[0].words = 0; });
  says(shared, shape, [](tampered& t) { t.runs()[0].lanes = 129; });
  says(shared, shape, [](tampered& t) { t.runs()[0].full_steps = 1; });
  says(shared, shape, [](tampered& t) { t.runs()[0].zero = 1; });
  says(own, shape, [](tampered& t) { t.runs()[0].group_bits = 4; });
  says(own, shape, [](tampered& t) { t.runs()[0].padded = 2; });
  says(own, shape, [](tampered& t) { t.runs()[0].full_steps = t.runs()[0].steps + 1; });

  constexpr const char* beyond = "A run of the packed weights reaches beyond them.";
  says(shared, beyond, [](tampered& t) { t.runs().back().strips = 0xffff; });
  says(own, beyond, [](tampered& t) { t.runs().back().steps = 255; });

  constexpr const char* outside = "A strip of the packed weights reaches outside of the matrix.";
  says(shared, outside, [](tampered& t) { t.indices()[0] = 1; });  // window
  says(shared, outside, [](tampered& t) { t.indices()[2] = 8; });  // first word
  says(own, outside, [](tampered& t) { t.indices()[7] = 0xff; });  // rows beyond the matrix
  says(shared, "A strip of the packed weights has other lanes than it has rows.",
       [](tampered& t) { t.indices()[3] = 0; });
  says(shared, "The indices of the packed weights are not padded with zeros.",
       [](tampered& t) { t.indices().back() = std::uint8_t{1}; });
  says(shared, "The weights are not padded with zeros.", [](tampered& t) {
    t.section<float>(bcr::bands_section::weights).back() = std::numeric_limits<float>::quiet_NaN();
  });
}

TEST_CASE("bands: strips without a row mask") {
  using block = bcr::block<32, 8>;
  auto kept = bcr::pattern<block>::create(64, 16);
  for (const std::size_t bi : {0u, 1u}) {
    for (const std::size_t bj : {0u, 1u}) kept->keep_block(bi, bj);
  }
  const auto dense = bcr::test::random_weights<float>(*kept, 1);
  for (const strip_cut how : {strip_cut::shared_columns, strip_cut::own_columns}) {
    const auto good = bcr::pack<float, blob_layout::bands>(*kept, dense.view(), {.strips = how});
    REQUIRE(good.ok());
    for (const bcr::strip_run& run : good->bands().runs) CHECK(run.words == 0);
    std::size_t found = 0;
    good->bands().for_each_weight([&](std::size_t i, std::size_t j, float w) {
      CHECK(dense(i, j) == w);
      ++found;
    });
    CHECK(found == 64 * 16);
    tampered t(good->bytes());
    t.indices()[2] = 3;  // 16 rows to the end
    const auto opened = bcr::packed_weights<float, block, blob_layout::bands>::view(t.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.message() == doctest::String("A strip of the packed weights reaches outside of the matrix."));
  }
}

TEST_CASE("bands: a strip's padding is zero") {
  // Two blocks below each other, the second of which keeps a column less.
  using block = bcr::block<8, 4>;
  auto kept = bcr::pattern<block>::create(16, 4);
  kept->keep_block(0, 0);
  kept->keep_block(1, 0);
  kept->keep_column(1, 0, 3, false);
  const auto good = bcr::pack<float, blob_layout::bands>(*kept, bcr::test::random_weights<float>(*kept, 1).view(),
                                                         {.strips = strip_cut::own_columns});
  REQUIRE(good.ok());
  tampered t(good->bytes());
  const auto all = t.section<float>(bcr::bands_section::weights);
  const std::size_t last = 4 * 16 - 1;
  REQUIRE(all[last] == 0.0f);
  all[last] = 1;
  const auto opened = weights::view(t.sealed());
  REQUIRE(!opened.ok());
  CHECK(opened.message() == doctest::String("A strip of the packed weights is not padded with zeros."));
}

TEST_CASE("packed weights: two layouts of the same weights") {
  using block = bcr::block<8, 4>;
  using two = bcr::packed_weights<float, block, blob_layout::panels_and_bands>;
  const auto good = bcr::test::victim<blob_layout::panels_and_bands>({});
  REQUIRE(two::open(good.bytes()).ok());
  tampered t(good.bytes());
  t.section<float>(bcr::bands_section::weights)[0] += 1;
  const auto opened = two::view(t.sealed());
  REQUIRE(!opened.ok());
  CHECK(opened.message() == doctest::String("The panels and the bands of the packed weights hold different weights."));
  CHECK(weights::open(good.bytes()).message() == doctest::String("The weights were packed in another layout."));
}

}  // namespace
