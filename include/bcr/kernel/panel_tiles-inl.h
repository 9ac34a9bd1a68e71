// The panels of a task: group by group, and tile by tile where there are some side by side.
//
// Targets with 16 registers have tiles of 4 x 3 vectors, with 12 multiply-adds a column beside three loads, four
// broadcasts and six to twelve other instructions. That is little work between a panel's beginning and its end, and
// with vectors of 32 bytes the rows of a tile are a line of the cache and a half. So a panel is visited for up to 24
// tiles side by side before the next one comes, as far as the second cache level holds their input:
//
//        columns of B and C   | tile 0: 3 vectors | tile 1 | .. | tile 23 |
//        panel 0                1st                 2nd           24th       what the panel needs is looked up once,
//        panel 1                25th                26th          48th       and lines are shared while they are near
//
// "Whole" panels (format/panels.hpp), which have one segment, keep all rows and finish them, have loops by themselves,
// with no others that a compiler would have to find registers for. With AVX2 on Zen 4, at 10x, side by side is 5 to
// 15 % less time where a row keeps 50 to 100 columns, and half of it where it keeps six. With AVX-512, whose tiles of
// 4 x 6 vectors are work enough, it is a tenth less where a row keeps six columns, as more of the output is written in
// one piece.
//
// Other panels gain a tenth where they are short, of some nine columns (the jumps from loop to loop are the same in
// every tile, and are foreseen), and up to a third where rows of B are a multiple of 4096 bytes apart, as these drive
// each other out of the nearest cache. Sums that wait for another panel do so in a scratch tile that is as wide as all
// tiles together. Rows that keep nothing are written in between.
//
// Tried on Zen 4 and no faster: asking for the next tile's rows a whole tile ahead (they do not stay in the nearest
// cache), two or four columns a trip of the loop (g++ 12 then keeps sums on the stack), asking for lines of C ahead,
// computing all panels with the same columns for one tile before the next tile, and storing two rows before the others
// meet the last columns (nine cycles a panel are lost when twelve stores wait, and none when eight do; but the second
// visit of these columns costs as much; with AVX-512 and panels that are not whole 5 % more time). What short panels
// still lose there, of 256 x 64 with 3/4 of the rows at 10x in a panel and tile: 150 cycles are multiply-adds, 28 the
// loops' ends, 40 the stores into the first cache level and 15 to 20 those beyond it.
#if defined(BCR_KERNEL_PANEL_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANEL_TILES_INL_H_
#undef BCR_KERNEL_PANEL_TILES_INL_H_
#else
#define BCR_KERNEL_PANEL_TILES_INL_H_
#endif

#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/panels-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Where a panel's sums go in tiles side by side: known for all of them before the first, as PlacesOfTile is not. A row
// that the panel does not have has a slot that nobody reads.
template <class T>
struct PlacesOfTiles {
  T* to[panel_rows];  // in the tile in hand
  std::uint32_t row[panel_rows];
  std::size_t step;   // from slot to slot of the scratch tiles
  std::size_t begin;  // elements from the first tile to the one in hand
  bool direct, ragged;

  template <class Epilogue, class W>
  BCR_INLINE PlacesOfTiles(const PanelRun<T, Epilogue, W>& run, const panel& p, std::size_t slot_step)
      : step(slot_step), begin(0), direct(is_cheap_v<Epilogue> && run.direct && p.finishes()), ragged(false) {
    const panel_task<T, W>& task = run.task;
    for (int i = 0; i < panel_rows; ++i) {
      const unsigned slot = p.to[i];
      const bool there = direct && slot <= run.group.count;
      row[i] = run.group.rows[there ? slot - 1 : 0];
      to[i] = there ? task.c + (row[i] - task.first_row) * task.ldc : task.scratch + slot * slot_step;
    }
  }
  BCR_INLINE std::size_t Step() const { return step; }
  BCR_INLINE bool Direct() const { return direct; }
  BCR_INLINE bool Ragged() const { return ragged; }
  BCR_INLINE bool Has(int) const { return true; }
  BCR_INLINE T* Slot(int i) const { return to[i]; }
  BCR_INLINE std::size_t Row(int i) const { return row[i]; }
  BCR_INLINE T* To(std::size_t, int i) const { return to[i]; }
  BCR_INLINE void Advance(std::size_t width) {
    begin += width;
    for (T*& t : to) t += width;
  }
};

