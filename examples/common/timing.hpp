// How long calls take, one beside the other.
#pragma once

#include <algorithm>
#include <cstddef>
#include <ctime>
#include <functional>
#include <vector>

// Seconds of processor time that a call of each takes, which on an idle machine is the time that passes: medians over
// samples in which they take turns, so that whatever else the machine does meanwhile meets all of them.
inline std::vector<double> median_seconds(const std::vector<std::function<void()>>& calls) {
  constexpr std::size_t samples = 61;
  const auto sample = [](const std::function<void()>& call) {
    constexpr double tick = 1.0 / CLOCKS_PER_SEC;
    call();  // what the others left in the caches is not this one's
    const std::clock_t begin = std::clock();
    double count = 0, passed = 0;
    for (; passed < 3e-3; passed = static_cast<double>(std::clock() - begin) * tick) call(), ++count;
    return passed / count;
  };
  std::vector<std::vector<double>> times(calls.size());
  for (std::size_t i = 0; i < samples; ++i) {
    for (std::size_t c = 0; c < calls.size(); ++c) times[c].push_back(sample(calls[c]));
  }
  std::vector<double> middle;
  for (std::vector<double>& t : times) {
    std::nth_element(t.begin(), t.begin() + samples / 2, t.end());
    middle.push_back(t[samples / 2]);
  }
  return middle;
}
