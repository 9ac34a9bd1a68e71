// What the machine could do at best: the rates that the library's kernels are measured against.
#pragma once

#include <cstddef>

namespace bench {

inline constexpr double fma_probe_seconds = 60e-6;  // about as long as this takes

// Bytes of the widest float vector that this build may use; the probe below uses the same.
std::size_t vector_bytes();

// Runs independent chains of fused multiply-adds on registers and returns how many floating-point operations it did.
// All chains stay in flight, so operations over time are the peak of one core.
double fma_probe();

// Reads from the L1 cache for some microseconds and returns bytes per second. Another tenant of the same core, on its
// other hardware thread, shows here first, and more than in the rate of multiply-adds.
double l1_probe();

// One pass over `bytes` bytes of aligned memory, rounded down to whole 512: what a kernel that only reads its weights
// could not be faster than.
void read_stream(const void* data, std::size_t bytes);

// What a stream over `bytes` bytes, again and again, delivers to one core from the cache level that holds so many, or
// takes from it: bytes per second.
double read_bandwidth(std::size_t bytes);
double write_bandwidth(std::size_t bytes);

}  // namespace bench
