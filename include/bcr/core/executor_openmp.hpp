// OpenMP's threads as an executor. Compile with -fopenmp, or whatever the compiler calls it.
#pragma once

#ifndef _OPENMP
#error "bcr/core/executor_openmp.hpp needs OpenMP: compile with -fopenmp."
#endif

#include <omp.h>

#include <cstddef>

#include "bcr/core/executor.hpp"

namespace bcr {

// Up to `threads` threads, by default as many as OpenMP would use. OpenMP keeps its threads between calls and may
// allocate when it makes them; inside another parallel region it uses the one thread, unless nesting has been turned
// on.
struct openmp_executor {
  int threads = omp_get_max_threads();

  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
#pragma omp parallel for schedule(dynamic, 1) num_threads(threads) if (tasks > 1)
    for (std::size_t i = 0; i < tasks; ++i) task(i);
  }
  std::size_t concurrency() const noexcept { return static_cast<std::size_t>(threads); }
};

static_assert(executor<openmp_executor>);

}  // namespace bcr
