// The kernels that the other files of this folder only declare; there are no tests here.
#define BCR_TEST_INSTANTIATE template
#include "support/kernels_once.hpp"
