// All operations for the target being compiled. bcr/bcr.hpp includes this once; a file of your own that is compiled
// once a target, by Highway's foreach_target, includes it for each.
#if defined(BCR_KERNELS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNELS_INL_H_
#undef BCR_KERNELS_INL_H_
#else
#define BCR_KERNELS_INL_H_
#endif

#include "bcr/kernel/gemm-inl.h"
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

// The plans of op/gemm.hpp and op/linear.hpp on this target's kernels.
template <class T, epilogue_for<T> Epilogue = epilogue::none>
class gemm_plan : public basic_gemm_plan<T, Epilogue> {
 public:
  // A plan for `weights`, which must outlive it. Fails as basic_gemm_plan::can_implement says.
  template <block_shape Block>
  static result<gemm_plan> create(const packed_weights<T, Block>& weights, const gemm_options& options) noexcept {
    static_assert(HasVectors<T>());
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
    static_assert(HasVectors<T>());
    auto made = basic_linear_plan<T, Epilogue>::create(kLinearKernels<T, Epilogue>, weights, options);
    if (!made) return made.status();
    return linear_plan(*made);
  }

 private:
  explicit linear_plan(const basic_linear_plan<T, Epilogue>& made) noexcept : basic_linear_plan<T, Epilogue>(made) {}
};

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNELS_INL_H_
