// As bcr_add_dispatch_library(name TYPES float EPILOGUES none) would write it.
#pragma once

#define BCR_DISPATCH_NS dispatch_name

#include <type_traits>

#include "bcr/kernel/dispatch_table.hpp"

namespace bcr {
namespace dispatch_name {

template <class T>
using kernel_table = dispatch_table<T, epilogue::none>;

template <class T>
inline constexpr bool has_type = false;
template <>
inline constexpr bool has_type<float> = true;
dispatch_tables<kernel_table<float>> tables_of(std::type_identity<float>) noexcept;

using first_type = float;

}  // namespace dispatch_name
}  // namespace bcr
