// OpenCV runs an ONNX model, once as it is and once with bcr's layers. Prints how long both take, and fails if their
// results differ by more than rounding.
//   opencv_layer [model.onnx]
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/dnn.hpp>
#include <string>
#include <utility>
#include <vector>

#include "bcr_layer.hpp"

namespace {

// As a share of the largest result. Sums of some 26 to 256 products in another order differ by a few roundings, of 6e-8
// each; six layers carry them on.
constexpr double tolerance = 1e-5;

cv::Mat random_features(int images) {
  cv::Mat features(std::vector<int>{images, 64, 28, 28}, CV_32F);
  cv::RNG(1).fill(features, cv::RNG::NORMAL, 0, 1);
  return features;
}

// Networks make their layers when they need them, which is at the first run at the latest.
class network {
 public:
  network(const std::string& path, bool with_bcr, const cv::Mat& features) : features_(features) {
    if (with_bcr) register_bcr_layers();
    net_ = cv::dnn::readNetFromONNX(path);
    net_.setPreferableBackend(cv::dnn::DNN_BACKEND_OPENCV);
    run();
    if (with_bcr) unregister_bcr_layers();
  }

  cv::Mat run() {
    net_.setInput(features_);
    return net_.forward();
  }

  // Of layer `id`: what it is if it is one of bcr's, or nothing.
  std::string description(int id) {
    const auto layer = net_.getLayer(id);
    const auto describe = [&](const auto& own) {
      const packed_layer& w = own->packed();
      const std::string name = layer->name.substr(layer->name.find('!') + 1);  // OpenCV's "onnx_node!"
      return fmt::format("{:<12}{:>4} x {:<6}{:<9.2f}{}", name, w.rows(), w.columns(), w.density(), own->kernel_name());
    };
    if (const auto c = layer.dynamicCast<bcr_convolution>()) return describe(c);
    if (const auto f = layer.dynamicCast<bcr_fully_connected>()) return describe(f);
    return {};
  }
  std::vector<int> ids() {
    std::vector<int> found;
    for (const std::string& name : net_.getLayerNames()) found.push_back(net_.getLayerId(name));
    return found;
  }

  // Milliseconds of the last run: all of it, and the layers named.
  std::array<double, 2> times(const std::vector<int>& layers) {
    std::vector<double> ticks;
    const double ms = 1e3 / cv::getTickFrequency(), total = static_cast<double>(net_.getPerfProfile(ticks)) * ms;
    double some = 0;
    for (const int id : layers) some += ticks.at(static_cast<std::size_t>(id) - 1) * ms;
    return {total, some};
  }

 private:
  cv::dnn::Net net_;
  cv::Mat features_;
};

// Medians of what `times` says of each network. They take turns, so that what else the machine does meets both.
std::array<std::array<double, 2>, 2> medians(network& plain, network& pruned, const std::vector<int>& layers) {
  constexpr std::size_t samples = 101;
  std::array<std::array<std::vector<double>, 2>, 2> all;
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t n = 0; n < 2; ++n) {
      network& net = n == 0 ? plain : pruned;
      net.run();
      const std::array<double, 2> sample = net.times(layers);
      for (std::size_t i = 0; i < 2; ++i) all[n][i].push_back(sample[i]);
    }
  }
  std::array<std::array<double, 2>, 2> found{};
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 2; ++i) {
      std::nth_element(all[n][i].begin(), all[n][i].begin() + samples / 2, all[n][i].end());
      found[n][i] = all[n][i][samples / 2];
    }
  }
  return found;
}

// The largest difference, as a share of the largest of `expected`. A NaN counts as one.
double difference(const cv::Mat& expected, const cv::Mat& found) {
  double largest = 0, worst = 0;
  for (int i = 0; i < static_cast<int>(expected.total()); ++i) {
    const double e = expected.ptr<float>()[i], d = std::abs(e - found.ptr<float>()[i]);
    largest = std::max(largest, std::abs(e));
    if (!(d <= worst)) worst = d;
  }
  return worst / largest;
}

int run(const std::string& path) {
  const int threads = std::max(1, cv::getNumThreads());
  double worst = 0;
  std::vector<int> replaced;
  fmt::print("OpenCV {}, {}\n\n", CV_VERSION, path);
  for (const auto& [images, used] : {std::pair(1, 1), std::pair(1, threads), std::pair(8, threads)}) {
    cv::setNumThreads(used);
    const cv::Mat features = random_features(images);
    network plain(path, false, features), pruned(path, true, features);
    if (replaced.empty()) {
      fmt::print("{:<12}{:<13}{:<9}{}\n", "replaced", "weights", "density", "kernel");
      for (const int id : pruned.ids()) {
        const std::string description = pruned.description(id);
        if (description.empty()) continue;
        replaced.push_back(id);
        fmt::print("{}\n", description);
      }
      fmt::print("\n{:<36}{:>12}{:>12}{:>9}\n", "", "OpenCV", "with bcr", "gain");
    }
    const cv::Mat expected = plain.run().clone(), found = pruned.run().clone();
    const double d = difference(expected, found);
    if (!(d <= worst)) worst = d;
    const auto [before, after] = medians(plain, pruned, replaced);
    const auto row = [&](const std::string& what, std::size_t i) {
      fmt::print("{:<36}{:>9.3f} ms{:>9.3f} ms{:>8.1f}x\n", what, before[i], after[i], before[i] / after[i]);
    };
    row(fmt::format("images: {}, threads: {}, network", images, used), 0);
    row(fmt::format("{:>36}", "the layers above"), 1);
  }
  if (replaced.size() != 4) {
    fmt::print("\n{} layers were replaced, where 4 are pruned.\n", replaced.size());
    return 1;
  }
  const bool right = worst <= tolerance;
  fmt::print("\nThe results differ by {:.1e} of the largest: {}.\n", worst,
             right ? "rounding and no more" : "something is wrong");
  return right ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_ERROR);
  try {
    return run(argc > 1 ? argv[1] : "model.onnx");
  } catch (const std::exception& e) {
    fmt::print(stderr, "{}\n", e.what());
    return 1;
  }
}
