// expect: bcr: the dispatch library has no kernels for this epilogue: name it in the EPILOGUES
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#include "bcr/dispatch.hpp"

#ifdef BCR_CORRECTED
using plan = bcr::gemm_plan<float>;
using number = float;
#else
using plan = bcr::gemm_plan<float, bcr::epilogue::relu>;
using number = float;
#endif

bool make(const bcr::packed_weights<number, bcr::block<4, 16>>& weights) { return plan::create(weights, {}).ok(); }
