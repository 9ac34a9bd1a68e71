// Matrix-matrix product on panels: C[M, N] = W B for a tile of up to six vectors of columns.
//
//        weights of a segment            B, one row per kept column         accumulators of the panel, in registers
//        col k0: w w w (rows 0 1 3)      k0: | x0 | x1 | .. | x5 |          row 0: | a | a | .. | a |
//        col k1: w w w                   k1: | x0 | x1 | .. | x5 |    ->    row 1: | a | a | .. | a |   a += w * x
//        ..                              ..                                 row 3: | a | a | .. | a |
//
// What a column costs is said in panel_columns-inl.h. The row mask of a segment is a compile-time constant of its loop:
// there are 15 loops, and the only branch that can surprise is the end of one. Where a panel begins and ends, about 25
// cycles are lost (Zen 5), or 26 to 60 (Zen 4): 11 without the stores, 26 with those that stay in the first cache
// level, 48 in the second, 60 in the third (kEndsInParts, and panel_tiles-inl.h, which halves these).
#if defined(BCR_KERNEL_PANELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANELS_INL_H_
#undef BCR_KERNEL_PANELS_INL_H_
#else
#define BCR_KERNEL_PANELS_INL_H_
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/input_rows-inl.h"
#include "bcr/kernel/panel_columns-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Where a group's panels and rows are.
template <class W>
struct GroupCut {
  const panel* begin;
  const panel* end;
  PanelCursor<W> at;
  const std::uint32_t* rows;  // original row of each reordered one
  unsigned count;             // of rows
  unsigned direct;            // the first rows, which panels finish
  unsigned summed;            // those and the next, which have a slot of the scratch tile; the others are zero

  GroupCut(const panels_view<W>& w, std::size_t g) noexcept
      : begin(w.panels.data() + w.groups[g].panel_begin),
        end(w.panels.data() + w.groups[g + 1].panel_begin),
        at{w.segments.data() + w.groups[g].segment_begin, w.column_index.data() + w.groups[g].column_begin,
           w.weights.data() + w.groups[g].weight_begin},
        rows(w.row_index.data() + w.groups[g].row_begin),
        count(w.groups[g + 1].row_begin - w.groups[g].row_begin),
        direct(w.groups[g].direct_rows),
        summed(direct + w.groups[g].scratch_rows) {}
};

// The panels of one group.
template <class T, class Epilogue, class W>
struct PanelRun {
  const panel_task<T, W>& task;
  const Epilogue& epilogue;
  GroupCut<stored_weight<W>> group;
  bool direct;  // whether panels store the rows that they finish
};

// Which panels a loop is for: any; or whole ones, in tiles but the ragged one, or in that one.
enum class panels_of { any, whole, whole_ragged };

// A loop over panels: its input, the vectors of a tile, its panels, and what it asks for ahead.
template <class InputRows, int Count, panels_of Panels = panels_of::any, asks Ahead = asks::row>
struct PanelLoop {
  using Input = InputRows;
  static constexpr int vectors = Count;
  static constexpr bool whole = Panels != panels_of::any;
  static constexpr bool ragged = Panels == panels_of::whole_ragged;
  static constexpr asks ahead = Ahead;
};

// Where a panel's sums come from and go to: slots of the scratch tile, or rows of the output. Of a tile alone that is
// looked up when the sums are there.
template <int Vectors, class T, class Epilogue, class W>
struct PlacesOfTile {
  const PanelRun<T, Epilogue, W>& run;
  const panel& p;
  static constexpr std::size_t begin = 0;

  static std::size_t Step() noexcept { return Vectors * ops::Lanes(ops::ScalableTag<T>()); }
  BCR_INLINE bool Direct() const { return p.finishes() && run.direct; }
  BCR_INLINE bool Ragged() const {
    return run.task.first_lane != 0 || run.task.last_lane != ops::Lanes(ops::ScalableTag<T>());
  }
  BCR_INLINE bool Has(int i) const { return p.to[i] <= run.group.count; }
  BCR_INLINE T* Slot(int i) const { return run.task.scratch + p.to[i] * Step(); }
  BCR_INLINE std::size_t Row(int i) const { return run.group.rows[p.to[i] - 1u]; }
  BCR_INLINE T* To(std::size_t row, int) const { return run.task.c + (row - run.task.first_row) * run.task.ldc; }
};

