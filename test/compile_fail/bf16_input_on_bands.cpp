// expect: bcr: a plan whose activations are in bf16 takes weights that are packed into panels
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
constexpr auto layout = bcr::blob_layout::panels;
#else
constexpr auto layout = bcr::blob_layout::bands;
#endif
using plan = bcr::linear_plan<float, bcr::epilogue::none, bcr::both<bcr::bf16>>;

bool make(const bcr::packed_weights<bcr::bf16, bcr::block<4, 16>, layout>& weights) {
  return plan::create(weights, {.tokens = 3}).ok();
}
