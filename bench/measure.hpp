// Timing on a machine that is shared with others. Contenders are timed in short samples, one after the other, round
// after round, so that whatever slows the machine slows all of them; rates are formed within a round, and their median
// counts.
#pragma once

#include <functional>
#include <span>
#include <vector>

namespace bench {

struct options {
  int rounds = 31;
  double sample_seconds = 400e-6;
  int threads = 1;  // the peak is that of so many cores
};

// The call that is timed, and one time a round: seconds a call.
struct entrant {
  std::function<void()> call;
  bool with_probe = false;  // run the FMA probe right before each sample
  long calls_a_sample = 0;  // found by `warm_up`
  std::vector<double> seconds = {};
  std::vector<double> peak = {};  // floating-point operations a second, if with_probe
};

// Calls it a few times, and finds how many calls make a sample.
void warm_up(entrant&, const options&);

// Adds `rounds` rounds of samples to all entrants.
void measure(std::span<entrant* const> entrants, int rounds, const options&);

struct statistic {
  double median = 0, lower_quartile = 0, upper_quartile = 0;
  // The distance of the quartiles as a share of the median.
  double spread() const { return median == 0 ? 0 : (upper_quartile - lower_quartile) / median; }
};
statistic summarize(std::vector<double> values);

// Round by round a / b, summarised.
statistic ratio(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace bench
