// Matrix-vector product on panels: y = W x, batch 1.
//
//        weights of a segment      a vector of 16 lanes                      x, one element per kept column
//        col k0: w w w w           k0 k0 k0 k0 k1 k1 k1 k1 k2 .. k3 k3   *   x[k0] 4 times, x[k1] 4 times, ..
//        col k1: w w w w           + the next four columns
//        ..                        + ..                                  ->  rows 0 1 2 3, 0 1 2 3, .., to be folded
//
// Every weight is used once, so the stream of weights is the limit, not the arithmetic: a vector costs one load of
// weights and, for every column in it, one broadcast of x. Panels that keep the same columns, as those of one block do,
// are multiplied together and share the broadcasts. What is left over when the columns are divided by the step takes
// masked steps, so that panels of about as many columns do not differ in their branches.
// Where a segment keeps fewer than four rows, a column has a vector of four lanes for itself; those left over meet the
// next column's weights and are not looked at.
#if defined(BCR_KERNEL_GEMV_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_GEMV_INL_H_
#undef BCR_KERNEL_GEMV_INL_H_
#else
#define BCR_KERNEL_GEMV_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/panels-inl.h"
#include "bcr/simd/narrow-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A vector of several columns, one after the other: the first lanes, where `first1` is true, are x of column 0, the
// next ones, where `first2` is true as well, x of column 1, and so on.
template <int Columns, class D, class T, class Index, class M>
BCR_INLINE ops::Vec<D> SpreadColumns(D d, const T* x, const Index& column, const M& first1, const M& first2,
                                     const M& first3) {
  auto v = ops::Set(d, x[column[Columns - 1]]);
  if constexpr (Columns > 3) v = ops::IfThenElse(first3, ops::Set(d, x[column[2]]), v);
  if constexpr (Columns > 2) v = ops::IfThenElse(first2, ops::Set(d, x[column[1]]), v);
  if constexpr (Columns > 1) v = ops::IfThenElse(first1, ops::Set(d, x[column[0]]), v);
  return v;
}

// The next vector of one panel's weights. Where there are several, those `ahead` bytes away are asked for, which the
// same panel of the next company has there: hardware does not foresee that several streams jump at once.
template <bool Prefetch, class D, class W, class V = ops::Vec<D>>
BCR_INLINE V MulAddWeights(D d, const W* weight, std::size_t ahead, const V& x, const V& sum) {
  if constexpr (Prefetch) PrefetchVector<0, 1>(d, reinterpret_cast<std::uintptr_t>(weight) + ahead);
  return ops::MulAdd(LoadWide(d, weight), x, sum);
}
// And what is left of it: the first few lanes. The others meet no x either, which could be infinite. Of narrow weights,
// more may be read than there are.
template <class D, class W, class V = ops::Vec<D>>
BCR_INLINE V MulAddSomeWeights(D d, const W* weight, std::size_t lanes, const V& x, const V& sum) {
  if constexpr (std::is_same_v<W, ops::TFromD<D>>) {
    return ops::IfThenElse(ops::FirstN(d, lanes), ops::MulAdd(LoadLanes(d, weight, 0, lanes), x, sum), sum);
  } else {
    return ops::IfThenElse(ops::FirstN(d, lanes), ops::MulAdd(LoadWide(d, weight), x, sum), sum);
  }
}

