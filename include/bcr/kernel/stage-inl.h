// Copies planes of an image into the order of kernel/window_layout.hpp. One load and one store a vector with a stride
// of 1, two loads with a stride of 2, an element at a time with larger ones: convolutions and pooling read each element
// of the copy several times, from a near cache.
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
#if !defined(HWY_TARGET) || HWY_TARGET != HWY_SCALAR
  if (stride == 2) {
    const std::size_t readable = static_cast<std::size_t>(end - from);
    for (; 2 * (i + lanes) <= readable && i + lanes <= count; i += lanes) {
      const auto low = ops::LoadU(d, from + 2 * i), high = ops::LoadU(d, from + 2 * i + lanes);
      ops::StoreU(ops::ConcatEven(d, high, low), d, to + i);
    }
    for (; kMasksMemory && i < count; i += lanes) {
      const std::size_t left = readable - 2 * i, first = std::min(left, lanes);
      const auto low = LoadLanes(d, from + 2 * i, 0, first);
      const auto high =
          first < left ? LoadLanes(d, from + 2 * i + lanes, 0, std::min(left - lanes, lanes)) : ops::Zero(d);
      StoreLanes(ops::ConcatEven(d, high, low), d, to + i, 0, std::min(lanes, count - i));
    }
  }
#endif
  for (; i < count; ++i) to[i] = from[i * stride];
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

// One row; of the padding if `from` is null.
template <class D, class T = ops::TFromD<D>>
BCR_INLINE void StageRow(D d, const StagedRow& row, const T* from, std::size_t width, T fill, T* to) {
  if (from == nullptr) return FillElements(d, fill, to, row.before + row.inside + row.after);
  FillElements(d, fill, to, row.before);
  if (row.inside != 0) CopyEvery(d, from + row.first, from + width, row.stride, to + row.before, row.inside);
  FillElements(d, fill, to + row.before + row.inside, row.after);
}

// What `rows` rows of positions from `first_row` on need of a plane. Rows of the image are read once and in their
// order, which is what hardware foresees.
template <class T>
void StagePlane(const window_layout& layout, const T* plane, std::size_t first_row, std::size_t rows, T fill,
                T* to) noexcept {
  const ops::ScalableTag<T> d;
  const window2d& w = layout.window;
  const std::size_t columns = layout.phase_columns(), phase_rows = layout.phase_rows(rows), width = layout.image.width;
  const std::size_t phase_elements = layout.phase_elements();
  const StagedRow first(layout, 0, columns), second(layout, 1, columns);
  for (std::size_t r = 0; r < phase_rows; ++r) {
    for (std::size_t py = 0; py < w.stride.height; ++py) {
      if (!window_meets(w.kernel.height, w.dilation.height, w.stride.height, py)) continue;
      const std::size_t y = (first_row + r) * w.stride.height + py;
      const bool inside = y >= w.padding.top && y - w.padding.top < layout.image.height;
      const T* const from = inside ? plane + (y - w.padding.top) * width : nullptr;
      T* phase = to + py * w.stride.width * phase_elements + r * layout.pitch;
      for (std::size_t px = 0; px < w.stride.width; ++px, phase += phase_elements) {
        if (!window_meets(w.kernel.width, w.dilation.width, w.stride.width, px)) continue;
        StageRow(d, px == 0 ? first : px == 1 ? second : StagedRow(layout, px, columns), from, width, fill, phase);
      }
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
