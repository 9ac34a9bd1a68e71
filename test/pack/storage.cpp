#include "bcr/pack/storage.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

#include "bcr/pack/bcrc.hpp"
#include "support/random_pattern.hpp"

namespace {

using bcr::storage_bytes;

template <class Block>
storage_bytes bcrc_bytes(const bcr::pattern<Block>& p) {
  const auto w = bcr::test::random_weights<float>(p, 1);
  auto b = bcr::pack_bcrc<float>(p, w.view());
  REQUIRE(b.ok());
  return bcr::bcrc_storage(b->view());
}

TEST_CASE("storage: bytes by hand") {
  static_assert(bcr::dense_storage<float>(10, 20) == storage_bytes{800, 0});
  static_assert(bcr::dense_storage<double>(10, 0).total() == 0);
  static_assert(bcr::csr_storage<double>(10, 30) == storage_bytes{240, 4 * (30 + 11)});
  static_assert(bcr::csr_storage<float>(0, 0).total() == 4);

  // Columns 1 and 5 of all rows: one group.
  auto p = bcr::pattern<bcr::block<8, 8>>::create(8, 8);
  p->keep_block(0, 0);
  for (const std::size_t c : {0u, 2u, 3u, 4u, 6u, 7u}) p->keep_column(0, 0, c, false);
  // reorder 8, row offset 9, occurrence 2, column stride 2, compact column 2
  CHECK(bcrc_bytes(*p) == storage_bytes{16 * sizeof(float), 23 * sizeof(std::uint32_t)});
}

// The paper's claim and its limit (see format/bcrc.hpp): tall blocks that keep all rows share their columns, and
// BCRC stores few indices; narrow blocks with pruned rows leave hardly two rows alike, and it stores as many as CSR.
TEST_CASE("storage: BCRC against CSR") {
  const auto columns_only = bcr::test::random_pattern<bcr::block<64, 16>>(1024, 1024, {.density = 0.1}, 1);
  const auto csr = bcr::csr_storage<float>(1024, columns_only.kept());
  const auto bcrc = bcrc_bytes(columns_only);
  CHECK(bcrc.weights == csr.weights);
  CHECK(bcrc.indices < csr.indices / 20);
  CHECK(bcrc.total() < bcr::dense_storage<float>(1024, 1024).total() / 9);

  const auto rows_too = bcr::test::random_pattern<bcr::block<4, 16>>(1024, 1024, {.density = 0.1, .rows_kept = 0.5}, 1);
  const double ratio = static_cast<double>(bcrc_bytes(rows_too).indices) /
                       static_cast<double>(bcr::csr_storage<float>(1024, rows_too.kept()).indices);
  CHECK(ratio > 0.9);
  CHECK(ratio < 1.1);
}

}  // namespace
