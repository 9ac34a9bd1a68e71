// Matrix times a few vectors, on bands: y = W x.
//
//     the weights of a strip times their inputs: sums, one for each row that it keeps     kernel/strips-inl.h
//     added to those of the band's rows                                                   kernel/strip_rows-inl.h
//
// The band's sums stay in the nearest cache. Where a strip begins and ends some 25 cycles are lost (Zen 5), which is
// why small blocks are taken several at a time. Several vectors take turns at each strip, four at a time in registers,
// so that the weights are read once for all of them.
#if defined(BCR_KERNEL_BANDS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_BANDS_INL_H_
#undef BCR_KERNEL_BANDS_INL_H_
#else
#define BCR_KERNEL_BANDS_INL_H_
#endif

#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/format/bands.hpp"
#include "bcr/kernel/byte_strips-inl.h"
#include "bcr/kernel/gemv-inl.h"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/strip_rows-inl.h"
#include "bcr/kernel/strips-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Takes out the sums of lanes that are no rows.
template <class T>
BCR_INLINE void CompressSums(const strip_indices& strip, T* sums) {
  const BandTag<T> d;
  const unsigned width = static_cast<unsigned>(ops::Lanes(d));
  unsigned to = 0;
  for (unsigned lane = 0; lane < strip.run.lanes; lane += width) {
    const unsigned bits = MaskWord(strip.lane_mask() + lane / mask_rows * 2) >> lane % mask_rows & ((1u << width) - 1);
    CompressLanes(d, bits, ops::LoadU(d, sums + lane), sums + to);
    to += static_cast<unsigned>(std::popcount(bits));
  }
}

// A strip times several vectors.
template <class Strip, class T, class W>
BCR_INLINE void RunStrip(StripSteps<T, W> steps, const strip_run& run, std::size_t columns_left, std::size_t vectors) {
  for (; vectors >= strip_vectors; vectors -= strip_vectors) {
    Strip::template run<strip_vectors>(steps, run, columns_left);
    steps.x += strip_vectors * steps.ldx;
    steps.sums += strip_vectors * strip_sums;
  }
  for (; vectors != 0; --vectors) {
    Strip::template run<1>(steps, run, columns_left);
    steps.x += steps.ldx;
    steps.sums += strip_sums;
  }
}

// The input of the strips of a run: where it is, or, for bytes, a copy. It is made for the next strip before this one
// is summed up, as what was stored a moment ago as bytes cannot be loaded as something wider.
template <bool One, class T, class W, bool Gathered>
struct StripInput {
  BCR_INLINE StripInput(const strip_run&, const BandCursor<T, W>&, const std::uint8_t*) {}
  BCR_INLINE void prepare(const strip_run&, const BandCursor<T, W>&, const std::uint8_t*) {}
  BCR_INLINE StripSteps<BandInput<T, W>, W> steps(const strip_indices& strip, const BandCursor<T, W>& at,
                                                  const W* weight, BandSum<T, W>* sums) {
    return {weight,          strip.columns(), at.x + strip.first_column(), One ? 0 : at.ldx, sums,
            strip.run.steps, strip.run.lanes};
  }
};
template <bool One, class T>
struct StripInput<One, T, std::int8_t, true> {
  using cursor = BandCursor<T, std::int8_t>;

  BCR_INLINE StripInput(const strip_run& run, const cursor& at, const std::uint8_t* index) { prepare(run, at, index); }
  BCR_INLINE void prepare(const strip_run& run, const cursor& at, const std::uint8_t* index) {
    GatherStrip({index, run}, at.x, at.ldx, One ? 1 : at.vectors, quads[prepared]);
    prepared ^= 1;
  }
  BCR_INLINE StripSteps<std::int32_t, byte_quad> steps(const strip_indices& strip, const cursor&,
                                                       const std::int8_t* weight, std::int32_t* sums) {
    const std::int32_t* const x = quads[used];
    used ^= 1;
    return {reinterpret_cast<const byte_quad*>(weight),
            nullptr,
            x,
            strip_quads,
            sums,
            (strip.run.steps + 3u) / 4,
            strip.run.lanes};
  }

  unsigned prepared = 0, used = 0;
  std::int32_t quads[2][(One ? 1 : band_vectors) * strip_quads];
};

