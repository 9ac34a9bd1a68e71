// The block shape: the one size of a BCR matrix that is fixed at compile time.
#pragma once

#include <cstddef>
#include <type_traits>

namespace bcr {

// An R x C tile of the weight matrix. Inside a block whole rows and whole columns are pruned, independently of each
// other and of every other block (GRIM, arXiv 2108.11033, section 3). Blocks at the right and lower edge may be ragged.
template <int Rows, int Columns>
struct block {
  static_assert(Rows >= 1 && Rows <= 128, "bcr::block: a block has 1 to 128 rows");
  static_assert(Columns >= 1 && Columns <= 1024, "bcr::block: a block has 1 to 1024 columns");
  static constexpr int rows = Rows;
  static constexpr int columns = Columns;
};

template <class T>
struct is_block : std::false_type {};
template <int Rows, int Columns>
struct is_block<block<Rows, Columns>> : std::true_type {};

template <class T>
concept block_shape = is_block<T>::value;

// Number of blocks of `size` that cover `extent`, the last one possibly ragged.
constexpr std::size_t blocks_covering(std::size_t extent, std::size_t size) noexcept {
  return extent / size + (extent % size != 0);
}

}  // namespace bcr
