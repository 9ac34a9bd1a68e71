// expect: bcr: both<bf16> is for gemm_plan and linear_plan; a convolution's activations are float
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using weights = bcr::bf16;
#else
using weights = bcr::both<bcr::bf16>;
#endif
using plan = bcr::conv2d_plan<float, bcr::epilogue::none, weights>;

std::size_t bytes_of(const plan& p) { return p.workspace_bytes(); }
