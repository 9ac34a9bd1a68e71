// The library's only owner of memory: a 64-byte aligned array that says so, instead of throwing, when there is none.
#pragma once

#include <cstddef>
#include <cstring>
#include <limits>
#include <new>
#include <span>
#include <type_traits>
#include <utility>

#include "bcr/core/status.hpp"

namespace bcr {

// One cache line on every machine the library knows; no vector of a known target is wider.
inline constexpr std::size_t buffer_alignment = 64;

template <class T>
class buffer {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>,
                "bcr::buffer: elements must be trivially copyable");

 public:
  buffer() noexcept = default;
  buffer(buffer&& other) noexcept : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
  buffer& operator=(buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(size_, other.size_);
    return *this;
  }
  ~buffer() { ::operator delete(static_cast<void*>(data_), std::align_val_t(buffer_alignment)); }

  // `size` elements, all bytes zero. Fails with out_of_memory.
  static result<buffer> allocate(std::size_t size) noexcept {
    buffer made;
    if (size == 0) return made;
    constexpr status none(errc::out_of_memory, "There is not enough memory for the array.");
    if (size > std::numeric_limits<std::ptrdiff_t>::max() / sizeof(T)) return none;
    void* memory = ::operator new(size * sizeof(T), std::align_val_t(buffer_alignment), std::nothrow);
    if (memory == nullptr) return none;
    made.data_ = static_cast<T*>(std::memset(memory, 0, size * sizeof(T)));
    made.size_ = size;
    return made;
  }

  T* data() noexcept { return data_; }
  const T* data() const noexcept { return data_; }
  std::size_t size() const noexcept { return size_; }
  T& operator[](std::size_t i) noexcept { return data_[i]; }
  const T& operator[](std::size_t i) const noexcept { return data_[i]; }
  T* begin() noexcept { return data_; }
  T* end() noexcept { return data_ + size_; }
  const T* begin() const noexcept { return data_; }
  const T* end() const noexcept { return data_ + size_; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace bcr
