// Whether pictures are read as PIL and torchvision read them: image_test EXPECTED FILE..., where EXPECTED has every
// 997th element of each as a float.
#include <fmt/core.h>

#include <cmath>
#include <cstddef>
#include <exception>
#include <fstream>
#include <vector>

#include "image.hpp"

int main(int argc, char** argv) try {
  double largest = 0;
  std::ifstream expected(argv[1], std::ios::binary);
  for (int i = 2; i < argc; ++i) {
    const std::vector<float> image = load_image(argv[i], 224);
    for (std::size_t at = 0; at < image.size(); at += 997) {
      float value = 0;
      expected.read(reinterpret_cast<char*>(&value), sizeof value);
      largest = std::max(largest, static_cast<double>(std::abs(value - image[at])));
    }
  }
  // A byte more or less, where decoders round differently, is 0.018.
  const bool right = expected && expected.peek() == EOF && largest < 0.03;
  fmt::print("The largest difference is {:.4f}.\n", largest);
  return right ? 0 : 1;
} catch (const std::exception& problem) {
  fmt::print("{}\n", problem.what());
  return 1;
}
