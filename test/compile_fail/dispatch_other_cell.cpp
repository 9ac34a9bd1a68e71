// expect: bcr: the dispatch library has no kernels for this type: name it in the TYPES
#define BCR_DISPATCH_LIBRARY "../../test/compile_fail/dispatch_library.hpp"
#include "bcr/dispatch.hpp"

#ifdef BCR_CORRECTED
using number = float;
#else
using number = double;
#endif

bool make(const bcr::packed_cell<number, bcr::block<4, 16>>& cell) {
  return bcr::cell_plan<number>::create(cell, {}).ok();
}
