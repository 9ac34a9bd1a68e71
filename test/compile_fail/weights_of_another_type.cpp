// expect: bcr: the weights of a plan are of the same type as its activations, or f16, bf16 or std::int8_t
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using plan = bcr::gemm_plan<float, bcr::epilogue::none, bcr::bf16>;
#else
using plan = bcr::gemm_plan<double, bcr::epilogue::none, bcr::bf16>;
#endif

bool make(const bcr::packed_weights<bcr::bf16, bcr::block<4, 16>>& weights) { return plan::create(weights, {}).ok(); }
