// What the programs of networks have in common: a network runs dense and pruned, and it is shown what runs, how long it
// takes, and whether the results are right. Parameters and image are made up, if no files are named.
#pragma once

#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <exception>
#include <fstream>
#include <limits>
#include <numeric>
#include <string_view>
#include <vector>

#include "bcr/net.hpp"
#include "image.hpp"
#include "network_options.hpp"
#include "parameters.hpp"
#include "safetensors.hpp"

namespace network_program {

// The largest difference, as a share of the largest number expected.
inline double difference(const std::vector<float>& found, const std::vector<float>& expected) {
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    apart = std::max(apart, d >= 0 ? d : std::numeric_limits<double>::max());  // NaN counts as too far
  }
  return apart / largest;
}

// What PyTorch computes of the made-up parameters and image: golden.py writes it.
inline std::vector<float> expected_results(std::size_t count) {
  std::vector<float> expected(count);
  std::ifstream file("expected.bin", std::ios::binary);
  file.read(reinterpret_cast<char*>(expected.data()), static_cast<std::streamsize>(expected.size() * sizeof(float)));
  if (!file) expected.clear();
  return expected;
}

inline void print_best(const std::vector<float>& results) {
  std::vector<std::size_t> order(results.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::partial_sort(order.begin(), order.begin() + 5, order.end(),
                    [&](std::size_t a, std::size_t b) { return results[a] > results[b]; });
  fmt::print("The largest results are those of classes");
  for (std::size_t i = 0; i < 5; ++i) fmt::print("{} {} ({:.3f})", i == 0 ? "" : ",", order[i], results[order[i]]);
  fmt::print(".\n");
}

struct outcome {
  std::vector<float> results;
  double milliseconds = 0;
};

// Makes a runner, and runs it some times. Empty where it fails.
template <const auto& Net>
outcome run(const parameters& with, const std::vector<float>& image, bool quick) {
  const char* failed = nullptr;
  const auto runner = bcr::net::network_runner<Net>::create(with, {.failed_layer = &failed});
  if (!runner) {
    fmt::print("{}: {}\n", failed == nullptr ? Net.name : failed, runner.message());
    return {};
  }
  outcome made{.results = std::vector<float>(runner->output_shape().elements())};
  std::vector<std::byte> workspace(runner->workspace_bytes());
  std::vector<double> seconds(runner->steps()), best(runner->steps(), 1e9), samples;
  for (double all = 0; samples.empty() || (!quick && samples.size() < 10 && (samples.size() < 3 || all < 3));) {
    const std::clock_t begin = std::clock();  // of the processor: what other programs do does not count
    const bcr::status done = runner->profile(image, made.results, workspace, seconds);
    if (!done) {
      fmt::print("{}: {}\n", Net.name, done.message());
      return {};
    }
    samples.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    all += samples.back();
    for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
  }
  std::nth_element(samples.begin(), samples.begin() + static_cast<std::ptrdiff_t>(samples.size() / 2), samples.end());
  made.milliseconds = 1e3 * samples[samples.size() / 2];
  runner->describe([](std::string_view line) { fmt::print("{}\n", line); }, best);
  fmt::print("{:.2f} ms; activations {:.2f} MB, {:.3f} times the least there could be; workspace {:.2f} MB\n\n",
             made.milliseconds, 1e-6 * static_cast<double>(runner->activation_bytes()),
             static_cast<double>(runner->activation_bytes()) / static_cast<double>(runner->least_activation_bytes()),
             1e-6 * static_cast<double>(runner->workspace_bytes()));
  return made;
}

// Runs `Dense`, and `Pruned`, the same network with other storage, with parameters that are pruned `usual_rate` times
// unless something else is asked for; those from a file stay as they are. Returns whether all results are right.
template <const auto& Dense, const auto& Pruned>
bool compare(const network_options& options, double usual_rate) {
  constexpr bcr::image_shape shape = Dense.input_shape();
  const bool made_up = options.weights.empty();
  parameters with = made_up ? parameters::of(Dense) : parameters::of(Dense, safetensors(options.weights));
  if (!options.save.empty()) save_safetensors(options.save, with.all());
  const std::vector<float> image =
      options.image.empty() ? synthetic::numbers("image", shape.elements()) : load_image(options.image, shape.height);

  fmt::print("Dense, one thread\n");
  const outcome dense = run<Dense>(with, image, options.quick);
  if (dense.results.empty()) return false;
  print_best(dense.results);
  double from_pytorch = 0;
  if (made_up && options.image.empty()) {
    const std::vector<float> expected = expected_results(dense.results.size());
    if (expected.empty()) throw std::runtime_error("There is no expected.bin here; golden.py writes it.");
    from_pytorch = difference(dense.results, expected);
    fmt::print("They are within {:.1e} of PyTorch's in double precision.\n", from_pytorch);
  }

  const double rate = options.rate.value_or(made_up ? usual_rate : 1);
  with.prune(Pruned, rate);
  fmt::print("\nPruned {:g} times in blocks, one thread\n", rate);
  const outcome pruned = run<Pruned>(with, image, options.quick);
  // The same weights, zeros and all, without anything being pruned.
  const auto zeros = bcr::net::network_runner<Dense>::create(with);
  std::vector<float> same(dense.results.size());
  std::vector<std::byte> workspace(zeros ? zeros->workspace_bytes() : 0);
  if (pruned.results.empty() || !zeros || !zeros->run(image, same, workspace)) return false;
  const double from_dense = difference(pruned.results, same);
  fmt::print(
      "Pruned, the results are within {:.1e} of those of the same weights run dense, and the network runs {:.2f} times "
      "as fast.\n",
      from_dense, dense.milliseconds / pruned.milliseconds);
  return from_pytorch <= 1e-5 && from_dense <= 1e-5;
}

template <const auto& Dense, const auto& Pruned>
int main(int argc, char** argv, double usual_rate) {
  try {
    const network_options options = read_options(argc, argv, std::string(Dense.name) + ", dense and pruned");
    return compare<Dense, Pruned>(options, usual_rate) ? 0 : 1;
  } catch (const std::exception& problem) {
    fmt::print(stderr, "{}\n", problem.what());
    return 2;
  }
}

}  // namespace network_program
