// The table that this target contributes to a dispatch library; cmake/dispatch_library.cmake makes the files that
// include this.
#if defined(BCR_KERNEL_DISPATCH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef BCR_KERNEL_DISPATCH_INL_H_
#undef BCR_KERNEL_DISPATCH_INL_H_
#else
#define BCR_KERNEL_DISPATCH_INL_H_
#endif

#include "bcr/kernel/cells-inl.h"
#include "bcr/kernel/conv2d-inl.h"
#include "bcr/kernel/dispatch_table.hpp"
#include "bcr/kernel/gemm-inl.h"

BCR_BEGIN_TARGET;
namespace bcr {
namespace BCR_TARGET_NS {

// Some kernels, or no_kernels if activations are in bf16: these are not there, so that nothing of them may be named.
template <class T, class Epilogue, class W>
constexpr auto Conv2dKernelsOf() noexcept {
  if constexpr (has_narrow_input<W>) {
    return no_kernels();
  } else {
    return kConv2dKernels<T, Epilogue, W, true>;
  }
}
template <class T, class W>
constexpr auto CellKernelsOf() noexcept {
  if constexpr (has_narrow_input<W>) {
    return no_kernels();
  } else {
    return kCellKernels<T, W, true>;
  }
}

template <class Table>
struct TableMaker;
template <class T, class W, class... Epilogues>
struct TableMaker<dispatch_table<T, W, Epilogues...>> {
  static constexpr dispatch_table<T, W, Epilogues...> table{
      {kGemmKernels<T, Epilogues, W, true>, kLinearKernels<T, Epilogues, W, true>,
       Conv2dKernelsOf<T, Epilogues, W>()}...,
      kPanelKernels<T, epilogue::none, W>.target.name,
      CellKernelsOf<T, W>()};
};

template <class Table>
constexpr const Table& MakeDispatchTable() noexcept {
  return TableMaker<Table>::table;
}

}  // namespace BCR_TARGET_NS
}  // namespace bcr
BCR_END_TARGET;

#endif  // BCR_KERNEL_DISPATCH_INL_H_
