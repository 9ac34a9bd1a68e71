// Matrix-vector product on panels: y = W x, batch 1.
//
//        weights of a segment      x, one element per kept column        sums, one vector for every fourth column
//        col k0: w w w w           x[k0] in all four lanes               s0 | rows 0 1 2 3 | += w * x
//        col k1: w w w w           x[k1]                                 s1 |  ..
//        ..                        ..                                    ..
//
// Every weight is used once, so the stream of weights is the limit, not the arithmetic. One vector takes the four rows
// of one column: a load of weights, a broadcast of x and one multiply-add. Four sums hide the latency of the latter.
// Where a segment keeps fewer than four rows, the lanes left over meet the next column's weights and are not looked at.
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

// What one row of a segment's columns sums up to is sums[i] for the segment's i-th row. `safe`: four weights may be
// read from every column on.
template <class T>
BCR_INLINE void SumSegment(const T* weight, const std::uint16_t* column, unsigned columns, unsigned kept, const T* x,
                           bool safe, T* sums) {
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

// All sums of a group into `sums`, in the original order of its rows.
template <class T>
void SumGroup(const panels_view<T>& w, std::size_t g, const T* x, T* sums) noexcept {
  const row_group& group = w.groups[g];
  const row_group& next = w.groups[g + 1];
  const std::uint32_t* const rows = w.row_index.data() + group.row_begin;
  const segment* at = w.segments.data() + group.segment_begin;
  const std::uint16_t* column = w.column_index.data() + group.column_begin;
  const T* weight = w.weights.data() + group.weight_begin;
  const T* const end = w.weights.data() + w.weights.size();
  for (std::size_t r = 0; r < next.row_begin - group.row_begin; ++r) sums[r] = 0;
  for (std::size_t i = group.panel_begin; i != next.panel_begin; ++i) {
    const panel& p = w.panels[i];
    for (const segment* const last = at + p.segments; at != last; ++at) {
      const unsigned kept = static_cast<unsigned>(std::popcount(at->mask));
      const std::size_t weights = std::size_t{at->columns} * kept;
      T segment_sums[panel_rows];
      const bool safe = weights + panel_rows <= static_cast<std::size_t>(end - weight) + kept;
      SumSegment(weight, column, at->columns, kept, x + p.first_column, safe, segment_sums);
      const T* sum = segment_sums;
      for (unsigned mask = at->mask; mask != 0; mask &= mask - 1) {
        sums[rows[p.to[std::countr_zero(mask)] - 1u] - group.row_begin] += *sum++;
      }
      weight += weights;
      column += at->columns;
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
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    SumGroup(w, g, task.x, task.sums);
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
