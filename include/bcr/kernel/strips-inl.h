// The sums of one strip of a band: how its weights meet the input.
//
//     shared:   step 0: w w w w w w w w   *   x[column 0] in all lanes
//               step 1: w w w w w w w w   *   x[column 1]
//     narrow:   steps 0 and 1 in one vector, and their columns; the two halves are added up at the end
//     own:      step 0: w w w w w w w w   *   x[a] x[a] x[a] x[a] x[b] x[b] x[b] x[b], a group of lanes each
//
// Rows lie across the lanes. Every weight is used once, so the stream of weights is the limit, from whichever cache it
// comes: a vector of weights costs its load, its share of a broadcast, and a multiply-add. Hardware follows that
// stream; to ask for what comes takes a load's place, and gains less than it costs (Zen 4: GRU and LSTM of 1024 units,
// 64 x 64 blocks, all rows kept: 0.84 of the time without). The columns of `own` strips are looked up in 32 inputs that
// stay in two registers, where the target can: a shift and a permutation a vector, and no load.
#if defined(BCR_KERNEL_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_STRIPS_INL_H_
#undef BCR_KERNEL_STRIPS_INL_H_
#else
#define BCR_KERNEL_STRIPS_INL_H_
#endif

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bcr/format/bands.hpp"
#include "bcr/kernel/gemv-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/panels-inl.h"
#include "bcr/simd/dot-inl.h"
#include "bcr/simd/narrow-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// As many lanes as a word of a row mask has rows, and no more, so that a vector's lanes are bits of one word.
template <class T>
using BandTag = ops::CappedTag<T, mask_rows>;

// Vectors of a strip's lanes that are summed at once; taller strips are walked again.
inline constexpr int kStripVectors = 4;

// Accumulators for each sum, so that chains of multiply-adds hide each other's latency. They depend on the strip alone,
// not on how many inputs there are: whatever vectors are multiplied together, each adds up in the same order.
template <int Vectors>
inline constexpr int kStripPhases = Vectors == 1   ? 4
                                    : Vectors == 2 ? 2
                                                   : 1;

// What products with the input are summed up in.
template <class X>
using SumOf = std::conditional_t<std::is_same_v<X, std::uint8_t>, std::int32_t, X>;

// A strip's steps: where its weights and columns are, and where its sums go.
template <class T, class W>
struct StripSteps {
  const W* weight;
  const std::uint8_t* column;
  const T* x;  // from the strip's window on; input j at x + j * ldx
  std::size_t ldx;
  SumOf<T>* sums;  // as many as lanes, rounded up to whole vectors; of input j at sums + j * strip_sums
  unsigned steps;
  unsigned lanes;  // weights a step
};

// The columns of a shared strip, of a byte or two each.
template <strip_kind Kind>
struct SharedColumns {
  static constexpr std::size_t width = Kind == strip_kind::shared8 ? 1 : 2;
  const std::uint8_t* bytes;

  BCR_INLINE std::size_t operator[](std::size_t i) const {
    if constexpr (width == 1) return bytes[i];
    return load_index16(bytes + i * width);
  }
  BCR_INLINE void advance(std::size_t columns) { bytes += columns * width; }
};
// Of bytes, whose inputs were gathered: one after the other.
template <>
struct SharedColumns<strip_kind::bytes> {
  const std::uint8_t* bytes;

  BCR_INLINE std::size_t operator[](std::size_t i) const { return i; }
};

// Keeps a compiler from loading again, with every multiply-add, what it has just loaded.
BCR_INLINE void StayLoaded() { std::atomic_signal_fence(std::memory_order_acq_rel); }

// One vector of a step's weights times each input; it is loaded once.
template <int Vectors, int First, class D, class W, class A, class X, std::size_t... J>
BCR_INLINE void MulAddLanes(D d, const W* weight, const A& acc, const X& inputs, std::index_sequence<J...>) {
  const auto w = LoadWide(d, weight);
  if constexpr (sizeof...(J) > 1) StayLoaded();
  ((Sum<First + J * Vectors>(d, acc) = AddProduct(d, w, Sum<J>(d, inputs), Sum<First + J * Vectors>(d, acc))), ...);
}

