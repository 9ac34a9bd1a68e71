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
// This is for "whole" panels (format/panels.hpp), which have one segment, keep all rows and finish them, and so need
// nothing but a pointer for each row. Their loops stand by themselves, with no others that a compiler would have to
// find registers for. Where a group has other panels as well, its tiles are computed one by one, as everything is where
// a tile is wide enough. With AVX2 on Zen 4, at 10x, that is 5 to 15 % less time where a row keeps 50 to 100 columns,
// and half of it where it keeps six. With AVX-512, whose tiles of 4 x 6 vectors are work enough, it is a tenth less
// where a row keeps six columns, as more of the output is written in one piece.
//
// Tried on Zen 4 and no faster: asking for the next tile's rows a whole tile ahead (they do not stay in the nearest
// cache), two or four columns a trip of the loop (g++ 12 then keeps sums on the stack), asking for lines of C ahead,
// computing all panels with the same columns for one tile before the next tile, and storing two rows before the others
// meet the last columns (nine cycles a panel are lost when twelve stores wait, and none when eight do; but the second
// visit of these columns costs as much).
#if defined(BCR_KERNEL_PANEL_TILES_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PANEL_TILES_INL_H_
#undef BCR_KERNEL_PANEL_TILES_INL_H_
#else
#define BCR_KERNEL_PANEL_TILES_INL_H_
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "bcr/kernel/panels-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A whole panel, and where the tile in hand begins: elements after the task's.
template <class T, class W>
struct WholePanel {
  PanelCursor<W> at;
  unsigned columns;
  std::uint32_t row[panel_rows];  // of the output
  T* c[panel_rows];               // of the tile in hand
  std::size_t begin;              // elements from the task's first column to the tile's
};

// A loop over whole panels: whether its tile is the ragged one, and what is asked for ahead.
template <class InputRows, int Count, bool IsRagged, asks Ahead>
struct WholeTile {
  using Input = InputRows;
  static constexpr int vectors = Count;
  static constexpr bool ragged = IsRagged;
  static constexpr asks ahead = Ahead;
};

template <class How, int Row, class D, class T, class Epilogue, class W, class A, std::size_t... I>
BCR_INLINE void StoreWholeRow(D d, const PanelRun<T, Epilogue, W>& run, const WholePanel<T, stored_weight<W>>& whole,
                              const A& acc, std::index_sequence<I...>) {
  (StoreVector<I, Row, How::vectors>(d, run, whole.row[Row], whole.begin, whole.c[Row], How::ragged, acc), ...);
}

// The last columns of vectors [First, End), and where their sums go: EndPart, of a whole panel.
template <class How, int First, int End, class D, class T, class Epilogue, class W, class A>
BCR_INLINE void EndWholePart(D d, const PanelRun<T, Epilogue, W>& run, const WholePanel<T, stored_weight<W>>& whole,
                             const typename How::Input& b, const PanelCursor<stored_weight<W>>& at, unsigned left,
                             std::size_t last, const A& acc) {
  constexpr NumbersBetween<First, End> part;
  if constexpr (kEndsInParts<typename How::Input, D, How::vectors>) {
    if (left != 0) MulAddPart<How::vectors, First, End, How::ahead>(d, left, at, b, last, acc);
  }
  std::atomic_signal_fence(std::memory_order_acq_rel);  // as in EndPart
  StoreWholeRow<How, 0>(d, run, whole, acc, part);
  StoreWholeRow<How, 1>(d, run, whole, acc, part);
  StoreWholeRow<How, 2>(d, run, whole, acc, part);
  StoreWholeRow<How, 3>(d, run, whole, acc, part);
}

// Runs one tile of a whole panel.
template <class How, class D, class T, class Epilogue, class W>
BCR_INLINE void RunWholeTile(D d, const PanelRun<T, Epilogue, W>& run, const WholePanel<T, stored_weight<W>>& whole,
                             const typename How::Input& b) {
  constexpr int sums = panel_rows * How::vectors;
  BCR_NAME_SUMS(d, refs);
  const std::size_t last = How::ragged ? run.task.last_vector : (How::vectors - 1) * ops::Lanes(d);
  PanelCursor<stored_weight<W>> at = whole.at;
  constexpr bool in_parts = kEndsInParts<typename How::Input, D, How::vectors>;
  const unsigned left = in_parts && whole.columns >= kLastColumns ? kLastColumns : 0;
  if (!in_parts || whole.columns != left) {
    MulAddSegment<kAllRows, How::vectors, How::ahead>(d, whole.columns - left, at, b, last, refs);
  }
  FoldPhases<How::vectors>(d, refs, std::make_index_sequence<sums>());
  if constexpr (in_parts) {
    constexpr int half = (How::vectors + 1) / 2;
    EndWholePart<How, 0, half>(d, run, whole, b, at, left, last, refs);
    EndWholePart<How, half, How::vectors>(d, run, whole, b, at, left, last, refs);
  } else {
    EndWholePart<How, 0, How::vectors>(d, run, whole, b, at, left, last, refs);
  }
}

// The tiles of a whole panel but the ragged one, side by side.
template <class How, class D, class T, class Epilogue, class W>
BCR_INLINE void RunWholeTiles(D d, const PanelRun<T, Epilogue, W>& run, WholePanel<T, stored_weight<W>>& whole,
                              typename How::Input& b, std::size_t tiles) {
  const std::size_t width = How::vectors * ops::Lanes(d);
  for (; tiles != 0; --tiles) {
    RunWholeTile<How>(d, run, whole, b);
    b.b += width;
    whole.begin += width;
    for (T*& c : whole.c) c += width;
  }
}

