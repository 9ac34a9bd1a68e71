// The panel layout against malice: what its check accepts can be walked by a kernel, and what it refuses it explains.
#include "bcr/format/panels.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "support/property.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::test::tampered;
using weights = bcr::packed_weights<float, bcr::block<8, 4>>;

constexpr bcr::panel_cut both_cuts[] = {bcr::panel_cut::whole_rows, bcr::panel_cut::per_block};

TEST_CASE("panels: every field at every edge is refused with corrupt, or harmless") {
  for (const bcr::panel_cut cut : both_cuts) {
    const auto good = bcr::test::victim({.cut = cut});
    std::size_t accepted = 0, refused = 0, harmful = 0, other_codes = 0;
    bcr::test::for_each_tampering(good.bytes(), [&](tampered& t) {
      auto opened = weights::view(t.sealed());
      accepted += opened.ok();
      refused += !opened.ok();
      if (opened) harmful += !bcr::test::can_be_walked(*opened);
      if (!opened) other_codes += opened.status().code() != bcr::errc::corrupt;
    });
    CHECK(harmful == 0);
    CHECK(other_codes == 0);
    // Another column, for instance, is as good as the right one; nearly everything else contradicts something.
    CHECK(accepted > 50);
    CHECK(refused > 8 * accepted);
  }
}

TEST_CASE("panels: several fields at once") {
  PROPERTY("refused or harmless", [] {
    const auto good = bcr::test::victim({.cut = both_cuts[*rc::gen::inRange(0, 2)]});
    bcr::test::random_source random(bcr::test::any_seed());
    for (int round = 0; round < 200; ++round) {
      tampered t(good.bytes());
      bcr::test::tamper_at_random(t, t.fields(), random);
      auto opened = weights::view(t.sealed());
      if (opened) RC_ASSERT(bcr::test::can_be_walked(*opened));
    }
  });
}

// The number of the first panel that repeats columns; as each has one segment where blocks are cut apart, of that, too.
std::size_t first_repeat(tampered& t) {
  const std::span<bcr::panel> all = t.panels();
  const auto found = std::find_if(all.begin(), all.end(), [](const bcr::panel& p) { return p.repeats(); });
  REQUIRE(found != all.end());
  return static_cast<std::size_t>(found - all.begin());
}

