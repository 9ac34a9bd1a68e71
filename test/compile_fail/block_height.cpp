// expect: bcr::block: a block has 1 to 128 rows
#include "bcr/core/block.hpp"

#ifdef BCR_CORRECTED
static_assert(bcr::block<128, 16>::rows == 128);
#else
static_assert(bcr::block<129, 16>::rows == 129);
#endif