// The strips of runs of as many lanes and words. A function of its own, so that its loops have the general registers
// for themselves. A strip's sums are added to the band's only after the next strip: what was just stored as some
// vectors cannot be loaded as others before it is in the cache.
template <class Strip, bool One, class T, class W>
[[gnu::noinline]] void RunStrips(strip_runs runs, BandCursor<T, W>& at) noexcept {
  const std::uint8_t *index = at.index, *before = nullptr;
  const W* weight = at.weight;
  const std::size_t vectors = One ? 1 : at.vectors;
  auto *sums = at.sums, *sums_before = at.sums + vectors * strip_sums;
  StripInput<One, T, W, quantised<W> && !Strip::is_own> input(runs.front(), at, index);
  for (const strip_run *run = runs.data(), *const end = run + runs.size(); run != end; ++run) {
    const std::size_t index_step = run->index_bytes(), weight_step = run->weights(columns_together<W>);
    for (unsigned s = run->strips; s != 0; --s) {
      const strip_indices strip{index, *run};
      const std::size_t left = at.columns - strip.first_column();
      const strip_run* const next = s != 1 ? run : run + 1;
      if (next != end) input.prepare(*next, at, index + index_step);
      const auto steps = input.steps(strip, at, weight, sums);
      if constexpr (One) {
        Strip::template run<1>(steps, *run, left);
      } else {
        RunStrip<Strip>(steps, *run, left, vectors);
      }
      std::atomic_signal_fence(std::memory_order_acq_rel);  // see RunPanel
      if constexpr (Strip::is_own) {
        if (run->padded != 0) {
          for (std::size_t j = 0; j < vectors; ++j) CompressSums(strip, sums + j * strip_sums);
        }
      }
      if (before != nullptr) AddToRows<One>(at, *run, before, sums_before);
      before = index;
      std::swap(sums, sums_before);
      index += index_step;
      weight += weight_step;
    }
  }
  AddToRows<One>(at, runs.front(), before, sums_before);
  at.index = index;
  at.weight = weight;
}

// As many runs from the first on as have strips that one loop takes: of one kind, with as many lanes and words; and, if
// it `stays` with the rows, of one way to go.
inline std::size_t AlikeRuns(strip_runs runs, bool stays) noexcept {
  const strip_run& a = runs.front();
  const auto way = [](const strip_run& run) {
    return run.steps < short_strip ? way_of_short_strip(run.steps) : short_strip_ways;
  };
  std::size_t alike = 1;
  for (; alike != runs.size(); ++alike) {
    const strip_run& b = runs[alike];
    if (a.kind != b.kind || a.words != b.words || a.lanes != b.lanes || (stays && way(a) != way(b))) break;
    if (a.kind == strip_kind::own_bytes && (a.groups() != b.groups() || a.padded != b.padded)) break;
  }
  return alike;
}

// Some vectors of lanes of runs of strips without a mask, whose sums stay in registers from one strip to the next of
// the same rows of a run; `x` and `rows` are of the first input. A strip begins and ends without loss.
template <int Vectors, int Inputs, strip_kind Kind, class D, class T, class W>
BCR_INLINE StripsEnd<W> SumWholeStrips(D d, strip_runs runs, const BandCursor<T, W>& at, unsigned first_lane,
                                       const T* x, T* rows) {
  constexpr int sums = Vectors * Inputs;
  BCR_NAME_SUMS(d, refs);
  constexpr auto all = std::make_index_sequence<sums>();
  const std::uint8_t* index = at.index;
  const W* weight = at.weight + first_lane;
  const unsigned lanes = runs.front().lanes;
  for (const strip_run& run : runs) {
    const unsigned run_steps = run.steps;
    for (unsigned left = run.strips; left != 0;) {
      const unsigned first_word = index[strip_first_word];
      do {
        const std::size_t first_column = std::size_t{load_index16(index)} * window_columns;
        StripSteps<T, W> steps{weight, index + strip_row_mask, x + first_column, at.ldx, nullptr, run_steps, lanes};
        if constexpr (Kind == strip_kind::own) {
          OwnColumns own = OwnColumnsOf(run, at.columns - first_column);
          own.first_lane = first_lane;
          AddStrip<Vectors, Inputs, 1, Kind>(d, steps, own, refs);
          index = steps.column + run.column_bytes();
          weight += std::size_t{run_steps} * lanes;
        } else {
          AddShared<Vectors, Inputs, 1, Kind>(d, steps, refs);
          index = steps.column;
          weight = steps.weight;
        }
      } while (--left != 0 && index[strip_first_word] == first_word);
      MoveToRows<Vectors>(d, rows + first_word * mask_rows, refs, all);
    }
  }
  return {index, weight - first_lane};
}
template <int Vectors, int Inputs, strip_kind Kind, class T, class W>
[[gnu::noinline]] StripsEnd<W> RunWholeStrips(strip_runs runs, const BandCursor<T, W>& at, unsigned first_lane,
                                              std::size_t first_input) noexcept {
  return SumWholeStrips<Vectors, Inputs, Kind>(BandTag<T>(), runs, at, first_lane, at.x + first_input * at.ldx,
                                               at.band_sums + first_input * band_rows_limit + first_lane);
}

