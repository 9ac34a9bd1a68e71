// The columns of a panel: what the loops of panels-inl.h do for each column that a segment keeps, or for two at once.
//
// One column costs V loads of B and one broadcast per kept row for V FMAs per kept row: with four rows and V = 6, 10
// loads for 24 FMAs, on machines that do two of each in a cycle. The 24 accumulators, 6 inputs and 1 weight leave one
// of 32 registers; with 16 registers V is 3.
//
// NEON multiplies by a lane: the four weights of a column are one load, and with 24 FMAs go 8 other instructions (five
// loads, of which three load two vectors, an address, and the count). Asking for rows ahead would be four more, and is
// left out: a core with some hundred instructions under way is several columns ahead by itself, and the rows of a tile,
// 96 bytes each, stay in the second cache level. That is reasoned and not measured; test/loops.sh counts.
//
// Weights of sixteen bits become float as they are broadcast, by an instruction more for bf16 (a load of 32 bits, and a
// shift) and two or three for f16. Beside the multiply-adds of four rows a core of four vector pipes has room for them
// (Zen 5: 0.5 % and 2 % of the time; widening them ahead into memory, vector by vector, took 4 to 6 %); one of two
// pipes has not. NEON widens a column's weights at once.
//
// If the input is in bf16 as well and the target multiplies pairs (simd/pairs-inl.h), two columns are met at once: a
// permutation a vector makes pairs of their rows, and eight weights become four pairs. With four rows and V = 4 these
// are 16 dot products, 4 permutations, 5 shuffles and 8 loads in the place of 32 multiply-adds. Zen 5 starts two dot
// products a cycle, as many as multiply-adds; the others take turns with them, which leaves 1.7 of the 2 times that
// they promise. A last column without a partner is widened.
//
// B's rows are met in no order that hardware foresees, on purpose (pack/group_panels.hpp), so the loop asks for them
// ahead; the distance covers the second cache level's latency (about 15 cycles against 6 to 12 a column) and part of
// the third's.
#if defined(BCR_KERNEL_PANEL_COLUMNS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANEL_COLUMNS_INL_H_
#undef BCR_KERNEL_PANEL_COLUMNS_INL_H_
#else
#define BCR_KERNEL_PANEL_COLUMNS_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bcr/format/panels.hpp"
#include "bcr/kernel/input_rows-inl.h"
#include "bcr/kernel/sums-inl.h"
#include "bcr/simd/narrow-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/pairs-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Vectors in the widest tile that this target's registers hold.
inline constexpr int kPanelVectors = kVectorRegisters >= 32 ? 6 : 3;
// The same of weights of type W. Pairs of bf16 need registers for indices and for weights on their way: with more than
// four vectors g++ 12 moves sums to the stack and back.
template <class W>
inline constexpr int kPanelVectorsOf = has_narrow_input<W> && BCR_DOTS_PAIRS && kPanelVectors > 4 ? 4 : kPanelVectors;
// Tiles side by side whose panels are visited together (panel_tiles-inl.h), and of how many vectors at least. Where
// only 32 registers hold wide tiles, that is measured on AVX-512 alone.
inline constexpr int kTilesTogether = kVectorRegisters < 32 ? 24 : BCR_PERMUTES_512 ? 8 : 1;
inline constexpr int kLeastTogether = kVectorRegisters < 32 ? 2 : 6;
// Whether tiles of so many vectors have loops for whole panels. With one tile that is wide there is nothing to gain.
template <int Vectors>
inline constexpr bool kTakenTogether = kTilesTogether > 1 && (kVectorRegisters < 32 || Vectors >= kLeastTogether);
inline constexpr std::size_t kPrefetchColumns = 8;
static_assert(kPrefetchColumns <= panels_read_ahead);

// Asks for the cache line of vector `I` of a row, unless the vector before shares it. The address may lie
// outside of the matrix, which a prefetch forgives and pointer arithmetic would not. `Bytes` of them are an element.
template <int I, int Vectors, std::size_t Bytes = 0, class D>
BCR_INLINE void PrefetchVector(D d, std::uintptr_t row) {
  constexpr std::size_t bytes = Bytes == 0 ? sizeof(ops::TFromD<D>) : Bytes;
  constexpr std::size_t most_bytes = ops::MaxLanes(D()) * bytes;
  if constexpr (I < Vectors && (most_bytes >= 64 || I * most_bytes % 64 == 0)) {
    __builtin_prefetch(reinterpret_cast<const void*>(row + I * ops::Lanes(d) * bytes));
  }
}