// Up to four panels of four rows that keep the same columns, one panel's weights after the other's: `Columns` columns
// to a vector. Row i of panel p sums up to sums[4p + i].
template <int Columns, int Panels, class T, class W>
void SumPanels(const W* weight, const std::uint16_t* column, unsigned columns, const T* x, T* sums) noexcept {
  const ops::CappedTag<T, panel_rows * Columns> d;
  const auto first1 = ops::FirstN(d, panel_rows), first2 = ops::FirstN(d, 2 * panel_rows);
  const auto first3 = ops::FirstN(d, 3 * panel_rows);
  constexpr unsigned step = panel_rows * Columns;
  constexpr bool prefetch = Panels > 1;
  const std::size_t stride = std::size_t{columns} * panel_rows, ahead = Panels * stride * sizeof(W);
  auto a0 = ops::Zero(d), a1 = ops::Zero(d), a2 = ops::Zero(d), a3 = ops::Zero(d);
  auto b0 = ops::Zero(d), b1 = ops::Zero(d), b2 = ops::Zero(d), b3 = ops::Zero(d);
  for (; columns >= 2 * Columns; columns -= 2 * Columns, column += 2 * Columns, weight += 2 * step) {
    const auto x0 = SpreadColumns<Columns>(d, x, column, first1, first2, first3);
    const auto x1 = SpreadColumns<Columns>(d, x, column + Columns, first1, first2, first3);
    a0 = MulAddWeights<prefetch>(d, weight, ahead, x0, a0);
    b0 = MulAddWeights<prefetch>(d, weight + step, ahead, x1, b0);
    if constexpr (Panels > 1) {
      a1 = MulAddWeights<prefetch>(d, weight + stride, ahead, x0, a1);
      b1 = MulAddWeights<prefetch>(d, weight + stride + step, ahead, x1, b1);
    }
    if constexpr (Panels > 2) {
      a2 = MulAddWeights<prefetch>(d, weight + 2 * stride, ahead, x0, a2);
      b2 = MulAddWeights<prefetch>(d, weight + 2 * stride + step, ahead, x1, b2);
      a3 = MulAddWeights<prefetch>(d, weight + 3 * stride, ahead, x0, a3);
      b3 = MulAddWeights<prefetch>(d, weight + 3 * stride + step, ahead, x1, b3);
    }
  }
  // The indices that are read ahead here are the next panel's, or zero: there is an x for them, and no weight.
  const unsigned left0 = columns < Columns ? columns : Columns, left1 = columns - left0;
  const auto x0 = SpreadColumns<Columns>(d, x, column, first1, first2, first3);
  const auto x1 = SpreadColumns<Columns>(d, x, column + Columns, first1, first2, first3);
  const W* const more = left1 == 0 ? weight : weight + step;
  const std::size_t lanes0 = panel_rows * left0, lanes1 = panel_rows * left1;
  T folded[Panels * step];
  a0 = MulAddSomeWeights(d, weight, lanes0, x0, a0);
  b0 = MulAddSomeWeights(d, more, lanes1, x1, b0);
  ops::StoreU(ops::Add(a0, b0), d, folded);
  if constexpr (Panels > 1) {
    a1 = MulAddSomeWeights(d, weight + stride, lanes0, x0, a1);
    b1 = MulAddSomeWeights(d, more + stride, lanes1, x1, b1);
    ops::StoreU(ops::Add(a1, b1), d, folded + step);
  }
  if constexpr (Panels > 2) {
    a2 = MulAddSomeWeights(d, weight + 2 * stride, lanes0, x0, a2);
    b2 = MulAddSomeWeights(d, more + 2 * stride, lanes1, x1, b2);
    a3 = MulAddSomeWeights(d, weight + 3 * stride, lanes0, x0, a3);
    b3 = MulAddSomeWeights(d, more + 3 * stride, lanes1, x1, b3);
    ops::StoreU(ops::Add(a2, b2), d, folded + 2 * step);
    ops::StoreU(ops::Add(a3, b3), d, folded + 3 * step);
  }
  for (unsigned i = 0; i < Panels * panel_rows; ++i) {
    const T* const lane = folded + i / panel_rows * step + i % panel_rows;
    sums[i] = lane[0];
    for (unsigned j = 1; j < Columns; ++j) sums[i] += lane[j * panel_rows];
  }
}