// The inputs from `input` on of some vectors of lanes: `Inputs` at a time, and fewer at a time of what is left.
template <int Vectors, int Inputs, strip_kind Kind, class T, class W>
StripsEnd<W> RunWholeLanes(strip_runs runs, const BandCursor<T, W>& at, unsigned first_lane,
                           std::size_t input = 0) noexcept {
  StripsEnd<W> end{at.index, at.weight};
  for (; input + Inputs <= at.vectors; input += Inputs) {
    end = RunWholeStrips<Vectors, Inputs, Kind>(runs, at, first_lane, input);
  }
  constexpr int fewer = Inputs > strip_vectors ? strip_vectors : 1;
  if constexpr (Inputs > 1) {
    if (input != at.vectors) return RunWholeLanes<Vectors, fewer, Kind>(runs, at, first_lane, input);
  }
  return end;
}

// Runs of strips without a mask, as many lanes and inputs at a time as the registers hold. Lanes are walked again
// rather than inputs, so that every weight is read once; only lookups keep registers for their inputs' windows as well.
template <strip_kind Kind, bool One, class T, class W>
BCR_INLINE StripsEnd<W> RunWhole(strip_runs runs, const BandCursor<T, W>& at) {
  constexpr bool large = kVectorRegisters >= 32;
  constexpr int inputs = One ? 1 : strip_vectors;
  constexpr int more_inputs = One || !large || Kind == strip_kind::own ? inputs : 2 * inputs;
  const unsigned width = static_cast<unsigned>(ops::Lanes(BandTag<T>())), lanes = runs.front().lanes;
  StripsEnd<W> end{at.index, at.weight};
  for (unsigned lane = 0; lane < lanes;) {
    const unsigned left = (lanes - lane) / width;
    if (One && large && left >= 8) {
      end = RunWholeLanes<8, 1, Kind>(runs, at, lane);
      lane += 8 * width;
    } else if (left >= 4 && (more_inputs == inputs || at.vectors < more_inputs)) {
      end = RunWholeLanes<4, inputs, Kind>(runs, at, lane);
      lane += 4 * width;
    } else {
      end = RunWholeLanes<2, more_inputs, Kind>(runs, at, lane);
      lane += 2 * width;
    }
  }
  return end;
}

// Whether strips have sums of rows that stay in registers from one to the next.
template <strip_kind Kind, bool One, class T>
constexpr bool StayInRows([[maybe_unused]] const strip_run& run) noexcept {
#if BCR_PERMUTES_512
  if constexpr (Kind != strip_kind::own && kExpandsVectors<BandTag<T>>) {
    return run.words == 1 || (One && run.words == 4 && run.lanes > 16 && run.lanes <= 32);
  }
#endif
  return false;
}

// Runs whose strips have masks, and sums that are stored.
template <strip_kind Kind, bool One, class T, class W>
void RunMaskedStrips(strip_runs runs, BandCursor<T, W>& at) noexcept {
  const unsigned width = static_cast<unsigned>(ops::Lanes(BandTag<T>())), lanes = runs.front().lanes;
#if BCR_PERMUTES_512
  if constexpr (Kind != strip_kind::own && kExpandsVectors<BandTag<T>>) {
    if (lanes > 8 && lanes <= 16) return RunStripsToRows<1, One, Kind>(runs, at);
    if (lanes > 16 && lanes <= 32) return RunStripsToRows<2, One, Kind>(runs, at);
  }
#endif
  if constexpr (Kind != strip_kind::own) {
    if (lanes * 4u <= width) return RunStrips<SumColumns<4, Kind, T, W>, One>(runs, at);
    if (lanes * 2u <= width) return RunStrips<SumColumns<2, Kind, T, W>, One>(runs, at);
  }
  switch ((lanes + width - 1) / width) {
    case 1:
      return RunStrips<SumLanes<1, Kind, T, W>, One>(runs, at);
    case 2:
      return RunStrips<SumLanes<2, Kind, T, W>, One>(runs, at);
    case 3:
      return RunStrips<SumLanes<3, Kind, T, W>, One>(runs, at);
    case kStripVectors:
      return RunStrips<SumLanes<kStripVectors, Kind, T, W>, One>(runs, at);
    default:
      return RunStrips<SumManyLanes<Kind, T, W>, One>(runs, at);
  }
}

