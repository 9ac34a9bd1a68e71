// expect: bcr/core/executor_openmp.hpp needs OpenMP: compile with -fopenmp.
#if !defined(BCR_CORRECTED)
#include "bcr/core/executor_openmp.hpp"
#endif