template <int First, int End, std::size_t Bytes, class D>
BCR_INLINE void PrefetchRow(D d, std::uintptr_t row) {
  if constexpr (First == 0) PrefetchVector<0, End, Bytes>(d, row);
  if constexpr (First <= 1) PrefetchVector<1, End, Bytes>(d, row);
  if constexpr (First <= 2) PrefetchVector<2, End, Bytes>(d, row);
  if constexpr (First <= 3) PrefetchVector<3, End, Bytes>(d, row);
  if constexpr (First <= 4) PrefetchVector<4, End, Bytes>(d, row);
  if constexpr (First <= 5) PrefetchVector<5, End, Bytes>(d, row);
}

// What the loop over a panel's columns asks for ahead: nothing, the row of a later column, or that and what lies behind
// the tile in it, which the next tile is to find in the second cache level.
enum class asks { nothing, row, row_and_next };

// Accumulators that a sum is spread over. The four of a tile of one vector would wait for each other: a core starts two
// multiply-adds a cycle, each of which takes four. Wider tiles have enough of them, and all add up in the same order.
template <int Vectors>
inline constexpr int kPhases = Vectors > 1              ? 1
                               : kVectorRegisters >= 32 ? 4
                                                        : 2;

// Vector `I` of a column's tile, which begins at `b`; in the place of those that are not among [First, End) stands
// the vector `First`, which nobody reads.
template <int I, int Vectors, int First = 0, int End = Vectors, class D, class T, class L>
BCR_INLINE ops::Vec<D> LoadVector(D d, const T* b, std::size_t last, const L& which) {
  constexpr int at = I < First || I >= End ? First : I;
  return LoadThose<at>(d, which, b + (at == Vectors - 1 ? last : at * ops::Lanes(d)));
}

