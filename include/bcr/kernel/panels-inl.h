// Matrix-matrix product on panels: C[M, N] = W B for a tile of up to six vectors of columns.
//
//        weights of a segment            B, one row per kept column         accumulators of the panel, in registers
//        col k0: w w w (rows 0 1 3)      k0: | x0 | x1 | .. | x5 |          row 0: | a | a | .. | a |
//        col k1: w w w                   k1: | x0 | x1 | .. | x5 |    ->    row 1: | a | a | .. | a |   a += w * x
//        ..                              ..                                 row 3: | a | a | .. | a |
//
// One column costs V loads of B and one broadcast per kept row for V FMAs per kept row: with four rows and V = 6, 10
// loads for 24 FMAs, on machines that do two of each in a cycle. The 24 accumulators, 6 inputs and 1 weight leave one
// of 32 registers; with 16 registers V is 3. The row mask of a segment is a compile-time constant of its loop: there
// are 15 loops, and the only branch that can surprise is the end of one. Where a panel begins and ends, about 25 cycles
// are lost (Zen 5): some hundred instructions without a multiply-add, and stores of vectors just made.
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
// B's rows are met in no order that hardware foresees, on purpose (pack/group_panels.hpp), so the loop asks for them
// ahead; the distance covers the second cache level's latency (about 15 cycles against 6 to 12 a column) and part of
// the third's.
#if defined(BCR_KERNEL_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANELS_INL_H_
#undef BCR_KERNEL_PANELS_INL_H_
#else
#define BCR_KERNEL_PANELS_INL_H_
#endif

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/input_rows-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/simd/narrow-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Vectors in the widest tile that this target's registers hold.
inline constexpr int kPanelVectors = kVectorRegisters >= 32 ? 6 : 3;
inline constexpr std::size_t kPrefetchColumns = 8;
static_assert(kPrefetchColumns <= panels_read_ahead);

// Asks for the cache line of vector `I` of a row, unless the vector before shares it. The address may lie
// outside of the matrix, which a prefetch forgives and pointer arithmetic would not.
template <int I, int Vectors, class D>
BCR_INLINE void PrefetchVector(D d, std::uintptr_t row) {
  constexpr std::size_t most_bytes = ops::MaxLanes(D()) * sizeof(ops::TFromD<D>);
  if constexpr (I < Vectors && (most_bytes >= 64 || I * most_bytes % 64 == 0)) {
    __builtin_prefetch(reinterpret_cast<const void*>(row + I * ops::Lanes(d) * sizeof(ops::TFromD<D>)));
  }
}

template <int Vectors, class D>
BCR_INLINE void PrefetchRow(D d, std::uintptr_t row) {
  PrefetchVector<0, Vectors>(d, row);
  PrefetchVector<1, Vectors>(d, row);
  PrefetchVector<2, Vectors>(d, row);
  PrefetchVector<3, Vectors>(d, row);
  PrefetchVector<4, Vectors>(d, row);
  PrefetchVector<5, Vectors>(d, row);
}

// Accumulators that a sum is spread over. The four of a tile of one vector would wait for each other: a core starts two
// multiply-adds a cycle, each of which takes four. Wider tiles have enough of them, and all add up in the same order.
template <int Vectors>
inline constexpr int kPhases = Vectors > 1              ? 1
                               : kVectorRegisters >= 32 ? 4
                                                        : 2;

// References to vectors, by number. A struct of references is no vector, so that SVE's sizeless ones may be meant.
template <std::size_t I, class V>
struct VectorRef {
  V& v;
};
template <class Indices, class... V>
struct VectorRefs;
template <std::size_t... I, class... V>
struct VectorRefs<std::index_sequence<I...>, V...> : VectorRef<I, V>... {};
template <class... V>
using RefsTo = VectorRefs<std::index_sequence_for<V...>, V...>;

template <std::size_t I, class D, class A>
BCR_INLINE ops::Vec<D>& Sum(D, const A& acc) {
  return static_cast<const VectorRef<I, ops::Vec<D>>&>(acc).v;
}

