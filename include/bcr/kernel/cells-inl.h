// The pointwise half of recurrent cells: from the sums of the gates to the new state.
//
//        rows of a slice, S units a gate               state of the same units
//        W x:  | i | f | g | o |                       c: | c |  ->  | c |
//        R h:  | i | f | g | o |            ->         h: | h |  ->  | h |
//        bias: | i | f | g | o |
//
// A vector is as many units; the gates of a unit are S rows apart and meet in registers. The sums were made a moment
// ago and lie in the first cache level, so that the limit is the arithmetic: a sigmoid or hyperbolic tangent takes some
// twenty instructions, one of them a division, and the gates of one vector are independent of each other but for the
// last step. For 1024 units of an LSTM with AVX-512 that is about a microsecond, beside a product of some twenty.
#if defined(BCR_KERNEL_CELLS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_CELLS_INL_H_
#undef BCR_KERNEL_CELLS_INL_H_
#else
#define BCR_KERNEL_CELLS_INL_H_
#endif

#include <cstddef>

#include "bcr/kernel/cell_kernels.hpp"
#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/simd/math-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// A vector of units: `count` of them from `unit` on, their first gate in row `row`, all counted as the task does.
template <class T>
struct CellPlace {
  const cell_task<T>& task;
  std::size_t item, unit, row, count;
};

template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> LoadUnits(D d, const CellPlace<T>& at, const T* units) {
  return LoadPart(d, units + at.unit, 0, at.count);
}
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> LoadUnits(D d, const CellPlace<T>& at, const cell_rows<T>& of) {
  return LoadUnits(d, at, static_cast<const T*>(of.item(at.item)));
}
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void StoreUnits(ops::Vec<D> v, D d, const CellPlace<T>& at, const cell_rows<T>& to) {
  T* const p = to.item(at.item) + at.unit;
  if (at.count == ops::Lanes(d)) return ops::StoreU(v, d, p);
  StoreLanes(v, d, p, 0, at.count);
}

// W x + b of gate `gate`.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> InputSum(D d, const CellPlace<T>& at, unsigned gate) {
  const std::size_t row = at.row + gate * at.task.slice_units;
  return ops::Add(LoadPart(d, at.task.input.item(at.item) + row, 0, at.count),
                  LoadPart(d, at.task.bias + row, 0, at.count));
}
// R h, `h` being the state, or what stands for it, of these units.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> RecurrentSum(D d, const CellPlace<T>& at, unsigned gate, const cell_rows<T>& h) {
  const std::size_t row = at.row + gate * at.task.slice_units;
  const auto sum = LoadPart(d, at.task.recurrent.item(at.item) + row, 0, at.count);
  if (at.task.diagonal == nullptr) return sum;
  return ops::MulAdd(LoadPart(d, at.task.diagonal + row, 0, at.count), LoadUnits(d, at, h), sum);
}
template <class D, class T = ops::TFromD<D>>
BCR_INLINE ops::Vec<D> GateSum(D d, const CellPlace<T>& at, unsigned gate) {
  return ops::Add(InputSum(d, at, gate), RecurrentSum(d, at, gate, at.task.h));
}

template <class D, class T = ops::TFromD<D>>
BCR_INLINE void StoreState(ops::Vec<D> h, D d, const CellPlace<T>& at) {
  StoreUnits(h, d, at, at.task.h);
  if (at.task.y.data != nullptr) StoreUnits(h, d, at, at.task.y);
}

// The updates of format/cell_layout.hpp.
struct LstmUpdate {
  static constexpr unsigned gates = 4;

  // A gate, which sees the cell's state through a peephole if it has one (Gers and Schmidhuber, IJCNN 2000).
  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE ops::Vec<D> Gate(D d, const CellPlace<T>& at, unsigned gate, const T* peephole, ops::Vec<D> c) {
    auto sum = GateSum(d, at, gate);
    if (peephole != nullptr) sum = ops::MulAdd(LoadUnits(d, at, peephole), c, sum);
    return Sigmoid(d, sum);
  }

  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE void Run(D d, const CellPlace<T>& at) {
    const cell_task<T>& task = at.task;
    const auto before = LoadUnits(d, at, task.c);
    const auto i = Gate(d, at, 0, task.peepholes[0], before);
    const auto f = Gate(d, at, 1, task.peepholes[1], before);
    const auto g = Tanh(d, GateSum(d, at, 2));
    const auto c = ops::MulAdd(f, before, ops::Mul(i, g));
    const auto o = Gate(d, at, 3, task.peepholes[2], c);
    StoreUnits(c, d, at, task.c);
    StoreState(ops::Mul(o, Tanh(d, c)), d, at);
  }
};

