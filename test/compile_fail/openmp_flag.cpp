// expect: bcr/core/executor_openmp.hpp needs OpenMP: compile with -fopenmp.
#ifdef BCR_CORRECTED
#define _OPENMP 201511
#endif
#include "bcr/core/executor_openmp.hpp"
