// Who takes part in a benchmark: the library itself and its peers all look like this.
#pragma once

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "problem.hpp"

namespace bench {

// One way of computing C = W B, from prepacked weights, on the problem's number of threads. Inputs and outputs are in
// the layout that the contender likes best; converting them is not part of the run.
class contender {
 public:
  contender() = default;
  contender(const contender&) = delete;
  contender& operator=(const contender&) = delete;
  virtual ~contender() = default;

  virtual std::string name() const = 0;
  // Empty, or the sentence that says why this contender does not compute this problem.
  virtual std::string prepare(const problem&) = 0;
  virtual void run() = 0;
  // What the last run computed: m x n, row-major, without gaps.
  virtual void read(float* c) const = 0;
};

// A contender whose output is row-major already.
class row_major_contender : public contender {
 public:
  void read(float* c) const final { std::memcpy(c, c_.data(), p_.m * p_.n * sizeof(float)); }

 protected:
  void bind(const problem& p) {
    p_ = p;
    c_ = floats(p.m * p.n);
  }

  problem p_{};
  bcr::buffer<float> c_;
};

// A peer library, or one of several ways of using it. Without a `make` this build does not have it.
struct peer {
  const char* name;
  bool sparse;
  std::unique_ptr<contender> (*make)();
};

// All that the benchmark knows of, found at configure time or not.
std::vector<peer> peers();

}  // namespace bench