// Any segment: a vector to a column. `safe`: four weights may be read from every column on.
template <class T, class W>
void SumSegment(const W* weight, const std::uint16_t* column, unsigned columns, unsigned kept, const T* x, bool safe,
                T* sums) {
  const ops::CappedTag<T, panel_rows> d;
  if (ops::Lanes(d) == panel_rows && safe) {
    auto s0 = ops::Zero(d), s1 = ops::Zero(d), s2 = ops::Zero(d), s3 = ops::Zero(d);
    for (; columns >= 4; columns -= 4, column += 4, weight += 4 * kept) {
      s0 = ops::MulAdd(LoadWide(d, weight), ops::Set(d, x[column[0]]), s0);
      s1 = ops::MulAdd(LoadWide(d, weight + kept), ops::Set(d, x[column[1]]), s1);
      s2 = ops::MulAdd(LoadWide(d, weight + 2 * kept), ops::Set(d, x[column[2]]), s2);
      s3 = ops::MulAdd(LoadWide(d, weight + 3 * kept), ops::Set(d, x[column[3]]), s3);
    }
    for (; columns != 0; --columns, ++column, weight += kept) {
      s0 = ops::MulAdd(LoadWide(d, weight), ops::Set(d, x[*column]), s0);
    }
    ops::StoreU(ops::Add(ops::Add(s0, s1), ops::Add(s2, s3)), d, sums);
  } else {
    for (unsigned i = 0; i < panel_rows; ++i) sums[i] = 0;
    for (; columns != 0; --columns, ++column) {
      for (unsigned i = 0; i < kept; ++i) sums[i] += static_cast<T>(*weight++) * x[*column];
    }
  }
}

// SumPanels for one, two and four panels, in the widest vectors of whole columns that the target has; or nothing.
template <class T, class W>
struct PanelSums {
  using function = void (*)(const W* weight, const std::uint16_t* column, unsigned columns, const T* x, T* sums);
  function one = nullptr, two = nullptr, four = nullptr;

  PanelSums() noexcept {
    if (ops::Lanes(ops::CappedTag<T, 4 * panel_rows>()) == 4 * panel_rows) {
      set<4>();
    } else if (ops::Lanes(ops::CappedTag<T, 2 * panel_rows>()) == 2 * panel_rows) {
      set<2>();
    } else if (ops::Lanes(ops::CappedTag<T, panel_rows>()) == panel_rows) {
      set<1>();
    }
  }

 private:
  template <int Columns>
  void set() noexcept {
    one = SumPanels<Columns, 1, T, W>;
    two = SumPanels<Columns, 2, T, W>;
    four = SumPanels<Columns, 4, T, W>;
  }
};

// The columns of a panel that keeps all four rows in each of them, its segments beginning at `s`; nothing of another,
// or if it counts its columns from another than the first of the matrix: the indices that SumPanels reads ahead would
// then be too large.
inline unsigned ColumnsOfWhole(const panel& p, const segment* s) noexcept {
  if (p.first_column != 0) return 0;
  unsigned columns = 0;
  for (const segment* const end = s + p.segments; s != end; ++s) {
    if (s->mask != kAllRows) return 0;
    columns += s->columns;
  }
  return columns;
}

// How many panels from a whole one on are whole and keep the same columns: one, two or four.
inline unsigned PanelsAlike(const panel* p, const panel* end, const segment* s) noexcept {
  unsigned alike = 1;
  for (; alike < 4 && p + alike != end && p[alike].repeats(); ++alike) {
    s += p[alike - 1].segments;
    if (ColumnsOfWhole(p[alike], s) == 0) break;
  }
  return alike == 3 ? 2 : alike;
}

