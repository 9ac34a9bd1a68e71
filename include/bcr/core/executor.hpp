// The caller's threads, seen through one call. The library starts no thread: whoever has some lends them by handing an
// object of this shape to `run`. Adapters for common thread pools stand beside this header (executor_*.hpp).
#pragma once

#include <concepts>
#include <cstddef>

namespace bcr {

// `e.run(n, task)` calls task(0) ... task(n - 1), each once, in any order and on any threads, and returns when all have
// returned; `e.concurrency()` is how many may run at the same time. Neither may throw.
template <class E>
concept executor = requires(E& e, void (*task)(std::size_t) noexcept, std::size_t n) {
  { e.run(n, task) } noexcept;
  { e.concurrency() } noexcept -> std::convertible_to<std::size_t>;
};

// The caller's own thread.
struct serial_executor {
  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
    for (std::size_t i = 0; i < tasks; ++i) task(i);
  }
  static constexpr std::size_t concurrency() noexcept { return 1; }
};

static_assert(executor<serial_executor>);

}  // namespace bcr
