// Transposition at every small size and some larger ones, any leading dimensions, any alignment, with guard values
// around.
#include "bcr/kernel/transpose-inl.h"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace target = bcr::BCR_TARGET_NS;

namespace {

template <class T>
void check_transpose(std::size_t rows, std::size_t columns, std::size_t from_gap, std::size_t to_gap,
                     std::size_t shift) {
  const T guard = static_cast<T>(-7);
  const std::size_t from_ld = columns + from_gap, to_ld = rows + to_gap, margin = 24;
  std::vector<T> from(rows * from_ld + shift), to(columns * to_ld + shift + 2 * margin, guard);
  for (std::size_t i = 0; i < from.size(); ++i) from[i] = static_cast<T>(i);
  // Nothing may be read past the last element either: the sanitizer sees to that, as the array ends there.
  if (rows != 0) from.resize(shift + (rows - 1) * from_ld + columns);
  from.shrink_to_fit();
  T* const out = to.data() + margin + shift;
  target::Transpose<T>(from.data() + shift, from_ld, rows, columns, out, to_ld);

  std::size_t wrong = 0, touched = 0;
  std::vector<bool> inside(to.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      wrong += out[j * to_ld + i] != from[shift + i * from_ld + j];
      inside[margin + shift + j * to_ld + i] = true;
    }
  }
  for (std::size_t i = 0; i < to.size(); ++i) touched += !inside[i] && to[i] != guard;
  CAPTURE(rows);
  CAPTURE(columns);
  CAPTURE(from_gap);
  CAPTURE(to_gap);
  CAPTURE(shift);
  CHECK(wrong == 0);
  CHECK(touched == 0);
}

}  // namespace

TEST_CASE_TEMPLATE("Transpose moves every element and touches no other", T, float, double, std::uint16_t) {
  for (std::size_t rows = 0; rows <= 36; ++rows) {
    for (std::size_t columns = 0; columns <= 20; ++columns) {
      check_transpose<T>(rows, columns, 0, 0, 0);
      check_transpose<T>(rows, columns, 3, 5, 1);
    }
  }
  for (const std::size_t rows : {1u, 7u, 64u, 65u, 131u}) {
    for (const std::size_t columns : {1u, 3u, 49u, 64u, 130u}) {
      check_transpose<T>(rows, columns, 0, 0, 0);
      check_transpose<T>(rows, columns, 1, 0, 3);
      check_transpose<T>(rows, columns, 64, 17, 2);
    }
  }
}
