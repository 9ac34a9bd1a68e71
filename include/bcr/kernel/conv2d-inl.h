// Convolution on panels: the kernels of kernel/panels-inl.h over an image that stands in memory with its padding.
//
//        a channel, padded by 1:  the pitch is the width + 1      rows of the input are offsets into it
//        0 0 0 0 0 0 0 0 0                                        window element (0, 0): from 0 on
//        0 a b c d e f g h   one column of zeros is the right     window element (0, 1): from 1 on
//        0 i j k l m n o p   edge of a row and the left edge      window element (1, 0): from 9 on
//        0 ..                of the next                          ..
//
// Vectors that can leave out lanes need no zeros left and right, see SomeOfRowsAt: positions are then pixels, and
// panels store them as a product's columns. What follows is for all others, and for stacks of small images.
//
// Positions of the window are consecutive elements, across the ends of rows, so that all lanes but those on the column
// of zeros do useful work whatever the image's width. The sums of a group of rows, some kilobytes, go to a scratch tile
// and from there to the output, as runs of positions that follow each other there: vector by vector, all rows of it, so
// that what a run costs is shared by the rows.
//
// What bounds it (Zen 5, two 512-bit multiply-adds a cycle): the multiply-adds, at 0.8 to 0.95 of their peak, as
// vectors are mostly not aligned and come from the second cache level; a vector of the output costs 2 to 3 cycles more,
// whose lines were not in the first level either; and a row of 56 elements 13 cycles to copy, as long as its lines take
// from one level to the other and back. With 64 channels that is a sixth of the time, with 512 a twentieth; but 49
// positions fill only three quarters of the lanes of four vectors. Copies that align all vectors, tile by tile, or that
// lose no lanes, one of the image for each column of the window, are larger, and were slower for all layers of
// ResNet-18.
#if defined(BCR_KERNEL_CONV2D_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_CONV2D_INL_H_
#undef BCR_KERNEL_CONV2D_INL_H_
#else
#define BCR_KERNEL_CONV2D_INL_H_
#endif

#include <cstddef>
#include <utility>

#include "bcr/kernel/conv2d_kernels.hpp"
#include "bcr/kernel/epilogue-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/panel_tiles-inl.h"
#include "bcr/kernel/plane_copy-inl.h"
#include "bcr/simd/ops-inl.h"
#include "bcr/simd/permute-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// The sums of a group of rows, as the panels leave them in the scratch tile.
template <class T>
struct GroupSums {
  const T* tile;
  std::size_t stride;         // from one slot of it to the next
  const std::uint32_t* rows;  // original row of each reordered one
  std::size_t first_row;      // the smallest of them
  unsigned count, summed;     // rows; those of them that have a slot, the others are zero
};

// A vector of each row, or its first `last` lanes; `from` is its place in a slot.
template <bool Whole, class T, class Epilogue>
BCR_INLINE void FinishVectors(const GroupSums<T>& sums, const Epilogue& epilogue, std::size_t from, std::size_t pixel,
                              std::size_t last, T* const* to) {
  const ops::ScalableTag<T> d;
  const auto finish = [&](unsigned r, const T* slot) BCR_LAMBDA_ATTR {
    const auto v = Apply<along_columns>(d, epilogue, ops::LoadU(d, slot + from), sums.rows[r], pixel, 0, last);
    if constexpr (Whole) {
      ops::StoreU(v, d, to[r] + pixel);
    } else {
      StoreLanes(v, d, to[r] + pixel, 0, last);
    }
  };
  const T* slot = sums.tile + sums.stride;
  for (unsigned r = 0; r < sums.summed; ++r, slot += sums.stride) finish(r, slot);
  for (unsigned r = sums.summed; r < sums.count; ++r) finish(r, sums.tile);
}

// To an image whose pixels lie beside each other, channel by channel.
template <class T, class W, class Epilogue>
void FinishChannels(const conv2d_task<T, W>& task, const Epilogue& epilogue, const GroupSums<T>& group) noexcept {
  const GroupSums<T> sums = group;  // which no store can be taken to change
  const std::size_t lanes = ops::Lanes(ops::ScalableTag<T>()), step = task.channel_step;
  output_runs runs(task.rows, task.begin, task.end);
  T* to[group_rows_limit];  // each row's pixel 0
  std::size_t image = task.image;
  for (unsigned r = 0; r < sums.count; ++r) to[r] = task.output + (image * task.channels + sums.rows[r]) * step;
  for (output_run run; runs.next(run);) {
    for (; image != task.image + run.image; ++image) {
      for (unsigned r = 0; r < sums.count; ++r) to[r] += task.channels * step;
    }
    const Epilogue own = bcr::epilogue::part(epilogue, 0, image * task.channels, 0);
    const std::size_t from = run.position - task.begin, pixel = task.pixel + run.pixel;
    std::size_t at = 0;
    for (; at + lanes <= run.count; at += lanes) FinishVectors<true>(sums, own, from + at, pixel + at, lanes, to);
    if (at != run.count) FinishVectors<false>(sums, own, from + at, pixel + at, run.count - at, to);
  }
}

