// Which prunings of which shapes the GEMM benchmark measures.
#pragma once

#include <string>
#include <vector>

#include "problem.hpp"
#include "shapes.hpp"

namespace bench {

struct pruned_case {
  block_size block;
  pruning how;
  double density;
};

// Cases of one density are measured together, in the same rounds.
std::vector<std::vector<pruned_case>> cases_of(const shapes::gemm& shape, bool quick);

// "b4x16", "M512/K512/N196", and "columns/10x".
std::string name(block_size);
std::string name(const shapes::gemm&);
std::string name(const pruned_case&);

}  // namespace bench