// Row `Row` of a panel: its accumulators, or those of vectors [First, End), take weight times column. Spelled out,
// because every call that is inlined here is inlined a thousand times: this is a second less to compile.
template <int Row, int Vectors, int First = 0, int End = Vectors, bool Pairs = false, class A, class V>
BCR_INLINE void MulAddRow(const A& acc, const V& weight, const V& x0, const V& x1, const V& x2, const V& x3,
                          const V& x4, const V& x5) {
  constexpr int at = Row * Vectors;
#define BCR_MUL_ADD(i)                                          \
  if constexpr (First <= (i) && (i) < End) {                    \
    V& sum = static_cast<const VectorRef<at + (i), V>&>(acc).v; \
    if constexpr (Pairs) {                                      \
      sum = AddPairs(weight, x##i, sum);                        \
    } else {                                                    \
      sum = ops::MulAdd(weight, x##i, sum);                     \
    }                                                           \
  }
  BCR_MUL_ADD(0)
  BCR_MUL_ADD(1)
  BCR_MUL_ADD(2)
  BCR_MUL_ADD(3)
  BCR_MUL_ADD(4)
  BCR_MUL_ADD(5)
#undef BCR_MUL_ADD
}

#if BCR_MULTIPLIES_BY_LANE
// The same for a weight in one of the lanes of two vectors that hold a column's weights.
template <unsigned Mask, int Row, int Vectors, int Phase, class D, class A, class V>
BCR_INLINE void MulAddLane(D, const A& acc, const V& low, const V& high, const V& x0, const V& x1, const V& x2,
                           const V& x3, const V& x4, const V& x5) {
  constexpr int lanes = 16 / sizeof(ops::TFromD<D>), lane = std::popcount(Mask & ((1u << Row) - 1));
  constexpr int row = Phase * panel_rows + Row;
  if constexpr ((Mask >> Row & 1u) == 0) return;
  if constexpr (lane < lanes) MulAddRow<row, Vectors>(acc, ops::Broadcast<lane>(low), x0, x1, x2, x3, x4, x5);
  if constexpr (lane >= lanes) MulAddRow<row, Vectors>(acc, ops::Broadcast<lane % lanes>(high), x0, x1, x2, x3, x4, x5);
}
#endif

// Where the kernel stands in the weights.
template <class W>
struct PanelCursor {
  const segment* next_segment;
  const std::uint16_t* column;
  const W* weight;
};

// Keeps a compiler from loading the other weights of a column with the first: with the sums and the inputs that would
// be more than 32 registers, and the sums would pay for it, in every other loop as well. That is so with three weights
// for NEON, and with four for SVE and clang, which then moves most sums from register to register.
template <int Kept, class T>
BCR_INLINE void LoadInOrder(const T*& weight) {
#ifdef __clang__
  constexpr bool needed = (BCR_MULTIPLIES_BY_LANE && Kept == 3) || (BCR_IS_SVE && Kept == 4);
#else
  constexpr bool needed = BCR_MULTIPLIES_BY_LANE && Kept == 3;
#endif
  if constexpr (needed) asm volatile("" : "+r"(weight) : : "memory");
}

// One column, `Phase` columns after the cursor, into the accumulators of that phase; or vectors [First, End) of it.
template <unsigned Mask, int Vectors, int Phase, int First = 0, int End = Vectors, asks Ahead = asks::row, class D,
          class Input, class L, class W, class A>
BCR_INLINE void MulAddColumn(D d, const PanelCursor<W>& at, const Input& b, const L& which, std::size_t last,
                             const A& acc) {
  using T [[maybe_unused]] = ops::TFromD<D>;
  constexpr int kept = std::popcount(Mask), row = Phase * panel_rows;
  // With one or two rows a column the load ports are the limit, and a prefetch would be one load more. In a narrow tile
  // a column is little work, so that many are under way without it.
  constexpr int narrow = kVectorRegisters >= 32 ? 2 : 1;
  if constexpr (Ahead != asks::nothing && kept > 2 && Vectors > narrow && !BCR_MULTIPLIES_BY_LANE) {
    const std::uintptr_t later = b.Address(at.column[kPrefetchColumns + Phase]);
    PrefetchRow<First, End, sizeof(*b.b)>(d, later);
    if constexpr (Ahead == asks::row_and_next) {
      constexpr std::size_t next_line = 32;  // bytes after the tile, as tiles of 96 bytes end in the middle of one
      __builtin_prefetch(reinterpret_cast<const void*>(later + Vectors * ops::Lanes(d) * sizeof(*b.b) + next_line), 0,
                         2);
    }
  }
  const auto* const x = b.Row(at.column[Phase]);
  const W* weight = at.weight + Phase * kept;
  const auto x0 = LoadVector<0, Vectors, First, End>(d, x, last, which);
  const auto x1 = LoadVector<1, Vectors, First, End>(d, x, last, which);
  const auto x2 = LoadVector<2, Vectors, First, End>(d, x, last, which);
  const auto x3 = LoadVector<3, Vectors, First, End>(d, x, last, which);
  const auto x4 = LoadVector<4, Vectors, First, End>(d, x, last, which);
  const auto x5 = LoadVector<5, Vectors, First, End>(d, x, last, which);
#if BCR_PERMUTES_512
  // One load for the four weights, which are spread by moves within the vector, where loads are the limit: with vectors
  // that cross lines of the cache (Zen 5: 1 to 4 % less time; elsewhere the moves are in the way of the multiply-adds),
  // and with a single vector a column. There only two are moved and two are operands in memory of their multiply-adds,
  // as a core is short of loads (Zen 5: 13 % less time than with four such operands) or of moves (Zen 4: 20 % less
  // than with four moves).
  if constexpr (kept == panel_rows && std::is_same_v<T, float> && std::is_same_v<W, float> &&
                (Vectors == 1 || Input::crosses_lines)) {
    auto four = ops::LoadDup128(d, weight);
    asm("" : "+v"(four.raw));  // or it would become four loads again
    const auto weight2 = Vectors == 1 ? SetWide(d, weight + 2) : ops::Broadcast<2>(four);
    const auto weight3 = Vectors == 1 ? SetWide(d, weight + 3) : ops::Broadcast<3>(four);
    MulAddRow<row, Vectors, First, End>(acc, ops::Broadcast<0>(four), x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 1, Vectors, First, End>(acc, ops::Broadcast<1>(four), x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 2, Vectors, First, End>(acc, weight2, x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 3, Vectors, First, End>(acc, weight3, x0, x1, x2, x3, x4, x5);
    return;
  }
#endif
#if BCR_MULTIPLIES_BY_LANE
  // Narrow weights are widened together, however few a column has.
  if constexpr (kept == panel_rows || !std::is_same_v<T, W>) {
    constexpr int lanes = 16 / sizeof(T);
    const auto low = LoadWide(d, weight), high = LoadWide(d, weight + panel_rows - lanes);
    MulAddLane<Mask, 0, Vectors, Phase>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<Mask, 1, Vectors, Phase>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<Mask, 2, Vectors, Phase>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    MulAddLane<Mask, 3, Vectors, Phase>(d, acc, low, high, x0, x1, x2, x3, x4, x5);
    return;
  }
#endif
  if constexpr ((Mask & 1u) != 0)
    MulAddRow<row, Vectors, First, End>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 2u) != 0)
    MulAddRow<row + 1, Vectors, First, End>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 4u) != 0)
    MulAddRow<row + 2, Vectors, First, End>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 8u) != 0)
    MulAddRow<row + 3, Vectors, First, End>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
}

