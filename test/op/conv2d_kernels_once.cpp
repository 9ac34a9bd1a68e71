// The kernels of convolutions that the other files of this folder only declare; there are no tests here.
#define BCR_TEST_INSTANTIATE_CONV2D template
#include "support/kernels_once.hpp"