// All sums of a group into `sums`, in the original order of its rows.
template <class T, class W>
void SumGroup(const panels_view<W>& w, std::size_t g, const T* x, const PanelSums<T, W>& together, T* sums) noexcept {
  const row_group& group = w.groups[g];
  const row_group& next = w.groups[g + 1];
  const auto sum_of = [&, rows = w.row_index.data() + group.row_begin](unsigned slot) -> T& {
    return sums[rows[slot - 1] - group.row_begin];
  };
  const segment* at = w.segments.data() + group.segment_begin;
  const std::uint16_t* column = w.column_index.data() + group.column_begin;
  const std::uint16_t* first = column;  // of the panel before
  const W* weight = w.weights.data() + group.weight_begin;
  const W* const end = w.weights.data() + w.weights.size();
  for (std::size_t r = 0; r < next.row_begin - group.row_begin; ++r) sums[r] = 0;
  const panel* const last = w.panels.data() + next.panel_begin;
  for (const panel* p = w.panels.data() + group.panel_begin; p != last;) {
    const T* const px = x + p->first_column;
    first = column = p->repeats() ? first : column;
    T some[4 * panel_rows];
    if (const unsigned columns = together.one == nullptr ? 0 : ColumnsOfWhole(*p, at); columns != 0) {
      const unsigned alike = PanelsAlike(p, last, at);
      (alike == 4 ? together.four : alike == 2 ? together.two : together.one)(weight, column, columns, px, some);
      for (unsigned i = 0; i < alike * panel_rows; ++i) sum_of(p[i / panel_rows].to[i % panel_rows]) += some[i];
      for (const panel* const past = p + alike; p != past; ++p) at += p->segments;
      column += columns;
      weight += std::size_t{alike} * columns * panel_rows;
      continue;
    }
    for (const segment* const past = at + p->segments; at != past; ++at) {
      const unsigned kept = static_cast<unsigned>(std::popcount(at->mask));
      const std::size_t weights = std::size_t{at->columns} * kept;
      const bool safe = weights + panel_rows <= static_cast<std::size_t>(end - weight) + kept;
      SumSegment(weight, column, at->columns, kept, px, safe, some);
      const T* sum = some;
      for (unsigned mask = at->mask; mask != 0; mask &= mask - 1) sum_of(p->to[std::countr_zero(mask)]) += *sum++;
      weight += weights;
      column += at->columns;
    }
    ++p;
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

// Where the results of some rows go, of one vector: `stride` apart.
template <class T>
struct ResultRows {
  T* y;
  std::size_t stride;
  std::size_t first, rows;
  std::size_t vector;  // its number, for the epilogue
  bool accumulate;
};

// From their sums to the results; as many sums as fill the last vector may be read. Whole vectors of results that are
// neighbours, which is the rule, have a loop of their own.
template <orientation Along, class T, class Epilogue>
BCR_INLINE void FinishRows(const ResultRows<T>& to, const Epilogue& epilogue, const T* sums) {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), rows = to.rows, stride = to.stride;
  const auto finished = [&](std::size_t r, std::size_t count) BCR_LAMBDA_ATTR {
    return Apply<Along>(d, epilogue, ops::LoadU(d, sums + r), to.first + r, to.vector, 0, count);
  };
  T* const results = to.y;
  std::size_t r = 0;
  if (stride == 1 && !to.accumulate) {
    for (; r + lanes <= rows; r += lanes) ops::StoreU(finished(r, lanes), d, results + r);
  }
  for (; r < rows; r += lanes) {
    const std::size_t count = rows - r < lanes ? rows - r : lanes;
    T* const y = results + r * stride;
    auto v = finished(r, count);
    if (to.accumulate) v = ops::Add(v, LoadStrided(d, y, stride, count));
    StoreStrided(v, d, y, stride, count);
  }
}

// The task's groups, one after the other.
template <orientation Along, class T, class Epilogue, class W>
void RunGemv(const gemv_task<T, W>& task, const Epilogue& epilogue) noexcept {
  const panels_view<W>& w = *task.weights;
  const PanelSums<T, W> together;
  for (std::size_t g = task.group_begin; g != task.group_end; ++g) {
    SumGroup(w, g, task.x, together, task.sums);
    const std::size_t first = w.groups[g].row_begin;
    FinishRows<Along, T>({task.y + (first - task.first_row) * task.y_stride, task.y_stride, first, w.group_rows(g),
                          task.vector, task.accumulate},
                         epilogue, task.sums);
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_GEMV_INL_H_
