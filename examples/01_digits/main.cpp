// Handwritten digits, recognised twice: by a dense network with oneDNN, and by the same network BCR-pruned 10x with
// bcr. Prints what was gained and what was lost, and checks bcr's results against double precision.
//   digits [digits.safetensors [PACKED]]      PACKED: where to save a packed layer, for bcr-inspect
#include <fmt/core.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bcr_network.hpp"
#include "dense_network.hpp"

namespace {

// How far results are from what they should be: at most, and as a share of what rounding can do.
struct deviation {
  double largest = 0, share = 0;
};
deviation compare(const std::vector<float>& logits, const std::vector<reference>& expected, deviation so_far) {
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const reference& image = expected[i / 10];
    const double difference = std::abs(logits[i] - image.logits[i % 10]);
    // Written so that a NaN counts as too far.
    if (!(difference <= so_far.largest)) so_far.largest = difference;
    if (!(difference / image.bound[i % 10] <= so_far.share)) so_far.share = difference / image.bound[i % 10];
  }
  return so_far;
}

double accuracy(const std::vector<float>& logits, const std::vector<std::uint8_t>& labels) {
  std::size_t right = 0;
  for (std::size_t t = 0; t < labels.size(); ++t) {
    const float* const scores = &logits[t * 10];
    right += static_cast<std::size_t>(std::max_element(scores, scores + 10) - scores) == labels[t];
  }
  return static_cast<double>(right) / static_cast<double>(labels.size());
}

// Microseconds of processor time that a call of `a` and of `b` takes, which on an idle machine is the time that passes:
// medians over samples that alternate between the two, so that whatever else the machine does meanwhile meets both.
template <class A, class B>
std::pair<double, double> medians(const A& a, const B& b) {
  constexpr std::size_t samples = 101;
  const auto sample = [](const auto& f) {
    constexpr double tick = 1e6 / CLOCKS_PER_SEC;
    const std::clock_t begin = std::clock();
    double calls = 0, passed = 0;
    for (; passed < 3000; passed = static_cast<double>(std::clock() - begin) * tick) f(), ++calls;
    return passed / calls;
  };
  std::vector<double> times_a, times_b;
  for (std::size_t i = 0; i < samples; ++i) {
    times_a.push_back(sample(a));
    times_b.push_back(sample(b));
  }
  const auto median = [](std::vector<double>& v) {
    std::nth_element(v.begin(), v.begin() + samples / 2, v.end());
    return v[samples / 2];
  };
  return {median(times_a), median(times_b)};
}

int run(const std::string& path, const char* packed_path) {
  constexpr std::size_t batch = 256;
  const safetensors file(path);
  const network dense = load(file, "dense"), pruned = load(file, "pruned");
  const std::vector<std::uint8_t> labels = file.bytes("test.labels");
  std::vector<float> pixels;
  for (const std::uint8_t p : file.bytes("test.images")) pixels.push_back(static_cast<float>(p) / 16);

  dense_network dense_all(dense, labels.size()), dense_batch(dense, batch), dense_one(dense, 1);
  bcr_network bcr_all(pruned, labels.size()), bcr_batch(pruned, batch), bcr_one(pruned, 1);
  const double dense_right = accuracy(dense_all.run(pixels.data()), labels);
  const double bcr_right = accuracy(bcr_all.run(pixels.data()), labels);
  const auto [dense_time, bcr_time] =
      medians([&] { dense_one.run(pixels.data()); }, [&] { bcr_one.run(pixels.data()); });
  const auto [dense_batch_time, bcr_batch_time] =
      medians([&] { dense_batch.run(pixels.data()); }, [&] { bcr_batch.run(pixels.data()); });
  const auto dense_kb = static_cast<double>(dense_all.weight_bytes()) / 1e3;
  const auto bcr_kb = static_cast<double>(bcr_all.weight_bytes()) / 1e3;

  fmt::print("{}\n{}\n{} test images, one thread, {}\n\n", file.metadata("network"), file.metadata("pruning"),
             labels.size(), bcr_batch.kernel_name());
  fmt::print("{:<15}{:>18}{:>18}{:>10}\n", "", "dense, oneDNN", "pruned, bcr", "gain");
  fmt::print("{:<15}{:>16.2f} %{:>16.2f} %\n", "test accuracy", 100 * dense_right, 100 * bcr_right);
  const auto row = [](const std::string& what, double dense_value, double bcr_value, const char* unit) {
    fmt::print("{:<15}{:>15.1f} {}{:>15.1f} {}{:>9.1f}x\n", what, dense_value, unit, bcr_value, unit,
               dense_value / bcr_value);
  };
  row("one image", dense_time, bcr_time, "us");
  row(fmt::format("{} images", batch), dense_batch_time, bcr_batch_time, "us");
  row("weights", dense_kb, bcr_kb, "kB");
  fmt::print("\n");

  if (packed_path != nullptr) {
    const auto bytes = bcr_all.packed(1).bytes();
    std::ofstream out(packed_path, std::ios::binary);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!out.flush()) throw std::runtime_error("The packed layer cannot be written.");
    fmt::print("The packed 1024 x 1024 layer was saved to {}.\n", packed_path);
  }

  std::vector<reference> expected;
  for (std::size_t t = 0; t < labels.size(); ++t) expected.push_back(run_in_double(pruned, &pixels[t * 64]));
  deviation found;
  for (bcr_network* n : {&bcr_one, &bcr_batch, &bcr_all}) found = compare(n->run(pixels.data()), expected, found);
  const bool right = found.share <= 1;
  fmt::print("bcr's results are within {:.1e} of double precision: {}.\n", found.largest,
             right ? "rounding and no more" : "more than rounding can do, so something is wrong");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 3) {
    fmt::print(stderr, "Usage: {} [digits.safetensors [PACKED]]\n", argv[0]);
    return 2;
  }
  try {
    return run(argc > 1 ? argv[1] : "digits.safetensors", argc > 2 ? argv[2] : nullptr);
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
