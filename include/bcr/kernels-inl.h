// All operations for the target being compiled. bcr/bcr.hpp includes this once; a file of your own that is compiled
// once a target, by Highway's foreach_target, includes it for each.
#if defined(BCR_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNELS_INL_H_
#undef BCR_KERNELS_INL_H_
#else
#define BCR_KERNELS_INL_H_
#endif

#include <span>
#include <type_traits>
#include <utility>

#include "bcr/kernel/cells-inl.h"
#include "bcr/kernel/conv2d-inl.h"
#include "bcr/kernel/dense_conv-inl.h"
#include "bcr/kernel/depthwise-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/kernel/pooling-inl.h"
#include "bcr/kernel/rows-inl.h"
#include "bcr/op/cell_plan.hpp"
#include "bcr/op/conv2d.hpp"
#include "bcr/op/dense_conv2d.hpp"
#include "bcr/op/depthwise.hpp"
#include "bcr/op/gemm.hpp"
#include "bcr/op/linear.hpp"
#include "bcr/op/pointwise.hpp"
#include "bcr/op/pooling.hpp"

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
  static result<gemm_plan> create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
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
  static result<linear_plan> create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
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

// Layers without pruned weights: op/dense_conv2d.hpp, op/depthwise.hpp, op/pooling.hpp and op/pointwise.hpp.
template <class T, epilogue_for<T> Epilogue = epilogue::none>
class dense_conv2d_plan : public basic_dense_conv2d_plan<T, Epilogue> {
  using base = basic_dense_conv2d_plan<T, Epilogue>;

 public:
  // Fails as basic_dense_conv2d_plan::create says.
  static result<dense_conv2d_plan> create(matrix_view<const T> weights, const dense_conv2d_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = base::create(kDenseConvKernels<T, Epilogue>, weights, options);
    if (!made) return made.status();
    return dense_conv2d_plan(std::move(*made));
  }

 private:
  explicit dense_conv2d_plan(base&& made) noexcept : base(std::move(made)) {}
};

template <class T, epilogue_for<T> Epilogue = epilogue::none>
class depthwise_plan : public basic_depthwise_plan<T, Epilogue> {
  using base = basic_depthwise_plan<T, Epilogue>;

 public:
  // Fails as basic_depthwise_plan::create says; the weights must outlive the plan.
  static result<depthwise_plan> create(matrix_view<const T> weights, const depthwise_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = base::create(kDepthwiseKernels<T, Epilogue>, weights, options);
    if (!made) return made.status();
    return depthwise_plan(*made);
  }

 private:
  explicit depthwise_plan(const base& made) noexcept : base(made) {}
};

template <class T>
class pooling_plan : public basic_pooling_plan<T> {
  using base = basic_pooling_plan<T>;

 public:
  // Fails as basic_pooling_plan::can_implement says.
  static result<pooling_plan> create(const pooling_options& options) noexcept {
    static_assert(HasVectors<T>());
    auto made = base::create(kPoolingKernels<T>, options);
    if (!made) return made.status();
    return pooling_plan(*made);
  }

 private:
  explicit pooling_plan(const base& made) noexcept : base(made) {}
};

// The average of every plane of an image: batch x channels averages. Fails with invalid_argument if the sizes do not
// agree. The error is at most (pixels + 1) epsilon of the average of the magnitudes.
template <class T, executor Executor = serial_executor>
status global_average(std::span<const std::type_identity_t<T>> input, const image_shape& shape, std::span<T> output,
                      Executor&& threads = {}) noexcept {
  return detail::global_average(kPoolingKernels<T>, input, shape, output, threads);
}

// y = epilogue(x), element by element; y may be x. Fails with invalid_argument.
template <class T, epilogue_for<T> Epilogue, executor Executor = serial_executor>
status map(matrix_view<const std::type_identity_t<T>> x, matrix_view<T> y, const Epilogue& epilogue,
           Executor&& threads = {}) noexcept {
  return detail::map(kMapKernels<T, Epilogue>, x, y, epilogue, threads);
}

// y = activation(a + b), each of the same rows and columns, and y possibly one of them. Fails with invalid_argument.
template <class T, epilogue_for<T> Activation = epilogue::none, executor Executor = serial_executor>
status add(matrix_view<const std::type_identity_t<T>> a, matrix_view<const std::type_identity_t<T>> b, matrix_view<T> y,
           const Activation& activation = {}, Executor&& threads = {}) noexcept {
  if (a.rows != b.rows || a.columns != b.columns || !b.valid()) {
    return {errc::invalid_argument, "What is to be added is not of the same shape."};
  }
  return map(a, y, epilogue::chain(epilogue::residual<T>{b.data, b.leading_dimension}, activation), threads);
}

// y = exp(x) / sum exp(x) of every row, without overflow; y may be x. What is not finite makes its row not-a-number,
// but for minus infinity, which becomes zero beside numbers. The relative error is at most (|x - max x| / 2 + columns /
// 2 + 4) epsilon: the difference is rounded before the exponential magnifies it, and the sum has as many terms as
// columns.
template <class T, executor Executor = serial_executor>
status softmax(matrix_view<const std::type_identity_t<T>> x, matrix_view<T> y, Executor&& threads = {}) noexcept {
  return detail::softmax(kRowKernels<T>, x, y, threads);
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNELS_INL_H_
