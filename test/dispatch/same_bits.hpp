#pragma once

#include <string>

// The target that same_bits.cpp was compiled for.
const char* target_of_flags();
// What differs between static and dispatched plans; empty if nothing does.
std::string difference_to_dispatched();
