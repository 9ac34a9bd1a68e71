#include "machine.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

#include "bcr/core/buffer.hpp"
#include "problem.hpp"

namespace bench {
namespace {

#if defined(__AVX512F__)
constexpr int bytes_a_vector = 64, chains = 24;
#elif defined(__AVX__)
constexpr int bytes_a_vector = 32, chains = 12;
#else
constexpr int bytes_a_vector = 16, chains = 12;
#endif
constexpr int lanes = bytes_a_vector / 4;
using vector = float __attribute__((vector_size(bytes_a_vector), may_alias));

// Keeps the compiler from knowing a value, in a register and at no cost.
#if defined(__x86_64__)
#define BENCH_OPAQUE(v) asm volatile("" : "+v"(v))
#else
#define BENCH_OPAQUE(v) asm volatile("" : "+w"(v))
#endif

// GCC's own names for unrolling and inlining are understood by clang as well.
[[gnu::noinline]] void multiply_add_chains(long rounds) {
  vector factor = vector{} + 0.999F, term = vector{} + 1e-3F, sums[chains];
  BENCH_OPAQUE(factor);
  BENCH_OPAQUE(term);
#pragma GCC unroll 32
  for (int i = 0; i < chains; ++i) sums[i] = term;
  for (long r = 0; r < rounds; ++r) {
#pragma GCC unroll 32
    for (int i = 0; i < chains; ++i) {
      sums[i] = sums[i] * factor + term;
      BENCH_OPAQUE(sums[i]);
    }
  }
}

[[gnu::noinline]] void read_all(const char* data, std::size_t bytes) {
  for (std::size_t i = 0; i + 512 <= bytes; i += 512) {
#pragma GCC unroll 32
    for (int u = 0; u < 512 / bytes_a_vector; ++u) {
      vector v = *reinterpret_cast<const vector*>(data + i + static_cast<std::size_t>(u * bytes_a_vector));
      BENCH_OPAQUE(v);
    }
  }
}

[[gnu::noinline]] void write_all(char* data, std::size_t bytes) {
  vector v{};
  BENCH_OPAQUE(v);
  for (std::size_t i = 0; i + 512 <= bytes; i += 512) {
#pragma GCC unroll 32
    for (int u = 0; u < 512 / bytes_a_vector; ++u) *reinterpret_cast<vector*>(data + i + u * bytes_a_vector) = v;
    asm volatile("" ::: "memory");
  }
}

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Bytes a second when `pass` goes over `bytes` bytes again and again: the median, since what a cache level delivers to
// a stream changes with what its lines went through before.
template <class Pass>
double measure_bandwidth(std::size_t bytes, Pass&& pass) {
  bcr::buffer<float> data = random_floats(bytes / sizeof(float), 1);
  const auto repeats = std::max<std::size_t>(2, (std::size_t{8} << 20) / bytes);
  std::vector<double> rates;
  for (int sample = 0; sample < 16; ++sample) {
    const double start = seconds_now();
    for (std::size_t r = 0; r < repeats; ++r) pass(reinterpret_cast<char*>(data.data()), bytes);
    rates.push_back(static_cast<double>(repeats * bytes) / (seconds_now() - start));
  }
  std::nth_element(rates.begin(), rates.begin() + 8, rates.end());
  return rates[8];
}

// Sizes are rounded up to half powers of two and measured once.
template <class Pass>
double known_bandwidth(std::map<std::size_t, double>& known, std::size_t bytes, Pass&& pass) {
  std::size_t size = 4096;
  while (size < bytes) size = size + size / 2 >= bytes ? size + size / 2 : size * 2;
  auto [entry, is_new] = known.try_emplace(size);
  if (is_new) entry->second = measure_bandwidth(size, pass);
  return entry->second;
}

}  // namespace

std::size_t vector_bytes() { return bytes_a_vector; }

double fma_probe() {
  static const long rounds = [] {
    constexpr long trial = 20000;
    multiply_add_chains(trial);
    const double start = seconds_now();
    multiply_add_chains(trial);
    return std::max(1L, static_cast<long>(trial * fma_probe_seconds / (seconds_now() - start)));
  }();
  multiply_add_chains(rounds);
  return 2.0 * lanes * chains * static_cast<double>(rounds);
}

double l1_probe() {
  constexpr std::size_t bytes = 16384, repeats = 200;
  static const bcr::buffer<float> data = random_floats(bytes / sizeof(float), 1);
  read_all(reinterpret_cast<const char*>(data.data()), bytes);
  const double start = seconds_now();
  for (std::size_t r = 0; r < repeats; ++r) read_all(reinterpret_cast<const char*>(data.data()), bytes);
  return static_cast<double>(repeats * bytes) / (seconds_now() - start);
}

void read_stream(const void* data, std::size_t bytes) { read_all(static_cast<const char*>(data), bytes); }

double read_bandwidth(std::size_t bytes) {
  static std::map<std::size_t, double> known;
  return known_bandwidth(known, bytes, [](const char* data, std::size_t size) { read_all(data, size); });
}

double write_bandwidth(std::size_t bytes) {
  static std::map<std::size_t, double> known;
  return known_bandwidth(known, bytes, [](char* data, std::size_t size) { write_all(data, size); });
}

}  // namespace bench