// A group's rows that its panels do not finish, and which of them are next: of those that keep nothing some for each
// panel, and those whose sums are in the scratch tiles with the last one.
struct RowsLeft {
  unsigned idle, idle_end;
  unsigned sums, sums_end;
  unsigned share, all, summed;

  template <class T, class Epilogue, class W>
  explicit RowsLeft(const PanelRun<T, Epilogue, W>& run) noexcept
      : idle(run.group.summed),
        idle_end(idle),
        sums(run.direct ? run.group.direct : 0),
        sums_end(sums),
        share((run.group.count - idle) / static_cast<unsigned>(run.group.end - run.group.begin)),
        all(run.group.count),
        summed(run.group.summed) {}
  BCR_INLINE void NextPanel(bool is_last) noexcept {
    idle = idle_end;
    idle_end = is_last ? all : idle_end + share;
    if (is_last) sums_end = summed;
  }
};

// Runs a panel in some tiles, one after the other. Rows that keep nothing are stored in between, during its products.
template <class How, class T, class Epilogue, class W>
BCR_INLINE void RunTiles(const PanelRun<T, Epilogue, W>& run, const panel& p, PlacesOfTiles<T>& places,
                         typename How::Input& b, PanelCursor<stored_weight<W>>& at, const RowsLeft& rows,
                         std::size_t tiles) {
  const ops::ScalableTag<T> d;
  const panel_task<T, W>& task = run.task;
  const std::size_t lanes = ops::Lanes(d), width = How::vectors * lanes;
  const PanelCursor<stored_weight<W>> start = at;
  for (std::size_t last = How::ragged ? task.last_vector : width - lanes; tiles != 0; --tiles) {
    if (!How::whole && tiles == 1) {
      places.ragged = task.first_lane != 0 || task.last_lane != lanes;
      last = task.last_vector;
    }
    at = start;
    RunTile<How>(d, run, p, places, b, last, at);
    if (rows.idle != rows.idle_end) FinishRows<How::vectors>(run, rows.idle, rows.idle_end, places.begin);
    if (rows.sums != rows.sums_end) FinishRows<How::vectors>(run, rows.sums, rows.sums_end, places.begin);
    b.b += width;
    places.Advance(width);
  }
}

// Runs a whole panel in the task's tiles.
template <class Input, int Vectors, class T, class Epilogue, class W>
BCR_INLINE void RunWhole(const PanelRun<T, Epilogue, W>& run, const panel& p, PlacesOfTiles<T>& places, Input& b,
                         PanelCursor<stored_weight<W>>& at, const RowsLeft& rows) {
  const panel_task<T, W>& task = run.task;
  const bool ragged = task.first_lane != 0 || task.last_lane != ops::Lanes(ops::ScalableTag<T>());
  const std::size_t tiles = task.tiles - (ragged ? 1 : 0);
  const PanelCursor<stored_weight<W>> start = at;
  // Rows need not be asked for if there are too few to be any use ahead of, or if the panel before had them in the
  // nearest cache. Of an input that the second level does not hold the rows are far away.
  constexpr std::size_t far_bytes = 2 << 20;
  constexpr unsigned few_columns = kPrefetchColumns, near_columns = 40;
  constexpr asks usual = kVectorRegisters < 32 ? asks::row : asks::nothing;
  constexpr panels_of whole = panels_of::whole;
  if (usual == asks::nothing || at.next_segment->columns <= (p.repeats() ? near_columns : few_columns)) {
    RunTiles<PanelLoop<Input, Vectors, whole, asks::nothing>>(run, p, places, b, at, rows, tiles);
  } else if constexpr (usual != asks::nothing) {
    if (task.weights->columns * task.ldb * sizeof(*task.b) > far_bytes) {
      RunTiles<PanelLoop<Input, Vectors, whole, asks::row_and_next>>(run, p, places, b, at, rows, tiles);
    } else {
      RunTiles<PanelLoop<Input, Vectors, whole, asks::row>>(run, p, places, b, at, rows, tiles);
    }
  }
  if (ragged) {
    at = start;
    RunTiles<PanelLoop<Input, Vectors, panels_of::whole_ragged, usual>>(run, p, places, b, at, rows, 1);
  }
}

