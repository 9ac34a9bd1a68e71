// What a mask keeps, as the library says it.
#pragma once

#include <bcr/core/status.hpp>
#include <bcr/format/pattern.hpp>
#include <cstddef>

#include "problem.hpp"

namespace bench {

template <class Block>
bcr::result<bcr::pattern<Block>> pattern_of(const block_mask& mask, std::size_t m, std::size_t k) {
  auto made = bcr::pattern<Block>::create(m, k);
  if (!made) return made;
  for (std::size_t bi = 0; bi < made->block_rows(); ++bi) {
    for (std::size_t bj = 0; bj < made->block_columns(); ++bj) {
      for (std::size_t r = 0; r < made->block_height(bi); ++r) made->keep_row(bi, bj, r, mask.keeps_row(bi, bj, r));
      for (std::size_t c = 0; c < made->block_width(bj); ++c)
        made->keep_column(bi, bj, c, mask.keeps_column(bi, bj, c));
    }
  }
  return made;
}

}  // namespace bench
