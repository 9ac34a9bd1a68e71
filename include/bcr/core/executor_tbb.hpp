// oneTBB's threads as an executor. Link with oneTBB.
#pragma once

#include <tbb/parallel_for.h>
#include <tbb/partitioner.h>
#include <tbb/task_arena.h>

#include <cstddef>

#include "bcr/core/executor.hpp"

namespace bcr {

// The threads of the task arena that `run` is called in; nested calls join them. TBB allocates its tasks itself, a few
// for every call: a program that must not allocate while it runs should use thread_pool. Where TBB fails to, it throws,
// and the program ends.
struct tbb_executor {
  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
    tbb::parallel_for(std::size_t{0}, tasks, [&task](std::size_t i) noexcept { task(i); }, tbb::simple_partitioner{});
  }
  std::size_t concurrency() const noexcept { return static_cast<std::size_t>(tbb::this_task_arena::max_concurrency()); }
};

static_assert(executor<tbb_executor>);

}  // namespace bcr
