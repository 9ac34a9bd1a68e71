// The fuzzer's bytes, read as numbers; zeros follow the last.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

namespace bcr::test {

class fuzz_input {
 public:
  fuzz_input(const std::uint8_t* data, std::size_t size) : rest_(data, size) {}

  std::size_t byte() {
    if (rest_.empty()) return 0;
    const std::size_t b = rest_.front();
    rest_ = rest_.subspan(1);
    return b;
  }
  // 0 to bound - 1, of one or two bytes.
  std::size_t below(std::size_t bound) {
    const std::size_t first = byte();
    return (bound <= 256 ? first : first << 8 | byte()) % bound;
  }

 private:
  std::span<const std::uint8_t> rest_;
};

// What the library promised does not hold.
inline void demand(bool holds) {
  if (!holds) std::abort();
}

}  // namespace bcr::test
