// expect: bcr: a file includes bcr/bcr.hpp or bcr/dispatch.hpp, not both: each has a bcr::gemm_plan.
#define BCR_SIMD_SCALAR
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#include "bcr/dispatch.hpp"
#ifndef BCR_CORRECTED
#include "bcr/bcr.hpp"
#endif
