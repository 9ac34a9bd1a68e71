// Failures of the library as exceptions, for examples that have nothing better to do with them.
#pragma once

#include <bcr/core/status.hpp>
#include <stdexcept>
#include <utility>

// Stops with the sentence of a status that is not ok; hands on the value of a result that is.
inline void check(const bcr::status& status) {
  if (!status) throw std::runtime_error(status.message());
}
template <class T>
T check(bcr::result<T> result) {
  check(result.status());
  return std::move(*result);
}
