// What the benchmark of recurrent layers measures: products with one vector, and steps of cells, each pruned in a few
// ways.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bcr/format/cell_layout.hpp"
#include "gemm_cases.hpp"
#include "problem.hpp"

namespace bench {

// W is m x k.
struct gemv_shape {
  std::size_t m, k;
};
struct cell_size {
  bcr::cell_kind kind;
  std::size_t inputs, hidden;
};

std::vector<gemv_shape> gemv_shapes();
std::vector<cell_size> cell_sizes(bool quick);
inline constexpr std::size_t cell_batches[] = {1, 8};
std::vector<pruned_case> recurrent_prunings(bool quick);

// "M3072/K1024", "lstm/I1024/H1024".
std::string name(const gemv_shape&);
std::string name(const cell_size&);

}  // namespace bench
