// The plans under test: those of bcr/bcr.hpp, or, in a program linked with a dispatch library, those of
// bcr/dispatch.hpp on the target that the environment variable BCR_TEST_TARGET names ("lowest" is the library's last).
#pragma once

#include <cstddef>

#ifdef BCR_DISPATCH_LIBRARY
#include <concepts>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <type_traits>

#include "bcr/dispatch.hpp"

namespace bcr::test {

// Whether the library multiplies activations in bf16, for which it has targets of its own.
inline constexpr bool has_narrow_kernels = BCR_DISPATCH_NS::has_types<float, both<bf16>>;

inline const char* target_name() {
  static const char* const name = [] {
    const char* const set = std::getenv("BCR_TEST_TARGET");
    const std::string_view wanted = set == nullptr ? "" : set;
    const auto find = [&](const dispatch_target_list& all) -> const char* {
      for (const dispatch_target& t : all) {
        if (wanted != t.name && !(wanted == "lowest" && &t + 1 == all.end())) continue;
        if (t.runs_here) return t.name;
        std::printf("Skipped: this processor does not run %s.\n", t.name);
        std::exit(0);
      }
      return nullptr;
    };
    if (const char* const found = find(targets())) return found;
    if constexpr (has_narrow_kernels) {
      if (const char* const found = find(targets<float, both<bf16>>())) return found;
    }
    std::printf("FAILED: BCR_TEST_TARGET is '%s', which the library has no kernels for.\n", set == nullptr ? "" : set);
    std::exit(1);
  }();
  return name;
}

template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
struct gemm_plan : bcr::gemm_plan<T, Epilogue, W> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
                     const gemm_options& options) noexcept {
    return bcr::gemm_plan<T, Epilogue, W>::create(weights, options, target_name());
  }
};
template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
struct linear_plan : bcr::linear_plan<T, Epilogue, W> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_weights<stored_weight<W>, Block, Layout>& weights,
                     const linear_options& options) noexcept {
    return bcr::linear_plan<T, Epilogue, W>::create(weights, options, target_name());
  }
};
template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
struct conv2d_plan : bcr::conv2d_plan<T, Epilogue, W> {
  template <class Weights>
  static auto create(const Weights& weights, const conv2d_options& options) noexcept {
    return bcr::conv2d_plan<T, Epilogue, W>::create(weights, options, target_name());
  }
};
template <class T, class W = T>
struct cell_plan : bcr::cell_plan<T, W> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_cell<W, Block, Layout>& cell, const cell_options& options) noexcept {
    return bcr::cell_plan<T, W>::create(cell, options, target_name());
  }
};

template <class T>
const kernel_target& kernels_under_test() {
  using weights = std::conditional_t<has_narrow_kernels && std::same_as<T, float>, both<bf16>, T>;
  return (*BCR_DISPATCH_NS::find_kernels<T, epilogue::none, weights>(target_name()))->gemm.panels.target;
}

}  // namespace bcr::test

#else
#include "support/kernels_once.hpp"

namespace bcr::test {

using bcr::cell_plan;
using bcr::conv2d_plan;
using bcr::gemm_plan;
using bcr::linear_plan;
using bcr::target_name;

template <class T>
const kernel_target& kernels_under_test() {
  return BCR_TARGET_NS::kGemmKernels<T, epilogue::none, T, false>.panels.target;
}

}  // namespace bcr::test
#endif

namespace bcr::test {

template <class T>
std::size_t lanes_of() {
  return kernels_under_test<T>().lanes();
}

}  // namespace bcr::test
