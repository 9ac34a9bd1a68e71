// Cutting a caller's workspace into aligned pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "bcr/core/buffer.hpp"
#include "bcr/core/status.hpp"

namespace bcr::detail {

constexpr std::size_t aligned_bytes(std::size_t bytes) noexcept {
  return (bytes + buffer_alignment - 1) / buffer_alignment * buffer_alignment;
}

// Bytes to ask of the caller for `tasks` pieces of `bytes_per_task`: some to spare, as his memory may be misaligned.
constexpr std::size_t workspace_bytes(std::size_t tasks, std::size_t bytes_per_task) noexcept {
  return bytes_per_task == 0 ? 0 : tasks * aligned_bytes(bytes_per_task) + buffer_alignment;
}

// What every run asks of its workspace. Fails with invalid_argument.
inline status check_workspace(std::span<const std::byte> workspace, std::size_t needed) noexcept {
  if (workspace.size() >= needed) return {};
  return {errc::invalid_argument, "The workspace is smaller than the plan's workspace_bytes()."};
}

inline std::byte* workspace_piece(std::span<std::byte> workspace, std::size_t task,
                                  std::size_t bytes_per_task) noexcept {
  const std::size_t misaligned = reinterpret_cast<std::uintptr_t>(workspace.data()) % buffer_alignment;
  const std::size_t skip = misaligned == 0 ? 0 : buffer_alignment - misaligned;
  return workspace.data() + skip + task * aligned_bytes(bytes_per_task);
}

}  // namespace bcr::detail
