// The library's own products with one vector, and its cells, as contenders.
#pragma once

#include <memory>

#include "bcr/format/blob.hpp"
#include "cell_contender.hpp"
#include "gemm_subject.hpp"

namespace bench {

// Bytes that a run reads: of weights, and of all that is packed with them.
struct packed_size {
  std::size_t weights = 0, all = 0;
};

class gemv_subject : public row_major_contender {
 public:
  virtual packed_size size() const = 0;
};
class cell_subject : public cell_contender {
 public:
  virtual packed_size size() const = 0;
};

// For the blocks that the benchmark knows, and weights in f32, f16, bf16 or eight bits; null for others, and where the
// library refuses, saying why. The masks and the problem's arrays outlive the subjects.
std::unique_ptr<gemv_subject> make_gemv_subject(const block_mask&, bcr::value_type weights);
std::unique_ptr<cell_subject> make_cell_subject(const cell_problem&, const block_mask& input,
                                                const block_mask& recurrent, bcr::value_type weights);

}  // namespace bench
