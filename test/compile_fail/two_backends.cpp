// expect: bcr: define at most one of BCR_SIMD_XSIMD and BCR_SIMD_SCALAR.
#define BCR_SIMD_SCALAR
#ifndef BCR_CORRECTED
#define BCR_SIMD_XSIMD
#endif
#include "bcr/simd/ops-inl.h"
