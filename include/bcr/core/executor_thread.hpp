// A small pool of std::thread for programs that have none of their own. The caller creates it, owns it and decides when
// its threads end; the library itself never makes one.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <thread>
#include <utility>

#include "bcr/core/executor.hpp"
#include "bcr/core/status.hpp"

namespace bcr {

// `run` shares its tasks between the pool's threads and the caller's own, and allocates nothing. Every thread begins
// with its own share of them, the same in every run of so many tasks, so that it finds in its cache what it left there;
// who is done early takes over from the others. Idle threads look out for work for some microseconds, so that the next
// layer finds them awake, and then sleep; a run never waits for one that is late, only for tasks that were begun. While
// a run is going on, a second one (from inside a task, or from another thread) is done by the thread that asks for it.
class thread_pool {
 public:
  // `threads` counts the caller's, so one makes a pool without threads. Fails with out_of_memory, also where the system
  // has no thread left to give; compiled without exceptions, std::thread has no way to tell and ends the program.
  static result<thread_pool> create(std::size_t threads) noexcept;

  template <class Task>
  void run(std::size_t tasks, const Task& task) noexcept {
    if (tasks < 2 || tasks > most_tasks || state_->threads == 0 || state_->busy.exchange(true)) {
      for (std::size_t i = 0; i < tasks; ++i) task(i);
      return;
    }
    const call_type call = [](const void* t, std::size_t i) noexcept { (*static_cast<const Task*>(t))(i); };
    state_->run(static_cast<std::uint32_t>(tasks), call, &task);
    state_->busy.store(false);
  }

  std::size_t concurrency() const noexcept { return state_->threads + 1; }

 private:
  using call_type = void (*)(const void* task, std::size_t index) noexcept;
  static constexpr std::uint32_t most_tasks = std::numeric_limits<std::uint32_t>::max();

  // A round is one run. Each thread's share of its tasks is handed out by a ticket: the round's number in the upper
  // half, the next task in the lower. A thread that overslept may look at the tasks while the caller already writes
  // down those of the next round; the lower half is then `most_tasks`, or the round's number has changed, and it gets
  // none.
  struct alignas(64) share {
    std::atomic<std::uint64_t> ticket = 0;
  };
  struct state {
    ~state();
    void run(std::uint32_t n, call_type c, const void* t) noexcept;
    void work(std::size_t self) noexcept;
    std::uint32_t work_on(std::size_t owner) noexcept;
    void serve(std::size_t self) noexcept;
    // Where the share of thread `owner` begins; the caller is thread 0, and the share after the last begins at `n`.
    std::uint32_t share_begin(std::uint32_t n, std::size_t owner) const noexcept {
      return static_cast<std::uint32_t>(std::uint64_t{n} * owner / (threads + 1));
    }

    std::unique_ptr<share[]> shares;
    std::unique_ptr<std::thread[]> workers;
    std::size_t threads = 0;  // those of `workers` that were started
    std::atomic<bool> busy = false;
    std::atomic<bool> stop = false;
    std::atomic<call_type> call = nullptr;
    std::atomic<const void*> task = nullptr;
    std::atomic<std::uint32_t> tasks = 0;
    alignas(64) std::atomic<std::uint32_t> round = 0;
    alignas(64) std::atomic<std::uint32_t> done = 0;
  };

  explicit thread_pool(std::unique_ptr<state> s) noexcept : state_(std::move(s)) {}

  static bool start(state& s, std::size_t count) noexcept;  // so many threads beside the caller's
  static void await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept;

  std::unique_ptr<state> state_;
};

// Awake at first, asleep later.
inline void thread_pool::await_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) noexcept {
  for (int i = 0; i < 1000; ++i) {
    if (value.load(std::memory_order_acquire) != old) return;
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#endif
  }
  value.wait(old, std::memory_order_acquire);
}

inline void thread_pool::state::run(std::uint32_t n, call_type c, const void* t) noexcept {
  const std::uint64_t next_round = ((shares[0].ticket.load(std::memory_order_relaxed) >> 32) + 1) << 32;
  for (std::size_t i = 0; i <= threads; ++i) shares[i].ticket.store(next_round | most_tasks);
  call.store(c);
  task.store(t);
  tasks.store(n);
  done.store(0);
  for (std::size_t i = 0; i <= threads; ++i) shares[i].ticket.store(next_round | share_begin(n, i));
  round.fetch_add(1);
  round.notify_all();
  work(0);
  for (std::uint32_t d; (d = done.load(std::memory_order_acquire)) != n;) await_change(done, d);
}

// Takes tasks until there are none left: first its own, then what the others have not begun.
inline void thread_pool::state::work(std::size_t self) noexcept {
  std::uint32_t finished = 0;
  for (std::size_t i = 0; i <= threads; ++i) finished += work_on((self + i) % (threads + 1));
  // A thread that has taken a task keeps the round from ending until `done` counts it, so `tasks` is still the round's.
  if (finished != 0 && done.fetch_add(finished) + finished == tasks.load()) done.notify_one();
}

// Takes the tasks of one thread's share and returns how many it got.
inline std::uint32_t thread_pool::state::work_on(std::size_t owner) noexcept {
  std::atomic<std::uint64_t>& ticket = shares[owner].ticket;
  std::uint32_t finished = 0;
  for (std::uint64_t taken = ticket.load();;) {
    const call_type c = call.load();
    const void* const t = task.load();
    const std::uint32_t index = static_cast<std::uint32_t>(taken);
    if (index >= share_begin(tasks.load(), owner + 1)) return finished;
    if (!ticket.compare_exchange_weak(taken, taken + 1)) continue;
    c(t, index);
    ++finished;
    taken = ticket.load();
  }
}

inline void thread_pool::state::serve(std::size_t self) noexcept {
  for (std::uint32_t seen = 0;;) {
    await_change(round, seen);
    seen = round.load();
    if (stop) return;
    work(self);
  }
}

inline thread_pool::state::~state() {
  stop = true;
  round.fetch_add(1);
  round.notify_all();
  for (std::size_t i = 0; i < threads; ++i) workers[i].join();
}

inline bool thread_pool::start(state& s, std::size_t count) noexcept {
  s.shares.reset(new (std::nothrow) share[count + 1]);
  s.workers.reset(new (std::nothrow) std::thread[count]);
  if (s.shares == nullptr || s.workers == nullptr) return false;
#ifdef __cpp_exceptions
  try {
#endif
    for (; s.threads < count; ++s.threads) {
      s.workers[s.threads] = std::thread([&s, self = s.threads + 1] { s.serve(self); });
    }
    return true;
#ifdef __cpp_exceptions
  } catch (...) {
    return false;  // those already started end with the state
  }
#endif
}

inline result<thread_pool> thread_pool::create(std::size_t threads) noexcept {
  if (threads == 0) return {errc::invalid_argument, "A thread pool has at least one thread, the caller's."};
  std::unique_ptr<state> made(new (std::nothrow) state);
  if (made == nullptr || !start(*made, threads - 1)) {
    return {errc::out_of_memory, "The system has no memory or no thread left for the thread pool."};
  }
  return thread_pool(std::move(made));
}

static_assert(executor<thread_pool>);

}  // namespace bcr
