// Copies planes of an image into the order of kernel/window_layout.hpp. One load and one store a vector with a stride
// of 1, two loads and two stores for two phases with a stride of 2, an element at a time with larger ones: convolutions
// and pooling read each element of the copy several times, from a near cache.
#if defined(BCR_KERNEL_STAGE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_STAGE_INL_H_
#undef BCR_KERNEL_STAGE_INL_H_
#else
#define BCR_KERNEL_STAGE_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "bcr/kernel/window_layout.hpp"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

template <class D, class T = ops::TFromD<D>>
BCR_INLINE void FillElements(D d, T value, T* to, std::size_t count) {
  const std::size_t lanes = ops::Lanes(d);
  const auto values = ops::Set(d, value);
  std::size_t i = 0;
  for (; i + lanes <= count; i += lanes) ops::StoreU(values, d, to + i);
  for (; i < count; ++i) to[i] = value;
}

// to[i] = from[i * stride], of which nothing but these elements is read, nor what lies behind `end`.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void CopyEvery(D d, const T* from, const T* end, std::size_t stride, T* to, std::size_t count) {
  const std::size_t lanes = ops::Lanes(d);
  std::size_t i = 0;
  if (stride == 1) {
    for (; i + lanes <= count; i += lanes) ops::StoreU(ops::LoadU(d, from + i), d, to + i);
    if (i != count) StoreLanes(LoadLanes(d, from + i, 0, count - i), d, to + i, 0, count - i);
    return;
  }
  if (stride == 2) {
    const std::size_t readable = static_cast<std::size_t>(end - from);
    for (; 2 * (i + lanes) <= readable && i + lanes <= count; i += lanes) {
      const auto low = ops::LoadU(d, from + 2 * i), high = ops::LoadU(d, from + 2 * i + lanes);
      ops::StoreU(EvenLanes(d, high, low), d, to + i);
    }
    for (; kMasksMemory && i < count; i += lanes) {
      const std::size_t left = readable - 2 * i, first = std::min(left, lanes);
      const auto low = LoadLanes(d, from + 2 * i, 0, first);
      const auto high =
          first < left ? LoadLanes(d, from + 2 * i + lanes, 0, std::min(left - lanes, lanes)) : ops::Zero(d);
      StoreLanes(EvenLanes(d, high, low), d, to + i, 0, std::min(lanes, count - i));
    }
  }
  for (; i < count; ++i) to[i] = from[i * stride];
}

// Elements 0, 2, 4, .. of `width` to one place, and 1, 3, 5, .. to another: as two calls of CopyEvery, with half of the
// loads, which are aligned where the row is.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void CopyInTurns(D d, const T* from, std::size_t width, T* even, std::size_t evens, T* odd,
                            std::size_t odds) {
  std::size_t i = 0;
  const std::size_t lanes = ops::Lanes(d);
  for (; 2 * (i + lanes) <= width && i + lanes <= std::min(evens, odds); i += lanes) {
    const auto low = ops::LoadU(d, from + 2 * i), high = ops::LoadU(d, from + 2 * i + lanes);
    ops::StoreU(EvenLanes(d, high, low), d, even + i);
    ops::StoreU(OddLanes(d, high, low), d, odd + i);
  }
  if (i < evens) CopyEvery(d, from + 2 * i, from + width, 2, even + i, evens - i);
  if (i < odds) CopyEvery(d, from + 2 * i + 1, from + width, 2, odd + i, odds - i);
}

// What a row of one phase consists of: `before` elements of padding, `inside` of the image, `after` of padding.
struct StagedRow {
  std::size_t before, inside, after;
  std::size_t first, stride;  // of the image's row

  // Of positions [0, count).
  StagedRow(const window_layout& layout, std::size_t phase, std::size_t count) noexcept
      : stride(layout.window.stride.width) {
    const std::size_t left = layout.window.padding.left, width = layout.image.width;
    before = std::min(count, phase >= left ? 0 : Steps(left - phase));
    first = before * stride + phase - left;  // if there is one
    inside = before == count || first >= width ? 0 : std::min(count - before, Steps(width - first));
    after = count - before - inside;
  }
  // Strides to cover so many elements. Without a division where it can be: this is once a plane, and planes may be
  // small.
  std::size_t Steps(std::size_t elements) const noexcept {
    return stride == 1 ? elements : stride == 2 ? (elements + 1) / 2 : (elements + stride - 1) / stride;
  }
};

