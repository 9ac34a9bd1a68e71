// Which weights a BCR-pruned matrix keeps: for every block a set of rows and a set of columns, and of the block's
// weights those where both are kept (GRIM, arXiv 2108.11033, section 3). A pattern is what pruning decides and what the
// packers read; it holds no weights and knows nothing of how kernels want them laid out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "bcr/core/block.hpp"
#include "bcr/core/buffer.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/bits.hpp"

namespace bcr {

// Blocks are numbered (bi, bj) from the upper left, their rows and columns r and c from the block's own upper left.
// Indices are not checked: bi < block_rows(), bj < block_columns(), r < block_height(bi), c < block_width(bj).
template <block_shape Block>
class pattern {
 public:
  using block_type = Block;

  // A pattern for a `rows` x `columns` matrix that keeps nothing. Either extent may be 0. Fails with invalid_argument
  // if the matrix has more elements than a std::size_t counts, and with out_of_memory.
  static result<pattern> create(std::size_t rows, std::size_t columns) noexcept {
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    if (columns != 0 && rows > most / columns) {
      return {errc::invalid_argument, "The matrix has more elements than this machine can count."};
    }
    pattern made;
    made.rows_ = rows;
    made.columns_ = columns;
    made.block_rows_ = blocks_covering(rows, Block::rows);
    made.block_columns_ = blocks_covering(columns, Block::columns);
    const std::size_t blocks = made.block_rows_ * made.block_columns_;  // no more than rows * columns
    if (blocks > most / words_per_block) {
      return {errc::out_of_memory, "There is not enough memory for a pattern of this size."};
    }
    auto words = buffer<std::uint64_t>::allocate(blocks * words_per_block);
    if (!words) return words.status();
    made.words_ = std::move(*words);
    return made;
  }

  // A copy; it can fail with out_of_memory, which is why it is not a constructor.
  result<pattern> clone() const noexcept {
    auto copy = create(rows_, columns_);
    if (copy && words_.size() != 0)
      std::memcpy(copy->words_.data(), words_.data(), words_.size() * sizeof(std::uint64_t));
    return copy;
  }

  std::size_t rows() const noexcept { return rows_; }
  std::size_t columns() const noexcept { return columns_; }
  // How many blocks stand below and beside each other.
  std::size_t block_rows() const noexcept { return block_rows_; }
  std::size_t block_columns() const noexcept { return block_columns_; }
  // The block's extent: Block's, or less at the lower and right edge.
  std::size_t block_height(std::size_t bi) const noexcept { return extent(rows_, bi, Block::rows); }
  std::size_t block_width(std::size_t bj) const noexcept { return extent(columns_, bj, Block::columns); }

  bool keeps_row(std::size_t bi, std::size_t bj, std::size_t r) const noexcept {
    return bits::test(row_words(bi, bj), r);
  }
  bool keeps_column(std::size_t bi, std::size_t bj, std::size_t c) const noexcept {
    return bits::test(column_words(bi, bj), c);
  }
  // Whether weight (i, j) of the matrix is kept: its block keeps its row and its column.
  bool keeps(std::size_t i, std::size_t j) const noexcept {
    const std::size_t bi = i / Block::rows, bj = j / Block::columns;
    return keeps_row(bi, bj, i % Block::rows) && keeps_column(bi, bj, j % Block::columns);
  }

  void keep_row(std::size_t bi, std::size_t bj, std::size_t r, bool keep = true) noexcept {
    bits::assign(row_set(bi, bj), r, keep);
  }
  void keep_column(std::size_t bi, std::size_t bj, std::size_t c, bool keep = true) noexcept {
    bits::assign(column_set(bi, bj), c, keep);
  }
  // Keeps every row and every column of the block.
  void keep_block(std::size_t bi, std::size_t bj) noexcept {
    bits::assign_first(row_set(bi, bj), block_height(bi));
    bits::assign_first(column_set(bi, bj), block_width(bj));
  }
  // Keeps every weight of the matrix.
  void keep_all() noexcept {
    for (std::size_t b = 0; b < blocks(); ++b) keep_block(b / block_columns_, b % block_columns_);
  }

  // The block's kept rows and columns as bit sets; bits past a ragged edge are 0. bits::for_each walks them.
  std::span<const std::uint64_t> row_words(std::size_t bi, std::size_t bj) const noexcept {
    return {words_.data() + first_word(bi, bj), row_words_per_block};
  }
  std::span<const std::uint64_t> column_words(std::size_t bi, std::size_t bj) const noexcept {
    return {words_.data() + first_word(bi, bj) + row_words_per_block, column_words_per_block};
  }

  // A block with kept rows but no kept column (or the reverse) keeps no weight.
  std::size_t kept_rows(std::size_t bi, std::size_t bj) const noexcept { return bits::count(row_words(bi, bj)); }
  std::size_t kept_columns(std::size_t bi, std::size_t bj) const noexcept { return bits::count(column_words(bi, bj)); }
  // Kept weights of the whole matrix, counted afresh at each call: time proportional to the number of blocks.
  std::size_t kept() const noexcept {
    std::size_t total = 0;
    for (std::size_t b = 0; b < blocks(); ++b) {
      const std::size_t bi = b / block_columns_, bj = b % block_columns_;
      total += kept_rows(bi, bj) * kept_columns(bi, bj);
    }
    return total;
  }
  // Kept weights over all weights, 0 to 1: the inverse of the pruning rate. A matrix without elements has density 1, as
  // nothing of it was pruned.
  double density() const noexcept {
    if (rows_ == 0 || columns_ == 0) return 1.0;
    return static_cast<double>(kept()) / (static_cast<double>(rows_) * static_cast<double>(columns_));
  }

  // Equal shapes and the same sets in every block. Two patterns may keep the same weights and yet differ, in blocks
  // that keep rows but no column or the reverse.
  friend bool operator==(const pattern& a, const pattern& b) noexcept {
    return a.rows_ == b.rows_ && a.columns_ == b.columns_ &&
           (a.words_.size() == 0 ||
            std::memcmp(a.words_.data(), b.words_.data(), a.words_.size() * sizeof(std::uint64_t)) == 0);
  }

 private:
  static constexpr std::size_t row_words_per_block = bits::words_for(Block::rows);
  static constexpr std::size_t column_words_per_block = bits::words_for(Block::columns);
  static constexpr std::size_t words_per_block = row_words_per_block + column_words_per_block;

  pattern() noexcept = default;

  static std::size_t extent(std::size_t total, std::size_t index, std::size_t size) noexcept {
    const std::size_t rest = total - index * size;
    return rest < size ? rest : size;
  }
  // One loop over all blocks ends at once for a matrix of many rows and no column; two nested ones would not.
  std::size_t blocks() const noexcept { return words_.size() / words_per_block; }
  std::size_t first_word(std::size_t bi, std::size_t bj) const noexcept {
    return (bi * block_columns_ + bj) * words_per_block;
  }
  std::span<std::uint64_t> row_set(std::size_t bi, std::size_t bj) noexcept {
    return {words_.data() + first_word(bi, bj), row_words_per_block};
  }
  std::span<std::uint64_t> column_set(std::size_t bi, std::size_t bj) noexcept {
    return {words_.data() + first_word(bi, bj) + row_words_per_block, column_words_per_block};
  }

  std::size_t rows_ = 0, columns_ = 0, block_rows_ = 0, block_columns_ = 0;
  buffer<std::uint64_t> words_;  // block after block: its row set, then its column set
};

}  // namespace bcr
