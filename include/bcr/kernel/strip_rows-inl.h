// How the sums of a band's strips come to its rows, of which a strip keeps some.
//
//     sums, compacted                                    s s s s s s s s
//     expanded by the row mask, and added to the band's  . s . s s . . s s . s . s s . .
//
// A vector of rows after the other is expanded from memory, where a target has nothing better. AVX-512 finds with one
// permutation where each row's sum is, and needs that once for all vectors that the band is multiplied by. Strips of
// at most two vectors of lanes hand their sums over in registers. And where the rows are of one vector, or of four and
// there is one input, the band's sums stay in registers as well, from one strip to the next of the same rows. Sums are
// expanded rather than weights: once a strip instead of once a step, and a step of at most eight lanes is half a
// vector.
// What bounds short strips is not memory but the instructions that begin and end them: with 3 columns of 8 rows there
// are 26 in all (Zen 4: 6 cycles from the second cache, where reading the weights takes 3.5). So one loop takes many
// runs, and knows what all of its strips have in common.
#if defined(BCR_KERNEL_STRIP_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_STRIP_ROWS_INL_H_
#undef BCR_KERNEL_STRIP_ROWS_INL_H_
#else
#define BCR_KERNEL_STRIP_ROWS_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/format/bands.hpp"
#include "bcr/kernel/byte_groups-inl.h"
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

// Runs that one loop takes.
using strip_runs = std::span<const strip_run>;
// Strips of fewer steps are short. They have a loop for each number of steps that is left over of its rounds, and the
// shortest one for each number of steps: these are the ways to go.
inline constexpr unsigned short_strip = 32, steps_at_once = 4, shortest_strip = 8;
inline constexpr unsigned short_strip_ways = steps_at_once + shortest_strip - 1;
constexpr unsigned way_of_short_strip(unsigned steps) noexcept {
  return steps < shortest_strip ? steps_at_once + steps - 1 : steps % steps_at_once;
}

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

