// expect: bcr: the dispatch library has no kernels for this type: name it in the TYPES
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#include "bcr/dispatch.hpp"

#ifdef BCR_CORRECTED
using plan = bcr::gemm_plan<float>;
using number = float;
#else
using plan = bcr::gemm_plan<double>;
using number = double;
#endif

bool make(const bcr::packed_weights<number, bcr::block<4, 16>>& weights) { return plan::create(weights, {}).ok(); }
