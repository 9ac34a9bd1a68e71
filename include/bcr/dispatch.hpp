// The library for one binary on many processors: the plans of bcr/bcr.hpp, each on the best target that the processor
// runs, or on one that is named. The kernels are in a static library that bcr_add_dispatch_library() makes (CMake, in
// cmake/dispatch_library.cmake); a target that links it may include this, and needs neither a SIMD library nor flags.
#pragma once

#ifndef BCR_DISPATCH_LIBRARY
#error \
    "bcr: bcr/dispatch.hpp needs kernels to choose from: link a library made by bcr_add_dispatch_library() in CMake, or include bcr/bcr.hpp."
#endif
#ifdef BCR_STATIC_PLANS
#error "bcr: a file includes bcr/bcr.hpp or bcr/dispatch.hpp, not both: each has a bcr::gemm_plan."
#endif
#define BCR_DISPATCHED_PLANS

#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/core/version.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/format/pattern.hpp"
#include "bcr/kernel/dispatch_table.hpp"
#include "bcr/op/cell_plan.hpp"
#include "bcr/op/conv2d.hpp"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/gemm.hpp"
#include "bcr/op/linear.hpp"
#include "bcr/op/sequence.hpp"
#include "bcr/pack/cell.hpp"
#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"
// What the library was built for. It defines BCR_DISPATCH_NS, a namespace of its own, so that programs which link
// several such libraries keep their plans apart.
#include BCR_DISPATCH_LIBRARY

namespace bcr {
namespace BCR_DISPATCH_NS {

// The kernels of activations of type T and weights of type W. Fails as find_table says, and at compile time if the
// library has none.
template <class T, class W = T>
auto find_kernels_of(std::string_view target) noexcept {
  if constexpr (!has_types<T, W>) {
    static_assert(
        has_types<T, W>,
        "bcr: the dispatch library has no kernels for this type: name it in the TYPES of "
        "bcr_add_dispatch_library(), as float+bf16 if the weights have one of their own, as bf16 for both<bf16>.");
    return result<const kernel_table<T, W>*>(status());
  } else {
    return find_table(tables_of(std::type_identity<kernel_table<T, W>>()), target);
  }
}

// The kernels of one epilogue. Fails likewise.
template <class T, class Epilogue, class W = T>
result<const layer_kernels<T, Epilogue, W>*> find_kernels(std::string_view target) noexcept {
  if constexpr (has_types<T, W> && !kernel_table<T, W>::template has<Epilogue>) {
    static_assert(kernel_table<T, W>::template has<Epilogue>,
                  "bcr: the dispatch library has no kernels for this epilogue: name it in the EPILOGUES of "
                  "bcr_add_dispatch_library().");
    return status();
  } else {
    const auto table = find_kernels_of<T, W>(target);
    if (!table) return table.status();
    return static_cast<const layer_kernels<T, Epilogue, W>*>(*table);
  }
}

// The plans of op/gemm.hpp, op/linear.hpp, op/conv2d.hpp and op/cell_plan.hpp on the library's kernels.
template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
class gemm_plan : public basic_gemm_plan<T, Epilogue, W> {
 public:
  // A plan for `weights`, which must outlive it, on the best target that the processor runs, or on the one named.
  // Fails as basic_gemm_plan::can_implement says, and with unsupported if the target named is not one of targets(), or
  // does not run here.
  template <block_shape Block, blob_layout Layout>
  static result<gemm_plan> create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
                                  const gemm_options& options, std::string_view target = {}) noexcept {
    const auto kernels = find_kernels<T, Epilogue, W>(target);
    if (!kernels) return kernels.status();
    auto made = basic_gemm_plan<T, Epilogue, W>::create((*kernels)->gemm, weights, options);
    if (!made) return made.status();
    return gemm_plan(*made);
  }

