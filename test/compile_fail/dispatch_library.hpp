// As bcr_add_dispatch_library(name TYPES float EPILOGUES none) would write it.
#pragma once

#define BCR_DISPATCH_NS dispatch_name

#include <type_traits>

#include "bcr/kernel/dispatch_table.hpp"

namespace bcr {
namespace dispatch_name {

template <class T, class W = T>
using kernel_table = dispatch_table<T, W, epilogue::none>;

template <class T, class W>
inline constexpr bool has_types = false;
template <>
inline constexpr bool has_types<float, float> = true;
dispatch_tables<kernel_table<float, float>> tables_of(std::type_identity<kernel_table<float, float>>) noexcept;

using first_table = kernel_table<float, float>;

}  // namespace dispatch_name
}  // namespace bcr
