// Epilogues: what happens to an output element before it is stored. Each is a small struct of parameters, known to no
// instruction set; kernel/epilogue-inl.h says what they do to a vector. chain() composes them at compile time.
#pragma once

#include <concepts>
#include <cstddef>
#include <type_traits>

#include "bcr/core/status.hpp"

namespace bcr {

// Which elements the lanes of a vector are: of one row of W (as in gemm, whose C has a row of W a row), of consecutive
// rows of W and next to each other (as in linear, whose Y has a row of W a column), or of consecutive rows of W in an
// output that is stored as gemm's.
enum orientation : unsigned char { along_columns, along_rows, down_rows };

namespace epilogue {

struct none {};

// x + per_row[i], for an element that row i of W made: a bias by output channel or neuron. `per_row` has W's rows.
template <class T>
struct bias {
  using value_type = T;
  const T* per_row = nullptr;
};
template <class T>
bias(const T*) -> bias<T>;

// x + data[..], a matrix stored as the output is and of its shape. It may be the output itself.
template <class T>
struct residual {
  using value_type = T;
  const T* data = nullptr;
  std::size_t leading_dimension = 0;
};
template <class T>
residual(const T*, std::size_t) -> residual<T>;

struct relu {};   // max(x, 0)
struct relu6 {};  // min(max(x, 0), 6)

// min(max(x, low), high)
template <class T>
struct clamp {
  using value_type = T;
  T low{};
  T high{};
};

// x, or slope x where x is negative
template <class T>
struct leaky_relu {
  using value_type = T;
  T slope{};
};

struct sigmoid {};     // 1 / (1 + exp(-x))
struct tanh {};        // tanh(x)
struct silu {};        // x / (1 + exp(-x)), also called swish
struct hard_swish {};  // x min(max(x + 3, 0), 6) / 6
struct gelu {};        // x (1 + erf(x / sqrt(2))) / 2
struct gelu_tanh {};   // x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2

// What somebody else does later: kernels then leave the sums where they are.
struct postponed {};

// Several, the first one first.
template <class... Epilogues>
struct chain_of {};
template <class First, class... Rest>
struct chain_of<First, Rest...> {
  First first;
  chain_of<Rest...> rest;
};

constexpr chain_of<> chain() noexcept { return {}; }
template <class First, class... Rest>
constexpr chain_of<First, Rest...> chain(First first, Rest... rest) noexcept {
  return {first, chain(rest...)};
}

}  // namespace epilogue

// Whether an epilogue is cheap enough to be repeated for every accumulator of a tile: nothing transcendental in it.
template <class Epilogue>
inline constexpr bool is_cheap_v =
    !(std::same_as<Epilogue, epilogue::sigmoid> || std::same_as<Epilogue, epilogue::tanh> ||
      std::same_as<Epilogue, epilogue::silu> || std::same_as<Epilogue, epilogue::gelu> ||
      std::same_as<Epilogue, epilogue::gelu_tanh> || std::same_as<Epilogue, epilogue::postponed>);
template <class... Epilogues>
inline constexpr bool is_cheap_v<epilogue::chain_of<Epilogues...>> = (is_cheap_v<Epilogues> && ...);

// Whether an epilogue's own numbers, if it has any, are of type T.
template <class Epilogue, class T>
inline constexpr bool accepts_v = true;
template <class Epilogue, class T>
  requires requires { typename Epilogue::value_type; }
inline constexpr bool accepts_v<Epilogue, T> = std::same_as<typename Epilogue::value_type, T>;
template <class... Epilogues, class T>
inline constexpr bool accepts_v<epilogue::chain_of<Epilogues...>, T> = (accepts_v<Epilogues, T> && ...);

// A type that may stand as the epilogue of an operation on T.
template <class Epilogue, class T>
concept epilogue_for = std::is_trivially_copyable_v<Epilogue> && accepts_v<Epilogue, T>;

namespace epilogue {

// Whether the parameters suit an output matrix of `rows` x `columns`, as it is stored.
template <class Epilogue>
constexpr status check(const Epilogue&, std::size_t, std::size_t) noexcept {
  return {};
}
template <class T>
constexpr status check(const bias<T>& b, std::size_t rows, std::size_t columns) noexcept {
  if (rows != 0 && columns != 0 && b.per_row == nullptr) {
    return {errc::invalid_argument, "The epilogue's bias has no data: per_row is null."};
  }
  return {};
}
template <class T>
constexpr status check(const residual<T>& r, std::size_t rows, std::size_t columns) noexcept {
  if (rows != 0 && columns != 0 && r.data == nullptr) {
    return {errc::invalid_argument, "The epilogue's residual has no data: its pointer is null."};
  }
  if (rows != 0 && r.leading_dimension < columns) {
    return {errc::invalid_argument,
            "The epilogue's residual has a leading dimension shorter than a row of the output."};
  }
  return {};
}
template <class First, class... Rest>
constexpr status check(const chain_of<First, Rest...>& c, std::size_t rows, std::size_t columns) noexcept {
  const status first = check(c.first, rows, columns);
  return first ? check(c.rest, rows, columns) : first;
}

// The same for a part of the output, counting rows of W and the residual's rows and columns from where it begins.
template <class Epilogue>
constexpr Epilogue part(const Epilogue& e, std::size_t, std::size_t, std::size_t) noexcept {
  return e;
}
template <class T>
constexpr bias<T> part(const bias<T>& b, std::size_t row, std::size_t, std::size_t) noexcept {
  return {b.per_row + row};
}
template <class T>
constexpr residual<T> part(const residual<T>& r, std::size_t, std::size_t residual_row,
                           std::size_t residual_column) noexcept {
  return {r.data + residual_row * r.leading_dimension + residual_column, r.leading_dimension};
}
template <class First, class... Rest>
constexpr chain_of<First, Rest...> part(const chain_of<First, Rest...>& c, std::size_t row, std::size_t residual_row,
                                        std::size_t residual_column) noexcept {
  return {part(c.first, row, residual_row, residual_column), part(c.rest, row, residual_row, residual_column)};
}

}  // namespace epilogue
}  // namespace bcr
