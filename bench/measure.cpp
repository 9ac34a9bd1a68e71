#include "measure.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "machine.hpp"

namespace bench {
namespace {

double seconds_now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// How often the system took the core away from this thread.
long preemptions() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw;
}

// Seconds that `body` takes; once more, a few times at most, if another program had the core meanwhile.
template <class Body>
double undisturbed(const Body& body) {
  double best = 0;
  for (int attempt = 0; attempt < 4; ++attempt) {
    const long before = preemptions();
    const double start = seconds_now();
    body();
    const double taken = seconds_now() - start;
    if (attempt == 0 || taken < best) best = taken;
    if (preemptions() == before) return taken;
  }
  return best;
}

double peak_now(int threads) {
  double operations = 0;
  const double seconds = undisturbed([&] { operations = fma_probe(); });
  return threads * operations / seconds;
}

void sample(entrant& e, const options& how) {
  e.call();  // what the last contender left in the caches is not this one's
  if (e.with_probe) e.peak.push_back(peak_now(how.threads));
  const double seconds = undisturbed([&] {
    for (long i = 0; i < e.calls_a_sample; ++i) e.call();
  });
  e.seconds.push_back(seconds / static_cast<double>(e.calls_a_sample));
}

}  // namespace

void warm_up(entrant& e, const options& how) {
  e.call();
  double one = undisturbed(e.call);
  one = std::min(one, undisturbed(e.call));
  e.calls_a_sample = std::max(1L, std::lround(how.sample_seconds / std::max(one, 1e-8)));
}

void measure(std::span<entrant* const> entrants, int rounds, const options& how) {
  for (int r = 0; r < rounds; ++r) {
    for (entrant* e : entrants) sample(*e, how);
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

statistic ratio(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> ratios(std::min(a.size(), b.size()));
  for (std::size_t i = 0; i < ratios.size(); ++i) ratios[i] = a[i] / b[i];
  return summarize(std::move(ratios));
}

}  // namespace bench
