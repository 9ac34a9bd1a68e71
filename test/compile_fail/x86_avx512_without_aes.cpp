// expect: the compiler may use AVX-512, but Highway's AVX3 target also wants AES, PCLMUL, BMI2, FMA and F16C
// flags: -march=x86-64-v4
#ifdef BCR_CORRECTED
#define BCR_ALLOW_SLOW_TARGET
#endif
#include "bcr/simd/ops-inl.h"
