// expect: bcr: the dispatch library has no kernels for this type: name it in the TYPES
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#include "bcr/dispatch.hpp"

#ifdef BCR_CORRECTED
using number = float;
#else
using number = bcr::bf16;
#endif
using plan = bcr::gemm_plan<float, bcr::epilogue::none, number>;

bool make(const bcr::packed_weights<number, bcr::block<4, 16>>& weights) { return plan::create(weights, {}).ok(); }
