#include "problem.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <numeric>
#include <random>

namespace bench {
namespace {

// Whole numbers that add up to the rounded sum of `wished` and differ from it by less than one each: what is lost to
// rounding down in one block is made up for in the next, and the blocks' order is random.
std::vector<std::size_t> round_at_random(const std::vector<double>& wished, std::mt19937& random) {
  std::vector<std::size_t> order(wished.size()), rounded(wished.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  double sum = 0.5;
  for (const std::size_t i : order) {
    const double before = std::floor(sum);
    sum += wished[i];
    rounded[i] = static_cast<std::size_t>(std::floor(sum) - before);
  }
  return rounded;
}

// Sets `count` of the `extent` flags from `first` on.
void choose(std::vector<bool>& flags, std::size_t first, std::size_t extent, std::size_t count, std::mt19937& random) {
  std::vector<std::size_t> positions(extent);
  std::iota(positions.begin(), positions.end(), first);
  std::shuffle(positions.begin(), positions.end(), random);
  for (std::size_t i = 0; i < std::min(count, extent); ++i) flags[positions[i]] = true;
}

}  // namespace

double rows_kept(pruning p) { return p == pruning::columns ? 1.0 : p == pruning::three_quarters ? 0.75 : 0.5; }

std::string_view name(pruning p) {
  return p == pruning::columns ? "columns" : p == pruning::three_quarters ? "rows3of4" : "rows1of2";
}

block_mask::block_mask(std::size_t m, std::size_t k, block_size block, pruning how, double density, std::uint32_t seed)
    : m_(m), k_(k), block_columns_(bcr::blocks_covering(k, block.columns)), block_(block) {
  std::mt19937 random(seed);
  const std::size_t blocks = bcr::blocks_covering(m, block.rows) * block_columns_;
  const auto height = [&](std::size_t b) { return std::min(block.rows, m - b / block_columns_ * block.rows); };
  const auto width = [&](std::size_t b) { return std::min(block.columns, k - b % block_columns_ * block.columns); };

  std::vector<double> wished(blocks);
  for (std::size_t b = 0; b < blocks; ++b) wished[b] = rows_kept(how) * static_cast<double>(height(b));
  const std::vector<std::size_t> rows = round_at_random(wished, random);
  for (std::size_t b = 0; b < blocks; ++b) {
    const double share = static_cast<double>(rows[b]) / static_cast<double>(height(b));
    wished[b] = std::min(1.0, density / std::max(share, density)) * static_cast<double>(width(b));
  }
  const std::vector<std::size_t> columns = round_at_random(wished, random);

  rows_.resize(blocks * block.rows);
  columns_.resize(blocks * block.columns);
  for (std::size_t b = 0; b < blocks; ++b) {
    choose(rows_, b * block.rows, height(b), rows[b], random);
    choose(columns_, b * block.columns, width(b), columns[b], random);
  }
}

bool block_mask::keeps_row(std::size_t bi, std::size_t bj, std::size_t r) const {
  return rows_[(bi * block_columns_ + bj) * block_.rows + r];
}

bool block_mask::keeps_column(std::size_t bi, std::size_t bj, std::size_t c) const {
  return columns_[(bi * block_columns_ + bj) * block_.columns + c];
}

bcr::buffer<float> block_mask::apply(const bcr::buffer<float>& dense) const {
  bcr::buffer<float> pruned = floats(m_ * k_);
  for (std::size_t i = 0; i < m_; ++i) {
    for (std::size_t j = 0; j < k_; ++j) {
      const std::size_t bi = i / block_.rows, bj = j / block_.columns;
      const bool kept = keeps_row(bi, bj, i % block_.rows) && keeps_column(bi, bj, j % block_.columns);
      pruned[i * k_ + j] = kept ? dense[i * k_ + j] : 0.0F;
    }
  }
  return pruned;
}

bcr::buffer<float> floats(std::size_t size) {
  auto made = bcr::buffer<float>::allocate(size + padding);
  if (!made) {
    std::fprintf(stderr, "%s\n", made.message());
    std::exit(1);
  }
  return std::move(*made);
}

bcr::buffer<float> random_floats(std::size_t size, std::uint32_t seed) {
  bcr::buffer<float> made = floats(size);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> magnitude(0.125F, 1.0F);
  for (std::size_t i = 0; i < size; ++i) {
    const float x = magnitude(random);
    made[i] = random() & 1U ? x : -x;
  }
  return made;
}

reference::reference(const problem& p) : c_(p.m * p.n) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < p.m; ++i) {
    double* c = c_.data() + i * p.n;
    std::size_t kept = 0;
    for (std::size_t l = 0; l < p.k; ++l) {
      const double w = static_cast<double>(p.w[i * p.k + l]);
      if (w == 0) continue;
      ++kept;
      for (std::size_t j = 0; j < p.n; ++j) c[j] += w * static_cast<double>(p.b[l * p.n + j]);
    }
    longest = std::max(longest, kept);
  }
  // Factors are below 1, so partial sums of t random terms stay near sqrt(t), and t roundings of half a unit in the
  // last place of such a sum add up like a random walk: t * epsilon / 2, with a factor of 4 for the unlucky ones among
  // many outputs. One weight lost or doubled is thousands of times that.
  tolerance_ = 2 * (static_cast<double>(longest) + 8) * static_cast<double>(std::numeric_limits<float>::epsilon());
}

double reference::error(const float* c) const {
  double worst = 0;
  for (std::size_t i = 0; i < c_.size(); ++i) {
    const double off = std::fabs(static_cast<double>(c[i]) - c_[i]);
    if (std::isnan(off)) return std::numeric_limits<double>::infinity();
    worst = std::max(worst, off);
  }
  return worst / tolerance_;
}

void round_to(bcr::value_type type, bcr::buffer<float>& elements) {
  for (float& x : elements) {
    if (type == bcr::value_type::f16) x = static_cast<float>(bcr::f16(x));
    if (type == bcr::value_type::bf16) x = static_cast<float>(bcr::bf16(x));
  }
}

}  // namespace bench
