// How work is cut: tiles cover the columns, grids use the threads, parts cover the row groups.
#include "bcr/op/partition.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bcr/format/panels.hpp"
#include "support/property.hpp"

namespace {

TEST_CASE("column_tiles: exactly the columns, in widths that kernels have") {
  for (const std::size_t lanes : {1u, 2u, 4u, 8u, 16u, 64u}) {
    for (const std::size_t wanted : {1u, 2u, 3u, 4u, 5u, 6u}) {
      for (std::size_t columns = 0; columns <= 40 * lanes + 1; columns += 1 + (lanes - 1) / 5) {
        CAPTURE(lanes);
        CAPTURE(wanted);
        CAPTURE(columns);
        const bcr::column_tiles tiles(columns, lanes, wanted);
        std::size_t at = 0, vectors = 0, found_widest = 0, found_narrowest = wanted;
        for (std::size_t t = 0; t < tiles.count(); ++t) {
          const std::size_t width = tiles.vectors(t);
          REQUIRE(tiles.begin(t) == at);
          REQUIRE((width >= 1 && width <= wanted));
          at = tiles.end(t);
          // The last vector of a tile is never without a column.
          REQUIRE(at > tiles.begin(t) + (width - 1) * lanes);
          REQUIRE(at <= tiles.begin(t) + width * lanes);
          vectors += width;
          found_widest = std::max(found_widest, width);
          found_narrowest = std::min(found_narrowest, width);
        }
        for (std::size_t t = 0; t < tiles.count(); ++t) {
          const std::size_t end = t + 1 + (tiles.count() - t - 1) / 2, alike = tiles.alike(t, end, 4);
          REQUIRE((alike >= 1 && alike <= 4 && t + alike <= end));
          REQUIRE(tiles.vectors(t + alike - 1) == tiles.vectors(t));
          if (alike < 4 && t + alike < end) REQUIRE(tiles.vectors(t + alike) != tiles.vectors(t));
        }
        REQUIRE(at == columns);
        REQUIRE(vectors == bcr::blocks_covering(columns, lanes));
        REQUIRE(tiles.widest() == found_widest);
        // As few as can be, and all about as wide.
        REQUIRE(tiles.count() == bcr::blocks_covering(vectors, wanted));
        if (vectors != 0) REQUIRE(found_narrowest + 1 >= found_widest);
      }
    }
  }
  CHECK(bcr::column_tiles().count() == 0);
  CHECK(bcr::column_tiles().widest() == 0);
}

TEST_CASE("best_grid: at most the threads, and the smallest largest task") {
  PROPERTY("against trying every grid", [] {
    const std::size_t groups = 1 + bcr::test::any_extent(60), tiles = 1 + bcr::test::any_extent(60);
    const std::size_t threads = 1 + bcr::test::any_extent(40);
    const bcr::task_grid grid = bcr::best_grid(groups, tiles, threads);
    RC_ASSERT(grid.rows >= 1);
    RC_ASSERT(grid.columns >= 1);
    RC_ASSERT(grid.tasks() <= threads);
    RC_ASSERT(grid.rows <= groups);
    RC_ASSERT(grid.columns <= tiles);
    const auto largest = [&](std::size_t rows, std::size_t columns) {
      return static_cast<double>(bcr::blocks_covering(groups, rows) * bcr::blocks_covering(tiles, columns));
    };
    for (std::size_t rows = 1; rows <= groups; ++rows) {
      for (std::size_t columns = 1; columns <= tiles && rows * columns <= threads; ++columns) {
        RC_ASSERT(largest(grid.rows, grid.columns) * 0.98 <= largest(rows, columns));
      }
    }
  });
  CHECK(bcr::best_grid(100, 4, 4).columns == 4);  // before rows are cut, which would make tasks load the same input
  CHECK(bcr::best_grid(100, 1, 4).rows == 4);
  CHECK(bcr::best_grid(3, 2, 1000).tasks() == 6);
}

TEST_CASE("task_grid: every task has a part of its own, and those that follow each other share rows or columns") {
  for (const bool down_columns : {false, true}) {
    const bcr::task_grid grid{3, 4, down_columns};
    std::vector<int> met(12);
    for (std::size_t task = 0; task < grid.tasks(); ++task) ++met[grid.row_part(task) * 4 + grid.column_part(task)];
    CHECK(met == std::vector<int>(12, 1));
    CHECK((grid.row_part(1) == 0) == !down_columns);
    CHECK((grid.column_part(1) == 0) == down_columns);
  }
}

TEST_CASE("best_cut: narrower tiles where threads have equal shares of them") {
  const bcr::product_work work{
      .panels = 512, .column_uses = 1e5, .weights = 4e5, .weight_bytes = 2e6, .vector_bytes = 1.3e5};
  const auto cut_of = [&](std::size_t vectors, std::size_t tile_vectors, std::size_t threads) {
    return bcr::best_cut(16, 16 * vectors, 16, tile_vectors, threads, work);
  };
  CHECK(cut_of(64, 6, 1).tiles.widest() == 6);
  CHECK(cut_of(64, 6, 1).grid.tasks() == 1);
  CHECK(cut_of(64, 6, 16).tiles.widest() == 4);
  CHECK(cut_of(64, 6, 16).grid.tasks() == 16);
  CHECK(cut_of(96, 6, 16).tiles.widest() == 6);
  CHECK(cut_of(64, 3, 16).tiles.widest() == 3);  // few registers
  CHECK(cut_of(64, 6, 16).grid.down_columns);    // the input weighs more
  CHECK(!cut_of(2, 6, 16).grid.down_columns);
  CHECK(bcr::best_cut(0, 64, 16, 6, 16, {}).grid.tasks() == 1);
  CHECK(bcr::best_cut(16, 0, 16, 6, 16, work).tiles.count() == 0);
  PROPERTY("no more tasks than threads, groups and tiles, and no narrower than four", [] {
    const std::size_t groups = 1 + bcr::test::any_extent(60), columns = 1 + bcr::test::any_extent(900);
    const std::size_t threads = 1 + bcr::test::any_extent(40), wanted = 1 + bcr::test::any_extent(6) % 6;
    const bcr::product_work any{.panels = 1.0 + static_cast<double>(bcr::test::any_extent(1000)),
                                .column_uses = 1.0 + static_cast<double>(bcr::test::any_extent(10000)),
                                .weights = 1.0 + static_cast<double>(bcr::test::any_extent(40000)),
                                .weight_bytes = 1.0,
                                .vector_bytes = 1.0 + static_cast<double>(bcr::test::any_extent(100000))};
    const bcr::product_cut cut = bcr::best_cut(groups, columns, 16, wanted, threads, any);
    const bcr::column_tiles alone(columns, 16, wanted), narrowest(columns, 16, std::min<std::size_t>(wanted, 4));
    RC_ASSERT(cut.grid.tasks() <= threads);
    RC_ASSERT(cut.grid.rows <= groups);
    RC_ASSERT(cut.grid.columns <= cut.tiles.count());
    RC_ASSERT(cut.tiles.widest() <= alone.widest());
    RC_ASSERT(cut.tiles.count() <= narrowest.count());
    if (threads == 1) RC_ASSERT(cut.tiles.count() == alone.count());
  });
}

TEST_CASE("first_group: parts follow each other, cover all groups and have equal shares") {
  PROPERTY("any groups, any number of parts", [] {
    bcr::test::random_source random(bcr::test::any_seed());
    const std::size_t count = bcr::test::any_extent(200);
    const std::size_t heaviest = *rc::gen::element<std::size_t>(1, 10, 100000);
    std::vector<bcr::row_group> groups(count + 1);
    double largest = 0, total = 0;
    const auto cost = [](std::uint64_t weights, std::uint64_t rows) {
      return static_cast<double>(weights + 4 * rows);  // as first_group weighs them
    };
    for (std::size_t g = 0; g < count; ++g) {
      const std::size_t rows = 1 + random.below(128), weights = random.below(heaviest);
      groups[g + 1].row_begin = groups[g].row_begin + static_cast<std::uint32_t>(rows);
      groups[g + 1].weight_begin = groups[g].weight_begin + weights;
      largest = std::max(largest, cost(weights, rows));
      total += cost(weights, rows);
    }
    const std::span<const bcr::row_group> all(groups);
    const std::size_t parts = 1 + bcr::test::any_extent(std::max<std::size_t>(count, 4));
    RC_ASSERT(bcr::first_group(all, 0, parts) == 0u);
    for (std::size_t p = 0; p < parts; ++p) {
      const std::size_t begin = bcr::first_group(all, p, parts), end = bcr::first_group(all, p + 1, parts);
      RC_ASSERT(begin <= end);
      RC_ASSERT(end <= count);
      const double share =
          cost(groups[end].weight_begin - groups[begin].weight_begin, groups[end].row_begin - groups[begin].row_begin);
      RC_ASSERT(share <= total / static_cast<double>(parts) + largest + 1);
    }
    RC_ASSERT(bcr::first_group(all, parts, parts) == count);
  });
}

}  // namespace
