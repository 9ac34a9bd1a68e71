// How the sums of a band's strips come to its rows, of which a strip keeps some.
//
//     sums, compacted                                    s s s s s s s s
//     expanded by the row mask, and added to the band's  . s . s s . . s s . s . s s . .
//
// A vector of rows after the other is expanded from memory, where a target has nothing better. AVX-512 finds with one
// permutation where each row's sum is, and needs that once for all vectors that the band is multiplied by. Strips of
// at most two vectors of lanes hand their sums over in registers. And where all rows are of one vector, its weights
// are expanded in the place of its sums, step by step: that is a permutation for each load, but the band's sums stay in
// registers from one strip to the next, and several vectors share the permutation as well.
#if defined(BCR_KERNEL_STRIP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_STRIP_ROWS_INL_H_
#undef BCR_KERNEL_STRIP_ROWS_INL_H_
#else
#define BCR_KERNEL_STRIP_ROWS_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "bcr/format/bands.hpp"
#include "bcr/kernel/gemv-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/strips-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// 16 rows of a mask.
inline unsigned MaskWord(const std::uint8_t* mask) noexcept { return mask[0] | unsigned{mask[1]} << 8; }

// What the weights meet: vectors as they are, or quantised ones.
template <class T, class W>
using BandInput = std::conditional_t<quantised<W>, std::uint8_t, T>;
template <class T, class W>
using BandSum = SumOf<BandInput<T, W>>;

// Where the kernel stands in a band.
template <class T, class W>
struct BandCursor {
  const std::uint8_t* index;
  const W* weight;
  std::size_t columns;       // of the matrix
  const BandInput<T, W>* x;  // of the first of the vectors below
  std::size_t ldx;
  std::size_t vectors;       // at most band_vectors
  BandSum<T, W>* band_sums;  // band_rows_limit for each vector
  BandSum<T, W>* sums;       // two times strip_sums for each vector, and strip_vectors more
};

#if BCR_PERMUTES_512
// As AddToRows, for several vectors: where a row's sum is found is the same for all of them, so it is found once for
// each vector of rows. Sums are loaded as they were stored, and have not been longer ago for that.
template <class T, class W>
BCR_INLINE void AddAllToRows(const BandCursor<T, W>& at, const strip_run& run, const std::uint8_t* index,
                             const BandSum<T, W>* sums) {
  const BandTag<BandSum<T, W>> d;
  const strip_indices strip{index, run};
  auto* rows = at.band_sums + strip.first_word() * mask_rows;
  unsigned from = 0;
  for (unsigned w = 0; w < run.words; ++w, rows += mask_rows) {
    const unsigned bits = MaskWord(strip.row_mask() + 2 * w);
    const auto places = ExpandIndices(bits, from % mask_rows);
    const auto* low = sums + from / mask_rows * mask_rows;
    auto* to = rows;
    for (std::size_t j = 0; j < at.vectors; ++j, low += strip_sums, to += band_rows_limit) {
      const auto sum = ExpandFrom32(d, bits, ops::LoadU(d, low), ops::LoadU(d, low + mask_rows), places);
      ops::StoreU(ops::Add(ops::LoadU(d, to), sum), d, to);
    }
    from += static_cast<unsigned>(std::popcount(bits));
  }
}
#endif

// Adds the sums of a strip, whose indices are given, to those of the rows that it keeps, one after the other.
template <bool One, class T, class W>
BCR_INLINE void AddToRows(const BandCursor<T, W>& at, const strip_run& run, const std::uint8_t* index,
                          const BandSum<T, W>* sums) {
  const BandTag<BandSum<T, W>> d;
#if BCR_PERMUTES_512
  if constexpr (!One && kExpandsVectors<decltype(d)>) return AddAllToRows(at, run, index, sums);
#endif
  const std::size_t vectors = One ? 1 : at.vectors;
  const unsigned width = static_cast<unsigned>(ops::Lanes(d));
  const strip_indices strip{index, run};
  auto* rows = at.band_sums + strip.first_word() * mask_rows;
  for (std::size_t j = 0; j < vectors; ++j, sums += strip_sums, rows += band_rows_limit) {
    const auto* from = sums;
    auto* to = rows;
    for (unsigned w = 0; w < run.words; ++w) {
      const unsigned word = MaskWord(strip.row_mask() + 2 * w);
      for (unsigned row = 0; row < mask_rows; row += width, to += width) {
        const unsigned bits = word >> row & ((1u << width) - 1);
        ops::StoreU(ops::Add(ops::LoadU(d, to), ExpandLanes(d, bits, from)), d, to);
        from += std::popcount(bits);
      }
    }
  }
}

