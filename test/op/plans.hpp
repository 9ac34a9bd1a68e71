// The plans under test: those of bcr/bcr.hpp, or, in a program linked with a dispatch library, those of
// bcr/dispatch.hpp on the target that the environment variable BCR_TEST_TARGET names ("lowest" is the library's last).
#pragma once

#include <cstddef>

#ifdef BCR_DISPATCH_LIBRARY
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "bcr/dispatch.hpp"

namespace bcr::test {

inline const char* target_name() {
  static const char* const name = [] {
    const char* const set = std::getenv("BCR_TEST_TARGET");
    const std::string_view wanted = set == nullptr ? "" : set;
    const dispatch_target_list all = targets();
    for (const dispatch_target& t : all) {
      if (wanted != t.name && !(wanted == "lowest" && &t + 1 == all.end())) continue;
      if (t.runs_here) return t.name;
      std::printf("Skipped: this processor does not run %s.\n", t.name);
      std::exit(0);
    }
    std::printf("FAILED: BCR_TEST_TARGET is '%s', which the library has no kernels for.\n", set == nullptr ? "" : set);
    std::exit(1);
  }();
  return name;
}

template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
struct gemm_plan : bcr::gemm_plan<T, Epilogue, W> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_weights<W, Block, Layout>& weights, const gemm_options& options) noexcept {
    return bcr::gemm_plan<T, Epilogue, W>::create(weights, options, target_name());
  }
};
template <class T, epilogue_for<T> Epilogue = epilogue::none, class W = T>
struct linear_plan : bcr::linear_plan<T, Epilogue, W> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_weights<W, Block, Layout>& weights, const linear_options& options) noexcept {
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
template <class T>
struct cell_plan : bcr::cell_plan<T> {
  template <block_shape Block, blob_layout Layout>
  static auto create(const packed_cell<T, Block, Layout>& cell, const cell_options& options) noexcept {
    return bcr::cell_plan<T>::create(cell, options, target_name());
  }
};

template <class T>
const kernel_target& kernels_under_test() {
  return (*BCR_DISPATCH_NS::find_kernels<T, epilogue::none>(target_name()))->gemm.panels.target;
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
