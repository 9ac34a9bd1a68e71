// Speech, frame by frame: a GRU of 2 x 1024 units, dense with oneDNN and BCR-pruned with bcr, at the rates of the
// papers. Prints the time a frame takes and its share of the 10 ms that a frame lasts, and checks that at 1x both
// compute the same.
//   gru_speech [--json FILE]      the table as JSON as well, for plot.py
#include <fmt/core.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "../common/dense_gru.hpp"
#include "../common/timing.hpp"
#include "bcr_gru.hpp"

namespace {

constexpr double frame_seconds = 10e-3;

constexpr double rates[] = {1, 10, 29, 103, 245};

// A pruned network to be timed.
struct contender {
  std::string weights;
  double nominal_rate, rate;
  std::size_t bytes;
  std::string kernel;
  std::function<void(const float*)> run;
};

template <class W>
void add_contenders(const gru_network& network, const char* weights, std::vector<contender>& all) {
  for (const double rate : rates) {
    const auto own = std::make_shared<bcr_gru<W>>(network, rate);
    all.push_back({weights, rate, own->rate(), own->weight_bytes(), own->kernel_name(),
                   [own](const float* frame) { own->run(frame); }});
  }
}

double largest_difference(dense_gru& dense, bcr_gru<float>& own, const std::vector<float>& frames) {
  double largest = 0;
  for (std::size_t at = 0; at < frames.size(); at += features) {
    const std::vector<float>& expected = dense.run(&frames[at]);
    const std::vector<float>& found = own.run(&frames[at]);
    for (std::size_t u = 0; u < units; ++u) {
      const double difference = std::abs(static_cast<double>(found[u]) - static_cast<double>(expected[u]));
      // Written so that a NaN counts as too far.
      if (!(difference <= largest)) largest = difference;
    }
  }
  return largest;
}

int run(const char* json_path) {
  const gru_network network = random_network();
  std::mt19937 random(10);
  const std::vector<float> frames = random_floats(100 * features, 1, random);
  dense_gru dense(network, 1);
  std::vector<contender> pruned;
  add_contenders<float>(network, "f32", pruned);
  add_contenders<bcr::bf16>(network, "bf16", pruned);
  add_contenders<std::int8_t>(network, "i8", pruned);
  bcr_gru<float> unpruned(network, 1);
  const double difference = largest_difference(dense, unpruned, frames);

  std::size_t next = 0;
  const auto frame = [&] { return &frames[features * (next++ % (frames.size() / features))]; };
  std::vector<std::function<void()>> calls{[&] { dense.run(frame()); }};
  for (const contender& own : pruned) calls.emplace_back([&own, &frame] { own.run(frame()); });
  const std::vector<double> seconds = median_seconds(calls);

  fmt::print("GRU of 2 x 1024 units, 39 features a frame of 10 ms; one thread, {}\n\n", pruned[1].kernel);
  fmt::print("{:<16}{:>10}{:>14}{:>14}{:>12}\n", "", "weights", "a frame", "of real time", "speed-up");
  nlohmann::json rows = nlohmann::json::array();
  const auto row = [&](const std::string& name, const std::string& weights, double rate, std::size_t bytes,
                       double time) {
    fmt::print("{:<16}{:>7.2f} MB{:>11.1f} us{:>12.3f} %{:>11.1f}x\n", name, 1e-6 * static_cast<double>(bytes),
               1e6 * time, 100 * time / frame_seconds, seconds[0] / time);
    rows.push_back({{"name", name}, {"weights", weights}, {"rate", rate}, {"bytes", bytes}, {"seconds", time}});
  };
  row("dense, oneDNN", "f32", 1, dense.weight_bytes(), seconds[0]);
  for (std::size_t i = 0; i < pruned.size(); ++i) {
    const contender& own = pruned[i];
    row(fmt::format("{:.0f}x, bcr {}", own.nominal_rate, own.weights), own.weights, own.rate, own.bytes,
        seconds[i + 1]);
  }
  if (json_path != nullptr) {
    std::ofstream file(json_path);
    file << nlohmann::json{{"kernel", pruned[1].kernel}, {"rows", rows}}.dump(1) << '\n';
    if (!file.flush()) throw std::runtime_error("The JSON file cannot be written.");
  }

  // A sum of a thousand products below 1/32, in different orders, is off by 1e-6 or so.
  const bool same = difference <= 1e-5;
  fmt::print("\nAt 1x both differ by {:.1e} at most, over {} frames: {}.\n", difference, frames.size() / features,
             same ? "rounding and no more" : "more than rounding can do, so something is wrong");
  return same ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 1 && (argc != 3 || std::string_view(argv[1]) != "--json")) {
    fmt::print(stderr, "Usage: {} [--json FILE]\n", argv[0]);
    return 2;
  }
  try {
    return run(argc == 3 ? argv[2] : nullptr);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
