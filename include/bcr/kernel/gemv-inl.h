// Matrix-vector product on panels: y = W x, batch 1.
//
//        weights of a segment      a vector of 16 lanes                       x, one element per kept column
//        col k0: w w w w           k0 k0 k0 k0 k1 k1 k1 k1 k2 .. k3 k3  *     x[k0] 4 times, x[k1] 4 times, ..
//        col k1: w w w w           + the next four columns
//        ..                        + ..                                 ->    rows 0 1 2 3, 0 1 2 3, .., folded in the
//        end
//
// Every weight is used once, so the stream of weights is the limit, not the arithmetic: a vector costs one load of
// weights and, for every column in it, one broadcast of x. The number of columns is divided by the step, and what is
// left over takes masked steps, so that panels of about as many columns do not differ in their branches. Where a
// segment keeps fewer than four rows, a column has a vector of four lanes for itself; those left over meet the next
// column's weights and are not looked at.
#if defined(BCR_KERNEL_GEMV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_GEMV_INL_H_
#undef BCR_KERNEL_GEMV_INL_H_
#else
#define BCR_KERNEL_GEMV_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Lanes 4j to 4j + 3 are x[column[j]]. `first1` is true in the first four lanes, `first2` in eight, `first3` in twelve.
template <int Columns, class D, class T, class M>
BCR_INLINE ops::Vec<D> SpreadColumns(D d, const T* x, const std::uint16_t* column, const M& first1, const M& first2,
                                     const M& first3) {
  auto v = ops::Set(d, x[column[Columns - 1]]);
  if constexpr (Columns > 3) v = ops::IfThenElse(first3, ops::Set(d, x[column[2]]), v);
  if constexpr (Columns > 2) v = ops::IfThenElse(first2, ops::Set(d, x[column[1]]), v);
  if constexpr (Columns > 1) v = ops::IfThenElse(first1, ops::Set(d, x[column[0]]), v);
  return v;
}

// A segment that keeps all four rows: `Columns` columns to a vector. Row i sums up to sums[i].
template <int Columns, class T>
void SumWholeSegment(const T* weight, const std::uint16_t* column, unsigned columns, const T* x, T* sums) noexcept {
  const ops::CappedTag<T, panel_rows * Columns> d;
  const auto first1 = ops::FirstN(d, panel_rows), first2 = ops::FirstN(d, 2 * panel_rows);
  const auto first3 = ops::FirstN(d, 3 * panel_rows);
  constexpr unsigned step = panel_rows * Columns;
  auto s0 = ops::Zero(d), s1 = ops::Zero(d);
  for (; columns >= 2 * Columns; columns -= 2 * Columns, column += 2 * Columns, weight += 2 * step) {
    const auto x0 = SpreadColumns<Columns>(d, x, column, first1, first2, first3);
    const auto x1 = SpreadColumns<Columns>(d, x, column + Columns, first1, first2, first3);
    s0 = ops::MulAdd(ops::LoadU(d, weight), x0, s0);
    s1 = ops::MulAdd(ops::LoadU(d, weight + step), x1, s1);
  }
  // The indices that are read ahead here are the next segment's, or zero: there is an x for them, and no weight.
  const unsigned left0 = columns < Columns ? columns : Columns, left1 = columns - left0;
  s0 = ops::MulAdd(LoadLanes(d, weight, 0, panel_rows * left0),
                   SpreadColumns<Columns>(d, x, column, first1, first2, first3), s0);
  s1 = ops::MulAdd(LoadLanes(d, left1 == 0 ? weight : weight + step, 0, panel_rows * left1),
                   SpreadColumns<Columns>(d, x, column + Columns, first1, first2, first3), s1);
  T lanes[panel_rows * Columns];
  ops::StoreU(ops::Add(s0, s1), d, lanes);
  for (int i = 0; i < panel_rows; ++i) {
    sums[i] = lanes[i];
    for (int j = 1; j < Columns; ++j) sums[i] += lanes[j * panel_rows + i];
  }
}

// Any segment: a vector to a column. `safe`: four weights may be read from every column on.
template <class T>
void SumSegment(const T* weight, const std::uint16_t* column, unsigned columns, unsigned kept, const T* x, bool safe,
                T* sums) {
  const ops::CappedTag<T, panel_rows> d;
  if (ops::Lanes(d) == panel_rows && safe) {
    auto s0 = ops::Zero(d), s1 = ops::Zero(d), s2 = ops::Zero(d), s3 = ops::Zero(d);
    for (; columns >= 4; columns -= 4, column += 4, weight += 4 * kept) {
      s0 = ops::MulAdd(ops::LoadU(d, weight), ops::Set(d, x[column[0]]), s0);
      s1 = ops::MulAdd(ops::LoadU(d, weight + kept), ops::Set(d, x[column[1]]), s1);
      s2 = ops::MulAdd(ops::LoadU(d, weight + 2 * kept), ops::Set(d, x[column[2]]), s2);
      s3 = ops::MulAdd(ops::LoadU(d, weight + 3 * kept), ops::Set(d, x[column[3]]), s3);
    }
    for (; columns != 0; --columns, ++column, weight += kept) {
      s0 = ops::MulAdd(ops::LoadU(d, weight), ops::Set(d, x[*column]), s0);
    }
    ops::StoreU(ops::Add(ops::Add(s0, s1), ops::Add(s2, s3)), d, sums);
  } else {
    for (unsigned i = 0; i < panel_rows; ++i) sums[i] = 0;
    for (; columns != 0; --columns, ++column) {
      for (unsigned i = 0; i < kept; ++i) sums[i] += *weight++ * x[*column];
    }
  }
}

