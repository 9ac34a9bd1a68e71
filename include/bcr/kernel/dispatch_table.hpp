// What a dispatch library holds: for the types of activations and weights and one target, the kernels of every epilogue
// that it was built for, and those of recurrent cells. The library is one list of such tables a pair of types, the best
// target first; a plan finds its kernels in it once.
#pragma once

#include <concepts>
#include <cstddef>
#include <span>
#include <string_view>
#include <type_traits>

#include "bcr/core/cold.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/cell_kernels.hpp"
#include "bcr/kernel/conv2d_kernels.hpp"
#include "bcr/kernel/gemm_kernels.hpp"
#include "bcr/simd/cpu.hpp"

namespace bcr {

// In the place of kernels of operations that do not take activations in bf16.
struct no_kernels {};
template <class W, class Kernels>
using kernels_unless_narrow = std::conditional_t<has_narrow_input<W>, no_kernels, Kernels>;

// The kernels of all operations with one epilogue.
template <class T, class Epilogue, class W = T>
struct layer_kernels {
  gemm_kernels<T, Epilogue, W> gemm;
  linear_kernels<T, Epilogue, W> linear;
  kernels_unless_narrow<W, conv2d_kernels<T, Epilogue, W>> conv2d;
};

// Activations are of type T, weights of type W, or both as both<bf16> says.
template <class T, class W, class... Epilogues>
struct dispatch_table : layer_kernels<T, Epilogues, W>... {
  const char* target;  // "avx3", as in kernel_name()
  kernels_unless_narrow<W, cell_kernels<T, W>> cells{};

  template <class Epilogue>
  static constexpr bool has = (std::same_as<Epilogue, Epilogues> || ...);
};

// Tables of the same epilogues, the best target's first. There may be gaps and repetitions. The last is for what the
// compiler's flags allow everywhere, so that it needs no look at the processor.
template <class Table>
using dispatch_tables = std::span<const Table* const>;

template <class Table>
bool runs_here(dispatch_tables<Table> tables, const Table& table) noexcept {
  return std::string_view(table.target) == tables.back()->target || detail::cpu_runs(table.target);
}

// The table of the target named, or of the best that the processor runs if no name is given. Fails with unsupported.
template <class Table>
BCR_COLD result<const Table*> find_table(dispatch_tables<Table> tables, std::string_view target) noexcept {
  for (const Table* table : tables) {
    if (table == nullptr || (!target.empty() && target != table->target)) continue;
    if (runs_here(tables, *table)) return table;
    if (!target.empty()) return {errc::unsupported, "This processor does not run the instructions of the target."};
  }
  return {errc::unsupported, "The dispatch library has no kernels for a target of this name."};
}

// A target that a dispatch library has kernels for.
struct dispatch_target {
  const char* name;
  bool runs_here;  // or else the processor lacks the instructions
};

// A few of them, the best first.
class dispatch_target_list {
 public:
  template <class Table>
  explicit dispatch_target_list(dispatch_tables<Table> tables) noexcept {
    for (const Table* table : tables) {
      if (table != nullptr && !contains(table->target) && size_ < most) {
        targets_[size_++] = {table->target, bcr::runs_here(tables, *table)};
      }
    }
  }
  std::size_t size() const noexcept { return size_; }
  const dispatch_target& operator[](std::size_t i) const noexcept { return targets_[i]; }
  const dispatch_target* begin() const noexcept { return targets_; }
  const dispatch_target* end() const noexcept { return targets_ + size_; }

 private:
  static constexpr std::size_t most = 16;

  bool contains(std::string_view name) const noexcept {
    for (const dispatch_target& t : *this) {
      if (name == t.name) return true;
    }
    return false;
  }

  dispatch_target targets_[most] = {};
  std::size_t size_ = 0;
};

}  // namespace bcr
