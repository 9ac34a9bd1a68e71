// What is multiplied: random matrices, the ways of pruning them, and the check of a product against double precision.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/format/blob.hpp"

namespace bench {

// Which share of every block's rows is kept. The columns are pruned as far as the density then asks.
enum class pruning { columns, three_quarters, half };

inline constexpr pruning all_prunings[] = {pruning::columns, pruning::three_quarters, pruning::half};
double rows_kept(pruning);
std::string_view name(pruning);  // "columns", "rows3of4", "rows1of2"

struct block_size {
  std::size_t rows, columns;
  friend bool operator==(const block_size&, const block_size&) = default;
};

// The sets of kept rows and columns of every block, drawn at random so that the matrix as a whole has the wished
// density.
class block_mask {
 public:
  block_mask(std::size_t m, std::size_t k, block_size, pruning, double density, std::uint32_t seed);

  block_size block() const { return block_; }
  bool keeps_row(std::size_t bi, std::size_t bj, std::size_t r) const;
  bool keeps_column(std::size_t bi, std::size_t bj, std::size_t c) const;
  // The dense matrix with everything else set to zero.
  bcr::buffer<float> apply(const bcr::buffer<float>& dense) const;

 private:
  std::size_t m_, k_, block_columns_;
  block_size block_;
  std::vector<bool> rows_, columns_;  // block.rows and block.columns flags a block
};

// `size` zeros, or numbers of magnitude 1/8 to 1 and random sign, with `padding` more floats behind that peers may
// read. Ends the program if there is no memory.
bcr::buffer<float> floats(std::size_t size);
bcr::buffer<float> random_floats(std::size_t size, std::uint32_t seed);
inline constexpr std::size_t padding = 64;
// Makes of every element what it is as a weight of the type.
void round_to(bcr::value_type, bcr::buffer<float>&);

// C = W B for row-major W (m x k, zero where pruned) and B (k x n). The arrays outlive whoever is given a problem.
struct problem {
  std::size_t m, k, n;
  const float* w;
  const float* b;
  int threads = 1;
  double multiply_adds = 0;  // of the kept weights: nonzeros of W times n
  int tasks = 1;             // a thread, that the library's plans prepare for
};

// The product in double precision, and how far a float product may be from it.
class reference {
 public:
  explicit reference(const problem&);
  // The largest error over all outputs, in units of what rounding may do to the longest row: above 1 it is wrong.
  double error(const float* c) const;

 private:
  std::vector<double> c_;
  double tolerance_;
};

}  // namespace bench