// One column of a shared strip of one vector of lanes: its weights stay in a register, as a multiply-add that
// broadcasts an input takes less of a load than a vector does (Zen 4: half a cycle instead of one).
template <int Inputs, int Phase, int Step, class D, class T, class W, class Columns, class A, std::size_t... J>
BCR_INLINE void MulAddVectorStep(D d, const StripSteps<T, W>& at, const Columns& column, const A& acc,
                                 std::index_sequence<J...>) {
  const T* const x = at.x + column[Step];
  const auto w = LoadWide(d, at.weight + std::size_t{Step} * at.lanes);
  StayLoaded();
  ((Sum<Phase * Inputs + J>(d, acc) = AddProduct(d, w, ops::Set(d, x[J * at.ldx]), Sum<Phase * Inputs + J>(d, acc))),
   ...);
}

// Column `Step` of a shared strip from where `at` is, for all inputs, which are loaded first.
template <int Inputs, int Phase, int Step, class D, class T, class W, class Columns, class A, std::size_t... I,
          class... X>
BCR_INLINE void MulAddSharedStep(D d, const StripSteps<T, W>& at, const Columns& column, const A& acc,
                                 std::index_sequence<I...> all, X&... inputs) {
  if constexpr (sizeof...(I) == 1) {
    MulAddVectorStep<Inputs, Phase, Step>(d, at, column, acc, std::make_index_sequence<Inputs>());
  } else if constexpr (sizeof...(X) < Inputs) {
    auto next = ops::Set(d, at.x[column[Step] + sizeof...(X) * at.ldx]);
    MulAddSharedStep<Inputs, Phase, Step>(d, at, column, acc, all, inputs..., next);
  } else {
    constexpr int vectors = sizeof...(I), first = Phase * Inputs * vectors;
    const W* const weight = at.weight + std::size_t{Step} * at.lanes;
    const RefsTo<X...> refs{{inputs}...};
    (MulAddLanes<vectors, first + static_cast<int>(I)>(d, weight + I * ops::Lanes(d), acc, refs,
                                                       std::make_index_sequence<Inputs>()),
     ...);
  }
}

// Adds the phases of the sums up.
template <int Phases, class D, class A, std::size_t... I>
BCR_INLINE void AddPhases(D d, const A& acc, std::index_sequence<I...>) {
  constexpr std::size_t all = sizeof...(I);
  if constexpr (Phases > 2) {
    ((Sum<I>(d, acc) = ops::Add(Sum<I>(d, acc), Sum<I + 2 * all>(d, acc))), ...);
    ((Sum<I + all>(d, acc) = ops::Add(Sum<I + all>(d, acc), Sum<I + 3 * all>(d, acc))), ...);
  }
  if constexpr (Phases > 1) ((Sum<I>(d, acc) = ops::Add(Sum<I>(d, acc), Sum<I + all>(d, acc))), ...);
}

// The same, and stores the sums, input by input.
template <int Vectors, int Inputs, int Phases, class D, class T, class A, std::size_t... I>
BCR_INLINE void StoreStripSums(D d, T* sums, const A& acc, std::index_sequence<I...> all) {
  AddPhases<Phases>(d, acc, all);
  (ops::StoreU(Sum<I>(d, acc), d, sums + I / Vectors * strip_sums + I % Vectors * ops::Lanes(d)), ...);
}

// So many steps of a shared strip, which are then behind `at`. What is left over when they are divided by the phases
// goes to the first.
template <int Vectors, int Inputs, int Phases, strip_kind Kind, class D, class T, class W, class A, std::size_t... S>
BCR_INLINE void AddSharedSteps([[maybe_unused]] D d, StripSteps<T, W>& at, const A& acc, std::index_sequence<S...>) {
  constexpr std::size_t steps = sizeof...(S), in_phases = steps / Phases * Phases;
  const SharedColumns<Kind> column{at.column};
  (MulAddSharedStep<Inputs, (S < in_phases ? S % Phases : 0), S>(d, at, column, acc,
                                                                 std::make_index_sequence<Vectors>()),
   ...);
  at.weight += steps * at.lanes;
  if constexpr (Kind == strip_kind::bytes) {
    at.x += steps;
  } else {
    at.column += steps * column.width;
  }
}

// The steps of a shared strip, which are then behind `at`. The last vector may reach into the next step's weights;
// nobody looks at those lanes.
template <int Vectors, int Inputs, int Phases, strip_kind Kind, class D, class T, class W, class A>
BCR_INLINE void AddShared(D d, StripSteps<T, W>& at, const A& acc) {
  unsigned left = at.steps;
  for (; left >= Phases; left -= Phases) {
    AddSharedSteps<Vectors, Inputs, Phases, Kind>(d, at, acc, std::make_index_sequence<Phases>());
  }
  if constexpr (Phases > 1) {
    for (; left != 0; --left) AddSharedSteps<Vectors, Inputs, Phases, Kind>(d, at, acc, std::make_index_sequence<1>());
  }
}