// Sums in registers to those of rows, which follow each other.
template <int Vectors, class D, class T, class A, std::size_t... I>
BCR_INLINE void MoveToRows(D d, T* rows, const A& acc, std::index_sequence<I...>) {
  const auto row = [&](std::size_t i) { return rows + i / Vectors * band_rows_limit + i % Vectors * ops::Lanes(d); };
  (ops::StoreU(ops::Add(ops::LoadU(d, row(I)), Sum<I>(d, acc)), d, row(I)), ...);
  ((Sum<I>(d, acc) = ops::Zero(d)), ...);
}

#if BCR_PERMUTES_512
// One vector of rows, for all inputs, whose sums are in one register or two each.
template <int Vectors, class D, class T, class A, std::size_t... J>
BCR_INLINE void AddExpandedSums(D d, unsigned bits, __m512i places, T* rows, const A& acc, std::index_sequence<J...>) {
  (ops::StoreU(ops::Add(ops::LoadU(d, rows + J * band_rows_limit),
                        ExpandFrom32(d, bits, AsSummed(d, Sum<J * Vectors>(d, acc)),
                                     AsSummed(d, Sum<J * Vectors + Vectors - 1>(d, acc)), places)),
               d, rows + J * band_rows_limit),
   ...);
}

// A strip of at most two vectors of lanes, whose sums go from registers to the rows.
template <int Vectors, int Inputs, strip_kind Kind, class D, class T, class W, class... V>
BCR_INLINE void SumStripToRows(D d, const StripSteps<T, W>& at, const strip_indices& strip, T* rows, V&... acc) {
  constexpr int sums = Vectors * Inputs, phases = kPhasesOf<Vectors, Kind>;
  if constexpr (static_cast<int>(sizeof...(V)) < sums * phases) {
    auto next = ops::Zero(d);
    SumStripToRows<Vectors, Inputs, Kind>(d, at, strip, rows, acc..., next);
  } else {
    const RefsTo<V...> refs{{acc}...};
    AddShared<Vectors, Inputs, phases, Kind>(d, at, refs);
    AddPhases<phases>(d, refs, std::make_index_sequence<sums>());
    unsigned from = 0;
    for (unsigned w = 0; w < strip.run.words; ++w, rows += mask_rows) {
      const unsigned bits = MaskWord(strip.row_mask() + 2 * w);
      AddExpandedSums<Vectors>(d, bits, ExpandIndices(bits, from), rows, refs, std::make_index_sequence<Inputs>());
      from += static_cast<unsigned>(std::popcount(bits));
    }
  }
}

// A run of such strips, for several vectors.
template <int Vectors, strip_kind Kind, class T, class W>
[[gnu::noinline]] void RunStripsToRows(const strip_run& run, BandCursor<T, W>& at) noexcept {
  const BandTag<T> d;
  const std::size_t index_step = run.index_bytes(), weight_step = std::size_t{run.steps} * run.lanes;
  for (unsigned s = run.strips; s != 0; --s, at.index += index_step, at.weight += weight_step) {
    const strip_indices strip{at.index, run};
    StripSteps<T, W> steps{at.weight, strip.columns(), at.x + strip.first_column(), at.ldx, nullptr,
                           run.steps, run.lanes};
    T* rows = at.band_sums + strip.first_word() * mask_rows;
    std::size_t left = at.vectors;
    for (; left >= strip_vectors; left -= strip_vectors) {
      SumStripToRows<Vectors, strip_vectors, Kind>(d, steps, strip, rows);
      steps.x += strip_vectors * at.ldx;
      rows += strip_vectors * band_rows_limit;
    }
    for (; left != 0; --left, steps.x += at.ldx, rows += band_rows_limit) {
      SumStripToRows<Vectors, 1, Kind>(d, steps, strip, rows);
    }
  }
}

// Accumulators for each sum below, so that a chain of multiply-adds does not hold up a single input, and for eight
// inputs registers are enough.
inline constexpr int kExpandedPhases = 3;
inline constexpr int kExpandedInputs = 8;