// To an image whose channels lie beside each other, pixel by pixel.
template <class T, class W, class Epilogue>
void FinishPixels(const conv2d_task<T, W>& task, const Epilogue& epilogue, const GroupSums<T>& sums) noexcept {
  const ops::ScalableTag<T> d;
  const std::size_t lanes = ops::Lanes(d), stride = sums.stride;
  for (unsigned r = 0; r < sums.count; ++r) {
    const T* const from = sums.tile + (r < sums.summed ? (r + 1) * stride : 0);
    T* const to = task.staging + (sums.rows[r] - sums.first_row) * stride;
    for (std::size_t i = 0; i < stride; i += lanes) ops::StoreU(ops::LoadU(d, from + i), d, to + i);
  }
  output_runs runs(task.rows, task.begin, task.end);
  for (output_run run; runs.next(run);) {
    StoreTokens<T, Epilogue>({.sums = task.staging + (run.position - task.begin),
                              .sums_ld = stride,
                              .first_row = sums.first_row,
                              .rows = sums.count,
                              .first_token = (task.image + run.image) * task.pixels + task.pixel + run.pixel,
                              .tokens = run.count,
                              .y = task.output,
                              .ldy = task.channels,
                              .staging = task.staging + group_rows_limit * stride},
                             epilogue);
  }
}

// The task's groups, one after the other: their sums, and then what becomes of them.
template <int Vectors, class Input, class Sums, class T, class Epilogue, class W>
BCR_INLINE void RunGroups(const conv2d_task<T, W>& task, const Sums& sums_only, const Epilogue& epilogue) {
  const ops::ScalableTag<T> d;
  const panel_task<T, W>& product = task.product;
  const panels_view<W>& w = *product.weights;
  const std::size_t lanes = ops::Lanes(d), stride = Vectors * lanes;
  for (std::size_t i = 0; i != stride; i += lanes) ops::StoreU(ops::Zero(d), d, product.scratch + i);
  for (std::size_t g = product.group_begin; g != product.group_end; ++g) {
    const GroupCut<W> cut(w, g);
    if (cut.begin != cut.end) {
      RunGroup<Vectors, T, Sums, W, Input>({product, sums_only, cut, false});
    }
    const GroupSums<T> sums{product.scratch, stride, cut.rows, w.groups[g].row_begin, cut.count, cut.summed};
    if (task.layout == image_layout::nhwc) {
      FinishPixels(task, epilogue, sums);
    } else {
      FinishChannels(task, epilogue, sums);
    }
  }
}

template <int Vectors, class T, class Epilogue, class W>
void RunConv2d(const conv2d_task<T, W>& task, const Epilogue& epilogue) noexcept {
  RunGroups<Vectors, RowsAt<T>>(task, bcr::epilogue::postponed(), epilogue);
}

#if BCR_PERMUTES_512
// Where positions are pixels, panels store the rows of an image themselves, as in a product of matrices.
template <int Vectors, class T, class Epilogue, class W>
void RunGaplessConv2d(const conv2d_task<T, W>& task, const Epilogue& epilogue) noexcept {
  if (task.layout == image_layout::nhwc) return RunGroups<Vectors, SomeOfRowsAt<T>>(task, epilogue, epilogue);
  RunPanels<Vectors, T, Epilogue, W, SomeOfRowsAt<T>>(task.product,
                                                      bcr::epilogue::part(epilogue, 0, task.image * task.channels, 0));
}
#endif

template <int Vectors, bool Gapless, class T, class Epilogue, class W>
constexpr auto Conv2dKernel() noexcept -> void (*)(const conv2d_task<T, W>&, const Epilogue&) noexcept {
  if constexpr (Vectors > kPanelVectors || quantised<W>) {
    return nullptr;
  } else if constexpr (!Gapless) {
    return RunConv2d<Vectors, T, Epilogue, W>;
  } else {
#if BCR_PERMUTES_512
    return RunGaplessConv2d<Vectors, T, Epilogue, W>;
#else
    return nullptr;
#endif
  }
}

template <class T, class Epilogue, class W, bool Bands, std::size_t... I>
constexpr conv2d_kernels<T, Epilogue, W> MakeConv2dKernels(std::index_sequence<I...>) noexcept {
  return {{target_name(), LanesOf<T>, kPanelVectors},
          FillPlanes<T>,
          {Conv2dKernel<static_cast<int>(I) + 1, false, T, Epilogue, W>()...},
          {Conv2dKernel<static_cast<int>(I) + 1, true, T, Epilogue, W>()...},
          &kGemmKernels<T, Epilogue, W, Bands>};
}

// Whether convolutions may read an image in place.
inline constexpr bool kReadsInPlace = BCR_PERMUTES_512;

template <class T, class Epilogue, class W, bool Bands>
inline constexpr conv2d_kernels<T, Epilogue, W> kConv2dKernels =
    MakeConv2dKernels<T, Epilogue, W, Bands>(std::make_index_sequence<most_tile_vectors>());

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_CONV2D_INL_H_
