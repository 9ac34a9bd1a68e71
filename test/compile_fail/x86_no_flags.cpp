// expect: without flags for a SIMD instruction set Highway computes one lane at a time
// flags: -march=x86-64
#ifdef BCR_CORRECTED
#define BCR_ALLOW_SLOW_TARGET
#endif
#include "bcr/simd/ops-inl.h"