// The runs from the first on that one loop takes, of which it returns the number.
template <strip_kind Kind, bool One, class T, class W>
BCR_INLINE std::size_t RunAlike(strip_runs runs, BandCursor<T, W>& at) {
  const strip_run& first = runs.front();
  const bool whole = first.words == 0, stays = StayInRows<Kind, One, T>(first);
  const std::size_t alike = AlikeRuns(runs, stays);
  runs = runs.first(alike);
  StripsEnd<W> end;
  if (whole) {
    end = RunWhole<Kind, One>(runs, at);
#if BCR_PERMUTES_512
  } else if (stays) {
    if constexpr (Kind != strip_kind::own && kExpandsVectors<BandTag<T>>) end = RunInRows<Kind, One>(runs, at);
#endif
  } else {
    RunMaskedStrips<Kind, One>(runs, at);
    return alike;
  }
  at.index = end.index;
  at.weight = end.weight;
  return alike;
}

// The same for bytes.
template <bool One, class T, class W>
BCR_INLINE std::size_t RunAlikeBytes(strip_runs runs, BandCursor<T, W>& at) {
  const std::size_t alike = AlikeRuns(runs, false);
  runs = runs.first(alike);
  if (runs.front().kind == strip_kind::bytes) {
    ForByteStrips(runs.front().lanes, [&]<class Strip>(Strip) BCR_LAMBDA_ATTR { RunStrips<Strip, One>(runs, at); });
    return alike;
  }
#if BCR_LOOKS_UP_BYTES
  if (GroupsStayInRows(runs.front())) {
    const StripsEnd<W> end = RunGroupsInRows<One>(runs, at);
    at.index = end.index;
    at.weight = end.weight;
    return alike;
  }
#endif
  RunStrips<SumByteGroups, One>(runs, at);
  return alike;
}

template <bool One, class T, class W>
void RunBand(strip_runs runs, BandCursor<T, W>& at) noexcept {
  while (!runs.empty()) {
    std::size_t done;
    if constexpr (quantised<W>) {
      done = RunAlikeBytes<One>(runs, at);
    } else if (runs.front().kind == strip_kind::own) {
      done = RunAlike<strip_kind::own, One>(runs, at);
    } else if (runs.front().kind == strip_kind::shared16) {
      done = RunAlike<strip_kind::shared16, One>(runs, at);
    } else {
      done = RunAlike<strip_kind::shared8, One>(runs, at);
    }
    runs = runs.subspan(done);
  }
}

// What the sums of a band begin with: zeros, but where the input has something added to it.
template <class W, class S>
BCR_INLINE void BeginRows(const bands_view<W>& w, std::size_t b, std::size_t vectors, S* band_sums) {
  const BandTag<S> d;
  const std::size_t lanes = ops::Lanes(d);
  constexpr bool from_zero = !quantised<W> || kDotOffset == 0;
  for (std::size_t r = 0; from_zero && r < vectors * band_rows_limit; r += lanes) {
    ops::StoreU(ops::Zero(d), d, band_sums + r);
  }
  const std::size_t rows = w.band_rows(b);
  for (std::size_t r = 0; !from_zero && r < band_rows_limit; r += lanes) {
    auto first = ops::Zero(d);
    if constexpr (!from_zero) {
      if (r < rows) {
        const std::int32_t* const sums = w.sums.data() + w.bands[b].row_begin + r;
        first = ops::Mul(LoadPart(d, sums, 0, rows - r < lanes ? rows - r : lanes), ops::Set(d, -kDotOffset));
      }
    }
    for (std::size_t j = 0; j < vectors; ++j) ops::StoreU(first, d, band_sums + j * band_rows_limit + r);
  }
}

