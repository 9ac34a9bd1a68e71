// The library's own GEMM as a contender: packed weights, a plan, a workspace, and threads where asked for.
#pragma once

#include <bcr/format/blob.hpp>

#include "contender.hpp"

namespace bench {

class subject : public row_major_contender {
 public:
  virtual std::size_t packed_bytes() const = 0;
};

// For the blocks that the benchmark knows, and weights in f32, f16 or bf16; null for others. The mask outlives the
// subject. Weights are packed for `n` columns: for a few, into bands.
std::unique_ptr<subject> make_subject(const block_mask&, std::size_t n, bcr::value_type weights);

// With weights and input in bf16; the input that it is given has to be such numbers.
std::unique_ptr<subject> make_bf16_subject(const block_mask&, std::size_t n);

// The same in f32, on kernels that are found at run time: those of the target that make_subject() was compiled for.
std::unique_ptr<subject> make_dispatched_subject(const block_mask&, std::size_t n);
// And in bf16, on the best target that the processor runs: what is compiled for it may be named otherwise.
std::unique_ptr<subject> make_dispatched_bf16_subject(const block_mask&, std::size_t n);
const char* static_target();

}  // namespace bench
