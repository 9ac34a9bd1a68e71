// The kernels of narrow weights that the other files of this folder only declare; there are no tests here.
#define BCR_TEST_INSTANTIATE_NARROW template
#include "support/kernels_once.hpp"
