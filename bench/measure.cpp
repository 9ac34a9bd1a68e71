#include "measure.hpp"

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <thread>

#include "machine.hpp"

namespace bench {
namespace {

double clock_seconds(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

double seconds_now() { return clock_seconds(CLOCK_MONOTONIC); }

// How often the system took the core away from this thread.
long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// Whether this core is ours alone just now: L1 reads are as fast as they ever were, give or take the clock. Where two
// hardware threads share a core, a busy neighbour takes a third of them, and up to half of a kernel's speed.
bool core_is_quiet() {
  static double best = 0;
  const double rate = l1_probe();
  best = std::max(best, rate);
  return rate > 0.86 * best;
}

// Others come and go within milliseconds. Waiting for them is limited, so that a run ends on a busy machine, too.
void await_quiet_core(double deadline) {
  while (!core_is_quiet() && seconds_now() < deadline) std::this_thread::sleep_for(std::chrono::microseconds(200));
}

// What the last contender left in the caches is not this one's. A third-level cache that takes what the second evicts
// needs some calls until it holds what all of them use, and threads that help need some time to be awake and in place.
constexpr long least_warming_calls = 4, warming_samples = 4;

sample try_sample(const entrant& e, const options& how, double deadline) {
  sample t;
  await_quiet_core(deadline);
  const long before = preemptions();
  const auto call = [&](long times) {
    for (long i = 0; i < times; ++i) e.call();
  };
  if (e.with_probe) {
    double operations = 0;
    const double seconds = seconds_of([&] { operations = fma_probe(); }, how.threads);
    t.peak = how.threads * operations / seconds;
  }
  // Right before the calls that count, so that threads which help are awake.
  call(std::max(least_warming_calls, warming_samples * e.calls_a_sample));
  t.seconds = seconds_of([&] { call(e.calls_a_sample); }, how.threads);
  t.seconds /= static_cast<double>(e.calls_a_sample);
  t.quiet = preemptions() == before && core_is_quiet();
  return t;
}

// Where time runs out, the last attempt counts: it is as good as any.
sample take_sample(const entrant& e, const options& how) {
  const double deadline = seconds_now() + how.patience_seconds;
  for (;;) {
    const sample taken = try_sample(e, how, deadline);
    if (taken.quiet || seconds_now() > deadline) return taken;
  }
}

statistic summarize(std::vector<double> values) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double share) {
    const double position = share * static_cast<double>(values.size() - 1);
    const auto below = static_cast<std::size_t>(position);
    const std::size_t above = std::min(below + 1, values.size() - 1);
    return std::lerp(values[below], values[above], position - static_cast<double>(below));
  };
  return {at(0.5), at(0.25), at(0.75)};
}

}  // namespace

double seconds_of(const std::function<void()>& work, int threads) {
  const clockid_t clock = threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
  const double start = clock_seconds(clock);
  work();
  return clock_seconds(clock) - start;
}

void warm_up(entrant& e, const options& how) {
  e.call();
  double one = seconds_of(e.call, how.threads);
  for (int i = 0; i < 3; ++i) one = std::min(one, seconds_of(e.call, how.threads));
  e.calls_a_sample = std::max(1L, std::lround(how.sample_seconds / std::max(one, 1e-8)));
}

void measure(std::span<entrant* const> entrants, int rounds, const options& how) {
  for (int r = 0; r < rounds; ++r) {
    for (entrant* e : entrants) e->samples.push_back(take_sample(*e, how));
  }
}

statistic over_rounds(std::initializer_list<const entrant*> entrants, const std::function<double(std::size_t)>& value) {
  std::vector<double> all, quiet;
  for (std::size_t round = 0; round < (*entrants.begin())->samples.size(); ++round) {
    all.push_back(value(round));
    if (std::all_of(entrants.begin(), entrants.end(), [&](const entrant* e) { return e->samples[round].quiet; })) {
      quiet.push_back(all.back());
    }
  }
  return summarize(4 * quiet.size() < all.size() ? all : quiet);
}

statistic seconds(const entrant& e) {
  return over_rounds({&e}, [&](std::size_t round) { return e.samples[round].seconds; });
}

statistic speedup(const entrant& subject, const entrant& other) {
  return over_rounds({&subject, &other},
                     [&](std::size_t round) { return other.samples[round].seconds / subject.samples[round].seconds; });
}

double disturbed(const entrant& e) {
  const auto count = std::count_if(e.samples.begin(), e.samples.end(), [](const sample& s) { return !s.quiet; });
  return static_cast<double>(count) / static_cast<double>(e.samples.size());
}

}  // namespace bench
