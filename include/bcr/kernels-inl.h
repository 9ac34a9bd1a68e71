// All operations for the target being compiled. bcr/bcr.hpp includes this once; a file of your own that is compiled
// once a target, by Highway's foreach_target, includes it for each.
#if defined(BCR_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNELS_INL_H_
#undef BCR_KERNELS_INL_H_
#else
#define BCR_KERNELS_INL_H_
#endif

#include "bcr/kernel/cells-inl.h"
#include "bcr/kernel/conv2d-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/op/cell_plan.hpp"
#include "bcr/op/conv2d.hpp"
#include "bcr/op/gemm.hpp"
#include "bcr/op/linear.hpp"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Says so where a target has no vectors of the type, instead of leaving it to the kernels.
template <class T>
constexpr bool HasVectors() noexcept {
  static_assert(sizeof(T) <= sizeof(float) || kHasDouble,
                "bcr: this target has vectors of float only. Highway has double for WebAssembly and 32-bit Arm from a "
                "later release on.");
  return true;
}

// The plans of op/gemm.hpp, op/linear.hpp, op/conv2d.hpp and op/cell_plan.hpp on this target's kernels.
template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
class gemm_plan : public basic_gemm_plan<T, Epilogue, W> {
 public:
  // A plan for `weights`, which must outlive it. Fails as basic_gemm_plan::can_implement says.
  template <block_shape Block, blob_layout Layout>
  static result<gemm_plan> create(const packed_weights<W, Block, Layout>& weights,
                                  const gemm_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = basic_gemm_plan<T, Epilogue, W>::create(
        kGemmKernels<T, Epilogue, W, has_layout(Layout, blob_layout::bands)>, weights, options);
    if (!made) return made.status();
    return gemm_plan(*made);
  }

 private:
  explicit gemm_plan(const basic_gemm_plan<T, Epilogue, W>& made) noexcept : basic_gemm_plan<T, Epilogue, W>(made) {}
};

template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
class linear_plan : public basic_linear_plan<T, Epilogue, W> {
 public:
  // A plan for `weights`, which must outlive it. Fails as basic_linear_plan::can_implement says.
  template <block_shape Block, blob_layout Layout>
  static result<linear_plan> create(const packed_weights<W, Block, Layout>& weights,
                                    const linear_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = basic_linear_plan<T, Epilogue, W>::create(
        kLinearKernels<T, Epilogue, W, has_layout(Layout, blob_layout::bands)>, weights, options);
    if (!made) return made.status();
    return linear_plan(*made);
  }

 private:
  explicit linear_plan(const basic_linear_plan<T, Epilogue, W>& made) noexcept
      : basic_linear_plan<T, Epilogue, W>(made) {}
};

template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
class conv2d_plan : public basic_conv2d_plan<T, Epilogue, W> {
 public:
  // A plan for `weights`, which must outlive it: packed weights, or a span of them, a group each. Fails as
  // basic_conv2d_plan::create says.
  template <block_shape Block, blob_layout Layout>
  static result<conv2d_plan> create(const packed_weights<W, Block, Layout>& weights,
                                    const conv2d_options& options) noexcept {
    return on_kernels<Layout>(weights, options);
  }
  template <block_shape Block, blob_layout Layout>
  static result<conv2d_plan> create(std::span<const packed_weights<W, Block, Layout>> weights,
                                    const conv2d_options& options) noexcept {
    return on_kernels<Layout>(weights, options);
  }

 private:
  explicit conv2d_plan(basic_conv2d_plan<T, Epilogue, W>&& made) noexcept
      : basic_conv2d_plan<T, Epilogue, W>(std::move(made)) {}

  template <blob_layout Layout, class Weights>
  static result<conv2d_plan> on_kernels(const Weights& weights, const conv2d_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = basic_conv2d_plan<T, Epilogue, W>::create(
        kConv2dKernels<T, Epilogue, W, has_layout(Layout, blob_layout::bands)>, weights, options);
    if (!made) return made.status();
    return conv2d_plan(std::move(*made));
  }
};

template <class T, class W = T>
class cell_plan : public basic_cell_plan<T, W> {
 public:
  // A plan for `cell`, which must outlive it. Fails as basic_cell_plan::create says.
  template <block_shape Block, blob_layout Layout>
  static result<cell_plan> create(const packed_cell<W, Block, Layout>& cell, const cell_options& options) noexcept {
    auto made =
        basic_cell_plan<T, W>::create(kCellKernels<T, W, has_layout(Layout, blob_layout::bands)>, cell, options);
    if (!made) return made.status();
    return cell_plan(*made);
  }

 private:
  explicit cell_plan(const basic_cell_plan<T, W>& made) noexcept : basic_cell_plan<T, W>(made) {}
};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNELS_INL_H_
