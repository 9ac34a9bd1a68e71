#include "bcr/core/executor.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "bcr/core/executor_thread.hpp"

#ifdef _OPENMP
#include "bcr/core/executor_openmp.hpp"
#endif
#ifdef BCR_TEST_TBB
#include <tbb/global_control.h>

#include "bcr/core/executor_tbb.hpp"
#endif

namespace {

using counts = std::vector<std::atomic<int>>;

bool all_are(const counts& seen, int expected) {
  for (const std::atomic<int>& count : seen) {
    if (count != expected) return false;
  }
  return true;
}

template <class Executor>
void check_executor(Executor& executor) {
  CHECK(executor.concurrency() >= 1);

  // Every index once, and all tasks have returned when run does.
  for (std::size_t tasks : {0, 1, 2, 3, 7, 64, 1000}) {
    CAPTURE(tasks);
    counts seen(tasks);
    executor.run(tasks, [&](std::size_t i) noexcept { ++seen[i]; });
    CHECK(all_are(seen, 1));
  }

  // Many short rounds one after the other, which is what a network's layers are.
  counts seen(5);
  for (int round = 0; round < 500; ++round) executor.run(seen.size(), [&](std::size_t i) noexcept { ++seen[i]; });
  CHECK(all_are(seen, 500));

  // What the tasks wrote without synchronisation is there afterwards.
  std::vector<int> plain(257, 0);
  executor.run(plain.size(), [&](std::size_t i) noexcept { plain[i] = static_cast<int>(i); });
  bool written = true;
  for (std::size_t i = 0; i < plain.size(); ++i) written &= plain[i] == static_cast<int>(i);
  CHECK(written);

  // A task may run tasks.
  counts nested(12);
  executor.run(3, [&](std::size_t i) noexcept {
    executor.run(4, [&nested, i](std::size_t j) noexcept { ++nested[4 * i + j]; });
  });
  CHECK(all_are(nested, 1));
}

TEST_CASE("serial_executor runs every task once") {
  bcr::serial_executor executor;
  check_executor(executor);
  CHECK(executor.concurrency() == 1);
}

TEST_CASE("thread_pool runs every task once") {
  for (std::size_t threads : {1, 2, 3, 8}) {
    CAPTURE(threads);
    bcr::result<bcr::thread_pool> pool = bcr::thread_pool::create(threads);
    REQUIRE(pool.ok());
    CHECK(pool->concurrency() == threads);
    check_executor(*pool);
  }
}

TEST_CASE("thread_pool uses its threads") {
  bcr::result<bcr::thread_pool> pool = bcr::thread_pool::create(2);
  REQUIRE(pool.ok());
  // Each of the two tasks waits for the other to begin: one thread alone would never return.
  std::atomic<int> begun = 0;
  pool->run(2, [&](std::size_t) noexcept {
    ++begun;
    while (begun < 2) std::this_thread::yield();
  });
  CHECK(begun == 2);
}

TEST_CASE("thread_pool gives every thread the same tasks in every run") {
  auto pool = bcr::thread_pool::create(4);
  REQUIRE(pool.ok());
  std::vector<std::thread::id> first(4);
  for (int round = 0; round < 50; ++round) {
    // No task ends before all have begun, so that no thread can take over from another.
    std::atomic<std::size_t> begun = 0;
    std::vector<std::thread::id> threads(4);
    pool->run(threads.size(), [&](std::size_t i) noexcept {
      threads[i] = std::this_thread::get_id();
      ++begun;
      while (begun != threads.size()) std::this_thread::yield();
    });
    CHECK(threads[0] == std::this_thread::get_id());
    if (round == 0) first = threads;
    CHECK(threads == first);
  }
}

TEST_CASE("thread_pool may be shared, moved and left idle") {
  bcr::result<bcr::thread_pool> made = bcr::thread_pool::create(2);
  REQUIRE(made.ok());
  bcr::thread_pool pool = std::move(*made);
  counts seen(64);
  auto count = [&] {
    for (int round = 0; round < 500; ++round) pool.run(seen.size(), [&](std::size_t i) noexcept { ++seen[i]; });
  };
  std::thread other(count);
  count();
  other.join();
  CHECK(all_are(seen, 1000));

  bcr::result<bcr::thread_pool> unused = bcr::thread_pool::create(3);
  CHECK(unused.ok());
}

TEST_CASE("thread_pool says what is wrong") {
  const bcr::result<bcr::thread_pool> pool = bcr::thread_pool::create(0);
  CHECK(pool.status().code() == bcr::errc::invalid_argument);
  CHECK(pool.message() == doctest::String("A thread pool has at least one thread, the caller's."));
}

#ifdef _OPENMP
TEST_CASE("openmp_executor runs every task once") {
  for (int threads : {1, 2, 5}) {
    CAPTURE(threads);
    bcr::openmp_executor executor{threads};
    check_executor(executor);
    CHECK(executor.concurrency() == static_cast<std::size_t>(threads));
  }
}
#endif

#ifdef BCR_TEST_TBB
TEST_CASE("tbb_executor runs every task once") {
  const tbb::global_control allowed(tbb::global_control::max_allowed_parallelism,
                                    5);  // even on a machine with one core
  for (int threads : {1, 2, 5}) {
    CAPTURE(threads);
    tbb::task_arena arena(threads);
    arena.execute([&] {
      bcr::tbb_executor executor;
      check_executor(executor);
      CHECK(executor.concurrency() == static_cast<std::size_t>(threads));
    });
  }
}
#endif

}  // namespace