// Strips of few rows: a vector holds several columns, one after the other.
template <int Columns, strip_kind Kind, class D, class T, class W>
BCR_INLINE void SumNarrow(D d, StripSteps<T, W> at) {
  const std::size_t k = at.lanes, step = Columns * k;
  const auto first1 = ops::FirstN(d, k), first2 = ops::FirstN(d, 2 * k), first3 = ops::FirstN(d, 3 * k);
  auto a = ops::Zero(d), b = ops::Zero(d);
  SharedColumns<Kind> column{at.column};
  for (; at.steps >= 2 * Columns; at.steps -= 2 * Columns, at.weight += 2 * step, column.advance(2 * Columns)) {
    const auto x0 = SpreadColumns<Columns>(d, at.x, column, first1, first2, first3);
    auto next = column;
    next.advance(Columns);
    const auto x1 = SpreadColumns<Columns>(d, at.x, next, first1, first2, first3);
    a = ops::MulAdd(LoadWide(d, at.weight), x0, a);
    b = ops::MulAdd(LoadWide(d, at.weight + step), x1, b);
  }
  // The other lanes would meet the weights of other columns.
  for (; at.steps != 0; --at.steps, at.weight += k, column.advance(1)) {
    a = ops::IfThenElse(first1, ops::MulAdd(LoadWide(d, at.weight), ops::Set(d, at.x[column[0]]), a), a);
  }
  T folded[2 * ops::MaxLanes(D())];
  ops::StoreU(ops::Add(a, b), d, folded);
  ops::StoreU(ops::Zero(d), d, folded + ops::Lanes(d));
  auto sum = ops::LoadU(d, folded);
  for (std::size_t c = 1; c < Columns; ++c) sum = ops::Add(sum, ops::LoadU(d, folded + c * k));
  ops::StoreU(sum, d, at.sums);
}

// The columns of an `own` strip: how many lanes share one, and how much of a window of x there is.
struct OwnColumns {
  unsigned group_bits;
  unsigned full_steps;  // steps in which every group has a column
  unsigned inputs;
  unsigned first_lane;  // of the vectors that are summed
};
BCR_INLINE OwnColumns OwnColumnsOf(const strip_run& run, std::size_t columns_left) {
  return {run.group_bits, run.full_steps,
          static_cast<unsigned>(columns_left < window_columns ? columns_left : window_columns), 0};
}

// The input of one group of lanes in the step that begins at at.column, or a zero where it has none. What is read
// beyond the step's columns is no lane's, but may be no column either.
template <class T, class W>
BCR_INLINE T GroupInput(const StripSteps<T, W>& at, const T* x, const OwnColumns& own, unsigned group) {
  static constexpr T zero = 0;
  const unsigned column = at.column[group];
  return column < own.inputs ? x[column] : zero;
}

// The inputs of the lanes from `lane` on. A vector has the lanes of so many groups, or, if `Groups` is 0, of any.
template <int Groups, class D, class T, class W, class M>
BCR_INLINE ops::Vec<D> GatherOwn(D d, const StripSteps<T, W>& at, const T* x, const OwnColumns& own, unsigned lane,
                                 const M& first1, const M& first2, const M& first3) {
  const unsigned group = lane >> own.group_bits;
  if constexpr (Groups == 0) {
    T gathered[ops::MaxLanes(D())];
    for (unsigned l = 0; l < ops::Lanes(d); ++l) {
      gathered[l] = GroupInput(at, x, own, (lane + l) >> own.group_bits);
    }
    return ops::LoadU(d, gathered);
  } else {
    auto v = ops::Set(d, GroupInput(at, x, own, group + Groups - 1));
    if constexpr (Groups > 2) v = ops::IfThenElse(first3, ops::Set(d, GroupInput(at, x, own, group + 2)), v);
    if constexpr (Groups > 2) v = ops::IfThenElse(first2, ops::Set(d, GroupInput(at, x, own, group + 1)), v);
    if constexpr (Groups > 1) v = ops::IfThenElse(first1, ops::Set(d, GroupInput(at, x, own, group)), v);
    return v;
  }
}

