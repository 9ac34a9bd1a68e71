// expect: bcr::buffer: elements must be trivially copyable
#include "bcr/core/buffer.hpp"

struct element {
#ifndef BCR_CORRECTED
  ~element() {}
#endif
  int value;
};

bcr::buffer<element> made;
