// Any pattern, and any cut, packed: the saved form opens, the weights come back, and products are exact, because all
// numbers are small integers.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "bcr/pack/bcrc.hpp"
#include "fuzz/input.hpp"
#include "support/kernels_once.hpp"

namespace {

using bcr::test::demand;
using bcr::test::fuzz_input;

template <class Block>
bcr::pattern<Block> any_pattern(fuzz_input& input, std::size_t rows, std::size_t columns) {
  auto kept = bcr::pattern<Block>::create(rows, columns);
  demand(kept.ok());
  for (std::size_t bi = 0; bi < kept->block_rows(); ++bi) {
    for (std::size_t bj = 0; bj < kept->block_columns(); ++bj) {
      const std::size_t how = input.byte();
      if (how == 255) kept->keep_block(bi, bj);
      if (how == 0 || how == 255) continue;
      // Sets that repeat with the period of the bytes read: few bytes, many rows and columns.
      const std::size_t row_bits = input.byte(), column_bits = input.byte(), row_period = 1 + how % 8;
      for (std::size_t r = 0; r < kept->block_height(bi); ++r) {
        if (row_bits >> r % row_period & 1) kept->keep_row(bi, bj, r);
      }
      for (std::size_t c = 0; c < kept->block_width(bj); ++c) {
        if (column_bits >> (c + how / 8) % 8 & 1) kept->keep_column(bi, bj, c);
      }
    }
  }
  return std::move(*kept);
}

struct operands {
  std::size_t rows, columns, leading_dimension;
  std::vector<float> weights;
  bcr::matrix_view<const float> view() const { return {weights.data(), rows, columns, leading_dimension}; }
};

operands any_operands(fuzz_input& input) {
  const bool wide = input.below(16) == 15;  // long or wide, and never so large that the fuzzer would be slow
  operands in{input.below(wide ? 10 : 140), input.below(wide ? 1100 : 100), input.below(4), {}};
  in.leading_dimension += in.columns;
  in.weights.resize(in.rows * in.leading_dimension);
  for (std::size_t i = 0; i < in.weights.size(); ++i) in.weights[i] = static_cast<float>(1 + (i * 7 + i / 13) % 9) - 5;
  return in;
}

template <class Block, bcr::blob_layout Layout>
void check_product(const operands& in, const bcr::pattern<Block>& kept,
                   const bcr::packed_weights<float, Block, Layout>& packed, std::size_t n, std::size_t threads) {
  std::vector<float> b(in.columns * n), c(in.rows * n, -1.0f);
  for (std::size_t i = 0; i < b.size(); ++i) b[i] = static_cast<float>(i % 5) - 2;
  const auto plan = bcr::gemm_plan<float>::create(packed, {.columns = n, .threads = threads});
  demand(plan.ok());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  demand(plan->run({b.data(), in.columns, n}, {c.data(), in.rows, n}, workspace).ok());
  for (std::size_t i = 0; i < in.rows; ++i) {
    float expected[18] = {};
    for (std::size_t k = 0; k < in.columns; ++k) {
      if (!kept.keeps(i, k)) continue;
      const float* const from = b.data() + k * n;
      for (std::size_t j = 0; j < n; ++j) expected[j] += in.view()(i, k) * from[j];
    }
    demand(std::equal(expected, expected + n, c.data() + i * n));
  }
}

template <class Block>
void check(fuzz_input& input) {
  constexpr bcr::panel_cut cuts[] = {bcr::panel_cut::automatic, bcr::panel_cut::whole_rows, bcr::panel_cut::per_block};
  const auto cut = cuts[input.below(3)];
  const std::size_t n = input.below(18), threads = 1 + input.below(3);
  const operands in = any_operands(input);
  const auto kept = any_pattern<Block>(input, in.rows, in.columns);

  const auto packed = bcr::pack<float>(kept, in.view(), {.cut = cut});
  demand(packed.ok() && packed->kept() == kept.kept());
  const auto opened = bcr::packed_weights<float, Block>::open(packed->bytes());
  demand(opened.ok());
  std::vector<float> back(in.rows * in.columns, 99.0f), from_bcrc = back;
  demand(bcr::unpack(*opened, {back.data(), in.rows, in.columns}).ok());
  for (std::size_t i = 0; i < in.rows; ++i) {
    for (std::size_t j = 0; j < in.columns; ++j) {
      demand(back[i * in.columns + j] == (kept.keeps(i, j) ? in.view()(i, j) : 0.0f));
    }
  }
  const auto bcrc = bcr::pack_bcrc(kept, in.view());
  demand(bcrc.ok() && bcr::validate(bcrc->view()).ok());
  demand(bcr::unpack(bcrc->view(), bcr::matrix_view<float>(from_bcrc.data(), in.rows, in.columns)).ok());
  demand(from_bcrc == back);
  const auto covering = bcr::cover_nonzeros<Block>(bcr::matrix_view<float>(back.data(), in.rows, in.columns));
  demand(covering.ok() && covering->pattern.kept() <= kept.kept());
  check_product(in, kept, *opened, n, threads);

  constexpr bcr::strip_cut strip_cuts[] = {bcr::strip_cut::automatic, bcr::strip_cut::shared_columns,
                                           bcr::strip_cut::own_columns};
  const auto bands =
      bcr::pack<float, bcr::blob_layout::bands>(kept, in.view(), {.strips = strip_cuts[static_cast<int>(cut)]});
  demand(bands.ok() && bands->kept() == kept.kept());
  check_product(in, kept, *bands, n, threads);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz_input input(data, size);
  switch (input.below(5)) {
    case 0:
      check<bcr::block<4, 16>>(input);
      break;
    case 1:
      check<bcr::block<1, 1>>(input);
      break;
    case 2:
      check<bcr::block<5, 7>>(input);
      break;
    case 3:
      check<bcr::block<16, 64>>(input);
      break;
    default:
      check<bcr::block<128, 1024>>(input);
  }
  return 0;
}
