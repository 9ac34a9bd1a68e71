// The 64-bit checksum of the saved form, made for speed and against accidents, not against malice.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace bcr::detail {

// Bytes come in lines of 64. The eight words of a line go to eight lanes, and each lane takes its word w by
//
//   lane <- rotate_left((lane ^ w) * odd, 31)
//
// and value() folds the lanes into one word by the same step. Each step is a bijection of the lane for any w, and of w
// for any lane: two inputs that differ within a single aligned word, so by any one flipped bit or byte, differ in that
// lane from there on and therefore in the value. Other differences go unnoticed with a probability of about 2^-64.
// Eight independent lanes hide the multiplication's latency. Words are read in the machine's byte order.
class checksum {
 public:
  // `bytes` is a multiple of 64.
  void add_lines(std::span<const std::byte> bytes) noexcept {
    for (std::size_t at = 0; at < bytes.size(); at += sizeof lanes_) {
      std::uint64_t words[8];
      std::memcpy(words, bytes.data() + at, sizeof words);
      for (int l = 0; l < 8; ++l) lanes_[l] = step(lanes_[l], words[l]);
    }
  }

  std::uint64_t value() const noexcept {
    std::uint64_t folded = 0;
    for (const std::uint64_t lane : lanes_) folded = step(folded, lane);
    return folded ^ (folded >> 32);
  }

 private:
  static constexpr std::uint64_t step(std::uint64_t lane, std::uint64_t word) noexcept {
    return std::rotl((lane ^ word) * 0x9e3779b97f4a7c15u, 31);  // 2^64 over the golden ratio
  }

  // Not zero, so that leading zeros count. That lanes are folded in order makes words that change places count.
  std::uint64_t lanes_[8] = {1, 2, 3, 4, 5, 6, 7, 8};
};

}  // namespace bcr::detail