// Whether a panel's last columns are met twice, for half of the tile's vectors each, so that the first half is stored
// during the products of the second. A core that stores 32 bytes in a cycle (Zen 4) has no room for more than some
// fourteen waiting stores of 64: in a bare loop no product begins for 40 cycles after 24 of them in a row, and none are
// lost after twice twelve. Here 60 to 80 cycles a panel became 40 to 60. Fewer columns than these would not be long
// enough, and a count that varies surprises. Vectors that cross lines have no loads to spare.
template <class Input, class D, int Vectors>
inline constexpr bool kEndsInParts = Vectors > 4 && kVectorRegisters >= 32 &&
                                     ops::MaxLanes(D()) * sizeof(ops::TFromD<D>) == 64 && !Input::narrow &&
                                     !Input::crosses_lines;
inline constexpr unsigned kLastColumns = 6;

// From the sums so far to the sums; but for the last columns if they are to be met by EndPart: says how many these are.
template <class How, class D, class W, class A>
BCR_INLINE unsigned MulAddPanel(D d, const typename How::Input& b, std::size_t last, const panel& p, PanelCursor<W>& at,
                                const A& acc) {
  constexpr int Vectors = How::vectors;
  constexpr bool in_parts = kEndsInParts<typename How::Input, D, Vectors>;
  if constexpr (How::whole) {
    const unsigned columns = at.next_segment->columns, left = in_parts && columns >= kLastColumns ? kLastColumns : 0;
    ++at.next_segment;
    if (!in_parts || columns != left) MulAddSegment<kAllRows, Vectors, How::ahead>(d, columns - left, at, b, last, acc);
    return left;
  } else {
    const segment* const end = at.next_segment + p.segments;
    unsigned left = 0;
    do {
      segment run = *at.next_segment;
      if constexpr (in_parts) {
        if (at.next_segment + 1 == end && run.mask == kAllRows && run.columns >= kLastColumns) {
          left = kLastColumns;
          run.columns = static_cast<std::uint16_t>(run.columns - left);
          if (run.columns == 0) continue;
        }
      }
      switch (run.mask) {
#define BCR_SEGMENT(mask)                                                       \
  case mask:                                                                    \
    MulAddSegment<mask, Vectors, How::ahead>(d, run.columns, at, b, last, acc); \
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
    return left;
  }
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

// Vector `I` of a row that a panel finishes, out of its register to the output. Of a ragged tile's last vector only
// some lanes count.
template <std::size_t I, int Row, int Vectors, class D, class T, class Epilogue, class W, class A>
BCR_INLINE void StoreVector(D d, const PanelRun<T, Epilogue, W>& run, std::size_t row, std::size_t begin, T* c,
                            bool ragged, const A& acc) {
  const panel_task<T, W>& task = run.task;
  auto& sum = Sum<Row * Vectors + I>(d, acc);
  const std::size_t lanes = ops::Lanes(d), at = ragged && I == Vectors - 1 ? task.last_vector : I * lanes;
  if (I == Vectors - 1 && ragged) {
    const std::size_t first = task.first_lane, end = task.last_lane;
    StoreLanes(Apply<along_columns>(d, run.epilogue, sum, row, task.column + begin + at, first, end), d, c + at, first,
               end);
  } else {
    ops::StoreU(Apply<along_columns>(d, run.epilogue, sum, row, task.column + begin + at, 0, lanes), d, c + at);
  }
}

// Vectors of a row that a panel finishes.
template <int Row, int Vectors, class D, class T, class Epilogue, class W, class Places, class A, std::size_t... I>
BCR_INLINE void StoreRow(D d, const PanelRun<T, Epilogue, W>& run, const Places& places, bool ragged, const A& acc,
                         std::index_sequence<I...>) {
  if (!places.Has(Row)) return;
  const std::size_t row = places.Row(Row);
  T* const c = places.To(row, Row);
  (StoreVector<I, Row, Vectors>(d, run, row, places.begin, c, ragged, acc), ...);
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

// Numbers from First to the one before End.
template <int First, class Numbers>
struct NumbersFrom;
template <int First, std::size_t... I>
struct NumbersFrom<First, std::index_sequence<I...>> {
  using type = std::index_sequence<First + I...>;
};
template <int First, int End>
using NumbersBetween = typename NumbersFrom<First, std::make_index_sequence<End - First>>::type;

// What MulAddPanel has left of the vectors [First, End), and where their sums go.
template <class How, int First, int End, class D, class T, class Epilogue, class W, class Places, class A>
BCR_INLINE void EndPart(D d, const typename How::Input& b, std::size_t last, const PanelRun<T, Epilogue, W>& run,
                        const Places& places, const PanelCursor<stored_weight<W>>& at, unsigned left, const A& acc) {
  constexpr int Vectors = How::vectors;
  constexpr NumbersBetween<First, End> part;
  if constexpr (kEndsInParts<typename How::Input, D, Vectors>) {
    if (left != 0) MulAddPart<Vectors, First, End, How::ahead>(d, left, at, b, last, acc);
  }
  // What the stores need is read now: if a compiler kept it during the products, it would run out of general
  // registers, take vector registers instead, and what comes back from there has to wait for all multiply-adds.
  std::atomic_signal_fence(std::memory_order_acq_rel);
  if (!is_cheap_v<Epilogue> || !(How::whole || places.Direct())) {
    StoreSums<0, Vectors>(d, places.Slot(0), acc, part);
    StoreSums<1, Vectors>(d, places.Slot(1), acc, part);
    StoreSums<2, Vectors>(d, places.Slot(2), acc, part);
    StoreSums<3, Vectors>(d, places.Slot(3), acc, part);
  } else if constexpr (is_cheap_v<Epilogue>) {
    const bool ragged = How::whole ? How::ragged : places.Ragged();
    StoreRow<0, Vectors>(d, run, places, ragged, acc, part);
    StoreRow<1, Vectors>(d, run, places, ragged, acc, part);
    StoreRow<2, Vectors>(d, run, places, ragged, acc, part);
    StoreRow<3, Vectors>(d, run, places, ragged, acc, part);
  }
}

// Asks for a panel's share of what comes next.
BCR_INLINE void AskAhead(read_ahead& ahead) {
  constexpr std::size_t line = 64;
  for (unsigned i = 0; i != ahead.pieces && ahead.rows != 0; ++i) {
    for (std::size_t l = 0; l != read_ahead_lines; ++l) {
      // NOLINTNEXTLINE(performance-no-int-to-ptr)
      __builtin_prefetch(reinterpret_cast<const void*>(ahead.at + l * line), 0, 2);
    }
    ahead.at += read_ahead_lines * line;
    if (ahead.at < ahead.row_end) continue;
    ahead.row_end += ahead.row_step;
    ahead.at = ahead.row_end - ahead.row_bytes;
    --ahead.rows;
  }
}

// Both in a function of its own, so that the panels' loops have the general registers for themselves.
[[gnu::noinline]] inline void AskOfPanel(asked_ahead& ahead) noexcept {
  AskAhead(ahead.input);
  AskAhead(ahead.output);
}

// Runs one tile of a panel.
template <class How, class D, class T, class Epilogue, class W, class Places>
BCR_INLINE void RunTile(D d, const PanelRun<T, Epilogue, W>& run, const panel& p, const Places& places,
                        const typename How::Input& b, std::size_t last, PanelCursor<stored_weight<W>>& at) {
  constexpr int Vectors = How::vectors, sums = panel_rows * Vectors;
  BCR_NAME_SUMS(d, refs);
  constexpr auto all = std::make_index_sequence<Vectors>();
  if constexpr (!How::whole) {
    if (p.resumes) {
      const T* const scratch = run.task.scratch + places.begin;
      const std::size_t step = places.Step();
      LoadSums<0, Vectors>(d, scratch + p.from(0) * step, refs, all);
      LoadSums<1, Vectors>(d, scratch + p.from(1) * step, refs, all);
      LoadSums<2, Vectors>(d, scratch + p.from(2) * step, refs, all);
      LoadSums<3, Vectors>(d, scratch + p.from(3) * step, refs, all);
    }
  }
  const unsigned left = MulAddPanel<How>(d, b, last, p, at, refs);
  FoldPhases<Vectors>(d, refs, std::make_index_sequence<sums>());
  if constexpr (kEndsInParts<typename How::Input, D, Vectors>) {
    constexpr int half = (Vectors + 1) / 2;
    EndPart<How, 0, half>(d, b, last, run, places, at, left, refs);
    EndPart<How, half, Vectors>(d, b, last, run, places, at, left, refs);
    at.column += left;
    at.weight += left * panel_rows;
  } else {
    EndPart<How, 0, Vectors>(d, b, last, run, places, at, left, refs);
  }
}

// Some of a group's rows, in one tile, out of the scratch tile to the output: any lanes, any epilogue. The tile begins
// `begin` elements after the task.
template <int Vectors, class T, class Epilogue, class W>
[[gnu::noinline]] void FinishRows(const PanelRun<T, Epilogue, W>& run, unsigned first_row, unsigned end_row,
                                  std::size_t begin) noexcept {
  const ops::ScalableTag<T> d;
  const panel_task<T, W>& task = run.task;
  const std::size_t lanes = ops::Lanes(d), width = Vectors * lanes, step = task.tiles * width;
  const bool is_last = begin + width == step, accumulate = task.accumulate;
  const std::size_t end = is_last ? task.last_vector : width, column = task.column + begin;
  const std::uint32_t* const rows = run.group.rows;
  const T* const scratch = task.scratch + begin;
  for (unsigned r = first_row; r != end_row; ++r) {
    const std::size_t row = rows[r];
    const T* sums = scratch + (r < run.group.summed ? (r + 1) * step : 0);
    T* const c = task.c + begin + (row - task.first_row) * task.ldc;
    for (std::size_t at = 0; at < end; at += lanes, sums += lanes) {  // the last may overlap the one before
      auto v = Apply<along_columns>(d, run.epilogue, ops::LoadU(d, sums), row, column + at, 0, lanes);
      if (accumulate) v = ops::Add(v, ops::LoadU(d, c + at));
      ops::StoreU(v, d, c + at);
    }
    if (!is_last) continue;
    const std::size_t first_lane = task.first_lane, last_lane = task.last_lane;
    auto v = Apply<along_columns>(d, run.epilogue, ops::LoadU(d, sums), row, column + end, first_lane, last_lane);
    if (accumulate) v = ops::Add(v, LoadLanes(d, c + end, first_lane, last_lane));
    StoreLanes(v, d, c + end, first_lane, last_lane);
  }
}

// A function of its own, so that its loop has the general registers for itself.
template <int Vectors, class T, class Epilogue, class W, class Input = RowsApart<input_for<T, W>>>
[[gnu::noinline]] void RunGroup(const PanelRun<T, Epilogue, W>& run) noexcept {
  PanelCursor<stored_weight<W>> at = run.group.at;
  const panel* p = run.group.begin;
  const std::uint16_t* columns = at.column;  // of the panel before
  do {
    if (p->repeats()) at.column = columns;
    columns = at.column;
    // Into memory: in a general register it would be one too many during the products, and a sum pay for it (EndPart).
    asm("" : "+m"(columns));
    if constexpr (Input::asks_ahead) {
      if (run.task.ahead != nullptr) AskOfPanel(*run.task.ahead);
    }
    RunTile<PanelLoop<Input, Vectors>>(ops::ScalableTag<T>(), run, *p, PlacesOfTile<Vectors, T, Epilogue, W>{run, *p},
                                       Input::Of(run.task, p->first_column), run.task.last_vector, at);
  } while (++p != run.group.end);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANELS_INL_H_
