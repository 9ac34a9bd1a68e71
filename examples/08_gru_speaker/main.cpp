// Who spoke? A GRU that was trained on real speech, dense with oneDNN, and BCR-pruned 10x with bcr, weights in f32, f16
// and eight bits. Prints what was gained and what was lost, and checks bcr's results against double precision.
//   gru_speaker [speakers.safetensors]
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "../common/dense_gru.hpp"
#include "../common/timing.hpp"
#include "bcr_gru.hpp"

namespace {

constexpr std::size_t timed_frames = 16;  // about what an utterance has

// The states after each utterance.
using states = std::vector<std::vector<float>>;

double accuracy(const states& after, const output_layer& output, const std::vector<utterance>& spoken) {
  std::size_t right = 0;
  for (std::size_t i = 0; i < spoken.size(); ++i) right += output.speaker(after[i]) == spoken[i].speaker;
  return static_cast<double>(right) / static_cast<double>(spoken.size());
}

// oneDNN wants to know how long a sequence is before it begins.
states run_dense(const gru_layer& layer, const std::vector<utterance>& spoken) {
  states made;
  std::map<std::size_t, std::unique_ptr<dense_gru>> by_length;
  for (const utterance& u : spoken) {
    auto& gru = by_length[u.length()];
    if (gru == nullptr) gru = std::make_unique<dense_gru>(std::span(&layer, 1), u.length());
    gru->reset();
    made.push_back(gru->run(u.frames.data()));
  }
  return made;
}

// A pruned network, with what it makes of all utterances.
struct contender {
  std::string weights, kernel;
  std::size_t bytes;
  double rate;
  states after;
  std::function<void(std::span<const float>)> run;
};
template <class W>
contender make_contender(const char* weights, const pruned_gru& gru, const std::vector<utterance>& spoken) {
  const auto own = std::make_shared<bcr_gru<W>>(gru, 2 * timed_frames);
  contender made{
      weights, own->kernel_name(), own->weight_bytes(), own->rate(), {}, [own](std::span<const float> frames) {
        own->run(frames);
      }};
  for (const utterance& u : spoken) made.after.push_back(own->run(u.frames));
  return made;
}

// The largest difference from double precision.
double largest_difference(const states& after, const std::vector<std::vector<double>>& expected) {
  double largest = 0;
  for (std::size_t i = 0; i < after.size(); ++i) {
    for (std::size_t u = 0; u < units; ++u) {
      const double difference = std::abs(static_cast<double>(after[i][u]) - expected[i][u]);
      // Written so that a NaN counts as too far.
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}

bool verify(const std::vector<contender>& pruned, const pruned_gru& gru, const std::vector<utterance>& spoken) {
  std::vector<std::vector<double>> expected;
  for (const utterance& u : spoken) expected.push_back(run_in_double(gru, u.frames));
  bool right = true;
  for (const contender& own : pruned) {
    // The file's weights are f16; eight bits are as near as they can be, which is not very near.
    const double most = own.weights == "i8" ? 0.3 : 1e-5, found = largest_difference(own.after, expected);
    right &= found <= most;
    fmt::print("bcr {:<4} is within {:.1e} of double precision: {}.\n", own.weights, found,
               !(found <= most)      ? "more than rounding can do, so something is wrong"
               : own.weights == "i8" ? "that is what rounding to eight bits does"
                                     : "rounding and no more");
  }
  return right;
}

int run(const std::string& path) {
  const safetensors file(path);
  const std::vector<float> frames = file.floats("test.frames");
  const std::vector<utterance> spoken = cut(file, frames);
  const gru_layer dense_layer = load_dense(file);
  const pruned_gru gru = load_pruned(file);
  const output_layer dense_output{file.floats("dense.output"), file.floats("dense.output_bias")};
  const output_layer pruned_output{file.floats("pruned.output"), file.floats("pruned.output_bias")};

  const std::vector<contender> pruned{make_contender<float>("f32", gru, spoken),
                                      make_contender<bcr::f16>("f16", gru, spoken),
                                      make_contender<std::int8_t>("i8", gru, spoken)};
  dense_gru dense(std::span(&dense_layer, 1), timed_frames);
  const std::span<const float> timed(frames.data(), timed_frames * features);
  std::vector<std::function<void()>> calls{[&] { dense.reset(), dense.run(timed.data()); }};
  for (const contender& own : pruned) calls.emplace_back([&] { own.run(timed); });
  const std::vector<double> seconds = median_seconds(calls);

  fmt::print("{}\n{}\n{} test utterances, one thread, {}\n\n", file.metadata("network"), file.metadata("pruning"),
             spoken.size(), pruned[0].kernel);
  fmt::print("{:<16}{:>14}{:>12}{:>15}{:>12}\n", "", "test accuracy", "weights", fmt::format("{} frames", timed_frames),
             "speed-up");
  const auto row = [&](const std::string& name, double right, std::size_t bytes, double time) {
    fmt::print("{:<16}{:>12.2f} %{:>9.1f} kB{:>12.1f} us{:>11.1f}x\n", name, 100 * right,
               1e-3 * static_cast<double>(bytes), 1e6 * time, seconds[0] / time);
  };
  row("dense, oneDNN", accuracy(run_dense(dense_layer, spoken), dense_output, spoken), dense.weight_bytes(),
      seconds[0]);
  bool right = true;
  for (std::size_t i = 0; i < pruned.size(); ++i) {
    const contender& own = pruned[i];
    const double share = accuracy(own.after, pruned_output, spoken);
    row(fmt::format("{:.0f}x, bcr {}", own.rate, own.weights), share, own.bytes, seconds[i + 1]);
    // As train.py has scored it, but for an utterance or two that rounding decides.
    right &= std::abs(share - std::strtod(file.metadata("pruned test accuracy").c_str(), nullptr)) <= 0.006;
  }
  if (!right) fmt::print("\nThat is not the accuracy that the network had when it was trained.\n");
  fmt::print("\n");
  return verify(pruned, gru, spoken) && right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2) {
    fmt::print(stderr, "Usage: {} [speakers.safetensors]\n", argv[0]);
    return 2;
  }
  try {
    return run(argc > 1 ? argv[1] : "speakers.safetensors");
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