// (1 - z) n + z h, as it is written: n + z (h - n) would round h even where z is 1, and the state is to be kept there.
template <class D, class V = ops::Vec<D>>
BCR_INLINE V Interpolate(D d, V z, V n, V h) {
  return ops::MulAdd(z, h, ops::Mul(ops::Sub(ops::Set(d, 1), z), n));
}

struct GruResetAfterUpdate {
  static constexpr unsigned gates = 3;

  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE void Run(D d, const CellPlace<T>& at) {
    const cell_task<T>& task = at.task;
    const auto r = Sigmoid(d, GateSum(d, at, 0));
    const auto z = Sigmoid(d, GateSum(d, at, 1));
    const auto inner = ops::Add(RecurrentSum(d, at, 2, task.h), LoadUnits(d, at, task.recurrent_bias));
    const auto n = Tanh(d, ops::MulAdd(r, inner, InputSum(d, at, 2)));
    StoreState(Interpolate(d, z, n, LoadUnits(d, at, task.h)), d, at);
  }
};

// Its second phase needs what the first has made of all units.
struct GruResetUpdate {
  static constexpr unsigned gates = 2;

  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE void Run(D d, const CellPlace<T>& at) {
    const auto r = Sigmoid(d, GateSum(d, at, 0));
    StoreUnits(ops::Mul(r, LoadUnits(d, at, at.task.h)), d, at, at.task.reset);
    StoreUnits(Sigmoid(d, GateSum(d, at, 1)), d, at, at.task.update);
  }
};
struct GruNewUpdate {
  static constexpr unsigned gates = 1;

  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE void Run(D d, const CellPlace<T>& at) {
    const cell_task<T>& task = at.task;
    const auto n = Tanh(d, ops::Add(InputSum(d, at, 0), RecurrentSum(d, at, 0, task.reset)));
    StoreState(Interpolate(d, LoadUnits(d, at, task.update), n, LoadUnits(d, at, task.h)), d, at);
  }
};

template <class Activation>
struct RnnUpdate {
  static constexpr unsigned gates = 1;

  template <class D, class T = ops::TFromD<D>>
  static BCR_INLINE void Run(D d, const CellPlace<T>& at) {
    StoreState(Activate(d, Activation(), GateSum(d, at, 0)), d, at);
  }
};

// Slice by slice, and within a slice item by item, so that the gates' vectors stay near for the whole batch.
template <class Update, class T>
void UpdateCell(const cell_task<T>& task) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t first = 0; first < task.units; first += task.slice_units) {
    const std::size_t units = task.units - first < task.slice_units ? task.units - first : task.slice_units;
    for (std::size_t b = 0; b < task.batch; ++b) {
      if (task.lengths != nullptr && task.lengths[b] <= task.time) continue;
      for (std::size_t u = 0; u < units; u += lanes) {
        const std::size_t count = units - u < lanes ? units - u : lanes;
        Update::Run(d, CellPlace<T>{task, b, first + u, first * Update::gates + u, count});
      }
    }
  }
}

template <class T, class W, bool Bands>
inline constexpr cell_kernels<T, W> kCellKernels{
    kLinearKernels<T, epilogue::none, W, Bands>, UpdateCell<LstmUpdate, T>,
    UpdateCell<GruResetAfterUpdate, T>,          {UpdateCell<GruResetUpdate, T>, UpdateCell<GruNewUpdate, T>},
    UpdateCell<RnnUpdate<epilogue::tanh>, T>,    UpdateCell<RnnUpdate<epilogue::relu>, T>};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_CELLS_INL_H_