// Vector `I` of a column's tile, which begins at `b`; a tile of fewer vectors repeats its first, which nobody reads.
template <int I, int Vectors, class D, class T, class L>
BCR_INLINE ops::Vec<D> LoadVector(D d, const T* b, std::size_t last, const L& which) {
  if constexpr (I >= Vectors) return LoadThose<0>(d, which, b);
  return LoadThose<I>(d, which, b + (I == Vectors - 1 ? last : I * ops::Lanes(d)));
}

// Row `Row` of a panel: its accumulators take weight times column. Spelled out, because every call that is inlined here
// is inlined a thousand times: this is a second less to compile.
template <int Row, int Vectors, class A, class V>
BCR_INLINE void MulAddRow(const A& acc, const V& weight, const V& x0, const V& x1, const V& x2, const V& x3,
                          const V& x4, const V& x5) {
  constexpr int at = Row * Vectors;
#define BCR_MUL_ADD(i)                                          \
  if constexpr (Vectors > (i)) {                                \
    V& sum = static_cast<const VectorRef<at + (i), V>&>(acc).v; \
    sum = ops::MulAdd(weight, x##i, sum);                       \
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

// One column, `Phase` columns after the cursor, into the accumulators of that phase.
template <unsigned Mask, int Vectors, int Phase, class D, class Input, class L, class W, class A>
BCR_INLINE void MulAddColumn(D d, const PanelCursor<W>& at, const Input& b, const L& which, std::size_t last,
                             const A& acc) {
  using T = ops::TFromD<D>;
  constexpr int kept = std::popcount(Mask), row = Phase * panel_rows;
  // With one or two rows a column the load ports are the limit, and a prefetch would be one load more. In a narrow tile
  // a column is little work, so that many are under way without it.
  if constexpr (kept > 2 && Vectors > 2 && !BCR_MULTIPLIES_BY_LANE) {
    PrefetchRow<Vectors>(d, b.Address(at.column[kPrefetchColumns + Phase]));
  }
  const T* const x = b.Row(at.column[Phase]);
  const W* weight = at.weight + Phase * kept;
  const auto x0 = LoadVector<0, Vectors>(d, x, last, which);
  const auto x1 = LoadVector<1, Vectors>(d, x, last, which);
  const auto x2 = LoadVector<2, Vectors>(d, x, last, which);
  const auto x3 = LoadVector<3, Vectors>(d, x, last, which);
  const auto x4 = LoadVector<4, Vectors>(d, x, last, which);
  const auto x5 = LoadVector<5, Vectors>(d, x, last, which);
#if BCR_PERMUTES_512
  // One load for the four weights, which are spread by moves within the vector, where loads are the limit: with a
  // single vector a column, and with vectors that cross lines of the cache. (Zen 5: 13 % and 1 to 4 % less time.
  // Elsewhere the moves are in the way of the multiply-adds: up to 13 % more.)
  if constexpr (kept == panel_rows && std::is_same_v<T, float> && std::is_same_v<W, float> &&
                (Vectors == 1 || Input::crosses_lines)) {
    auto four = ops::LoadDup128(d, weight);
    asm("" : "+v"(four.raw));  // or it would become four loads again
    MulAddRow<row, Vectors>(acc, ops::Broadcast<0>(four), x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 1, Vectors>(acc, ops::Broadcast<1>(four), x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 2, Vectors>(acc, ops::Broadcast<2>(four), x0, x1, x2, x3, x4, x5);
    MulAddRow<row + 3, Vectors>(acc, ops::Broadcast<3>(four), x0, x1, x2, x3, x4, x5);
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
  if constexpr ((Mask & 1u) != 0) MulAddRow<row, Vectors>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 2u) != 0) MulAddRow<row + 1, Vectors>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 4u) != 0) MulAddRow<row + 2, Vectors>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
  LoadInOrder<kept>(weight);
  if constexpr ((Mask & 8u) != 0) MulAddRow<row + 3, Vectors>(acc, SetWide(d, weight++), x0, x1, x2, x3, x4, x5);
}

// All columns of one segment.
template <unsigned Mask, int Vectors, class D, class Input, class W, class A>
BCR_INLINE void MulAddSegment(D d, unsigned columns, PanelCursor<W>& at, const Input& b, std::size_t last,
                              const A& acc) {
  constexpr int kept = std::popcount(Mask), phases = kPhases<Vectors>;
  const std::uint16_t* const end = at.column + columns;
  const auto which = b.template LanesOf<Vectors>(d, *at.column);
  if constexpr (phases > 1) {
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
    MulAddColumn<Mask, Vectors, 0>(d, at, b, which, last, acc);
    at.weight += kept;
    CountHere(at.weight);
  } while (++at.column != end);
}

// Where a group's panels and rows are.
template <class W>
struct GroupCut {
  const panel* begin;
  const panel* end;
  PanelCursor<W> at;
  const std::uint32_t* rows;  // original row of each reordered one
  unsigned count;             // of rows
  unsigned summed;            // the first rows, which have a slot of the scratch tile; the others are zero

  GroupCut(const panels_view<W>& w, std::size_t g) noexcept
      : begin(w.panels.data() + w.groups[g].panel_begin),
        end(w.panels.data() + w.groups[g + 1].panel_begin),
        at{w.segments.data() + w.groups[g].segment_begin, w.column_index.data() + w.groups[g].column_begin,
           w.weights.data() + w.groups[g].weight_begin},
        rows(w.row_index.data() + w.groups[g].row_begin),
        count(w.groups[g + 1].row_begin - w.groups[g].row_begin),
        summed(unsigned{w.groups[g].direct_rows} + w.groups[g].scratch_rows) {}
};

// Some panels of one group.
template <class T, class Epilogue, class W>
struct PanelRun {
  const panel_task<T, W>& task;
  const Epilogue& epilogue;
  const panel* begin;
  const panel* end;
  PanelCursor<W> at;
  const std::uint32_t* rows;  // the group's
  unsigned direct_rows;       // those of them that panels store as they finish them, if any
};

// From the sums so far to the sums.
template <class Input, int Vectors, class D, class T, class W, class A>
BCR_INLINE void MulAddPanel(D d, const panel_task<T, W>& task, const panel& p, PanelCursor<W>& at, const A& acc) {
  const Input b = Input::Of(task, p.first_column);
  const std::size_t last = task.last_vector;
  const segment* const end = at.next_segment + p.segments;
  do {
    const segment run = *at.next_segment;
    switch (run.mask) {
#define BCR_SEGMENT(mask)                                           \
  case mask:                                                        \
    MulAddSegment<mask, Vectors>(d, run.columns, at, b, last, acc); \
    break;
      BCR_SEGMENT(1)
      BCR_SEGMENT(2)
      BCR_SEGMENT(3)
      BCR_SEGMENT(4)
      BCR_SEGMENT(5)
      BCR_SEGMENT(6)
      BCR_SEGMENT(7)
      BCR_SEGMENT(8)
      BCR_SEGMENT(9)
      BCR_SEGMENT(10)
      BCR_SEGMENT(11)
      BCR_SEGMENT(12)
      BCR_SEGMENT(13)
      BCR_SEGMENT(14)
      BCR_SEGMENT(15)
#undef BCR_SEGMENT
      default:  // panels_check lets no other mask pass
        break;
    }
  } while (++at.next_segment != end);
}

// A panel's row from and to its slot of the scratch tile.
template <int Row, int Vectors, class D, class T, class A, std::size_t... I>
BCR_INLINE void LoadSums(D d, const T* slot, const A& acc, std::index_sequence<I...>) {
  ((Sum<Row * Vectors + I>(d, acc) = ops::LoadU(d, slot + I * ops::Lanes(d))), ...);
}
template <int Row, int Vectors, class D, class T, class A, std::size_t... I>
BCR_INLINE void StoreSums(D d, T* slot, const A& acc, std::index_sequence<I...>) {
  (ops::StoreU(Sum<Row * Vectors + I>(d, acc), d, slot + I * ops::Lanes(d)), ...);
}

// A row that a panel finishes, out of the registers to the output. Of a ragged tile's last vector only some lanes
// count.
template <int Row, int Vectors, class D, class T, class Epilogue, class W, class A, std::size_t... I>
BCR_INLINE void StoreRow(D d, const PanelRun<T, Epilogue, W>& run, const panel& p, bool ragged, const A& acc,
                         std::index_sequence<I...>) {
  const panel_task<T, W>& task = run.task;
  const unsigned slot = p.to[Row];
  if (slot > run.direct_rows) return;
  const std::size_t row = run.rows[slot - 1], lanes = ops::Lanes(d), last = task.last_vector;
  T* const c = task.c + (row - task.first_row) * task.ldc;
  (ops::StoreU(
       Apply<along_columns>(d, run.epilogue, Sum<Row * Vectors + I>(d, acc), row, task.column + I * lanes, 0, lanes), d,
       c + I * lanes),
   ...);
  auto& sum = Sum<Row * Vectors + Vectors - 1>(d, acc);
  if (ragged) {
    const std::size_t begin = task.first_lane, end = task.last_lane;
    StoreLanes(Apply<along_columns>(d, run.epilogue, sum, row, task.column + last, begin, end), d, c + last, begin,
               end);
  } else {
    ops::StoreU(Apply<along_columns>(d, run.epilogue, sum, row, task.column + last, 0, lanes), d, c + last);
  }
}

// Adds the phases up.
template <int Vectors, class D, class A, std::size_t... I>
BCR_INLINE void FoldPhases(D d, const A& acc, std::index_sequence<I...>) {
  constexpr std::size_t sums = sizeof...(I);
  if constexpr (kPhases<Vectors> > 2) {
    ((Sum<I>(d, acc) = ops::Add(Sum<I>(d, acc), Sum<I + 2 * sums>(d, acc))), ...);
    ((Sum<I + sums>(d, acc) = ops::Add(Sum<I + sums>(d, acc), Sum<I + 3 * sums>(d, acc))), ...);
  }
  if constexpr (kPhases<Vectors> > 1) ((Sum<I>(d, acc) = ops::Add(Sum<I>(d, acc), Sum<I + sums>(d, acc))), ...);
}

// Runs one panel on the accumulators that the recursion has named.
template <class Input, int Vectors, class D, class T, class Epilogue, class W, class... V>
BCR_INLINE void RunPanel(D d, const PanelRun<T, Epilogue, W>& run, const panel& p, PanelCursor<W>& at, V&... acc) {
  constexpr int sums = panel_rows * Vectors;
  if constexpr (static_cast<int>(sizeof...(V)) < sums * kPhases<Vectors>) {
    auto next = ops::Zero(d);
    RunPanel<Input, Vectors>(d, run, p, at, acc..., next);
  } else {
    const RefsTo<V...> refs{{acc}...};
    constexpr auto whole = std::make_index_sequence<Vectors - 1>();
    constexpr auto all = std::make_index_sequence<Vectors>();
    const std::size_t stride = Vectors * ops::Lanes(d);
    if (p.resumes) {
      const T* const scratch = run.task.scratch;
      LoadSums<0, Vectors>(d, scratch + p.from[0] * stride, refs, all);
      LoadSums<1, Vectors>(d, scratch + p.from[1] * stride, refs, all);
      LoadSums<2, Vectors>(d, scratch + p.from[2] * stride, refs, all);
      LoadSums<3, Vectors>(d, scratch + p.from[3] * stride, refs, all);
    }
    MulAddPanel<Input, Vectors>(d, run.task, p, at, refs);
    FoldPhases<Vectors>(d, refs, std::make_index_sequence<sums>());
    // What the stores need is read now: if a compiler kept it during the products, it would run out of general
    // registers, take vector registers instead, and what comes back from there has to wait for all multiply-adds.
    std::atomic_signal_fence(std::memory_order_acq_rel);
    if (!is_cheap_v<Epilogue> || !p.finishes || run.direct_rows == 0) {
      T* const scratch = run.task.scratch;
      StoreSums<0, Vectors>(d, scratch + p.to[0] * stride, refs, all);
      StoreSums<1, Vectors>(d, scratch + p.to[1] * stride, refs, all);
      StoreSums<2, Vectors>(d, scratch + p.to[2] * stride, refs, all);
      StoreSums<3, Vectors>(d, scratch + p.to[3] * stride, refs, all);
    } else if constexpr (is_cheap_v<Epilogue>) {
      const bool ragged = run.task.first_lane != 0 || run.task.last_lane != ops::Lanes(d);
      StoreRow<0, Vectors>(d, run, p, ragged, refs, whole);
      StoreRow<1, Vectors>(d, run, p, ragged, refs, whole);
      StoreRow<2, Vectors>(d, run, p, ragged, refs, whole);
      StoreRow<3, Vectors>(d, run, p, ragged, refs, whole);
    }
  }
}

// A function of its own, so that its loop has the general registers for itself.
template <int Vectors, class T, class Epilogue, class W, class Input = RowsApart<T>>
[[gnu::noinline]] void RunGroup(const PanelRun<T, Epilogue, W>& run) noexcept {
  PanelCursor<W> at = run.at;
  const panel* p = run.begin;
  do {
    RunPanel<Input, Vectors>(ops::ScalableTag<T>(), run, *p, at);
  } while (++p != run.end);
}

// A group's row, out of the scratch tile to the output: any lanes, any epilogue.
template <class T, class W, class Epilogue>
void FinishRow(const panel_task<T, W>& task, const Epilogue& epilogue, std::size_t row, const T* sums) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  T* const c = task.c + (row - task.first_row) * task.ldc;
  for (std::size_t at = 0; at < task.last_vector; at += lanes, sums += lanes) {  // the last may overlap the one before
    auto v = Apply<along_columns>(d, epilogue, ops::LoadU(d, sums), row, task.column + at, 0, lanes);
    if (task.accumulate) v = ops::Add(v, ops::LoadU(d, c + at));
    ops::StoreU(v, d, c + at);
  }
  const std::size_t at = task.last_vector, first = task.first_lane, last = task.last_lane;
  auto v = Apply<along_columns>(d, epilogue, ops::LoadU(d, sums), row, task.column + at, first, last);
  if (task.accumulate) v = ops::Add(v, LoadLanes(d, c + at, first, last));
  StoreLanes(v, d, c + at, first, last);
}

// The task's groups, one after the other. Where an epilogue is not cheap, or results are added to the output, all rows
// go through the scratch tile, so that the code for it stands here once and not once an accumulator.
template <int Vectors, class T, class Epilogue, class W, class Input = RowsApart<T>>
void RunPanels(const panel_task<T, W>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const panels_view<W>& w = *task.weights;
  const std::size_t lanes = ops::Lanes(d), stride = Vectors * lanes;
  const bool store_direct = is_cheap_v<Epilogue> && !task.accumulate;
  // Anew for every tile: where the slot after it begins depends on the tile's width.
  for (std::size_t i = 0; i != stride; i += lanes) ops::StoreU(ops::Zero(d), d, task.scratch + i);
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    const GroupCut<W> cut(w, g);
    if (cut.begin != cut.end) {
      RunGroup<Vectors, T, Epilogue, W, Input>(
          {task, epilogue, cut.begin, cut.end, cut.at, cut.rows, store_direct ? cut.count : 0});
    }
    for (unsigned r = store_direct ? w.groups[g].direct_rows : 0; r < cut.count; ++r) {
      FinishRow(task, epilogue, cut.rows[r], task.scratch + (r < cut.summed ? (r + 1) * stride : 0));
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANELS_INL_H_
