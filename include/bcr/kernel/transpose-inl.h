// Transposition of a row-major matrix. `linear` packs activations X[T, K] into K x T tiles with it, so that tokens lie
// along the vector, and puts results back; it must cost little beside the products in between.
//
// One step takes a tile of Lanes rows by one 128-bit block of columns (4 for f32, 2 for f64, 8 for sixteen bits):
//
//      from, 4 columns         4 vectors of blocks              4 rows of `to`, lanes in the order of the rows
//      row  0  a b c d    r0 = row 0 | row 4 | row 8  | ..      a: rows 0 1 2 3 | 4 5 6 7 | 8 ..
//      row  1  a b c d    r1 = row 1 | row 5 | row 9  | ..  ->  b: rows 0 1 2 3 | 4 5 6 7 | 8 ..
//      row  2  a b c d    r2 = row 2 | row 6 | row 10 | ..      c: ..
//      row  3  ..         r3 = row 3 | row 7 | ..               d: ..
//
// Loading vectors block by block puts every row where it is wanted, so that the 4x4 (2x2, 8x8) transposition inside the
// blocks finishes the job: two shuffles a vector (one, three), none of them across blocks, at every vector width.
#if defined(BCR_KERNEL_TRANSPOSE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_TRANSPOSE_INL_H_
#undef BCR_KERNEL_TRANSPOSE_INL_H_
#else
#define BCR_KERNEL_TRANSPOSE_INL_H_
#endif

#include <cstddef>
#include <cstdint>

#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

#if BCR_HAS_BLOCKS

// Two of the eight rows of a tile of numbers of sixteen bits, from the lower and the upper four numbers of their
// blocks.
template <class D, class V>
BCR_INLINE void StoreTwoRows(D d, const V& low, const V& high, std::uint16_t* to, std::size_t to_ld) {
  const ops::Repartition<std::uint64_t, D> fours;
  const auto first = ops::BitCast(fours, low), second = ops::BitCast(fours, high);
  ops::StoreU(ops::BitCast(d, ops::InterleaveLower(fours, first, second)), d, to);
  ops::StoreU(ops::BitCast(d, ops::InterleaveUpper(fours, first, second)), d, to + to_ld);
}

// TransposeTile for numbers of sixteen bits.
template <class D>
BCR_INLINE void TransposeShorts(D d, const std::uint16_t* from, std::size_t from_ld, std::uint16_t* to,
                                std::size_t to_ld) {
  const ops::Repartition<std::uint32_t, D> pairs;
  const auto row = [&](std::size_t i) BCR_LAMBDA_ATTR { return LoadBlocks(d, from + i * from_ld, 8 * from_ld); };
  const auto lower = [&](const auto& a, const auto& b)
                         BCR_LAMBDA_ATTR { return ops::BitCast(pairs, ops::InterleaveLower(d, a, b)); };
  const auto upper = [&](const auto& a, const auto& b)
                         BCR_LAMBDA_ATTR { return ops::BitCast(pairs, ops::InterleaveUpper(d, a, b)); };
  const auto r0 = row(0), r1 = row(1), r2 = row(2), r3 = row(3);
  const auto r4 = row(4), r5 = row(5), r6 = row(6), r7 = row(7);
  const auto abcd01 = lower(r0, r1), abcd23 = lower(r2, r3), abcd45 = lower(r4, r5), abcd67 = lower(r6, r7);
  const auto efgh01 = upper(r0, r1), efgh23 = upper(r2, r3), efgh45 = upper(r4, r5), efgh67 = upper(r6, r7);
  StoreTwoRows(d, ops::InterleaveLower(pairs, abcd01, abcd23), ops::InterleaveLower(pairs, abcd45, abcd67), to, to_ld);
  to += 2 * to_ld;
  StoreTwoRows(d, ops::InterleaveUpper(pairs, abcd01, abcd23), ops::InterleaveUpper(pairs, abcd45, abcd67), to, to_ld);
  to += 2 * to_ld;
  StoreTwoRows(d, ops::InterleaveLower(pairs, efgh01, efgh23), ops::InterleaveLower(pairs, efgh45, efgh67), to, to_ld);
  to += 2 * to_ld;
  StoreTwoRows(d, ops::InterleaveUpper(pairs, efgh01, efgh23), ops::InterleaveUpper(pairs, efgh45, efgh67), to, to_ld);
}

