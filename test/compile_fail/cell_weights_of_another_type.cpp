// expect: bcr: the weights of a cell are of the same type as its activations, or f16, bf16 or std::int8_t
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using plan = bcr::cell_plan<float, bcr::bf16>;
#else
using plan = bcr::cell_plan<double, bcr::bf16>;
#endif

bool make(const bcr::packed_cell<bcr::bf16, bcr::block<4, 16>>& cell) { return plan::create(cell, {}).ok(); }
