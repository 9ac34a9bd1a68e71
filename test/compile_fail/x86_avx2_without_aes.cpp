// expect: the compiler may use AVX2, but Highway's AVX2 target also wants AES, PCLMUL, BMI2, FMA and F16C
// flags: -march=x86-64-v3
#ifdef BCR_CORRECTED
#define BCR_ALLOW_SLOW_TARGET
#endif
#include "bcr/simd/ops-inl.h"