// A tile of Lanes(d) x 16 / sizeof(T), as drawn above.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void TransposeTile(D d, const T* from, std::size_t from_ld, T* to, std::size_t to_ld) {
  if constexpr (sizeof(T) == 8) {
    const auto r0 = LoadBlocks(d, from, 2 * from_ld);
    const auto r1 = LoadBlocks(d, from + from_ld, 2 * from_ld);
    ops::StoreU(ops::InterleaveLower(d, r0, r1), d, to);
    ops::StoreU(ops::InterleaveUpper(d, r0, r1), d, to + to_ld);
  } else if constexpr (sizeof(T) == 2) {
    TransposeShorts(d, from, from_ld, to, to_ld);
  } else {
    const ops::Repartition<std::uint64_t, D> pairs;
    const auto r0 = LoadBlocks(d, from, 4 * from_ld);
    const auto r1 = LoadBlocks(d, from + from_ld, 4 * from_ld);
    const auto r2 = LoadBlocks(d, from + 2 * from_ld, 4 * from_ld);
    const auto r3 = LoadBlocks(d, from + 3 * from_ld, 4 * from_ld);
    const auto ab01 = ops::BitCast(pairs, ops::InterleaveLower(d, r0, r1));
    const auto ab23 = ops::BitCast(pairs, ops::InterleaveLower(d, r2, r3));
    const auto cd01 = ops::BitCast(pairs, ops::InterleaveUpper(d, r0, r1));
    const auto cd23 = ops::BitCast(pairs, ops::InterleaveUpper(d, r2, r3));
    ops::StoreU(ops::BitCast(d, ops::InterleaveLower(pairs, ab01, ab23)), d, to);
    ops::StoreU(ops::BitCast(d, ops::InterleaveUpper(pairs, ab01, ab23)), d, to + to_ld);
    ops::StoreU(ops::BitCast(d, ops::InterleaveLower(pairs, cd01, cd23)), d, to + 2 * to_ld);
    ops::StoreU(ops::BitCast(d, ops::InterleaveUpper(pairs, cd01, cd23)), d, to + 3 * to_ld);
  }
}

// Covers a matrix of at least one tile with tiles. The last ones are moved back into the matrix, over elements that
// were written already, with the same values.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void TransposeByTiles(D d, const T* from, std::size_t from_ld, std::size_t rows, std::size_t columns, T* to,
                                 std::size_t to_ld) {
  const std::size_t tile_rows = ops::Lanes(d);
  const std::size_t tile_columns = 16 / sizeof(T);
  for (std::size_t r = 0; r < rows; r += tile_rows) {
    const std::size_t i = r + tile_rows <= rows ? r : rows - tile_rows;
    for (std::size_t c = 0; c < columns; c += tile_columns) {
      const std::size_t j = c + tile_columns <= columns ? c : columns - tile_columns;
      TransposeTile(d, from + i * from_ld + j, from_ld, to + j * to_ld + i, to_ld);
    }
  }
}

// Tiles as high as the matrix allows, down to one block. Returns whether there were any.
template <std::size_t Lanes, class T>
BCR_INLINE bool TransposeByTilesOf(const T* from, std::size_t from_ld, std::size_t rows, std::size_t columns, T* to,
                                   std::size_t to_ld) {
  constexpr std::size_t block = 16 / sizeof(T);
  if (rows >= Lanes && columns >= block) {
    TransposeByTiles(ops::CappedTag<T, Lanes>(), from, from_ld, rows, columns, to, to_ld);
    return true;
  }
  if constexpr (Lanes > block) return TransposeByTilesOf<Lanes / 2>(from, from_ld, rows, columns, to, to_ld);
  return false;
}

#endif  // BCR_HAS_BLOCKS

// to[j * to_ld + i] = from[i * from_ld + j] for i < rows, j < columns. T is float, double or std::uint16_t, any
// alignment will do, and nothing outside the two matrices, which must not overlap, is touched.
template <class T>
void Transpose(const T* from, std::size_t from_ld, std::size_t rows, std::size_t columns, T* to,
               std::size_t to_ld) noexcept {
#if BCR_HAS_BLOCKS
  constexpr std::size_t lanes = ops::MaxLanes(ops::ScalableTag<T>());
  if (TransposeByTilesOf<lanes>(from, from_ld, rows, columns, to, to_ld)) return;
#endif
  // What is left is a strip of fewer than 4 rows or columns (2, 8), or has no vectors; the short side goes inside.
  if (rows < columns) {
    for (std::size_t j = 0; j < columns; ++j)
      for (std::size_t i = 0; i < rows; ++i) to[j * to_ld + i] = from[i * from_ld + j];
  } else {
    for (std::size_t i = 0; i < rows; ++i)
      for (std::size_t j = 0; j < columns; ++j) to[j * to_ld + i] = from[i * from_ld + j];
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_TRANSPOSE_INL_H_
