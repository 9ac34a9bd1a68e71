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
// are 15 loops, and the only branch that can surprise is the end of one.
//
// B's rows are met in no order that hardware foresees, so the loop asks for them ahead; the distance covers the second
// cache level's latency (about 15 cycles against 6 to 12 a column) and part of the third's.
#if defined(BCR_KERNEL_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANELS_INL_H_
#undef BCR_KERNEL_PANELS_INL_H_
#else
#define BCR_KERNEL_PANELS_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Vectors in the widest tile that this target's registers hold.
inline constexpr int kPanelVectors = kVectorRegisters >= 32 ? 6 : 3;
inline constexpr std::size_t kPrefetchColumns = 8;
static_assert(kPrefetchColumns <= panels_read_ahead);

// Asks for the cache line of vector `I` of an input row, unless the vector before shares it. The address may lie
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

// Vector `I` of a column's tile, which begins at `b`; a tile of fewer vectors repeats its first, which nobody reads.
template <int I, int Vectors, class D, class T>
BCR_INLINE ops::Vec<D> LoadVector(D d, const T* b, std::size_t last) {
  if constexpr (I >= Vectors) return ops::LoadU(d, b);
  return ops::LoadU(d, b + (I == Vectors - 1 ? last : I * ops::Lanes(d)));
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

// Where the kernel stands in the weights.
template <class T>
struct PanelCursor {
  const segment* next_segment;
  const std::uint16_t* column;
  const T* weight;
};

// All columns of one segment.
template <unsigned Mask, int Vectors, class D, class T, class A>
BCR_INLINE void MulAddSegment(D d, unsigned columns, PanelCursor<T>& at, const T* b, std::size_t ldb, std::size_t last,
                              const A& acc) {
  const std::uint16_t* column = at.column;
  const std::uint16_t* const end = column + columns;
  const T* weight = at.weight;
  do {
    // With one or two rows a column the load ports are the limit, and a prefetch would be one load more.
    if constexpr (std::popcount(Mask) > 2) {
      PrefetchRow<Vectors>(d, reinterpret_cast<std::uintptr_t>(b) + column[kPrefetchColumns] * ldb * sizeof(T));
    }
    const T* const x = b + *column * ldb;
    const auto x0 = LoadVector<0, Vectors>(d, x, last);
    const auto x1 = LoadVector<1, Vectors>(d, x, last);
    const auto x2 = LoadVector<2, Vectors>(d, x, last);
    const auto x3 = LoadVector<3, Vectors>(d, x, last);
    const auto x4 = LoadVector<4, Vectors>(d, x, last);
    const auto x5 = LoadVector<5, Vectors>(d, x, last);
    if constexpr ((Mask & 1u) != 0) MulAddRow<0, Vectors>(acc, ops::Set(d, *weight++), x0, x1, x2, x3, x4, x5);
    if constexpr ((Mask & 2u) != 0) MulAddRow<1, Vectors>(acc, ops::Set(d, *weight++), x0, x1, x2, x3, x4, x5);
    if constexpr ((Mask & 4u) != 0) MulAddRow<2, Vectors>(acc, ops::Set(d, *weight++), x0, x1, x2, x3, x4, x5);
    if constexpr ((Mask & 8u) != 0) MulAddRow<3, Vectors>(acc, ops::Set(d, *weight++), x0, x1, x2, x3, x4, x5);
  } while (++column != end);
  at.column = column;
  at.weight = weight;
}

// One panel, from its sums so far to its sums.
template <int Vectors, class T>
struct Panel {
  const panel_task<T>& task;
  const panel& p;
  PanelCursor<T>& at;

  template <class D, class A>
  BCR_INLINE void Multiply(D d, const A& acc) const {
    const std::size_t ldb = task.ldb;
    const std::size_t last = task.last_vector;
    const T* const b = task.b + p.first_column * ldb;
    for (unsigned s = p.segments; s != 0; --s) {
      const segment run = *at.next_segment++;
      switch (run.mask) {
#define BCR_SEGMENT(mask)                                                \
  case mask:                                                             \
    MulAddSegment<mask, Vectors>(d, run.columns, at, b, ldb, last, acc); \
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
    }
  }
};

// A panel's row from and to its slot of the scratch tile.
template <int Row, int Vectors, class D, class T, class A, std::size_t... I>
BCR_INLINE void LoadSums(D d, const T* slot, const A& acc, std::index_sequence<I...>) {
  ((static_cast<const VectorRef<Row * Vectors + I, ops::Vec<D>>&>(acc).v = ops::LoadU(d, slot + I * ops::Lanes(d))),
   ...);
}
template <int Row, int Vectors, class D, class T, class A, std::size_t... I>
BCR_INLINE void StoreSums(D d, T* slot, const A& acc, std::index_sequence<I...>) {
  (ops::StoreU(static_cast<const VectorRef<Row * Vectors + I, ops::Vec<D>>&>(acc).v, d, slot + I * ops::Lanes(d)), ...);
}

// The last vector of a direct panel's row: a ragged one may be stored in part.
template <class D, class T, class V>
BCR_INLINE void StoreLast(D d, const panel_task<T>& task, const V& v, T* c) {
  if (!kMasksMemory && task.first_lane == 0 && task.last_lane == ops::Lanes(d)) {
    ops::StoreU(v, d, c);
  } else {
    StoreLanes(v, d, c, task.first_lane, task.last_lane);
  }
}

// A direct panel's row, out of the registers to the output.
template <int Row, int Vectors, class D, class T, class Epilogue, class A, std::size_t... I>
BCR_INLINE void StoreRow(D d, const panel_task<T>& task, const Epilogue& epilogue, std::size_t row, const A& acc,
                         std::index_sequence<I...>) {
  const std::size_t lanes = ops::Lanes(d);
  T* const c = task.c + (row - task.first_row) * task.ldc;
  (ops::StoreU(Apply<along_columns>(d, epilogue, static_cast<const VectorRef<Row * Vectors + I, ops::Vec<D>>&>(acc).v,
                                    row, task.column + I * lanes, 0, lanes),
               d, c + I * lanes),
   ...);
  StoreLast(
      d, task,
      Apply<along_columns>(d, epilogue, static_cast<const VectorRef<Row * Vectors + Vectors - 1, ops::Vec<D>>&>(acc).v,
                           row, task.column + task.last_vector, task.first_lane, task.last_lane),
      c + task.last_vector);
}

// A group's row, out of the scratch tile to the output: any lanes, any epilogue.
template <class T, class Epilogue>
void FinishRow(const panel_task<T>& task, const Epilogue& epilogue, std::size_t row, const T* sums) noexcept {
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

// Runs one panel on the accumulators that the recursion has named.
template <int Vectors, class Epilogue, class D, class T, class... V>
BCR_INLINE void RunPanel(D d, const Panel<Vectors, T>& panel, const std::uint32_t* rows, unsigned group_rows,
                         bool store_direct, const Epilogue& epilogue, V&... acc) {
  constexpr int count = panel_rows * Vectors;
  if constexpr (static_cast<int>(sizeof...(V)) < count) {
    auto next = ops::Zero(d);
    RunPanel<Vectors>(d, panel, rows, group_rows, store_direct, epilogue, acc..., next);
  } else {
    const RefsTo<V...> sums{{acc}...};
    constexpr auto whole = std::make_index_sequence<Vectors - 1>();
    constexpr auto all = std::make_index_sequence<Vectors>();
    T* const scratch = panel.task.scratch;
    const std::size_t stride = Vectors * ops::Lanes(d);
    const auto& from = panel.p.from;
    const auto& to = panel.p.to;
    if (!panel.p.direct) {
      LoadSums<0, Vectors>(d, scratch + from[0] * stride, sums, all);
      LoadSums<1, Vectors>(d, scratch + from[1] * stride, sums, all);
      LoadSums<2, Vectors>(d, scratch + from[2] * stride, sums, all);
      LoadSums<3, Vectors>(d, scratch + from[3] * stride, sums, all);
    }
    panel.Multiply(d, sums);
    if (!is_cheap_v<Epilogue> || !panel.p.direct || !store_direct) {
      StoreSums<0, Vectors>(d, scratch + to[0] * stride, sums, all);
      StoreSums<1, Vectors>(d, scratch + to[1] * stride, sums, all);
      StoreSums<2, Vectors>(d, scratch + to[2] * stride, sums, all);
      StoreSums<3, Vectors>(d, scratch + to[3] * stride, sums, all);
    } else {
      if (to[0] <= group_rows) StoreRow<0, Vectors>(d, panel.task, epilogue, rows[to[0] - 1], sums, whole);
      if (to[1] <= group_rows) StoreRow<1, Vectors>(d, panel.task, epilogue, rows[to[1] - 1], sums, whole);
      if (to[2] <= group_rows) StoreRow<2, Vectors>(d, panel.task, epilogue, rows[to[2] - 1], sums, whole);
      if (to[3] <= group_rows) StoreRow<3, Vectors>(d, panel.task, epilogue, rows[to[3] - 1], sums, whole);
    }
  }
}

// The task's groups, one after the other. Where an epilogue is not cheap, or results are added to the output, all rows
// go through the scratch tile, so that the code for it stands here once and not once an accumulator.
template <int Vectors, class T, class Epilogue>
void RunPanels(const panel_task<T>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const panels_view<T>& w = *task.weights;
  const std::size_t lanes = ops::Lanes(d), stride = Vectors * lanes;
  const bool store_direct = is_cheap_v<Epilogue> && !task.accumulate;
  // Anew for every tile: where the slot after it begins depends on the tile's width.
  for (std::size_t i = 0; i != stride; i += lanes) ops::StoreU(ops::Zero(d), d, task.scratch + i);
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    const row_group& group = w.groups[g];
    const row_group& next = (&group)[1];
    const unsigned group_rows = next.row_begin - group.row_begin;
    const std::uint32_t* const rows = w.row_index.data() + group.row_begin;
    PanelCursor<T> at{w.segments.data() + group.segment_begin, w.column_index.data() + group.column_begin,
                      w.weights.data() + group.weight_begin};
    const panel* const end = w.panels.data() + next.panel_begin;
    for (const panel* p = w.panels.data() + group.panel_begin; p != end; ++p) {
      RunPanel<Vectors>(d, Panel<Vectors, T>{task, *p, at}, rows, group_rows, store_direct, epilogue);
    }
    const unsigned summed = unsigned{group.direct_rows} + group.scratch_rows;
    for (unsigned r = store_direct ? group.direct_rows : 0; r < group_rows; ++r) {
      FinishRow(task, epilogue, rows[r], task.scratch + (r < summed ? (r + 1) * stride : 0));
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANELS_INL_H_
