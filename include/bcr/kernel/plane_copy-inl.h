// Copies channels of an image into the planes that convolutions read: every stride-th element in both directions, with
// zeros around them.
//
//        rows of a channel                 a stride of 2: the planes of even and of odd elements, of every second row
//        a b c d e f g h                   a c e g  i k m o      b d f h  j l n p
//        . .                               (two rows in a vector, where they fit)
//        i j k l m n o p
//
// Vectors are stored whole: what lies over the end of a row is the beginning of the next one, which comes later. Rows
// are short, so that what is done for each of them counts: with a stride of 2, a row of 14, 28 or 56 elements takes 8,
// 13 and 22 cycles (Zen 4), where a bare loop over all elements that takes them apart takes 6, 10 and 22.
#if defined(BCR_KERNEL_PLANE_COPY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_PLANE_COPY_INL_H_
#undef BCR_KERNEL_PLANE_COPY_INL_H_
#else
#define BCR_KERNEL_PLANE_COPY_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/kernel/conv2d_kernels.hpp"
#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/transpose-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// At least `count` zeros, up to a vector more.
template <class T>
BCR_INLINE void FillZeros(T* p, std::size_t count) {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d);
  for (T* const end = p + count; p < end; p += lanes) {
    asm("" : "+r"(p));  // or it would become a call of memset, for some tens of bytes
    ops::StoreU(ops::Zero(d), d, p);
  }
}

// How the rows of a channel are copied, and the zeros between them: those up to a whole vector come with the row's last
// elements.
template <bool Apart, class T>
struct RowCopy {
  std::size_t rows, columns, from_step, to_step, column_step;

  explicit RowCopy(const plane_fill<T>& f) noexcept
      : rows(f.copied_rows),
        columns(f.copied_columns),
        from_step(f.row_step),
        to_step(f.pitch),
        column_step(f.column_step) {
    if (Apart || columns != to_step || from_step != to_step) return;
    columns *= rows;  // rows that follow each other in both places are one
    rows = 1;
  }
  BCR_INLINE void operator()(const T* from, T* to, T*) const {
    const ops::ScalableTag<T> d;
    const std::size_t lanes = ops::Lanes(d), step = Apart ? column_step : 1;
    const std::size_t whole = columns / lanes * lanes, zero = blocks_covering(columns, lanes) * lanes;
    for (std::size_t r = 0; r < rows; ++r, from += from_step, to += to_step) {
      for (std::size_t i = 0; i < whole; i += lanes) {
        ops::StoreU(LoadStrided(d, from + i * step, step, lanes), d, to + i);
      }
      if (whole != columns) {
        ops::StoreU(LoadStrided(d, from + whole * step, step, columns - whole), d, to + whole);
      }
      if (zero < to_step && r + 1 != rows) FillZeros(to + zero, to_step - zero);
    }
  }
};

#if BCR_PERMUTES_512
// Where elements go of two rows that are in a vector each: the even ones, those of the second row a pitch behind those
// of the first, and the odd ones likewise.
struct PairOfRows {
  __m512i even, odd;     // the lanes of both that they come from
  unsigned evens, odds;  // lanes that take one

  BCR_INLINE PairOfRows(std::size_t pitch, std::size_t width) {
    const auto first = [](std::size_t count) { return (1U << count) - 1; };
    const unsigned of_even = first((width + 1) / 2), of_odd = first(width / 2);
    const __m512i twice = _mm512_set_epi32(30, 28, 26, 24, 22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0);
    const __m512i behind = _mm512_set1_epi32(16 - 2 * static_cast<int>(pitch));
    even = _mm512_mask_add_epi32(twice, static_cast<__mmask16>(~0U << pitch), twice, behind);
    odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    evens = of_even | of_even << pitch;
    odds = of_odd | of_odd << pitch;
  }
};
#endif

// The same for two planes that take the elements of a row in turns: the even ones, and the odd ones between them. Or
// for the even ones alone, where no plane has the others.
template <bool Both, class T>
struct RowCopyInTurns {
  std::size_t rows, width;  // of the image, as far as they are copied
  std::size_t from_step, to_step;

  explicit RowCopyInTurns(const plane_fill<T>& f) noexcept
      : rows(f.copied_rows), width(2 * f.copied_columns - 1), from_step(f.row_step), to_step(f.pitch) {
    if (Both && width < 2 * f.between_columns) width = 2 * f.between_columns;
  }
  BCR_INLINE void operator()(const T* from, T* even, T* odd) const {
    const ops::ScalableTag<T> d;
    const std::size_t lanes = ops::Lanes(d);
    std::size_t r = 0;
#if BCR_PERMUTES_512
    if constexpr (kLooksUp32<ops::ScalableTag<T>>) {
      if (width <= lanes && 2 * to_step <= lanes) {
        const PairOfRows pair(to_step, width);
        for (; r + 1 < rows; r += 2, from += 2 * from_step, even += 2 * to_step, odd += 2 * to_step) {
          const auto first = LoadLanes(d, from, 0, width), second = LoadLanes(d, from + from_step, 0, width);
          ops::StoreU(ExpandFrom32(d, pair.evens, first, second, pair.even), d, even);
          if constexpr (Both) ops::StoreU(ExpandFrom32(d, pair.odds, first, second, pair.odd), d, odd);
        }
      }
    }
#endif
    const auto store = [&](const auto& high, const auto& low, std::size_t at) BCR_LAMBDA_ATTR {
      ops::StoreU(EvenLanes(d, high, low), d, even + at);
      if constexpr (Both) ops::StoreU(OddLanes(d, high, low), d, odd + at);
    };
    const std::size_t whole = width / (2 * lanes) * lanes, left = width - 2 * whole;
    const std::size_t left_low = left < lanes ? left : lanes, left_high = left - left_low;
    const std::size_t zero = whole + (left != 0 ? lanes : 0);
    for (; r < rows; ++r, from += from_step, even += to_step, odd += to_step) {
      for (std::size_t i = 0; i < whole; i += lanes) {
        store(ops::LoadU(d, from + 2 * i + lanes), ops::LoadU(d, from + 2 * i), i);
      }
      if (left_high != 0) {
        store(LoadLanes(d, from + 2 * whole + lanes, 0, left_high), ops::LoadU(d, from + 2 * whole), whole);
      } else if (left_low != 0) {
        store(ops::Zero(d), LoadLanes(d, from + 2 * whole, 0, left_low), whole);
      }
      if (zero >= to_step || r + 1 == rows) continue;
      FillZeros(even + zero, to_step - zero);
      if constexpr (Both) FillZeros(odd + zero, to_step - zero);
    }
  }
};