#if BCR_DOTS_PAIRS
// Vector `I` of two columns' tiles as pairs, as LoadVector of one. Two vectors side by side are loaded together.
template <int I, int Vectors, class D>
BCR_INLINE ops::Vec<D> LoadPairVector(D d, const bf16* first, const bf16* second, std::size_t last) {
  constexpr std::size_t lanes = ops::MaxLanes(D());
  if constexpr (I >= Vectors) {
    return LoadPairVector<0, Vectors>(d, first, second, last);
  } else if constexpr ((I | 1) < Vectors - 1) {
    constexpr std::size_t begin = I / 2 * 2 * lanes;
    return LoadPairsOfTwo < I % 2 == 1 > (d, first + begin, second + begin);
  } else {
    const std::size_t begin = I == Vectors - 1 ? last : I * lanes;
    return LoadPairs(d, first + begin, second + begin);
  }
}

// Two columns at once, 2 Phase columns after the cursor.
template <unsigned Mask, int Vectors, int Phase, class D, class Input, class W, class A>
BCR_INLINE void MulAddPair(D d, const PanelCursor<W>& at, const Input& b, std::size_t last, const A& acc) {
  constexpr int kept = std::popcount(Mask), row = Phase * panel_rows, column = 2 * Phase;
  if constexpr (kept > 2 && Vectors > 2 && !BCR_MULTIPLIES_BY_LANE) {
    PrefetchRow<0, Vectors, sizeof(W)>(d, b.Address(at.column[kPrefetchColumns + column]));
    PrefetchRow<0, Vectors, sizeof(W)>(d, b.Address(at.column[kPrefetchColumns + column + 1]));
  }
  const W* const first = b.Row(at.column[column]);
  const W* const second = b.Row(at.column[column + 1]);
  const W* const weight = at.weight + column * kept;
  const auto weights = LoadWeightPairs(d, weight, weight + kept);
  const auto x0 = LoadPairVector<0, Vectors>(d, first, second, last);
  const auto x1 = LoadPairVector<1, Vectors>(d, first, second, last);
  const auto x2 = LoadPairVector<2, Vectors>(d, first, second, last);
  const auto x3 = LoadPairVector<3, Vectors>(d, first, second, last);
  const auto x4 = LoadPairVector<4, Vectors>(d, first, second, last);
  const auto x5 = LoadPairVector<5, Vectors>(d, first, second, last);
#define BCR_PAIR_ROW(r)                                                                                           \
  if constexpr ((Mask >> (r) & 1u) != 0) {                                                                        \
    constexpr int number = std::popcount(Mask & ((1u << (r)) - 1));                                               \
    MulAddRow<row + (r), Vectors, 0, Vectors, true>(acc, WeightPair<number>(d, weights), x0, x1, x2, x3, x4, x5); \
  }
  BCR_PAIR_ROW(0)
  BCR_PAIR_ROW(1)
  BCR_PAIR_ROW(2)
  BCR_PAIR_ROW(3)
#undef BCR_PAIR_ROW
}

