// Arrays between pages that may not be touched: a load or store outside, even one whose result nobody uses, is a crash.
// A sanitizer would not see what masked vector instructions do; the memory management unit does.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#include <unistd.h>
#else
#include <cstdlib>
#endif

#include "bcr/core/matrix_view.hpp"

namespace bcr::test {

// On which side the array touches its guard; on the other side the rest of the page lies between.
enum class guard_side : std::uint8_t { before, after };

// `count` elements, `offset` elements away from the guard, which decides their alignment. All bytes of the page are
// 0xff at first, so that elements are not numbers until they are written. Where there is no mmap, only writes are
// noticed.
template <class T>
class guarded_array {
 public:
  guarded_array(std::size_t count, std::size_t offset, guard_side side) : count_(count) {
    const std::size_t page = page_bytes(), used = (count + offset) * sizeof(T);
    inner_bytes_ = (used + page - 1) / page * page + (used == 0 ? page : 0);
    inner_ = map(inner_bytes_, page);
    std::memset(inner_, 0xff, inner_bytes_);
    const std::size_t skip = side == guard_side::before ? offset * sizeof(T) : inner_bytes_ - used;
    data_ = reinterpret_cast<T*>(inner_ + skip);
  }
  guarded_array(guarded_array&& other) noexcept
      : inner_(std::exchange(other.inner_, nullptr)),
        inner_bytes_(other.inner_bytes_),
        data_(other.data_),
        count_(other.count_) {}
  guarded_array& operator=(guarded_array&&) = delete;
  ~guarded_array() {
    if (inner_ != nullptr) unmap(inner_, inner_bytes_, page_bytes());
  }

  T* data() { return data_; }
  const T* data() const { return data_; }
  std::size_t size() const { return count_; }
  T& operator[](std::size_t i) { return data_[i]; }
  std::span<T> span() { return {data_, count_}; }

  // Whether the bytes of the page around the array are as they were.
  bool surroundings_intact() const {
    const auto* begin = reinterpret_cast<const std::byte*>(data_);
    const auto* end = begin + count_ * sizeof(T);
    return untouched({inner_, static_cast<std::size_t>(begin - inner_)}) &&
           untouched({end, static_cast<std::size_t>(inner_ + inner_bytes_ - end)});
  }

  static bool untouched(std::span<const std::byte> bytes) {
    // The first is as it was, and each is the same as the one before it.
    return bytes.empty() ||
           (bytes[0] == std::byte{0xff} && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
  }

 private:
#if defined(__linux__)
  static std::size_t page_bytes() {
    static const std::size_t bytes = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return bytes;
  }
  static std::byte* map(std::size_t inner, std::size_t page) {
    void* all = mmap(nullptr, inner + 2 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED) throw std::bad_alloc();
    auto* first = static_cast<std::byte*>(all) + page;
    if (mprotect(first, inner, PROT_READ | PROT_WRITE) != 0) throw std::bad_alloc();
    return first;
  }
  static void unmap(std::byte* first, std::size_t inner, std::size_t page) { munmap(first - page, inner + 2 * page); }
#else
  static std::size_t page_bytes() { return 4096; }
  static std::byte* map(std::size_t inner, std::size_t page) {
    auto* all = static_cast<std::byte*>(std::malloc(inner + 2 * page));
    if (all == nullptr) throw std::bad_alloc();
    return all + page;
  }
  static void unmap(std::byte* first, std::size_t, std::size_t page) { std::free(first - page); }
#endif

  std::byte* inner_ = nullptr;  // between the guards
  std::size_t inner_bytes_ = 0;
  T* data_ = nullptr;
  std::size_t count_ = 0;
};

// Where a matrix lies in memory.
struct placement {
  std::size_t padding = 0;  // leading dimension beyond the columns
  std::size_t offset = 0;   // elements between the matrix and the guard
  guard_side side = guard_side::after;
};

// A matrix whose first element follows the guard or whose last one precedes it: after the last row's last column there
// is nothing, whatever the leading dimension.
template <class T>
class guarded_matrix {
 public:
  guarded_matrix(std::size_t rows, std::size_t columns, const placement& at)
      : rows_(rows),
        columns_(columns),
        leading_dimension_(columns + at.padding),
        elements_(rows == 0 || columns == 0 ? 0 : (rows - 1) * leading_dimension_ + columns, at.offset, at.side) {}

  matrix_view<T> view() { return {elements_.data(), rows_, columns_, leading_dimension_}; }
  T& operator()(std::size_t i, std::size_t j) { return elements_[i * leading_dimension_ + j]; }
  T* row(std::size_t i) { return elements_.data() + i * leading_dimension_; }

  // Whether nothing was written between the rows and around them.
  bool surroundings_intact() const {
    bool intact = elements_.surroundings_intact();
    if (rows_ == 0 || columns_ == 0) return intact;
    for (std::size_t i = 0; i + 1 < rows_; ++i) {
      const T* gap = elements_.data() + i * leading_dimension_ + columns_;
      intact = intact && guarded_array<T>::untouched(std::as_bytes(std::span(gap, leading_dimension_ - columns_)));
    }
    return intact;
  }

 private:
  std::size_t rows_, columns_, leading_dimension_;
  guarded_array<T> elements_;
};

}  // namespace bcr::test