template <int Vectors, int Groups, class D, class T, class W, class A, std::size_t... I>
BCR_INLINE void AddGroups(D d, StripSteps<T, W> at, const OwnColumns& own, const A& acc, std::index_sequence<I...>) {
  const unsigned lanes = static_cast<unsigned>(ops::Lanes(d)), group = 1u << own.group_bits;
  const auto first1 = ops::FirstN(d, group), first2 = ops::FirstN(d, 2 * group), first3 = ops::FirstN(d, 3 * group);
  for (; at.steps != 0; --at.steps, at.weight += at.lanes, at.column += at.lanes >> own.group_bits) {
    ((Sum<I>(d, acc) = ops::MulAdd(
          LoadWide(d, at.weight + I % Vectors * lanes),
          GatherOwn<Groups>(d, at, at.x + I / Vectors * at.ldx, own,
                            own.first_lane + static_cast<unsigned>(I % Vectors) * lanes, first1, first2, first3),
          Sum<I>(d, acc))),
     ...);
  }
}

// Without a permutation: a broadcast for each group of a vector's lanes, if these are few, and else through memory.
template <int Vectors, int Inputs, class D, class T, class W, class A>
BCR_INLINE void AddGathered(D d, const StripSteps<T, W>& at, const OwnColumns& own, const A& acc) {
  constexpr auto all = std::make_index_sequence<Vectors * Inputs>();
  switch (ops::Lanes(d) >> own.group_bits) {
    case 0:
    case 1:
      return AddGroups<Vectors, 1>(d, at, own, acc, all);
    case 2:
      return AddGroups<Vectors, 2>(d, at, own, acc, all);
    case 4:
      return AddGroups<Vectors, 4>(d, at, own, acc, all);
    default:
      return AddGroups<Vectors, 0>(d, at, own, acc, all);
  }
}

#if BCR_PERMUTES_512
// One vector of lanes of a step, for all inputs, whose windows are two vectors each.
template <int Vectors, int First, bool Masked, class Lookup, class D, class W, class A, class X, std::size_t... J>
BCR_INLINE void MulAddLookedUp(D d, const W* weight, const std::uint8_t* column, const Lookup& lookup, const X& windows,
                               const A& acc, std::index_sequence<J...>) {
  const auto w = LoadWide(d, weight);
  if constexpr (sizeof...(J) > 1) StayLoaded();
  const auto at = lookup.indices(column);
  ((Sum<First + J * Vectors>(d, acc) =
        ops::MulAdd(w, LookUp32<Masked>(d, Sum<2 * J>(d, windows), Sum<2 * J + 1>(d, windows), at),
                    Sum<First + J * Vectors>(d, acc))),
   ...);
}
template <int Vectors, int Inputs, int Phase, bool Masked, class Lookup, class D, class W, class A, class X,
          std::size_t... I>
BCR_INLINE void MulAddLookedUpStep(D d, const W* weight, const std::uint8_t* column, std::size_t column_step,
                                   const Lookup& lookup, const X& windows, const A& acc, std::index_sequence<I...>) {
  (MulAddLookedUp<Vectors, Phase * Vectors * Inputs + static_cast<int>(I), Masked>(
       d, weight + I * ops::Lanes(d), column + I * column_step, lookup, windows, acc,
       std::make_index_sequence<Inputs>()),
   ...);
}

template <int Vectors, int Inputs, int Phases, class Lookup, class D, class T, class W, class X, class A>
BCR_INLINE void AddLookedUp(D d, StripSteps<T, W> at, const OwnColumns& own, const X& windows, const A& acc) {
  constexpr auto all = std::make_index_sequence<Vectors>();
  const Lookup lookup(own.group_bits);
  const std::size_t step = std::size_t{16} >> own.group_bits, groups = at.lanes >> own.group_bits;
  at.column += own.first_lane >> own.group_bits;
  unsigned full = own.full_steps;
  at.steps -= full;
  for (; full >= Phases; full -= Phases) {
    MulAddLookedUpStep<Vectors, Inputs, 0, false>(d, at.weight, at.column, step, lookup, windows, acc, all);
    if constexpr (Phases > 1)
      MulAddLookedUpStep<Vectors, Inputs, 1, false>(d, at.weight + at.lanes, at.column + groups, step, lookup, windows,
                                                    acc, all);
    at.weight += Phases * at.lanes;
    at.column += Phases * groups;
  }
  for (at.steps += full; at.steps != 0; --at.steps, at.weight += at.lanes, at.column += groups) {
    MulAddLookedUpStep<Vectors, Inputs, 0, true>(d, at.weight, at.column, step, lookup, windows, acc, all);
  }
}

