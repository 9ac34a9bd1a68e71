// A row-major matrix that somebody else owns.
#pragma once

#include <cstddef>
#include <type_traits>

namespace bcr {

// `rows` x `columns` elements; element (i, j) is data[i * leading_dimension + j]. Any element-aligned pointer and any
// leading dimension of at least `columns` will do. A matrix without elements may have a null pointer.
template <class T>
struct matrix_view {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t columns = 0;
  std::size_t leading_dimension = 0;

  constexpr matrix_view() noexcept = default;
  constexpr matrix_view(T* d, std::size_t r, std::size_t c) noexcept : matrix_view(d, r, c, c) {}
  constexpr matrix_view(T* d, std::size_t r, std::size_t c, std::size_t ld) noexcept
      : data(d), rows(r), columns(c), leading_dimension(ld) {}
  // A view of mutable elements serves where one of constant elements is asked for. A template, because
  // a plain constructor would be the copy constructor of views of mutable elements, and refuse to be one.
  template <class U>
    requires(std::is_const_v<T> && std::is_same_v<U, std::remove_const_t<T>>)
  constexpr matrix_view(const matrix_view<U>& other) noexcept
      : matrix_view(other.data, other.rows, other.columns, other.leading_dimension) {}

  constexpr T& operator()(std::size_t i, std::size_t j) const noexcept { return data[i * leading_dimension + j]; }
  constexpr T* row(std::size_t i) const noexcept { return data + i * leading_dimension; }
  constexpr bool empty() const noexcept { return rows == 0 || columns == 0; }
  // What every function that takes a view asks of it.
  constexpr bool valid() const noexcept { return empty() || (data != nullptr && leading_dimension >= columns); }
};

}  // namespace bcr
