// Whole networks: described as a constexpr value, checked by the compiler, and run on the kernels that they use. Beside
// bcr/bcr.hpp, for the same target.
#pragma once

#include "bcr/bcr.hpp"
#include "bcr/net/builder.hpp"
#include "bcr/net/runner-inl.h"

namespace bcr::net {

using BCR_TARGET_NS::network_options;
using BCR_TARGET_NS::network_runner;

}  // namespace bcr::net
