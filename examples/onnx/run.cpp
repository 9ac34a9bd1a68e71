// run FILE INPUT EXPECTED [TOLERANCE]: maps the file that pack.cpp wrote, runs the network on an input, and compares:
// files of floats, nothing else. The tolerance, 1e-5 if not given, is a share of the largest number expected.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bcr/net.hpp>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <span>
#include <vector>

#include BCR_NETWORK_HEADER

namespace {

using runner = bcr::net::network_runner<BCR_NETWORK>;

// The bytes of a file where the operating system puts them, at the beginning of a page.
std::span<const std::byte> mapped(const char* path) {
  const int file = open(path, O_RDONLY);
  struct stat about{};
  if (file < 0 || fstat(file, &about) != 0 || about.st_size == 0) return {};
  void* const bytes = mmap(nullptr, static_cast<std::size_t>(about.st_size), PROT_READ, MAP_PRIVATE, file, 0);
  close(file);
  if (bytes == MAP_FAILED) return {};
  return {static_cast<const std::byte*>(bytes), static_cast<std::size_t>(about.st_size)};
}

std::vector<float> read(const char* path, std::size_t count) {
  std::vector<float> numbers(count);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(numbers.data()), static_cast<std::streamsize>(count * sizeof(float)));
  if (!file || file.peek() != std::ifstream::traits_type::eof()) {
    std::fprintf(stderr, "%s: The file does not hold %zu floats.\n", path, count);
    std::exit(2);
  }
  return numbers;
}

// The largest difference, as a share of the largest number expected.
double difference(const std::vector<float>& found, const std::vector<float>& expected) {
  double largest = std::numeric_limits<double>::min(), apart = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(expected[i])));
    const double d = std::abs(static_cast<double>(found[i]) - static_cast<double>(expected[i]));
    apart = std::max(apart, d >= 0 ? d : std::numeric_limits<double>::max());  // NaN counts as too far
  }
  return apart / largest;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 5) return std::puts("run FILE INPUT EXPECTED [TOLERANCE]"), 2;
  const double tolerance = argc == 5 ? std::atof(argv[4]) : 1e-5;
  const auto begin = std::chrono::steady_clock::now();
  const char* failed = argv[1];
  const auto network = runner::view(mapped(argv[1]), {.failed_layer = &failed});
  if (!network) return std::fprintf(stderr, "%s: %s\n", failed, network.message()), 1;
  const double loaded = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();

  const std::vector<float> input = read(argv[2], runner::input_shape().elements());
  const std::vector<float> expected = read(argv[3], runner::output_shape().elements());
  std::vector<float> output(expected.size());
  std::vector<std::byte> workspace(network->workspace_bytes());
  std::vector<double> seconds(runner::steps()), best(runner::steps(), 1e9);
  for (int i = 0; i < 3; ++i) {
    const bcr::status done = network->profile(input, output, workspace, seconds);
    if (!done) return std::fprintf(stderr, "%s\n", done.message()), 1;
    for (std::size_t s = 0; s < best.size(); ++s) best[s] = std::min(best[s], seconds[s]);
  }
  network->describe([](std::string_view line) { std::printf("%.*s\n", static_cast<int>(line.size()), line.data()); },
                    best);
  const double apart = difference(output, expected);
  std::printf("Loaded in %.1f ms. The results are within %.1e of those expected; %g is allowed.\n", 1e3 * loaded, apart,
              tolerance);
  return apart <= tolerance ? 0 : 1;
}
