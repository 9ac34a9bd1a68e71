// RISC-V's vector intrinsics were renamed and reordered until clang 16. Highway 1.0.3 was written for a state between
// two releases: the names of clang 14, but the mask behind the vectors that it chooses from. These overloads for
// merging and compressing make the two fit. Highway 1.4.0 has the final names and goes with clang 19 as it is.
#pragma once

#if defined(__riscv_vector) && defined(__clang__) && __clang_major__ == 14
#include <riscv_vector.h>
#include <stddef.h>

#define BCR_INTRINSIC static inline __attribute__((__always_inline__, __nodebug__))

// vmerge takes `yes` where the mask is set; vcompress moves those lanes of its second vector to the front of the first.
#define BCR_VECTORS(NAME, VECTOR, MASK, SUFFIX)                                          \
  BCR_INTRINSIC VECTOR NAME##_##SUFFIX(VECTOR no, VECTOR yes, MASK mask, size_t lanes) { \
    return NAME##_##SUFFIX(mask, no, yes, lanes);                                        \
  }
#define BCR_SCALAR(NAME, VECTOR, MASK, LANE, SUFFIX)                                   \
  BCR_INTRINSIC VECTOR NAME##_##SUFFIX(VECTOR no, LANE yes, MASK mask, size_t lanes) { \
    return NAME##_##SUFFIX(mask, no, yes, lanes);                                      \
  }

#define BCR_LANES(MERGE, VECTOR, MASK, LANE, SUFFIX) \
  BCR_VECTORS(vmerge_vvm, VECTOR, MASK, SUFFIX)      \
  BCR_VECTORS(vcompress_vm, VECTOR, MASK, SUFFIX)    \
  BCR_SCALAR(MERGE, VECTOR, MASK, LANE, SUFFIX)
#define BCR_INTEGERS(BITS, LMUL, RATIO)                                                         \
  BCR_LANES(vmerge_vxm, vuint##BITS##LMUL##_t, vbool##RATIO##_t, uint##BITS##_t, u##BITS##LMUL) \
  BCR_LANES(vmerge_vxm, vint##BITS##LMUL##_t, vbool##RATIO##_t, int##BITS##_t, i##BITS##LMUL)
#define BCR_FLOATS(BITS, LMUL, RATIO, LANE) \
  BCR_LANES(vfmerge_vfm, vfloat##BITS##LMUL##_t, vbool##RATIO##_t, LANE, f##BITS##LMUL)

BCR_INTEGERS(8, mf8, 64)
BCR_INTEGERS(8, mf4, 32)
BCR_INTEGERS(8, mf2, 16)
BCR_INTEGERS(8, m1, 8)
BCR_INTEGERS(8, m2, 4)
BCR_INTEGERS(8, m4, 2)
BCR_INTEGERS(8, m8, 1)
BCR_INTEGERS(16, mf4, 64)
BCR_INTEGERS(16, mf2, 32)
BCR_INTEGERS(16, m1, 16)
BCR_INTEGERS(16, m2, 8)
BCR_INTEGERS(16, m4, 4)
BCR_INTEGERS(16, m8, 2)
BCR_INTEGERS(32, mf2, 64)
BCR_INTEGERS(32, m1, 32)
BCR_INTEGERS(32, m2, 16)
BCR_INTEGERS(32, m4, 8)
BCR_INTEGERS(32, m8, 4)
BCR_INTEGERS(64, m1, 64)
BCR_INTEGERS(64, m2, 32)
BCR_INTEGERS(64, m4, 16)
BCR_INTEGERS(64, m8, 8)
BCR_FLOATS(32, mf2, 64, float)
BCR_FLOATS(32, m1, 32, float)
BCR_FLOATS(32, m2, 16, float)
BCR_FLOATS(32, m4, 8, float)
BCR_FLOATS(32, m8, 4, float)
BCR_FLOATS(64, m1, 64, double)
BCR_FLOATS(64, m2, 32, double)
BCR_FLOATS(64, m4, 16, double)
BCR_FLOATS(64, m8, 8, double)
#endif