// Sums up one segment into sums[0] .. sums[rows kept - 1].
template <class T>
using sum_whole_segment = void (*)(const T* weight, const std::uint16_t* column, unsigned columns, const T* x, T* sums);

// Columns of four rows that a vector holds: four or two. One is what SumSegment does as well.
template <class T>
sum_whole_segment<T> BestSumWholeSegment(const panels_view<T>& w) noexcept {
  // An index that is read ahead may belong to another slab of columns, whose x need not be there.
  if (w.columns > 32768) return nullptr;
  if (ops::Lanes(ops::CappedTag<T, 4 * panel_rows>()) == 4 * panel_rows) return SumWholeSegment<4, T>;
  if (ops::Lanes(ops::CappedTag<T, 2 * panel_rows>()) == 2 * panel_rows) return SumWholeSegment<2, T>;
  return nullptr;
}

// All sums of a group into `sums`, in the original order of its rows.
template <class T>
void SumGroup(const panels_view<T>& w, std::size_t g, const T* x, sum_whole_segment<T> sum_whole, T* sums) noexcept {
  const row_group& group = w.groups[g];
  const row_group& next = w.groups[g + 1];
  const std::uint32_t* const rows = w.row_index.data() + group.row_begin - 1;  // by slot, of which 0 is no row's
  T* const by_row = sums - group.row_begin;
  const segment* at = w.segments.data() + group.segment_begin;
  const std::uint16_t* column = w.column_index.data() + group.column_begin;
  const T* weight = w.weights.data() + group.weight_begin;
  const T* const end = w.weights.data() + w.weights.size();
  for (std::size_t r = 0; r < next.row_begin - group.row_begin; ++r) sums[r] = 0;
  for (std::size_t i = group.panel_begin; i != next.panel_begin; ++i) {
    const panel& p = w.panels[i];
    for (const segment* const last = at + p.segments; at != last; ++at) {
      const unsigned columns = at->columns, kept = static_cast<unsigned>(std::popcount(at->mask));
      T segment_sums[panel_rows];
      if (kept == panel_rows && sum_whole != nullptr) {
        sum_whole(weight, column, columns, x + p.first_column, segment_sums);
        for (int r = 0; r < panel_rows; ++r) by_row[rows[p.to[r]]] += segment_sums[r];
      } else {
        const auto left = static_cast<std::size_t>(end - weight);
        const bool safe = std::size_t{columns} * kept + panel_rows <= left + kept;
        SumSegment(weight, column, columns, kept, x + p.first_column, safe, segment_sums);
        const T* sum = segment_sums;
        for (unsigned mask = at->mask; mask != 0; mask &= mask - 1) {
          by_row[rows[p.to[std::countr_zero(mask)]]] += *sum++;
        }
      }
      weight += columns * kept;
      column += columns;
    }
  }
}

// The first `count` lanes, `stride` elements apart.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void StoreStrided(ops::Vec<D> v, D d, T* p, std::size_t stride, std::size_t count) {
  if (stride == 1) return count == ops::Lanes(d) ? ops::StoreU(v, d, p) : StoreLanes(v, d, p, 0, count);
  T lanes[ops::MaxLanes(D())];
  ops::StoreU(v, d, lanes);
  for (std::size_t l = 0; l < count; ++l) p[l * stride] = lanes[l];
}

// The task's groups, one after the other.
template <orientation Along, class T, class Epilogue>
void RunGemv(const gemv_task<T>& task, const Epilogue& epilogue) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  const panels_view<T>& w = *task.weights;
  const sum_whole_segment<T> sum_whole = BestSumWholeSegment(w);
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    SumGroup(w, g, task.x, sum_whole, task.sums);
    const std::size_t first = w.groups[g].row_begin, rows = w.groups[g + 1].row_begin - first;
    for (std::size_t r = 0; r < rows; r += lanes) {
      const std::size_t count = rows - r < lanes ? rows - r : lanes;
      T* const y = task.y + (first + r) * task.y_stride;
      auto v = Apply<Along>(d, epilogue, ops::LoadU(d, task.sums + r), first + r, 0, 0, count);
      if (task.accumulate) v = ops::Add(v, LoadStrided(d, y, task.y_stride, count));
      StoreStrided(v, d, y, task.y_stride, count);
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_GEMV_INL_H_
