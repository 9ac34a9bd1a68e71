// expect: bcr::packed_weights: weights of eight bits are packed into bands only
#define BCR_SIMD_SCALAR
#include "bcr/bcr.hpp"

#ifdef BCR_CORRECTED
using weights = bcr::packed_weights<std::int8_t, bcr::block<4, 16>, bcr::blob_layout::bands>;
#else
using weights = bcr::packed_weights<std::int8_t, bcr::block<4, 16> >;
#endif

std::size_t rows_of(const weights& w) { return w.rows(); }
