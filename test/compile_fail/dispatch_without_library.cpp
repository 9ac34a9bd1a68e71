// expect: bcr: bcr/dispatch.hpp needs kernels to choose from: link a library made by bcr_add_dispatch_library()
#ifdef BCR_CORRECTED
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#endif
#include "bcr/dispatch.hpp"
