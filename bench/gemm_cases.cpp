#include "gemm_cases.hpp"

#include <cstdio>

namespace bench {
namespace {

constexpr block_size blocks[] = {{4, 16}, {8, 32}, {16, 64}};
constexpr double rates[] = {2, 4, 10, 20};
constexpr double near_one[] = {0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 1.0};
constexpr double near_one_quick[] = {0.8, 0.9, 1.0};

std::vector<pruned_case> all_cases(double density) {
  std::vector<pruned_case> made;
  for (const pruning how : all_prunings) {
    for (const block_size block : blocks) made.push_back({block, how, density});
  }
  return made;
}

}  // namespace

std::vector<std::vector<pruned_case>> cases_of(const shapes::gemm& shape, bool quick) {
  std::vector<std::vector<pruned_case>> made;
  for (const double rate : rates) {
    if (quick && rate != 10) {
      made.push_back({{{8, 32}, pruning::columns, 1 / rate}, {{16, 64}, pruning::half, 1 / rate}});
    } else {
      made.push_back(all_cases(1 / rate));
    }
  }
  if (!shape.break_even) return made;
  if (quick) {
    for (const double d : near_one_quick) made.push_back({{{8, 32}, pruning::columns, d}});
  } else {
    for (const double d : near_one) {
      made.emplace_back();
      for (const block_size block : blocks) made.back().push_back({block, pruning::columns, d});
    }
  }
  return made;
}

std::string name(block_size b) {
  char text[48];
  std::snprintf(text, sizeof text, "b%zux%zu", b.rows, b.columns);
  return text;
}

std::string name(const shapes::gemm& s) {
  char text[80];
  std::snprintf(text, sizeof text, "M%zu/K%zu/N%zu", s.m, s.k, s.n);
  return text;
}

std::string name(const pruned_case& c) {
  char rate[16];
  std::snprintf(rate, sizeof rate, "%.3gx", 1 / c.density);
  return std::string(name(c.how)) + "/" + rate;
}

}  // namespace bench
