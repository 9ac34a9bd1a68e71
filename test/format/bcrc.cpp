// What validate() says about arrays that came from elsewhere; the conversions are tested in test/pack/bcrc.cpp.
#include "bcr/format/bcrc.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "support/property.hpp"

namespace {

// The example of the header, as plain arrays that a test can damage.
struct arrays {
  std::size_t rows = 3, columns = 4;
  std::vector<std::uint32_t> reorder{0, 2, 1}, row_offset{0, 2, 4, 5}, occurrence{0, 2, 3}, column_stride{0, 2, 3},
      compact_column{0, 2, 1};
  std::vector<float> weights{1, 2, 3, 4, 5};

  bcr::bcrc_view<float> view() const {
    return {rows, columns, reorder, row_offset, occurrence, column_stride, compact_column, weights};
  }
  doctest::String verdict() const {
    const bcr::status s = validate(view());
    if (!s) CHECK(s.code() == bcr::errc::corrupt);
    return s.message();
  }
};

TEST_CASE("bcrc: lookups") {
  const arrays a;
  CHECK(a.verdict() == "Success.");
  const auto b = a.view();
  CHECK(b.groups() == 2);
  CHECK(b.kept() == 5);
  CHECK(b.group_columns(0).size() == 2);
  CHECK(b.group_columns(0)[1] == 2);
  CHECK(b.group_columns(1)[0] == 1);
  CHECK(b.row_weights(1)[0] == 3);
  CHECK(b.row_weights(2).size() == 1);
}

TEST_CASE("bcrc: arrays of the wrong size") {
  constexpr const char* sizes = "BCRC: reorder must have an entry for each row, and row offset one more.";
  arrays a;
  a.rows = 4;
  CHECK(a.verdict() == sizes);
  a = {};
  a.reorder.push_back(3);
  CHECK(a.verdict() == sizes);
  a = {};
  a.row_offset.pop_back();
  CHECK(a.verdict() == sizes);
  CHECK(validate(bcr::bcrc_view<float>{}).message() == doctest::String(sizes));  // a row offset of 0 is missing
}

TEST_CASE("bcrc: offsets that do not rise from 0 to the end") {
  for (const auto& [at, value] : {std::pair<std::size_t, std::uint32_t>{0, 1}, {1, 5}, {3, 4}, {3, 6}}) {
    arrays a;
    a.row_offset[at] = value;
    CHECK(a.verdict() == "BCRC: row offset must rise from 0 to the number of weights.");
  }
  for (const auto& [at, value] : {std::pair<std::size_t, std::uint32_t>{0, 1}, {1, 4}, {2, 2}, {2, ~0u}}) {
    arrays a;
    a.occurrence[at] = value;
    CHECK(a.verdict() == "BCRC: occurrence must rise from 0 to the number of rows.");
    a = {};
    a.column_stride[at] = value;
    CHECK(a.verdict() == "BCRC: column stride must rise from 0 to the number of compact columns, in a step a group.");
  }
  arrays a;
  a.occurrence.clear();
  CHECK(a.verdict() == "BCRC: occurrence must rise from 0 to the number of rows.");
  a = {};
  a.column_stride = {0, 3};
  CHECK(a.verdict() == "BCRC: column stride must rise from 0 to the number of compact columns, in a step a group.");
}

TEST_CASE("bcrc: groups that contradict themselves") {
  arrays a;
  a.occurrence = {0, 2, 2, 3};
  a.column_stride = {0, 2, 2, 3};
  CHECK(a.verdict() == "BCRC: a group has no rows.");
  for (const auto& columns : {std::vector<std::uint32_t>{2, 0, 1}, {2, 2, 1}, {0, 4, 1}, {0, 2, 4}, {0, ~0u, 1}}) {
    a = {};
    a.compact_column = columns;
    CHECK(a.verdict() == "BCRC: the compact columns of a group must ascend and lie inside the matrix.");
  }
  a = {};
  a.row_offset = {0, 1, 4, 5};
  CHECK(a.verdict() == "BCRC: a row has another number of weights than its group has columns.");
}

TEST_CASE("bcrc: reorder must be a permutation") {
  for (const auto& order : {std::vector<std::uint32_t>{0, 2, 2}, {0, 2, 3}, {0, 2, ~0u}}) {
    arrays a;
    a.reorder = order;
    CHECK(a.verdict() == "BCRC: reorder does not name every row of the matrix exactly once.");
  }
}

TEST_CASE("bcrc: whatever passes validate can be looked up") {
  PROPERTY("a damaged number or a cut array", [] {
    arrays a;
    std::vector<std::uint32_t>* const all[] = {&a.reorder, &a.row_offset, &a.occurrence, &a.column_stride,
                                               &a.compact_column};
    for (int damages = *rc::gen::inRange(1, 4); damages > 0; --damages) {
      auto& array = *all[*rc::gen::inRange(0, 5)];
      if (array.empty()) continue;
      const auto at = *rc::gen::inRange<std::size_t>(0, array.size());
      array[at] = *rc::gen::oneOf(rc::gen::inRange<std::uint32_t>(0, 6), rc::gen::arbitrary<std::uint32_t>());
      if (*rc::gen::inRange(0, 5) == 0) array.resize(at);
      array.shrink_to_fit();  // for the address sanitiser
    }
    const auto b = a.view();
    if (!validate(b)) return;
    std::vector<int> seen(b.rows);
    std::size_t weights = 0;
    for (std::size_t g = 0; g < b.groups(); ++g) {
      for (const std::uint32_t column : b.group_columns(g)) RC_ASSERT(column < b.columns);
      for (std::size_t i = b.occurrence[g]; i < b.occurrence[g + 1]; ++i) {
        RC_ASSERT(b.reorder[i] < b.rows);
        ++seen[b.reorder[i]];
        RC_ASSERT(b.row_weights(i).data() == b.weights.data() + weights);
        weights += b.row_weights(i).size();
        RC_ASSERT(b.row_weights(i).size() == b.group_columns(g).size());
      }
    }
    RC_ASSERT(weights == b.weights.size());
    RC_ASSERT(seen == std::vector<int>(b.rows, 1));
  });
}

}  // namespace