// Behind the strips of some runs.
template <class W>
struct StripsEnd {
  const std::uint8_t* index;
  const W* weight;
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
// The sums of some vectors of rows, of `Inputs` inputs, one vector after the other, from and to where the band has
// them.
template <int Inputs, class D, class T, class A, std::size_t... I>
BCR_INLINE void LoadRows(D d, const T* rows, const A& sums, std::index_sequence<I...>) {
  ((Sum<I>(d, sums) = ops::LoadU(d, rows + I % Inputs * band_rows_limit + I / Inputs * mask_rows)), ...);
}
template <int Inputs, class D, class T, class A, std::size_t... I>
BCR_INLINE void StoreRows(D d, T* rows, const A& sums, std::index_sequence<I...>) {
  (ops::StoreU(Sum<I>(d, sums), d, rows + I % Inputs * band_rows_limit + I / Inputs * mask_rows), ...);
}

// One vector of rows, for all inputs, whose sums are in one register or two each.
template <int Vectors, class D, class T, class A, std::size_t... J>
BCR_INLINE void AddExpandedSums(D d, unsigned bits, __m512i places, T* rows, const A& acc, std::index_sequence<J...>) {
  (ops::StoreU(ops::Add(ops::LoadU(d, rows + J * band_rows_limit),
                        ExpandFrom32(d, bits, AsSummed(d, Sum<J * Vectors>(d, acc)),
                                     AsSummed(d, Sum<J * Vectors + Vectors - 1>(d, acc)), places)),
               d, rows + J * band_rows_limit),
   ...);
}

// Accumulators for each sum of a strip whose sums go from registers to rows: the next strip begins before this one
// ends.
template <int Vectors>
inline constexpr int kRowPhases = Vectors == 1 ? 4 : 1;

// A strip of at most two vectors of lanes, whose sums go from registers to the rows.
template <int Vectors, int Inputs, strip_kind Kind, class D, class T, class W>
BCR_INLINE void SumStripToRows(D d, StripSteps<T, W> at, const strip_indices& strip, T* rows) {
  constexpr int sums = Vectors * Inputs, phases = kRowPhases<Vectors>;
  BCR_NAME_SUMS(d, refs);
  AddShared<Vectors, Inputs, phases, Kind>(d, at, refs);
  AddPhases<phases>(d, refs, std::make_index_sequence<sums>());
  unsigned from = 0;
  for (unsigned w = 0; w < strip.run.words; ++w, rows += mask_rows) {
    const unsigned bits = MaskWord(strip.row_mask() + 2 * w);
    AddExpandedSums<Vectors>(d, bits, ExpandIndices(bits, from), rows, refs, std::make_index_sequence<Inputs>());
    from += static_cast<unsigned>(std::popcount(bits));
  }
}

// Runs of such strips.
template <int Vectors, bool One, strip_kind Kind, class T, class W>
[[gnu::noinline]] void RunStripsToRows(strip_runs runs, BandCursor<T, W>& at) noexcept {
  const BandTag<T> d;
  for (const strip_run& run : runs) {
    const std::size_t index_step = run.index_bytes(), weight_step = std::size_t{run.steps} * run.lanes;
    for (unsigned s = run.strips; s != 0; --s, at.index += index_step, at.weight += weight_step) {
      const strip_indices strip{at.index, run};
      StripSteps<T, W> steps{at.weight, strip.columns(), at.x + strip.first_column(), at.ldx, nullptr,
                             run.steps, run.lanes};
      T* rows = at.band_sums + strip.first_word() * mask_rows;
      std::size_t left = One ? 1 : at.vectors;
      for (; !One && left >= strip_vectors; left -= strip_vectors) {
        SumStripToRows<Vectors, strip_vectors, Kind>(d, steps, strip, rows);
        steps.x += strip_vectors * at.ldx;
        rows += strip_vectors * band_rows_limit;
      }
      for (; left != 0; --left, steps.x += at.ldx, rows += band_rows_limit) {
        SumStripToRows<Vectors, 1, Kind>(d, steps, strip, rows);
      }
    }
  }
}

// How strips are summed up whose rows' sums stay in registers: so many vectors of lanes into so many of rows, with so
// many accumulators for each sum; of strips of own columns, with so many groups at most.
template <int Vectors, int Words, int Phases, int Groups = 1>
struct RowSums {
  static constexpr int vectors = Vectors, words = Words, phases = Phases, groups = Groups;
  static constexpr bool full = false, knows_rest = false, knows_steps = false;
};
// The same where vectors are full of lanes: an address is then a register and a constant.
template <class How>
struct FullRowSums : How {
  static constexpr bool full = true;
};
// And where so many steps are left over of rounds of steps_at_once, or are all. The fewer instructions and registers
// a short strip needs, the more of them overlap.
template <class How, unsigned Steps, bool All>
struct ShortRowSums : FullRowSums<How> {
  static constexpr unsigned steps = Steps;
  static constexpr bool knows_rest = true, knows_steps = All;
};

// The sums of a strip, in a register for each input and vector of lanes, to a vector of rows.
template <class How, int Word, class D, class R, class A, std::size_t... J>
BCR_INLINE void ExpandToRows(D d, unsigned bits, unsigned from, const R& rows, const A& acc,
                             std::index_sequence<J...>) {
  constexpr int inputs = sizeof...(J), vectors = How::vectors;
  const BandTag<ops::TFromD<D>> row_tag;
  if constexpr (Word == 0 && inputs == 1) {  // all in the first vector
    const auto sum = ExpandVector(row_tag, bits, InSixteenLanes(Sum<0>(d, acc)));
    Sum<0>(row_tag, rows) = AsSummed(row_tag, ops::Add(Sum<0>(row_tag, rows), sum));
  } else {
    const auto places = ExpandIndices(bits, from);
    const auto expanded = [&](const auto& low, const auto& high) BCR_LAMBDA_ATTR {
      const auto first = InSixteenLanes(AsSummed(d, low));
      if constexpr (vectors == 1) return ExpandAt(row_tag, bits, first, places);
      return ExpandFrom32(row_tag, bits, first, InSixteenLanes(AsSummed(d, high)), places);
    };
    ((Sum<Word * inputs + J>(row_tag, rows) =
          AsSummed(row_tag, ops::Add(Sum<Word * inputs + J>(row_tag, rows),
                                     expanded(Sum<J * vectors>(d, acc), Sum<J * vectors + vectors - 1>(d, acc))))),
     ...);
  }
}

// The steps of a strip, which are then behind `at`.
template <class How, int Inputs, strip_kind Kind, class D, class T, class W, class A>
BCR_INLINE void AddStripSteps(D d, StripSteps<T, W>& at, const A& acc) {
  if constexpr (!How::knows_rest) {
    AddShared<How::vectors, Inputs, How::phases, Kind>(d, at, acc);
  } else {
    if constexpr (!How::knows_steps) {
      for (unsigned left = at.steps; left != How::steps; left -= steps_at_once) {
        AddSharedSteps<How::vectors, Inputs, How::phases, Kind>(d, at, acc, std::make_index_sequence<steps_at_once>());
      }
    }
    AddSharedSteps<How::vectors, Inputs, How::phases, Kind>(d, at, acc, std::make_index_sequence<How::steps>());
  }
}

template <class D, class A, std::size_t... I>
BCR_INLINE void AllAsSummed(D d, const A& acc, std::index_sequence<I...>) {
  ((Sum<I>(d, acc) = AsSummed(d, Sum<I>(d, acc))), ...);
}

template <class How, class T, class W>
BCR_INLINE StripSteps<T, W> StripStepsOf(const strip_run& run, const W* weight, const std::uint8_t* after_rows,
                                         const T* x, std::size_t ldx, unsigned lanes) {
  return {weight, after_rows, x, ldx, nullptr, run.steps, lanes};
}

template <class How, strip_kind Kind, class D, class At, class R, std::size_t... J>
BCR_INLINE void AddStripToRows(D d, At& at, const std::uint8_t* mask, const R& rows, std::index_sequence<J...> inputs) {
  constexpr int sums = How::vectors * sizeof...(J);
  BCR_NAME_SUMS(d, refs);
  [[maybe_unused]] const unsigned only = MaskWord(mask);  // now, so that a register less is needed
  AddStripSteps<How, sizeof...(J), Kind>(d, at, refs);
  AllAsSummed(d, refs, std::make_index_sequence<sums * How::phases>());
  AddPhases<How::phases>(d, refs, std::make_index_sequence<sums>());
  unsigned from = 0;
  const auto expand = [&]<std::size_t Word>(std::integral_constant<std::size_t, Word>) BCR_LAMBDA_ATTR {
    const unsigned bits = How::words == 1 ? only : MaskWord(mask + 2 * Word);
    ExpandToRows<How, Word>(d, bits, from, rows, refs, inputs);
    from += static_cast<unsigned>(std::popcount(bits));
  };
  [&]<std::size_t... Word>(std::index_sequence<Word...>) BCR_LAMBDA_ATTR {
    (expand(std::integral_constant<std::size_t, Word>()), ...);
  }(std::make_index_sequence<How::words>());
}

// Runs of such strips. The rows' sums stay in registers from one strip to the next of the same rows.
template <class How, int Inputs, strip_kind Kind, class D, class T, class W>
BCR_INLINE StripsEnd<W> SumStripsOfRows(D d, strip_runs runs, const BandCursor<T, W>& at, const BandInput<T, W>* x,
                                        BandSum<T, W>* rows) {
  const BandTag<BandSum<T, W>> row_tag;
  BCR_NAME_SUMS(row_tag, refs);
  constexpr auto all = std::make_index_sequence<Inputs * How::words>();
  asm("" : "+r"(x));  // one register, where compilers would add up an address for each strip
  const std::uint8_t* index = at.index;
  const W* weight = at.weight;
  const unsigned lanes = How::full ? How::vectors * static_cast<unsigned>(ops::Lanes(d)) : runs.front().lanes;
  for (const strip_run& run : runs) {
    const strip_run same = run;
    for (unsigned left = run.strips; left != 0;) {
      const unsigned first_word = index[strip_first_word];
      auto* const here = rows + first_word * mask_rows;
      LoadRows<Inputs>(row_tag, here, refs, all);
      do {
        const std::uint8_t* const mask = index + strip_row_mask;
        const auto* const from = x + std::size_t{load_index16(index)} * window_columns;
        auto steps = StripStepsOf<How>(same, weight, mask + 2 * How::words, from, at.ldx, lanes);
        AddStripToRows<How, Kind>(d, steps, mask, refs, std::make_index_sequence<Inputs>());
        index = steps.column;
        weight = steps.weight;
      } while (--left != 0 && index[strip_first_word] == first_word);
      StoreRows<Inputs>(row_tag, here, refs, all);
    }
  }
  return {index, weight};
}
template <class How, int Inputs, strip_kind Kind, class D, class T, class W>
[[gnu::noinline]] StripsEnd<W> RunStripsOfRows(D d, strip_runs runs, const BandCursor<T, W>& at,
                                               std::size_t input) noexcept {
  return SumStripsOfRows<How, Inputs, Kind>(d, runs, at, at.x + input * at.ldx, at.band_sums + input * band_rows_limit);
}

// The inputs from `input` on, `Inputs` at a time, and fewer at a time of what is left.
template <class How, int Inputs, strip_kind Kind, class D, class T, class W>
StripsEnd<W> RunInputsOfRows(D d, strip_runs runs, const BandCursor<T, W>& at, std::size_t input = 0) noexcept {
  StripsEnd<W> end{at.index, at.weight};
  for (; input + Inputs <= at.vectors; input += Inputs) end = RunStripsOfRows<How, Inputs, Kind>(d, runs, at, input);
  constexpr int fewer = Inputs > strip_vectors ? strip_vectors : 1;
  if constexpr (Inputs > 1) {
    if (input != at.vectors) return RunInputsOfRows<How, fewer, Kind>(d, runs, at, input);
  }
  return end;
}

// Of more weights than a near cache holds, a long strip is walked again for the next inputs before the next strip is.
inline constexpr std::size_t kNearWeights = std::size_t{1} << 18;  // bytes
template <class How, strip_kind Kind, class D, class T, class W>
BCR_INLINE StripsEnd<W> RunLongStrips(D d, strip_run run, BandCursor<T, W> at) {
  if (std::size_t{run.strips} * run.steps * run.lanes * sizeof(W) <= kNearWeights) {
    return RunInputsOfRows<How, strip_vectors, Kind>(d, {&run, 1}, at);
  }
  const unsigned strips = std::exchange(run.strips, std::uint16_t{1});
  for (unsigned s = strips; s != 0; --s) {
    const auto end = RunInputsOfRows<How, strip_vectors, Kind>(d, {&run, 1}, at);
    at.index = end.index;
    at.weight = end.weight;
  }
  return {at.index, at.weight};
}

// Calls run(ShortRowSums) for strips of so many steps, and returns what that returns.
template <class How, unsigned Way = 0, class Run>
BCR_INLINE auto ForSteps(unsigned way, const Run& run) {
  if constexpr (Way + 1 < short_strip_ways) {
    if (way != Way) return ForSteps<How, Way + 1>(way, run);
  }
  constexpr bool all = Way >= steps_at_once;
  return run(ShortRowSums<How, all ? Way - steps_at_once + 1 : Way, all>());
}

// Runs of one input.
template <class Short, class Long, strip_kind Kind, class D, class T, class W>
BCR_INLINE StripsEnd<W> RunOneOfRows(D d, strip_runs runs, const BandCursor<T, W>& at) {
  const unsigned steps = runs.front().steps;
  const bool full = runs.front().lanes == Short::vectors * ops::Lanes(d), is_long = steps >= short_strip;
  const auto run = [&]<class How>(How) BCR_LAMBDA_ATTR { return RunStripsOfRows<How, 1, Kind>(d, runs, at, 0); };
  if (is_long && full) return run(FullRowSums<Long>());
  if (is_long) return run(Long());
  if constexpr (Kind == strip_kind::shared8) {
    if (full) return ForSteps<Short>(way_of_short_strip(steps), run);
  }
  return run(Short());
}

// Short strips overlap, so that two accumulators for each sum are enough, and there are registers for eight inputs.
template <strip_kind Kind, bool One, class D, class T, class W>
BCR_INLINE StripsEnd<W> RunLanesOfARow(D d, strip_runs runs, BandCursor<T, W> at) {
  if constexpr (One) return RunOneOfRows<RowSums<1, 1, 2>, RowSums<1, 1, 4>, Kind>(d, runs, at);
  for (const strip_run& run : runs) {
    const auto end = run.steps < short_strip ? RunInputsOfRows<RowSums<1, 1, 2>, 8, Kind>(d, {&run, 1}, at)
                                             : RunLongStrips<RowSums<1, 1, 4>, Kind>(d, run, at);
    at.index = end.index;
    at.weight = end.weight;
  }
  return {at.index, at.weight};
}
// Half a vector has twice the multiply-adds a cycle where vectors are split (Zen 4), and as many elsewhere.
template <strip_kind Kind, bool One, class T, class W>
BCR_INLINE StripsEnd<W> RunInRows(strip_runs runs, const BandCursor<T, W>& at) {
  using two_vectors = RowSums<2, 4, kRowPhases<2>>;
  if (One && runs.front().words != 1) return RunStripsOfRows<two_vectors, 1, Kind>(BandTag<T>(), runs, at, 0);
  if (runs.front().lanes <= 8) return RunLanesOfARow<Kind, One>(ops::CappedTag<T, 8>(), runs, at);
  return RunLanesOfARow<Kind, One>(BandTag<T>(), runs, at);
}
#if BCR_LOOKS_UP_BYTES
// Whether RunGroupsInRows takes such strips of bytes.
constexpr bool GroupsStayInRows(const strip_run& run) noexcept {
  return run.lanes <= mask_rows ? run.words == 2
                                : run.words == 4 && run.lanes <= 2 * mask_rows && run.padded == 0 && run.groups() == 1;
}
template <bool One, class T, class W>
BCR_INLINE StripsEnd<W> RunGroupsInRows(strip_runs runs, const BandCursor<T, W>& at) {
  const BandTag<BandSum<T, W>> d;
  constexpr strip_kind kind = strip_kind::own_bytes;
  const strip_run& first = runs.front();
  if (first.words == 4) return RunInputsOfRows<RowSums<2, 4, 1>, One ? 1 : 2, kind>(d, runs, at);
  constexpr int inputs = One ? 1 : strip_vectors;
  if (first.groups() == 1) return RunInputsOfRows<RowSums<1, 2, 1>, inputs, kind>(d, runs, at);
  if (first.groups() <= 4) return RunInputsOfRows<RowSums<1, 2, 1, 4>, inputs, kind>(d, runs, at);
  return RunInputsOfRows<RowSums<1, 2, 1, 16>, inputs, kind>(d, runs, at);
}
#endif
#endif

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_STRIP_ROWS_INL_H_