// The columns before `end`, as long as there are two.
template <unsigned Mask, int Vectors, class D, class Input, class W, class A>
BCR_INLINE void MulAddPairs(D d, const std::uint16_t* end, PanelCursor<W>& at, const Input& b, std::size_t last,
                            const A& acc) {
  constexpr int kept = std::popcount(Mask), phases = kPhases<Vectors>;
  if constexpr (phases > 1) {
    for (; end - at.column >= 2 * phases; at.column += 2 * phases, at.weight += 2 * phases * kept) {
      CountHere(at.weight);
      MulAddPair<Mask, Vectors, 0>(d, at, b, last, acc);
      MulAddPair<Mask, Vectors, 1>(d, at, b, last, acc);
      if constexpr (phases > 2) MulAddPair<Mask, Vectors, 2>(d, at, b, last, acc);
      if constexpr (phases > 3) MulAddPair<Mask, Vectors, 3>(d, at, b, last, acc);
    }
  }
  for (; end - at.column >= 2; at.column += 2, at.weight += 2 * kept) {
    CountHere(at.weight);
    MulAddPair<Mask, Vectors, 0>(d, at, b, last, acc);
  }
}
#endif

// All columns of one segment.
template <unsigned Mask, int Vectors, asks Ahead = asks::row, class D, class Input, class W, class A>
BCR_INLINE void MulAddSegment(D d, unsigned columns, PanelCursor<W>& at, const Input& b, std::size_t last,
                              const A& acc) {
  constexpr int kept = std::popcount(Mask), phases = kPhases<Vectors>;
  const std::uint16_t* const end = at.column + columns;
#if BCR_DOTS_PAIRS
  if constexpr (Input::narrow) {
    MulAddPairs<Mask, Vectors>(d, end, at, b, last, acc);
    if (at.column == end) return;
  }
#endif
  const auto which = b.template LanesOf<Vectors>(d, *at.column);
  if constexpr (phases > 1 && !(BCR_DOTS_PAIRS && Input::narrow)) {
    for (; end - at.column >= phases; at.column += phases, at.weight += phases * kept) {
      CountHere(at.weight);
      MulAddColumn<Mask, Vectors, 0>(d, at, b, which, last, acc);
      MulAddColumn<Mask, Vectors, 1>(d, at, b, which, last, acc);
      if constexpr (phases > 2) MulAddColumn<Mask, Vectors, 2>(d, at, b, which, last, acc);
      if constexpr (phases > 3) MulAddColumn<Mask, Vectors, 3>(d, at, b, which, last, acc);
    }
    if (at.column == end) return;
  }
  if constexpr (BCR_MULTIPLIES_BY_LANE && kept == panel_rows && phases == 1) {
    // A last vector that follows the others is loaded together with the one before.
    constexpr std::size_t whole = (Vectors - 1) * ops::MaxLanes(D());
    if (last == whole) {
      do {
        MulAddColumn<Mask, Vectors, 0>(d, at, b, which, whole, acc);
        at.weight += kept;
        CountHere(at.weight);
      } while (++at.column != end);
      return;
    }
  }
  do {
    MulAddColumn<Mask, Vectors, 0, 0, Vectors, Ahead>(d, at, b, which, last, acc);
    at.weight += kept;
    CountHere(at.weight);
  } while (++at.column != end);
}

inline constexpr unsigned kAllRows = (1u << panel_rows) - 1;

// Some columns that keep all rows, and of these the vectors [First, End). The cursor stays where it is.
template <int Vectors, int First, int End, asks Ahead = asks::row, class D, class Input, class W, class A>
BCR_INLINE void MulAddPart(D d, unsigned columns, PanelCursor<W> at, const Input& b, std::size_t last, const A& acc) {
  const std::uint16_t* const end = at.column + columns;
  const auto which = b.template LanesOf<Vectors>(d, *at.column);
  do {
    MulAddColumn<kAllRows, Vectors, 0, First, End, Ahead>(d, at, b, which, last, acc);
    at.weight += panel_rows;
    CountHere(at.weight);
  } while (++at.column != end);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANEL_COLUMNS_INL_H_