// Where a channel's rows go in a plane, and the zeros around them.
template <class T>
struct PlaneFrame {
  T* to;
  std::size_t above, below, after;  // elements in front of the first row and behind the last, and from one to the other

  PlaneFrame(const plane_fill<T>& f, T* plane, std::size_t left, std::size_t columns) noexcept
      : to(plane),
        above(f.first_row * f.pitch + left),
        below(f.pitch - left - columns + (f.rows - f.first_row - f.copied_rows) * f.pitch + f.tail),
        after((f.copied_rows - 1) * f.pitch + columns) {}
  // Before the rows are copied, and after that.
  BCR_INLINE T* Begin(std::size_t channel) const {
    FillZeros(to + channel, above);
    return to + channel + above;
  }
  BCR_INLINE void End(T* first) const { FillZeros(first + after, below); }
};

// The rows of some channels, and all that surrounds them.
template <class Copy, bool Both, class T>
void FillChannels(const plane_fill<T>& f, std::size_t begin, std::size_t end) noexcept {
  const Copy copy(f);
  const PlaneFrame<T> plane(f, f.to, f.left, f.copied_columns), other(f, f.between, f.between_left, f.between_columns);
  const std::size_t from_step = f.channel_step, to_step = f.channel_pitch;
  const T* from = f.from + begin * from_step;
  for (std::size_t at = begin * to_step; at != end * to_step; at += to_step, from += from_step) {
    T* const first = plane.Begin(at);
    T* const second = Both ? other.Begin(at) : first;
    copy(from, first, second);
    plane.End(first);
    if constexpr (Both) other.End(second);
  }
}
template <class T>
void FillChannels(const plane_fill<T>& f, std::size_t begin, std::size_t end) noexcept {
  if (f.copied_rows == 0) {
    for (std::size_t c = begin; c < end; ++c) {
      FillZeros(f.to + c * f.channel_pitch, f.rows * f.pitch + f.tail);
      if (f.between != nullptr) FillZeros(f.between + c * f.channel_pitch, f.rows * f.pitch + f.tail);
    }
  } else if (f.between != nullptr) {
    FillChannels<RowCopyInTurns<true, T>, true>(f, begin, end);
  } else if (f.column_step == 1) {
    FillChannels<RowCopy<false, T>, false>(f, begin, end);
  } else if (f.column_step == 2) {
    FillChannels<RowCopyInTurns<false, T>, false>(f, begin, end);
  } else {
    FillChannels<RowCopy<true, T>, false>(f, begin, end);
  }
}

// The same for channels that lie beside each other, which are turned row by row.
template <class T>
void FillFromPixels(const plane_fill<T>& fill) noexcept {
  const plane_fill<T> f = fill;  // which no store can be taken to change
  const std::size_t above = f.first_row * f.pitch + f.left, gap = f.pitch - f.copied_columns;
  for (std::size_t c = 0; c < f.channels; ++c) {
    T* const to = f.to + c * f.channel_pitch;
    T* row = to + above;
    FillZeros(to, f.copied_rows == 0 ? f.rows * f.pitch + f.tail : above);
    for (std::size_t r = 1; r < f.copied_rows; ++r, row += f.pitch) FillZeros(row + f.copied_columns, gap);
    if (f.copied_rows == 0) continue;
    row += f.copied_columns;
    FillZeros(row, static_cast<std::size_t>(to + f.rows * f.pitch + f.tail - row));
  }
  T* to = f.to + above;
  for (std::size_t r = 0; r < f.copied_rows; ++r, to += f.pitch) {
    Transpose(f.from + r * f.row_step, f.column_step, f.copied_columns, f.channels, to, f.channel_pitch);
  }
}

// Some planes of the same channels: channel by channel, or some of them where they are small, so that what one plane
// has read of them is near for the next.
template <class T>
void FillPlanes(std::span<const plane_fill<T>> planes) noexcept {
  constexpr std::size_t near_elements = (std::size_t{16} << 10) / sizeof(T);
  const plane_fill<T>& any = planes[0];
  if (any.channel_step == 1 && any.channels != 1) {
    for (const plane_fill<T>& f : planes) FillFromPixels(f);
    return;
  }
  const std::size_t together = planes.size() == 1 ? any.channels : near_elements / (any.channel_step + 1) + 1;
  for (std::size_t c = 0; c < any.channels; c += together) {
    for (const plane_fill<T>& f : planes) FillChannels(f, c, std::min(c + together, any.channels));
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_PLANE_COPY_INL_H_
