// All operations for the target being compiled. bcr/bcr.hpp includes this once; a file of your own that is compiled
// once a target, by Highway's foreach_target, includes it for each.
#if defined(BCR_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNELS_INL_H_
#undef BCR_KERNELS_INL_H_
#else
#define BCR_KERNELS_INL_H_
#endif

#include "bcr/kernel/cells-inl.h"
#include "bcr/kernel/gemm-inl.h"
#include "bcr/op/cell_plan.hpp"
#include "bcr/op/gemm.hpp"
#include "bcr/op/linear.hpp"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// The plans of op/gemm.hpp, op/linear.hpp and op/cell_plan.hpp on this target's kernels.
template <class T, epilogue_for<T> Epilogue = epilogue::none>
class gemm_plan : public basic_gemm_plan<T, Epilogue> {
 public:
  // A plan for `weights`, which must outlive it. Fails as basic_gemm_plan::can_implement says.
  template <block_shape Block>
  static result<gemm_plan> create(const packed_weights<T, Block>& weights, const gemm_options& options) noexcept {
    auto made = basic_gemm_plan<T, Epilogue>::create(kGemmKernels<T, Epilogue>, weights, options);
    if (!made) return made.status();
    return gemm_plan(*made);
  }

 private:
  explicit gemm_plan(const basic_gemm_plan<T, Epilogue>& made) noexcept : basic_gemm_plan<T, Epilogue>(made) {}
};

template <class T, epilogue_for<T> Epilogue = epilogue::none>
class linear_plan : public basic_linear_plan<T, Epilogue> {
 public:
  // A plan for `weights`, which must outlive it. Fails as basic_linear_plan::can_implement says.
  template <block_shape Block>
  static result<linear_plan> create(const packed_weights<T, Block>& weights, const linear_options& options) noexcept {
    auto made = basic_linear_plan<T, Epilogue>::create(kLinearKernels<T, Epilogue>, weights, options);
    if (!made) return made.status();
    return linear_plan(*made);
  }

 private:
  explicit linear_plan(const basic_linear_plan<T, Epilogue>& made) noexcept : basic_linear_plan<T, Epilogue>(made) {}
};

template <class T>
class cell_plan : public basic_cell_plan<T> {
 public:
  // A plan for `cell`, which must outlive it. Fails as basic_cell_plan::create says.
  template <block_shape Block>
  static result<cell_plan> create(const packed_cell<T, Block>& cell, const cell_options& options) noexcept {
    auto made = basic_cell_plan<T>::create(kCellKernels<T>, cell, options);
    if (!made) return made.status();
    return cell_plan(*made);
  }

 private:
  explicit cell_plan(const basic_cell_plan<T>& made) noexcept : basic_cell_plan<T>(made) {}
};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNELS_INL_H_