// The padding of a row, or all of it.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void PadRow(D d, const StagedRow& row, bool outside, T fill, T* to) {
  if (outside) return FillElements(d, fill, to, row.before + row.inside + row.after);
  FillElements(d, fill, to, row.before);
  FillElements(d, fill, to + row.before + row.inside, row.after);
}

// A row of the image to the row `to` of each phase of its columns that the window meets.
template <class T>
struct RowStaging {
  const window_layout& layout;
  std::size_t width, columns, phase_elements;  // of the image, and of a phase
  StagedRow first, second;                     // of the first two phases
  bool in_turns;                               // which have even and odd elements, both of them

  explicit RowStaging(const window_layout& of) noexcept
      : layout(of),
        width(of.image.width),
        columns(of.phase_columns()),
        phase_elements(of.phase_elements()),
        first(of, 0, columns),
        second(of, 1, columns) {
    const window2d& w = of.window;
    in_turns = w.stride.width == 2 && first.first + second.first == 1 && first.inside != 0 && second.inside != 0 &&
               window_meets(w.kernel.width, w.dilation.width, 2, 0) &&
               window_meets(w.kernel.width, w.dilation.width, 2, 1);
  }

  template <class D>
  BCR_INLINE void Copy(D d, const T* from, T* to) const {
    if (in_turns) {
      T* const a = to + first.before;
      T* const b = to + phase_elements + second.before;
      if (first.first == 0) return CopyInTurns(d, from, width, a, first.inside, b, second.inside);
      return CopyInTurns(d, from, width, b, second.inside, a, first.inside);
    }
    ForPhases(
        [&](const StagedRow& row, T* phase) BCR_LAMBDA_ATTR {
          if (row.inside != 0) CopyEvery(d, from + row.first, from + width, row.stride, phase + row.before, row.inside);
        },
        to);
  }
  template <class D>
  BCR_INLINE void Pad(D d, bool outside, T fill, T* to) const {
    ForPhases([&](const StagedRow& row, T* phase) BCR_LAMBDA_ATTR { PadRow(d, row, outside, fill, phase); }, to);
  }

 private:
  template <class Visit>
  BCR_INLINE void ForPhases(const Visit& visit, T* to) const {
    const window2d& w = layout.window;
    for (std::size_t px = 0; px < w.stride.width; ++px, to += phase_elements) {
      if (!window_meets(w.kernel.width, w.dilation.width, w.stride.width, px)) continue;
      visit(px == 0 ? first : px == 1 ? second : StagedRow(layout, px, columns), to);
    }
  }
};

// What `rows` rows of positions from `first_row` on need of a plane. Rows of the image are read once and in their
// order, which is what hardware foresees. Without `padding` it is there already, from a plane before.
template <class T>
void StagePlane(const window_layout& layout, const T* plane, std::size_t first_row, std::size_t rows, bool padding,
                T fill, T* to) noexcept {
  const ops::ScalableTag<T> d;
  const window2d& w = layout.window;
  const RowStaging<T> staging(layout);
  const std::size_t phase_rows = layout.phase_rows(rows), row_of_phases = w.stride.width * staging.phase_elements;
  for (std::size_t r = 0; r < phase_rows; ++r) {
    for (std::size_t py = 0; py < w.stride.height; ++py) {
      if (!window_meets(w.kernel.height, w.dilation.height, w.stride.height, py)) continue;
      const std::size_t y = (first_row + r) * w.stride.height + py;
      const bool outside = y < w.padding.top || y - w.padding.top >= layout.image.height;
      T* const phase = to + py * row_of_phases + r * layout.pitch;
      if (padding) staging.Pad(d, outside, fill, phase);
      if (!outside) staging.Copy(d, plane + (y - w.padding.top) * staging.width, phase);
    }
  }
}

// The offsets of the window's elements, row by row.
inline void FillTaps(const window_layout& layout, std::size_t base, std::uint32_t* taps) noexcept {
  for (std::size_t ky = 0; ky < layout.window.kernel.height; ++ky) {
    for (std::size_t kx = 0; kx < layout.window.kernel.width; ++kx) {
      *taps++ = static_cast<std::uint32_t>(base + layout.tap(ky, kx));
    }
  }
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_STAGE_INL_H_
