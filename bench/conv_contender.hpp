// Who convolves in a benchmark: the library and its peers.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "problem.hpp"
#include "shapes.hpp"

namespace bench {

// One image. The product that the convolution amounts to says what is right: its B is the image as im2col has it, which
// no contender gets to see. Everything outlives whoever is given the problem.
struct conv_problem {
  shapes::conv shape;
  const float* image;  // channels x size x size
  problem product;
};

std::size_t output_size(const shapes::conv&);  // pixels a side
problem product_of(const shapes::conv&, const float* weights, const bcr::buffer<float>& im2col, int threads);
bcr::buffer<float> im2col(const shapes::conv&, const float* image);

class conv_contender {
 public:
  conv_contender() = default;
  conv_contender(const conv_contender&) = delete;
  conv_contender& operator=(const conv_contender&) = delete;
  virtual ~conv_contender() = default;

  virtual std::string name() const = 0;
  // Empty, or the sentence that says why this contender does not compute this problem. Images are in the layout that it
  // likes best.
  virtual std::string prepare(const conv_problem&) = 0;
  virtual void run() = 0;
  // What the last run computed: outputs x pixels.
  virtual void read(float* output) const = 0;
};

struct conv_peer {
  const char* name;
  bool sparse;                                // has the pruned weights
  std::unique_ptr<conv_contender> (*make)();  // null if this build does not have it
};
std::vector<conv_peer> conv_peers();

[[gnu::weak]] std::unique_ptr<conv_contender> make_onednn_direct();
[[gnu::weak]] std::unique_ptr<conv_contender> make_onednn_winograd();
[[gnu::weak]] std::unique_ptr<conv_contender> make_xnnpack_dense();
[[gnu::weak]] std::unique_ptr<conv_contender> make_xnnpack_sparse_conv();

}  // namespace bench
