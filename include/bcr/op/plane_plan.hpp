// What depthwise convolution and pooling share: planes that do not know of each other, cut into tasks, each of which
// copies a part of a plane at a time into its part of the workspace.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

#include "bcr/core/image.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/op/channel_margins.hpp"
#include "bcr/op/image_checks.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr::detail {

template <class T>
class plane_plan {
 public:
  const image_shape& input_shape() const noexcept { return input_; }
  image_shape output_shape() const noexcept {
    return {input_.batch, input_.channels, positions_.height, positions_.width};
  }
  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept {
    return tasks_ == 0 ? 0 : detail::workspace_bytes(tasks_, bytes_per_task());
  }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return tasks_; }
  // "depthwise_f32_t4x2_avx3": operation, type, tile, target.
  const char* kernel_name() const noexcept { return label_.text(); }

 protected:
  // `layout` is that of what is copied at once, up to the rows of its bands.
  plane_plan(const char* operation, const kernel_target& target, const image_shape& input, const window2d& window,
             const extent2d& positions, const window_layout& layout, std::size_t tile_rows, std::size_t threads,
             const channel_margins& output_margins) noexcept
      : input_(input),
        window_(window),
        positions_(positions),
        margins_(output_margins),
        layout_(layout),
        lanes_(target.lanes()),
        label_(operation, value_type_of<T>::value, tile_rows, static_cast<std::size_t>(target.tile_vectors),
               target.name) {
    const std::size_t planes = input.batch * input.channels;
    tasks_ = planes == 0 ? 0 : planes < threads ? planes : threads;
    // A band ends with a tile. Its copy need not stay in the first cache level, but the fewer bands the less padding is
    // written: of planes of one band it is written once.
    constexpr std::size_t near_cache = std::size_t{1} << 16;
    layout_.spare_rows = tile_rows - 1;
    const std::size_t rows = best_band_rows(layout_, 1, sizeof(T), near_cache, 1);
    layout_.band_rows = (rows + tile_rows - 1) / tile_rows * tile_rows;
  }

  // Kernels count elements of a copy in 32 bits.
  status check_size() const noexcept {
    if (scratch_elements() <= std::numeric_limits<std::uint32_t>::max()) return {};
    return {errc::unsupported, "A few rows of the input are more than the plan can address."};
  }

  status check_run(std::size_t input, std::size_t output, std::span<const std::byte> workspace) const noexcept {
    if (const status s = check_images(input, input_.elements(), output, margins_.elements(output_shape())); !s)
      return s;
    return check_workspace(workspace, workspace_bytes());
  }

  // A task of the run, which begins by clearing its share of the output's margins.
  plane_task<T> task(std::size_t number, const T* input, T* output, std::span<std::byte> workspace) const noexcept {
    const std::size_t planes = input_.batch * input_.channels;
    clear_margins(margins_, output_shape(), number, tasks_, output);
    plane_task<T> made{};
    made.layout = &layout_;
    made.window = window_;
    made.image = {input_.height, input_.width};
    made.positions = positions_;
    made.channels = input_.channels;
    made.plane_begin = planes * number / tasks_;
    made.plane_end = planes * (number + 1) / tasks_;
    made.input = input;
    made.output = output + margins_.front;
    made.output_step = margins_.channel_step(output_shape());
    made.scratch = reinterpret_cast<T*>(workspace_piece(workspace, number, bytes_per_task()));
    made.joined = made.scratch + scratch_elements();
    made.counts = made.joined + input_.width + lanes_;
    made.taps = reinterpret_cast<std::uint32_t*>(made.counts + positions_.width);
    return made;
  }

 private:
  std::size_t scratch_elements() const noexcept {
    return layout_.plane_elements() + spare_elements(lanes_, depthwise_vectors);
  }
  std::size_t bytes_per_task() const noexcept {
    const std::size_t taps = layout_.window.kernel.height * layout_.window.kernel.width;
    return (scratch_elements() + input_.width + lanes_ + positions_.width) * sizeof(T) + taps * sizeof(std::uint32_t);
  }

  image_shape input_;
  window2d window_;
  extent2d positions_;
  channel_margins margins_;  // of the output
  window_layout layout_;
  std::size_t lanes_ = 1, tasks_ = 0;
  kernel_label label_;
};

}  // namespace bcr::detail