// A band's results from its sums of whole numbers: times the row's scale and the vector's, whose product is rounded
// first, and is never more than float's largest number.
inline void ScaleRows(const bands_view<std::int8_t>& w, std::size_t b, float vector_scale,
                      const std::int32_t* band_sums, float* results) noexcept {
  const ops::ScalableTag<float> d;
  const ops::RebindToSigned<decltype(d)> di;
  const std::size_t lanes = ops::Lanes(d), rows = w.band_rows(b);
  const float* const scales = w.scales.data() + w.bands[b].row_begin;
  for (std::size_t r = 0; r < rows; r += lanes) {
    const auto row_scales = LoadPart(d, scales + r, 0, rows - r < lanes ? rows - r : lanes);
    const auto scale = AtMost(d, std::numeric_limits<float>::max(), ops::Mul(row_scales, ops::Set(d, vector_scale)));
    ops::StoreU(ops::Mul(ops::ConvertTo(d, ops::LoadU(di, band_sums + r)), scale), d, results + r);
  }
}

// So many vectors as the kernel has them in memory, from where the scratch begins for the band's sums.
template <class T, class W>
struct BandVectors {
  const BandInput<T, W>* x;
  std::size_t ldx;
  T* scratch;
};
template <class T, class W>
BandVectors<T, W> LoadVectors(const band_task<T, W>& task, std::size_t first, std::size_t vectors) noexcept {
  const T* x = task.x + first * task.ldx;
  if constexpr (!quantised<W>) {
    return {x, task.ldx, task.scratch};
  } else {
    const std::size_t columns = task.weights->columns;
    T* scratch = task.scratch;
    std::size_t ldx = task.ldx;
    if (!task.quantised) {
      QuantiseVectors(x, task.ldx, vectors, columns, scratch);
      x = scratch;
      ldx = quantised_elements(columns);
      scratch += vectors * ldx;
    }
    return {reinterpret_cast<const std::uint8_t*>(x) + quantised_header, ldx * sizeof(T), scratch};
  }
}

// Asks for the line of memory behind p: what is read so seldom that hardware does not see it coming, and would have to
// wait for before the next strip can begin. There may be none, which a prefetch forgives.
BCR_INLINE void PrefetchBehind(const void* p) {
#if defined(__GNUC__)
  // NOLINTNEXTLINE(performance-no-int-to-ptr)
  __builtin_prefetch(reinterpret_cast<const void*>(reinterpret_cast<std::uintptr_t>(p) + 64));
#endif
}

// The task's bands, one after the other.
template <orientation Along, class T, class Epilogue, class W>
void RunBands(const band_task<T, W>& task, const Epilogue& epilogue) noexcept {
  const bands_view<W>& w = *task.weights;
  for (std::size_t first = 0; first < task.vectors; first += band_vectors) {
    const std::size_t left = task.vectors - first, vectors = left < band_vectors ? left : band_vectors;
    const BandVectors<T, W> loaded = LoadVectors(task, first, vectors);
    [[maybe_unused]] T* const results = loaded.scratch;
    auto* const band_sums = reinterpret_cast<BandSum<T, W>*>(results + (quantised<W> ? band_rows_limit : 0));
    BandCursor<T, W> at{w.indices.data() + w.bands[task.band_begin].index_begin,
                        w.weights.data() + w.bands[task.band_begin].weight_begin,
                        w.columns,
                        loaded.x,
                        loaded.ldx,
                        vectors,
                        band_sums,
                        band_sums + vectors * band_rows_limit};
    for (std::size_t b = task.band_begin; b != task.band_end; ++b) {
      const band& here = w.bands[b];
      const auto runs = w.runs.subspan(here.run_begin, w.bands[b + 1].run_begin - here.run_begin);
      PrefetchBehind(&here);
      PrefetchBehind(runs.data() + runs.size());
      BeginRows(w, b, vectors, band_sums);
      if (vectors == 1) {
        RunBand<true>(runs, at);
      } else {
        RunBand<false>(runs, at);
      }
      for (std::size_t j = 0; j < vectors; ++j) {
        T* const y = task.y + (here.row_begin - task.first_row) * task.y_row + (first + j) * task.y_vector;
        const ResultRows<T> to{y, task.y_row, here.row_begin, w.band_rows(b), first + j, task.accumulate};
        if constexpr (quantised<W>) {
          float scale;
          std::memcpy(&scale, loaded.x + j * loaded.ldx - quantised_header, sizeof scale);
          ScaleRows(w, b, scale, band_sums + j * band_rows_limit, results);
          FinishRows<Along, T>(to, epilogue, results);
        } else {
          FinishRows<Along, T>(to, epilogue, band_sums + j * band_rows_limit);
        }
      }
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_BANDS_INL_H_
