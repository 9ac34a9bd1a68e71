// expect: bcr: both<bf16> is for gemm_plan; a linear layer's activations are float
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using weights = bcr::bf16;
#else
using weights = bcr::both<bcr::bf16>;
#endif
using plan = bcr::linear_plan<float, bcr::epilogue::none, weights>;

std::size_t bytes_of(const plan& p) { return p.workspace_bytes(); }
