// Timing on a machine that is shared with others. Contenders are timed in short samples, one after the other, round
// after round, so that whatever slows the machine slows all of them; rates are formed within a round, and their median
// counts.
#pragma once

#include <cstddef>
#include <functional>
#include <initializer_list>
#include <span>
#include <vector>

namespace bench {

struct options {
  int rounds = 31;
  double sample_seconds = 250e-6;
  double patience_seconds = 20e-3;  // for which a sample waits until the core is quiet
  int threads = 1;                  // the peak is that of so many cores
};

// One time a round: seconds a call, and whether they passed undisturbed.
struct sample {
  double seconds = 0;
  double peak = 0;  // floating-point operations a second just before, if the probe was run
  bool quiet = false;
};

// The call that is timed, and its times.
struct entrant {
  std::function<void()> call;
  bool with_probe = false;  // run the FMA probe right before each sample
  long calls_a_sample = 0;  // found by `warm_up`
  std::vector<sample> samples = {};
};

// How long `work` takes. If it is one thread's, that thread's own clock counts, which stands still while another
// program has the core.
double seconds_of(const std::function<void()>& work, int threads);

// Calls it a few times, and finds how many calls make a sample.
void warm_up(entrant&, const options&);

// Adds `rounds` rounds of samples to all entrants.
void measure(std::span<entrant* const> entrants, int rounds, const options&);

struct statistic {
  double median = 0, lower_quartile = 0, upper_quartile = 0;
  // The distance of the quartiles as a share of the median.
  double spread() const { return median == 0 ? 0 : (upper_quartile - lower_quartile) / median; }
};

// The statistic of `value(round)` over the rounds in which all the given entrants were undisturbed, or over all rounds
// if those are too few.
statistic over_rounds(std::initializer_list<const entrant*>, const std::function<double(std::size_t)>& value);

statistic seconds(const entrant&);
// How many times faster `subject` is than `other`.
statistic speedup(const entrant& subject, const entrant& other);
// The share of samples that could not be had undisturbed.
double disturbed(const entrant&);

}  // namespace bench
