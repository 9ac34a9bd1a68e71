// Strips whose weights are bytes, and the vectors that they are multiplied by.
//
//     four columns:    w w w w  w w w w  w w w w  ..   one lane of 32 bits a row
//                    * x x x x  x x x x  x x x x  ..   the inputs of these columns, in all lanes
//
// The inputs that a strip wants are gathered while the one before it is summed up, one byte a column, and then are
// whole numbers of 32 bits that a broadcast loads: a vector of weights costs its load, a broadcast for each four
// columns and an instruction for its 64 products, where it has one. From there on a strip is one of
// kernel/strips-inl.h.
//
// A vector is quantised once (core/quantise.hpp), whatever it is multiplied by. If any of its elements is infinite or
// not a number, it has no scale, and every result that is made of it is not a number.
#if defined(BCR_KERNEL_BYTE_STRIPS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_BYTE_STRIPS_INL_H_
#undef BCR_KERNEL_BYTE_STRIPS_INL_H_
#else
#define BCR_KERNEL_BYTE_STRIPS_INL_H_
#endif

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#include "bcr/core/quantise.hpp"
#include "bcr/format/bands.hpp"
#include "bcr/kernel/panel_task.hpp"
#include "bcr/kernel/strips-inl.h"
#include "bcr/simd/dot-inl.h"
#include "bcr/simd/ops-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// The bits of the largest magnitude, which are in the order of the numbers, and above those of infinity for NaN.
inline std::uint32_t LargestMagnitude(const float* x, std::size_t columns) noexcept {
  const ops::ScalableTag<float> d;
  const ops::RebindToSigned<decltype(d)> di;
  const std::size_t lanes = ops::Lanes(d);
  auto most = ops::Zero(di);
  for (std::size_t k = 0; k < columns; k += lanes) {
    const auto some = LoadPart(d, x + k, 0, columns - k < lanes ? columns - k : lanes);
    most = ops::Max(most, ops::And(ops::BitCast(di, some), ops::Set(di, 0x7fffffff)));
  }
  std::int32_t each[ops::MaxLanes(di)];
  ops::StoreU(most, di, each);
  std::int32_t largest = 0;
  for (std::size_t l = 0; l < lanes; ++l) largest = each[l] > largest ? each[l] : largest;
  return static_cast<std::uint32_t>(largest);
}

// `vectors` vectors into as many quantised ones, quantised_elements(columns) apart.
inline void QuantiseVectors(const float* x, std::size_t ldx, std::size_t vectors, std::size_t columns,
                            float* made) noexcept {
  const ops::ScalableTag<float> d;
  const ops::RebindToSigned<decltype(d)> di;
  const std::size_t lanes = ops::Lanes(d);
  for (std::size_t j = 0; j < vectors; ++j, x += ldx, made += quantised_elements(columns)) {
    const float largest = std::bit_cast<float>(LargestMagnitude(x, columns));
    const bool finite = is_finite_magnitude(largest);
    made[0] = finite ? quantised_scale(largest) : std::numeric_limits<float>::quiet_NaN();
    std::uint8_t* const bytes = reinterpret_cast<std::uint8_t*>(made) + quantised_header;
    const float factor = finite ? quantised_factor(largest) : 0;
    if (factor == 0) {
      std::memset(bytes, kDotOffset, columns);
      continue;
    }
    for (std::size_t k = 0; k < columns; k += lanes) {
      const auto some = LoadPart(d, x + k, 0, columns - k < lanes ? columns - k : lanes);
      const auto scaled = ops::Mul(some, ops::Set(d, factor));
      const auto bounded = ops::Min(ops::Max(scaled, ops::Set(d, -quantised_most)), ops::Set(d, quantised_most));
      // Beyond 2^23 there are whole numbers only: the sum is rounded to one, whose lowest byte is the number's.
      const auto whole = ops::BitCast(di, ops::Add(bounded, ops::Set(d, 0x1.8p23f)));
      StoreBytes(di, ops::And(ops::Add(whole, ops::Set(di, kDotOffset)), ops::Set(di, 255)), bytes + k);
    }
  }
}

// Quads of a strip, and what is written beyond them.
inline constexpr std::size_t strip_quads = 64 + 16;

// The inputs of a strip's columns, of `vectors` vectors ldx apart, strip_quads apart.
BCR_INLINE void GatherStrip(const strip_indices& strip, const std::uint8_t* x, std::size_t ldx, std::size_t vectors,
                            std::int32_t* quads) {
  const std::uint8_t* const first = x + strip.first_column();
  for (std::size_t j = 0; j < vectors; ++j) {
    // Bytes may be written into what has any other type.
    std::uint8_t* to = reinterpret_cast<std::uint8_t*>(quads + j * strip_quads);
    const std::uint8_t *from = first + j * ldx, *index = strip.byte_columns();
    for (unsigned w = 0; w < strip.run.windows; ++w, from += byte_window_columns) {
      const unsigned count = strip.window_count(w);
      GatherBytes(from, index, count, to);
      index += count;
      to += count;
    }
    std::memset(to, 0, 3);  // which meet no weight
  }
}

// A strip of bytes, by vectors of the tag D. More of them than are summed at once are walked again and again.
template <class D, int Vectors>
struct SumQuads {
  static constexpr bool is_own = false;

  template <int Inputs>
  static BCR_INLINE void run(StripSteps<std::int32_t, byte_quad> at, const strip_run&, std::size_t) {
    const D d;
    if constexpr (Vectors < kStripVectors) {
      SumStrip<Vectors, Inputs, kStripPhases<Vectors>, strip_kind::bytes>(d, at, {});
    } else {
      const unsigned together = Vectors * static_cast<unsigned>(ops::Lanes(d));
      for (unsigned first = 0; first < at.lanes; first += together, at.weight += together, at.sums += together) {
        SumStrip<Vectors, Inputs, kStripPhases<Vectors>, strip_kind::bytes>(d, at, {});
      }
    }
  }
};

// Calls run(SumQuads) for strips of so many lanes. Few rows take a narrower vector.
template <class Run>
BCR_INLINE void ForByteStrips(unsigned lanes, Run&& run) {
  using D = BandTag<std::int32_t>;
  const unsigned width = static_cast<unsigned>(ops::Lanes(D()));
  if constexpr (ops::MaxLanes(D()) > 4) {
    if (lanes <= 4 && width > 4) return run(SumQuads<ops::CappedTag<std::int32_t, 4>, 1>());
  }
  if constexpr (ops::MaxLanes(D()) > 8) {
    if (lanes <= 8 && width > 8) return run(SumQuads<ops::CappedTag<std::int32_t, 8>, 1>());
  }
  switch ((lanes + width - 1) / width) {
    case 1:
      return run(SumQuads<D, 1>());
    case 2:
      return run(SumQuads<D, 2>());
    case 3:
      return run(SumQuads<D, 3>());
    default:
      return run(SumQuads<D, kStripVectors>());
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_BYTE_STRIPS_INL_H_