// A group in tiles side by side; its panels are all whole, or any.
template <int Vectors, class T, class Epilogue, class W, class Input, bool Whole>
[[gnu::noinline]] void RunGroupInTiles(const PanelRun<T, Epilogue, W>& run) noexcept {
  PanelCursor<stored_weight<W>> at = run.group.at;
  const panel* p = run.group.begin;
  const std::uint16_t* columns = at.column;  // of the panel before
  RowsLeft rows(run);
  do {
    if (p->repeats()) at.column = columns;
    columns = at.column;
    PlacesOfTiles<T> places(run, *p, run.task.tiles * Vectors * ops::Lanes(ops::ScalableTag<T>()));
    asm("" : "+m"(places));  // not in registers during the products
    rows.NextPanel(p + 1 == run.group.end);
    Input b = Input::Of(run.task, p->first_column);
    if constexpr (Whole) {
      RunWhole<Input, Vectors>(run, *p, places, b, at, rows);
    } else {
      using How = PanelLoop<Input, Vectors, panels_of::any, asks::nothing>;
      RunTiles<How>(run, *p, places, b, at, rows, run.task.tiles);
    }
  } while (++p != run.group.end);
}

// Whether a group has no other panels.
template <class W>
bool AllWhole(const GroupCut<W>& cut) noexcept {
  const segment* s = cut.at.next_segment;
  for (const panel* p = cut.begin; p != cut.end; ++p, ++s) {
    if (!is_whole(*p, *s)) return false;
  }
  return true;
}

// The task's groups, one after the other. Where an epilogue is not cheap, or results are added to the output, all rows
// go through the scratch tile, so that the code for it stands here once and not once an accumulator.
template <int Vectors, class T, class Epilogue, class W, class Input = RowsApart<input_for<T, W>>>
void RunPanels(const panel_task<T, W>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const panels_view<stored_weight<W>>& w = *task.weights;
  const std::size_t lanes = ops::Lanes(d), stride = Vectors * lanes;
  const bool store_direct = is_cheap_v<Epilogue> && !task.accumulate;
  // Anew for every tile: where the slot after it begins depends on the tile's width.
  const std::size_t step = task.tiles * stride;
  for (std::size_t i = 0; i != step; i += lanes) ops::StoreU(ops::Zero(d), d, task.scratch + i);
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    const GroupCut<stored_weight<W>> cut(w, g);
    const PanelRun<T, Epilogue, W> run{task, epilogue, cut, store_direct};
    const bool any = cut.begin != cut.end;
    // A convolution's tasks have one tile each.
    if constexpr (kTakenTogether<Vectors> && is_cheap_v<Epilogue> && !Input::crosses_lines) {
      if (any && store_direct && (kVectorRegisters < 32 || task.tiles != 1) && AllWhole(cut)) {
        RunGroupInTiles<Vectors, T, Epilogue, W, Input, true>(run);
        continue;
      }
      if constexpr (Vectors >= kLeastTogether) {
        if (any && task.tiles != 1) {
          RunGroupInTiles<Vectors, T, Epilogue, W, Input, false>(run);
          continue;
        }
      }
    }
    if (any) RunGroup<Vectors, T, Epilogue, W, Input>(run);
    const unsigned first = store_direct ? cut.direct : 0;
    for (std::size_t begin = 0; first != cut.count && begin != step; begin += stride) {
      FinishRows<Vectors>(run, first, cut.count, begin);
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANEL_TILES_INL_H_
