// Who steps a recurrent cell in a benchmark: the library and its peers.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "bcr/core/buffer.hpp"
#include "bcr/format/cell_layout.hpp"

namespace bench {

// Weights with zeros where they are pruned, which dense peers multiply by as by any other number. Gates as oneDNN
// stacks them: i f g o, and z r n. Everything outlives whoever is given the problem.
struct cell_problem {
  bcr::cell_kind kind;
  std::size_t inputs, hidden, batch;
  const float* input_weights;      // gates * hidden x inputs
  const float* recurrent_weights;  // gates * hidden x hidden
  const float* bias;               // gates * hidden
  const float* x;                  // batch x inputs
  int threads = 1;
  std::size_t rows() const { return bcr::gates_of(kind) * hidden; }
};

// Begins with a state of zeros; every run is a step on from there, with the same input.
class cell_contender {
 public:
  cell_contender() = default;
  cell_contender(const cell_contender&) = delete;
  cell_contender& operator=(const cell_contender&) = delete;
  virtual ~cell_contender() = default;

  virtual std::string name() const = 0;
  virtual void run() = 0;
  // h after the last run: batch x hidden.
  virtual std::vector<float> state() const = 0;
};

// Null if the library has no such cell; itself null if this build does not have the library.
[[gnu::weak]] std::unique_ptr<cell_contender> make_onednn_cell(const cell_problem&);

}  // namespace bench