// A group whose panels are all whole.
template <int Vectors, class T, class Epilogue, class W, class Input>
[[gnu::noinline]] void RunWholeGroup(const PanelRun<T, Epilogue, W>& run) noexcept {
  const ops::ScalableTag<T> d;
  const panel_task<T, W>& task = run.task;
  const bool ragged = task.first_lane != 0 || task.last_lane != ops::Lanes(d);
  const std::size_t tiles = task.tiles - (ragged ? 1 : 0);
  // Rows need not be asked for if there are too few to be any use ahead of, or if the panel before had them in the
  // nearest cache. Of an input that the second level does not hold the rows are far away.
  constexpr std::size_t far_bytes = 2 << 20;
  constexpr unsigned few_columns = kPrefetchColumns, near_columns = 40;
  const bool far = task.weights->columns * task.ldb * sizeof(*task.b) > far_bytes;
  PanelCursor<stored_weight<W>> at = run.at;
  const std::uint16_t* columns = at.column;  // of the panel before
  const panel* p = run.begin;
  std::size_t first_column = p->first_column;
  Input first = Input::Of(task, first_column);
  do {
    if (p->repeats()) at.column = columns;
    columns = at.column;
    if (p->first_column != first_column) {
      first_column = p->first_column;
      first = Input::Of(task, first_column);
    }
    WholePanel<T, stored_weight<W>> whole{at, at.next_segment->columns, {}, {}, 0};
    for (int i = 0; i < panel_rows; ++i) {
      whole.row[i] = run.rows[p->to[i] - 1u];
      whole.c[i] = task.c + (whole.row[i] - task.first_row) * task.ldc;
    }
    Input b = first;
    constexpr asks usual = kVectorRegisters < 32 ? asks::row : asks::nothing;
    if (usual == asks::nothing || whole.columns <= (p->repeats() ? near_columns : few_columns)) {
      RunWholeTiles<WholeTile<Input, Vectors, false, asks::nothing>>(d, run, whole, b, tiles);
    } else if constexpr (usual != asks::nothing) {
      if (far) {
        RunWholeTiles<WholeTile<Input, Vectors, false, asks::row_and_next>>(d, run, whole, b, tiles);
      } else {
        RunWholeTiles<WholeTile<Input, Vectors, false, asks::row>>(d, run, whole, b, tiles);
      }
    }
    if (ragged) RunWholeTile<WholeTile<Input, Vectors, true, usual>>(d, run, whole, b);
    ++at.next_segment;
    at.column += whole.columns;
    at.weight += whole.columns * panel_rows;
  } while (++p != run.end);
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

// Tile `number` of those that are side by side in a task.
template <int Vectors, class T, class W>
panel_task<T, W> TileOf(const panel_task<T, W>& task, std::size_t number) noexcept {
  panel_task<T, W> tile = task;
  const std::size_t lanes = ops::Lanes(ops::ScalableTag<T>()), begin = number * Vectors * lanes;
  tile.tiles = 1;
  tile.b += begin;
  tile.c += begin;
  tile.column += begin;
  if (number + 1 != task.tiles) {
    tile.last_vector = (Vectors - 1) * lanes;
    tile.first_lane = 0;
    tile.last_lane = lanes;
  }
  return tile;
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
  for (std::size_t i = 0; i != stride; i += lanes) ops::StoreU(ops::Zero(d), d, task.scratch + i);
  const auto run_tile = [&](const panel_task<T, W>& tile, const GroupCut<stored_weight<W>>& cut, unsigned direct,
                            bool run_panels) BCR_LAMBDA_ATTR {
    if (run_panels) {
      RunGroup<Vectors, T, Epilogue, W, Input>(
          {tile, epilogue, cut.begin, cut.end, cut.at, cut.rows, store_direct ? cut.count : 0});
    }
    for (unsigned r = direct; r < cut.count; ++r) {
      FinishRow(tile, epilogue, cut.rows[r], tile.scratch + (r < cut.summed ? (r + 1) * stride : 0));
    }
  };
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    const GroupCut<stored_weight<W>> cut(w, g);
    const unsigned direct = store_direct ? w.groups[g].direct_rows : 0;
    bool run_panels = cut.begin != cut.end;
    // A convolution's tasks have one tile each.
    if constexpr (kTilesTogether > 1 && is_cheap_v<Epilogue> && !Input::crosses_lines) {
      if constexpr (kTakenTogether<Vectors>) {
        // With one tile that is wide there is nothing to gain.
        if (store_direct && run_panels && (kVectorRegisters < 32 || task.tiles != 1) && AllWhole(cut)) {
          RunWholeGroup<Vectors, T, Epilogue, W, Input>(
              {task, epilogue, cut.begin, cut.end, cut.at, cut.rows, cut.count});
          run_panels = false;
          if (direct == cut.count) continue;
        }
      }
      for (std::size_t t = 0; task.tiles != 1 && t != task.tiles; ++t) {
        run_tile(TileOf<Vectors>(task, t), cut, direct, run_panels);
      }
      if (task.tiles != 1) continue;
    }
    run_tile(task, cut, direct, run_panels);
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PANEL_TILES_INL_H_