// Loads the windows of all inputs first.
template <int Vectors, int Inputs, int Phases, class Lookup, class D, class T, class W, class A, class... X>
BCR_INLINE void AddLookedUpIn(D d, const StripSteps<T, W>& at, const OwnColumns& own, const A& acc, X&... windows) {
  if constexpr (sizeof...(X) < 2 * Inputs) {
    constexpr unsigned width = 16;
    const T* const x = at.x + sizeof...(X) / 2 * at.ldx;
    auto low = LoadPart(d, x, 0, own.inputs < width ? own.inputs : width);
    auto high = own.inputs > width ? LoadPart(d, x + width, 0, own.inputs - width) : low;
    AddLookedUpIn<Vectors, Inputs, Phases, Lookup>(d, at, own, acc, windows..., low, high);
  } else {
    AddLookedUp<Vectors, Inputs, Phases, Lookup>(d, at, own, RefsTo<X...>{{windows}...}, acc);
  }
}
#endif

// Accumulators for each sum of a strip of one kind.
template <int Vectors, strip_kind Kind>
inline constexpr int kPhasesOf = Kind == strip_kind::own && kStripPhases<Vectors> > 2 ? 2 : kStripPhases<Vectors>;

// A strip's weights times its inputs, into sums that there are.
template <int Vectors, int Inputs, int Phases, strip_kind Kind, class D, class T, class W, class A>
BCR_INLINE void AddStrip(D d, const StripSteps<T, W>& at, const OwnColumns& own, const A& acc) {
  if constexpr (Kind != strip_kind::own) {
    StripSteps<T, W> steps = at;
    AddShared<Vectors, Inputs, Phases, Kind>(d, steps, acc);
#if BCR_PERMUTES_512
  } else if constexpr (kLooksUp32<D>) {
    if (own.group_bits >= 2) {
      AddLookedUpIn<Vectors, Inputs, Phases, IndicesOf4>(d, at, own, acc);
    } else {
      AddLookedUpIn<Vectors, Inputs, Phases, IndicesOf16>(d, at, own, acc);
    }
#endif
  } else {
    AddGathered<Vectors, Inputs>(d, at, own, acc);
  }
}

// Sums up a strip, and stores the sums.
template <int Vectors, int Inputs, int Phases, strip_kind Kind, class D, class T, class W>
BCR_INLINE void SumStrip(D d, const StripSteps<T, W>& at, const OwnColumns& own) {
  constexpr int sums = Vectors * Inputs;
  BCR_NAME_SUMS(d, refs);
  AddStrip<Vectors, Inputs, Phases, Kind>(d, at, own, refs);
  StoreStripSums<Vectors, Inputs, Phases>(d, at.sums, refs, std::make_index_sequence<sums>());
}

// The ways to sum up a strip, for one input or for strip_vectors of them. Here a vector has lanes of one column.
template <int Vectors, strip_kind Kind, class T, class W>
struct SumLanes {
  static constexpr bool is_own = Kind == strip_kind::own;

  template <int Inputs>
  static BCR_INLINE void run(const StripSteps<T, W>& at, const strip_run& run, std::size_t columns_left) {
    SumStrip<Vectors, Inputs, kPhasesOf<Vectors, Kind>, Kind>(BandTag<T>(), at, OwnColumnsOf(run, columns_left));
  }
};
// More lanes than the registers hold are walked again and again; the last time may reach beyond them.
template <strip_kind Kind, class T, class W>
struct SumManyLanes {
  static constexpr bool is_own = Kind == strip_kind::own;

  template <int Inputs>
  static BCR_INLINE void run(StripSteps<T, W> at, const strip_run& run, std::size_t columns_left) {
    const BandTag<T> d;
    const unsigned together = kStripVectors * static_cast<unsigned>(ops::Lanes(d));
    for (OwnColumns own = OwnColumnsOf(run, columns_left); own.first_lane < at.lanes;
         own.first_lane += together, at.weight += together, at.sums += together) {
      SumStrip<kStripVectors, Inputs, 1, Kind>(d, at, own);
    }
  }
};
// And here it has several columns.
template <int Columns, strip_kind Kind, class T, class W>
struct SumColumns {
  static constexpr bool is_own = false;

  template <int Inputs>
  static BCR_INLINE void run(StripSteps<T, W> at, const strip_run&, std::size_t) {
    for (int j = 0; j < Inputs; ++j, at.x += at.ldx, at.sums += strip_sums) SumNarrow<Columns, Kind>(BandTag<T>(), at);
  }
};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_STRIPS_INL_H_