TEST_CASE("panels: the sentence for each kind of damage") {
  const auto says = [](bcr::panel_cut cut, const char* sentence, auto&& damage) {
    const auto good = bcr::test::victim({.cut = cut});
    tampered t(good.bytes());
    damage(t);
    auto opened = weights::view(t.sealed());
    REQUIRE(!opened.ok());
    CHECK(opened.status().code() == bcr::errc::corrupt);
    CHECK(opened.message() == doctest::String(sentence));
  };
  constexpr bcr::panel_cut direct = bcr::panel_cut::whole_rows, carried = bcr::panel_cut::per_block;

  constexpr const char* size = "An array of the packed weights has the wrong size.";
  says(direct, size, [](tampered& t) { ++t.matrix().rows; });

  constexpr const char* cover = "The row groups do not cover the packed weights.";
  says(direct, cover, [](tampered& t) { t.groups()[0].row_begin = 1; });
  says(direct, cover, [](tampered& t) { t.groups()[0].weight_begin = 1; });
  says(direct, cover, [](tampered& t) { ++t.groups().back().panel_begin; });
  says(direct, cover, [](tampered& t) { --t.groups().back().segment_begin; });
  says(direct, cover, [](tampered& t) { t.groups().back().scratch_rows = 1; });

  constexpr const char* order = "The row groups of the packed weights are out of order.";
  says(direct, order, [](tampered& t) { t.groups()[1].row_begin = 0; });
  says(direct, order, [](tampered& t) { t.groups()[1].row_begin = 1000; });
  says(direct, order, [](tampered& t) { t.groups()[1].panel_begin = ~0u; });
  says(direct, order, [](tampered& t) { ++t.groups()[1].column_begin; });
  says(carried, order, [](tampered& t) { ++t.groups()[1].weight_begin; });
  says(carried, order, [](tampered& t) { ++t.groups()[1].segment_begin; });

  constexpr const char* rows = "A row group of the packed weights has an impossible number of rows.";
  says(direct, rows, [](tampered& t) { t.groups()[0].direct_rows = 0xffff; });
  says(carried, rows, [](tampered& t) { t.groups()[0].scratch_rows = 100; });

  constexpr const char* miscounts = "A row group of the packed weights miscounts its rows.";
  says(direct, miscounts, [](tampered& t) { ++t.groups()[0].scratch_rows; });
  says(carried, miscounts, [](tampered& t) { ++t.groups()[0].scratch_rows; });
  says(carried, miscounts, [](tampered& t) { --t.groups()[0].scratch_rows; });

  constexpr const char* permutation = "The row order of the packed weights is no permutation.";
  says(direct, permutation, [](tampered& t) { t.rows()[3] = t.rows()[2]; });
  says(direct, permutation, [](tampered& t) { std::swap(t.rows()[0], t.rows().back()); });
  says(direct, permutation, [](tampered& t) { t.rows()[0] = ~0u; });

  constexpr const char* panel = "A panel of the packed weights names a row that it cannot have.";
  says(direct, miscounts, [](tampered& t) { t.panels()[0].flags = 0; });
  says(direct, panel, [](tampered& t) { t.panels()[0].flags |= 4; });
  says(direct, panel, [](tampered& t) { t.panels()[0].segments = 0; });
  says(direct, panel, [](tampered& t) { t.panels()[0].resumes = 1; });
  says(direct, panel, [](tampered& t) { t.panels()[0].resumes = 16; });
  says(carried, panel, [](tampered& t) { t.panels()[0].flags |= bcr::panel::finishing; });
  says(carried, panel, [](tampered& t) { t.panels()[0].to[0] = 0; });
  says(carried, panel, [](tampered& t) { t.panels()[0].to[1] = t.panels()[0].to[0]; });
  says(carried, panel, [](tampered& t) { t.panels()[0].to[0] = 255; });

  constexpr const char* repeats = "A panel of the packed weights repeats columns that no panel before it has.";
  says(carried, repeats, [](tampered& t) { t.panels()[0].flags |= bcr::panel::repeating; });
  says(carried, repeats, [](tampered& t) { t.panels()[t.groups()[1].panel_begin].flags |= bcr::panel::repeating; });
  says(carried, repeats, [](tampered& t) { --t.segments()[first_repeat(t)].columns; });

  constexpr const char* segment = "A segment of the packed weights reaches outside of the matrix.";
  says(direct, segment, [](tampered& t) { t.segments()[0].mask = 0; });
  says(direct, segment, [](tampered& t) { t.segments()[0].mask |= 16; });
  says(direct, segment, [](tampered& t) { t.segments()[0].columns = 0; });
  says(direct, segment, [](tampered& t) { t.segments()[0].columns = 0xffff; });
  says(direct, segment, [](tampered& t) { t.panels()[0].first_column = ~0u; });
  says(direct, segment, [](tampered& t) { t.columns()[0] = 11; });
  says(carried, segment, [](tampered& t) { t.panels().back().segments = 0xffff; });
  says(carried, segment, [](tampered& t) { ++t.segments()[first_repeat(t)].columns; });
  says(direct, segment, [](tampered& t) { t.matrix().columns = 5; });

  says(direct, "The column indices are not padded with zeros.", [](tampered& t) { t.columns().back() = 1; });
  says(direct, "The packed weights are not as many as their header says.", [](tampered& t) { --t.matrix().kept; });
}

// Arrays laid out by hand, to be refused or not.
bcr::result<weights> saved(std::span<const bcr::blob_extent> extents, const bcr::blob_matrix& matrix) {
  auto writer = bcr::blob_writer::create(weights::kind, matrix, extents);
  return weights::adopt(std::move(*writer).finish());
}

TEST_CASE("panels: arrays that are missing, or too short for anything") {
  std::vector<bcr::blob_extent> all = {
      {1, sizeof(bcr::row_group)}, {2, 0}, {3, 0}, {4, bcr::panels_read_ahead * sizeof(std::uint16_t)}, {5, 0}, {6, 0}};
  CHECK(saved(all, {0, 7, 0}).ok());  // no rows
  for (std::size_t gone = 0; gone < all.size(); ++gone) {
    std::vector<bcr::blob_extent> some = all;
    some.erase(some.begin() + static_cast<std::ptrdiff_t>(gone));
    CHECK(saved(some, {0, 7, 0}).message() == doctest::String("A section of the packed weights is missing."));
  }
  const auto with = [&](std::size_t section, std::size_t size, const bcr::blob_matrix& matrix) {
    std::vector<bcr::blob_extent> some = all;
    some[section].bytes = size;
    auto refused = saved(some, matrix);
    REQUIRE(!refused.ok());
    return doctest::String(refused.message());
  };
  CHECK(with(0, 0, {0, 7, 0}) == "An array of the packed weights has the wrong size.");
  CHECK(with(0, 31, {0, 7, 0}) == "A section of the packed weights ends within an element.");
  CHECK(with(3, 62, {0, 7, 0}) == "An array of the packed weights has the wrong size.");
  CHECK(with(3, 66, {0, 7, 0}) == "The row groups do not cover the packed weights.");
  CHECK(with(5, 4, {0, 7, 0}) == "The packed weights are not as many as their header says.");
  CHECK(with(4, 4, {0, 7, 0}) == "An array of the packed weights has the wrong size.");
  CHECK(with(4, 4, {1, 7, 0}) == "The row groups do not cover the packed weights.");
}

}  // namespace
