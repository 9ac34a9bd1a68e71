// expect: bcr::block: a block has 1 to 1024 columns
#include "bcr/core/block.hpp"

#ifdef BCR_CORRECTED
static_assert(bcr::block<4, 1>::columns == 1);
#else
static_assert(bcr::block<4, 0>::columns == 0);
#endif
