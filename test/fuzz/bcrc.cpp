// Any numbers as the six arrays of BCRC: what validate() accepts can be unpacked, and nothing outside is touched.
#include "bcr/format/bcrc.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

#include "bcr/pack/bcrc.hpp"
#include "fuzz/input.hpp"

namespace {

// Up to 31 numbers: small ones, and now and then one that is not.
std::vector<std::uint32_t> any_numbers(bcr::test::fuzz_input& input) {
  std::vector<std::uint32_t> numbers(input.below(32));
  for (std::uint32_t& number : numbers) {
    const auto small = static_cast<std::uint32_t>(input.byte());
    number = small < 250 ? small : (small - 254) * 0x40000000u + static_cast<std::uint32_t>(input.byte()) - 128;
  }
  return numbers;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  bcr::test::fuzz_input input(data, size);
  const std::size_t rows = input.below(40), columns = input.below(64);
  const auto reorder = any_numbers(input), row_offset = any_numbers(input), occurrence = any_numbers(input),
             column_stride = any_numbers(input), compact_column = any_numbers(input);
  const std::vector<float> weights(input.below(64), 1.0f);
  const bcr::bcrc_view<float> view{rows,       columns,       reorder,        row_offset,
                                   occurrence, column_stride, compact_column, weights};
  const bcr::status valid = bcr::validate(view);
  bcr::test::demand(std::strlen(valid.message()) > 0);

  std::vector<float> dense(rows * columns, 2.0f);
  const bcr::status unpacked = bcr::unpack(view, bcr::matrix_view<float>(dense.data(), rows, columns));
  bcr::test::demand(unpacked.ok() == valid.ok());
  float sum = 0;
  for (const float element : dense) sum += element;
  bcr::test::demand(sum == static_cast<float>(valid ? weights.size() : 2 * dense.size()));
  return 0;
}