 private:
  explicit gemm_plan(const basic_gemm_plan<T, Epilogue, W>& made) noexcept : basic_gemm_plan<T, Epilogue, W>(made) {}
};

template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
class linear_plan : public basic_linear_plan<T, Epilogue, W> {
 public:
  // As gemm_plan::create, and fails as basic_linear_plan::can_implement says.
  template <block_shape Block, blob_layout Layout>
  static result<linear_plan> create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
                                    const linear_options& options, std::string_view target = {}) noexcept {
    const auto kernels = find_kernels<T, Epilogue, W>(target);
    if (!kernels) return kernels.status();
    auto made = basic_linear_plan<T, Epilogue, W>::create((*kernels)->linear, weights, options);
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
  // As gemm_plan::create, for packed weights or a span of them, a group each. Fails as basic_conv2d_plan::create says.
  template <block_shape Block, blob_layout Layout>
  static result<conv2d_plan> create(const packed_weights<W, Block, Layout>& weights, const conv2d_options& options,
                                    std::string_view target = {}) noexcept {
    return on_kernels(weights, options, target);
  }
  template <block_shape Block, blob_layout Layout>
  static result<conv2d_plan> create(std::span<const packed_weights<W, Block, Layout>> weights,
                                    const conv2d_options& options, std::string_view target = {}) noexcept {
    return on_kernels(weights, options, target);
  }

 private:
  explicit conv2d_plan(basic_conv2d_plan<T, Epilogue, W>&& made) noexcept
      : basic_conv2d_plan<T, Epilogue, W>(std::move(made)) {}

  template <class Weights>
  static result<conv2d_plan> on_kernels(const Weights& weights, const conv2d_options& options,
                                        std::string_view target) noexcept {
    const auto kernels = find_kernels<T, Epilogue, W>(target);
    if (!kernels) return kernels.status();
    auto made = basic_conv2d_plan<T, Epilogue, W>::create((*kernels)->conv2d, weights, options);
    if (!made) return made.status();
    return conv2d_plan(std::move(*made));
  }
};

// Cells are in every library, whatever its epilogues.
template <class T, class W = T>
class cell_plan : public basic_cell_plan<T, W> {
 public:
  // As gemm_plan::create, and fails as basic_cell_plan::create says.
  template <block_shape Block, blob_layout Layout>
  static result<cell_plan> create(const packed_cell<W, Block, Layout>& cell, const cell_options& options,
                                  std::string_view target = {}) noexcept {
    const auto table = find_kernels_of<T, W>(target);
    if (!table) return table.status();
    auto made = basic_cell_plan<T, W>::create((*table)->cells, cell, options);
    if (!made) return made.status();
    return cell_plan(*made);
  }

 private:
  explicit cell_plan(const basic_cell_plan<T, W>& made) noexcept : basic_cell_plan<T, W>(made) {}
};

// All targets that the library has kernels for, the best first: for the first of its types, or for the one that is
// named, as targets<float, both<bf16>>(). That one has a target of its own, avx3_bf16; others have the same ones.
inline dispatch_target_list targets() noexcept {
  return dispatch_target_list(tables_of(std::type_identity<first_table>()));
}
template <class T, class W = T>
dispatch_target_list targets() noexcept {
  return dispatch_target_list(tables_of(std::type_identity<kernel_table<T, W>>()));
}

// The target that plans of that type take of themselves: the best that the processor runs, as kernel_name() spells it.
inline const char* active_target() noexcept {
  return (*find_table(tables_of(std::type_identity<first_table>()), {}))->target;
}
template <class T, class W = T>
const char* active_target() noexcept {
  return (*find_table(tables_of(std::type_identity<kernel_table<T, W>>()), {}))->target;
}

}  // namespace BCR_DISPATCH_NS

using BCR_DISPATCH_NS::active_target;
using BCR_DISPATCH_NS::cell_plan;
using BCR_DISPATCH_NS::conv2d_plan;
using BCR_DISPATCH_NS::gemm_plan;
using BCR_DISPATCH_NS::linear_plan;
using BCR_DISPATCH_NS::targets;

}  // namespace bcr
