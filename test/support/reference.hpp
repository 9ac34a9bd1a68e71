// The product of a pruned matrix and a dense one as it should be: scalar code in double precision, and how far a result
// may be from it.
//
// A sum of n products, each rounded once, is off by less than n u sum |w x|, where u is half of T's epsilon. The
// reference is off by as much when T is double, and what an epilogue adds is rounded a few times more; its functions
// are off by at most four epsilon. Hence the tolerance |error| <= (n + 8) epsilon (sum |w x| + |what was added|), n
// being the number of weights kept in the row: where nothing is kept and nothing added, the result must be exact.
#pragma once

#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <vector>

#include "bcr/core/narrow.hpp"
#include "support/random_pattern.hpp"

namespace bcr::test {

// Neither infinite nor not-a-number, by the bits: -ffast-math lets a compiler believe that there are no others.
template <class T>
bool is_finite(T x) {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  const bits infinity = std::bit_cast<bits>(std::numeric_limits<T>::infinity());
  return (std::bit_cast<bits>(x) & infinity) != infinity;
}

// What an element should be, and the sum of the magnitudes of which it was made.
struct exact_value {
  double value = 0, magnitude = 0;
};

// Exactly, whatever the type.
template <class T>
double to_double(T number) {
  if constexpr (narrow_float<T>) {
    return static_cast<double>(static_cast<float>(number));
  } else {
    return static_cast<double>(number);
  }
}

// Sums of all elements of W B: row i of W, column j of B.
template <class T>
class exact_product {
 public:
  // Only kept weights count; the others may be anything. x(k, j) is the input.
  template <class Block, class W, class Input>
  exact_product(const pattern<Block>& kept, const dense_matrix<W>& weights, std::size_t columns, Input&& x)
      : columns_(columns), elements_(kept.rows() * columns), terms_(kept.rows()) {
    for (std::size_t i = 0; i < kept.rows(); ++i) {
      exact_value* const row = elements_.data() + i * columns;
      for (std::size_t k = 0; k < kept.columns(); ++k) {
        if (!kept.keeps(i, k)) continue;
        ++terms_[i];
        const double weight = to_double(weights(i, k));
        for (std::size_t j = 0; j < columns; ++j) {
          const double product = weight * to_double(x(k, j));
          row[j].value += product;
          row[j].magnitude += std::abs(product);
        }
      }
    }
  }

  const exact_value& operator()(std::size_t i, std::size_t j) const { return elements_[i * columns_ + j]; }
  std::size_t terms(std::size_t i) const { return terms_[i]; }

  // How far `found` is from `expected`, in units of what row i may be off: at most 1 is right. What is not finite is
  // wrong.
  double excess(std::size_t i, T found, const exact_value& expected) const {
    if (!is_finite(found)) return std::numeric_limits<double>::max();
    const double error = std::abs(static_cast<double>(found) - expected.value);
    if (error == 0) return 0;
    const double eps = static_cast<double>(std::numeric_limits<T>::epsilon());
    const double ratio = error / ((static_cast<double>(terms_[i]) + 8) * eps * expected.magnitude);
    return ratio >= 0 ? ratio : std::numeric_limits<double>::max();
  }

 private:
  std::size_t columns_;
  std::vector<exact_value> elements_;
  std::vector<std::size_t> terms_;
};

}  // namespace bcr::test
