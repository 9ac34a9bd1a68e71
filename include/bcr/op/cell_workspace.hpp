// How a cell's plan divides the caller's workspace: some pieces that all tasks see, and one for each task.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bcr/op/workspace.hpp"

namespace bcr::detail {

// Sizes are elements; every piece begins on a cache line of its own.
template <class T>
struct cell_workspace {
  // For all tasks.
  std::size_t input = 0;        // a step's input as the product wants it,
  std::size_t state = 0;        // and its state, too, which is being replaced meanwhile
  std::size_t sums = 0;         // of the input half of some steps
  std::size_t update = 0;       // sigmoid(z) and
  std::size_t reset = 0;        // sigmoid(r) * h, between the phases of a GRU
  std::size_t cell = 0;         // units' outputs before they are projected,
  std::size_t loaded_cell = 0;  // and as the product wants them
  // For each task.
  std::size_t scratch = 0;  // of the product's kernels,
  std::size_t work = 0;     // and what comes in and out of them

  struct pieces {
    T *input, *state, *sums, *update, *reset, *cell, *loaded_cell;
    T* tasks;
    std::size_t task_size;
    T* task(std::size_t number) const noexcept { return tasks + number * task_size; }
  };

  // The task's second piece comes so many elements after its first.
  std::size_t scratch_size() const noexcept { return lines(scratch); }
  std::size_t bytes(std::size_t tasks) const noexcept {
    const std::size_t shared =
        lines(input) + lines(state) + lines(sums) + lines(update) + lines(reset) + lines(cell) + lines(loaded_cell);
    return (shared + tasks * (lines(scratch) + lines(work))) * sizeof(T) + buffer_alignment;
  }
  // Precondition: bytes() for the tasks that there will be.
  pieces at(std::byte* memory) const noexcept {
    const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(memory) % buffer_alignment;
    T* next = reinterpret_cast<T*>(memory + (misaligned == 0 ? 0 : buffer_alignment - misaligned));
    const auto take = [&next](std::size_t elements) {
      T* const piece = next;
      next += lines(elements);
      return piece;
    };
    // In the order of the members, which is how braces are evaluated.
    return {take(input),       take(state), take(sums),
            take(update),      take(reset), take(cell),
            take(loaded_cell), take(0),     lines(scratch) + lines(work)};
  }

 private:
  static constexpr std::size_t lines(std::size_t elements) noexcept {
    return aligned_bytes(elements * sizeof(T)) / sizeof(T);
  }
};

}  // namespace bcr::detail