// The sums of a vector of rows, input by input, from its phases to the band's rows.
template <int Inputs, class D, class T, class A, std::size_t... I>
BCR_INLINE void MovePhasesToRows(D d, T* rows, const A& acc, std::index_sequence<I...> all) {
  const auto sum_of = [&](const auto& a, const auto& b) BCR_LAMBDA_ATTR { return AsSummed(d, ops::Add(a, b)); };
  ((Sum<I>(d, acc) = sum_of(Sum<I>(d, acc), sum_of(Sum<I + Inputs>(d, acc), Sum<I + 2 * Inputs>(d, acc)))), ...);
  ((Sum<I + Inputs>(d, acc) = ops::Zero(d), Sum<I + 2 * Inputs>(d, acc) = ops::Zero(d)), ...);
  MoveToRows<1>(d, rows, acc, all);
}

// A run of shared strips that keep some of 16 rows, whose sums stay in registers from one strip to the next of the same
// rows: no sums are expanded, and a strip begins and ends without loss.
template <int Inputs, strip_kind Kind, bool Few, class D, class T, class W, class... V>
BCR_INLINE void SumExpandedStrips(D d, const strip_run& run, const BandCursor<T, W>& at, const T* x, T* rows,
                                  V&... acc) {
  if constexpr (static_cast<int>(sizeof...(V)) < Inputs * kExpandedPhases) {
    auto next = ops::Zero(d);
    SumExpandedStrips<Inputs, Kind, Few>(d, run, at, x, rows, acc..., next);
  } else {
    const RefsTo<V...> refs{{acc}...};
    constexpr auto all = std::make_index_sequence<Inputs>();
    const std::uint8_t* index = at.index;
    const W* weight = at.weight;
    const unsigned run_steps = run.steps, lanes = run.lanes;
    const std::size_t index_step = run.index_bytes(), weight_step = std::size_t{run_steps} * lanes;
    unsigned first_word = strip_indices{index, run}.first_word();
    for (unsigned s = run.strips; s != 0; --s, index += index_step, weight += weight_step) {
      const strip_indices strip{index, run};
      if (strip.first_word() != first_word) {
        MovePhasesToRows<Inputs>(d, rows + first_word * mask_rows, refs, all);
        first_word = strip.first_word();
      }
      const StripSteps<T, W> steps{weight, strip.row_mask() + 2, x + strip.first_column(), at.ldx, nullptr, run_steps,
                                   lanes};
      AddExpanded<Inputs, Kind, Few>(d, steps, MaskWord(strip.row_mask()), refs,
                                     std::make_index_sequence<kExpandedPhases>());
    }
    MovePhasesToRows<Inputs>(d, rows + first_word * mask_rows, refs, all);
  }
}
template <int Inputs, strip_kind Kind, bool Few, class T, class W>
[[gnu::noinline]] void RunExpandedStrips(const strip_run& run, const BandCursor<T, W>& at, std::size_t input) noexcept {
  SumExpandedStrips<Inputs, Kind, Few>(BandTag<T>(), run, at, at.x + input * at.ldx,
                                       at.band_sums + input * band_rows_limit);
}

// The inputs from `input` on, `Inputs` at a time, and fewer at a time of what is left.
template <int Inputs, strip_kind Kind, bool Few, class T, class W>
void RunExpandedInputs(const strip_run& run, const BandCursor<T, W>& at, std::size_t input = 0) noexcept {
  for (; input + Inputs <= at.vectors; input += Inputs) RunExpandedStrips<Inputs, Kind, Few>(run, at, input);
  constexpr int fewer = Inputs > strip_vectors ? strip_vectors : 1;
  if constexpr (Inputs > 1) RunExpandedInputs<fewer, Kind, Few>(run, at, input);
}
template <strip_kind Kind, bool One, class T, class W>
BCR_INLINE void RunExpanded(const strip_run& run, BandCursor<T, W>& at) {
  constexpr int inputs = One ? 1 : kExpandedInputs;
  constexpr bool floats = std::is_same_v<W, float>;
  if (floats && run.lanes <= 8) {
    RunExpandedInputs<inputs, Kind, floats>(run, at);
  } else {
    RunExpandedInputs<inputs, Kind, false>(run, at);
  }
  at.index += run.strips * run.index_bytes();
  at.weight += std::size_t{run.strips} * run.steps * run.lanes;
}
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_STRIP_ROWS_INL_H_
