// ResNet-18 with synthetic parameters, dense and pruned in blocks: what runs, how long it takes, and whether the
// results are PyTorch's. Parameters that a model's file would hold are made up here, so this is about time and not
// about cats.
//   resnet18 [RATE]      pruned RATE times, 10 if nothing is said
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <limits>
#include <string_view>
#include <vector>

#include "network.hpp"
#include "synthetic.hpp"

namespace {

// The largest difference, as a share of the largest number expected.
double difference(const std::vector<float>& found, const std::vector<float>& expected) {
  double largest = 0, apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    apart = std::max(apart, d >= 0 ? d : std::numeric_limits<double>::max());  // NaN counts as too far
  }
  return apart / largest;
}

std::vector<float> expected_results() {
  std::vector<float> expected(1000);
  std::ifstream file("expected.bin", std::ios::binary);
  file.read(reinterpret_cast<char*>(expected.data()), static_cast<std::streamsize>(expected.size() * sizeof(float)));
  if (!file) expected.clear();
  return expected;
}

struct outcome {
  std::vector<float> results;
  double milliseconds = 0;
};

// Makes a runner, and runs it: once to see what each layer takes, some times for the whole. Empty where it fails.
template <const auto& Net>
outcome run(const synthetic::parameters& parameters, const std::vector<float>& image) {
  const char* failed = nullptr;
  const auto runner = bcr::net::network_runner<Net>::create(parameters, {.failed_layer = &failed});
  if (!runner) {
    fmt::print("{}: {}\n", failed == nullptr ? Net.name : failed, runner.message());
    return {};
  }
  outcome made{.results = std::vector<float>(runner->output_shape().elements())};
  std::vector<std::byte> workspace(runner->workspace_bytes());
  std::vector<double> seconds(runner->steps()), best(runner->steps(), 1e9), samples;
  for (int i = 0; i < 10; ++i) {
    const std::clock_t begin = std::clock();  // of the processor: what other programs do does not count
    const bcr::status done = runner->profile(image, made.results, workspace, seconds);
    if (!done) return {};
    samples.push_back(static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC);
    for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
  }
  std::nth_element(samples.begin(), samples.begin() + 5, samples.end());
  made.milliseconds = 1e3 * samples[5];
  runner->describe([](std::string_view line) { fmt::print("{}\n", line); }, best);
  fmt::print("{:.1f} ms; activations {:.2f} MB, {:.3f} times the least there could be; workspace {:.2f} MB\n\n",
             made.milliseconds, 1e-6 * static_cast<double>(runner->activation_bytes()),
             static_cast<double>(runner->activation_bytes()) / static_cast<double>(runner->least_activation_bytes()),
             1e-6 * static_cast<double>(runner->workspace_bytes()));
  return made;
}

}  // namespace

int main(int argc, char** argv) {
  const double rate = argc > 1 ? std::atof(argv[1]) : 10;
  if (!(rate >= 1)) {
    fmt::print("The rate is a number from 1 up.\n");
    return 2;
  }
  const std::vector<float> image = synthetic::numbers("image", resnet18::dense.input_shape().elements());
  synthetic::parameters parameters(resnet18::dense);
  const std::vector<float> expected = expected_results();
  if (expected.empty()) {
    fmt::print("There is no expected.bin here; golden.py writes it.\n");
    return 2;
  }

  fmt::print("Dense, one thread\n");
  const outcome dense = run<resnet18::dense>(parameters, image);
  parameters.prune(resnet18::pruned, rate);
  fmt::print("Pruned {:g} times in blocks of 8 x 16, one thread\n", rate);
  const outcome pruned = run<resnet18::pruned>(parameters, image);
  if (dense.results.empty() || pruned.results.empty()) return 1;
  // The same weights, zeros and all, without anything being pruned.
  const auto zeros = bcr::net::network_runner<resnet18::dense>::create(parameters);
  std::vector<float> same(1000);
  std::vector<std::byte> workspace(zeros ? zeros->workspace_bytes() : 0);
  if (!zeros || !zeros->run(image, same, workspace)) return 1;

  const double from_pytorch = difference(dense.results, expected), from_dense = difference(pruned.results, same);
  fmt::print(
      "Dense, results are within {:.1e} of PyTorch's in double precision; pruned, within {:.1e} of the same "
      "weights run dense.\nPruned, the network runs {:.2f} times as fast.\n",
      from_pytorch, from_dense, dense.milliseconds / pruned.milliseconds);
  return from_pytorch <= 1e-5 && from_dense <= 1e-5 ? 0 : 1;
}
