// The epilogues of an operation, as its caller names them: bcr::epilogue::chain(bias{p}, relu{}). They are defined one
// level below, where the kernels that apply them see them too.
#pragma once

#include "bcr/kernel/epilogue.hpp"  // IWYU pragma: export
