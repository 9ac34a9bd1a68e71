// expect: bcr: both<bf16> is for gemm_plan and linear_plan; a cell's activations and state are float
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using weights = bcr::bf16;
#else
using weights = bcr::both<bcr::bf16>;
#endif
using plan = bcr::cell_plan<float, weights>;

std::size_t bytes_of(const plan& p) { return p.workspace_bytes(); }
