// Maximum and average pooling as PyTorch has them, and the average over whole planes.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/image.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/op/plane_plan.hpp"

namespace bcr {

struct pooling_options {
  image_shape input = {};
  window2d window = {};
  pooling kind = pooling::maximum;
  bool ceil_mode = false;               // the output's size is rounded up: windows may reach beyond the padding
  bool count_include_pad = true;        // an average counts the padding as zeros
  std::size_t threads = 1;              // tasks to prepare for at most: the executor's concurrency
  channel_margins output_margins = {};  // which are filled with zeros, for a convolution that reads in place
};

// Positions along one extent: rounded up, a last window still begins in the image or the padding before it.
constexpr std::size_t pooled_extent(std::size_t extent, std::size_t before, std::size_t after, std::size_t reach,
                                    std::size_t stride, bool ceil_mode) noexcept {
  const std::size_t padded = extent + before + after;
  if (padded < reach || stride == 0) return 0;
  const std::size_t whole = (padded - reach) / stride + 1;
  return ceil_mode && (padded - reach) % stride != 0 && whole * stride < extent + before ? whole + 1 : whole;
}
// The output of a pooling layer.
constexpr extent2d pooled_positions(const image_shape& image, const window2d& w, bool ceil_mode) noexcept {
  if (!w.valid()) return {0, 0};
  const extent2d p{
      pooled_extent(image.height, w.padding.top, w.padding.bottom, w.reach().height, w.stride.height, ceil_mode),
      pooled_extent(image.width, w.padding.left, w.padding.right, w.reach().width, w.stride.width, ceil_mode)};
  return p.height == 0 || p.width == 0 ? extent2d{0, 0} : p;
}

template <class T>
class basic_pooling_plan : public detail::plane_plan<T> {
  using base = detail::plane_plan<T>;

 public:
  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const pooling_options& options) noexcept {
    const window2d& w = options.window;
    if (const status s =
            detail::check_image_window(options.input, w, pooled_positions(options.input, w, options.ceil_mode),
                                       options.threads, options.output_margins);
        !s) {
      return s;
    }
    // Otherwise there would be windows without an element.
    if (w.padding.top >= w.kernel.height || w.padding.bottom >= w.kernel.height || w.padding.left >= w.kernel.width ||
        w.padding.right >= w.kernel.width) {
      return {errc::invalid_argument, "A pooling window's padding is smaller than its kernel."};
    }
    if (options.kind == pooling::average && w.dilation != extent2d{1, 1}) {
      return {errc::invalid_argument, "Average pooling has no dilation."};
    }
    return {};
  }

  // Fails as can_implement says, and with unsupported where rows are too long to address.
  BCR_COLD static result<basic_pooling_plan> create(const pooling_kernels<T>& kernels,
                                                    const pooling_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    const basic_pooling_plan made(kernels, options);
    if (const status s = made.check_size(); !s) return s;
    return made;
  }

  // Both images are batch x channels x height x width, without gaps but for the output's margins, and must not overlap.
  // A maximum of something that is not a number is not a number; of a dilated window that meets only padding it is
  // minus infinity. An average is the sum of the window's elements, divided by the count: its error is at most
  // (elements + 1) epsilon of the average of the magnitudes. Otherwise as the other plans: allocates nothing, bitwise
  // the same for any number of threads, fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
             Executor&& threads = {}) const noexcept {
    if (const status s = this->check_run(input.size(), output.size(), workspace); !s) return s;
    if (this->output_shape().elements() == 0) return {};
    threads.run(this->tasks(), [&](std::size_t number) noexcept {
      plane_task<T> task = this->task(number, input.data(), output.data(), workspace);
      task.counts_padding = count_include_pad_;
      (kind_ == pooling::maximum ? kernels_->maximum : kernels_->average)(task);
    });
    return {};
  }

 private:
  basic_pooling_plan(const pooling_kernels<T>& kernels, const pooling_options& options) noexcept
      : base(options.kind == pooling::maximum ? "max_pool" : "average_pool", kernels.target, options.input,
             options.window, pooled_positions(options.input, options.window, options.ceil_mode),
             row_layout(options, kernels.target.lanes()), 1, options.threads, options.output_margins),
        kernels_(&kernels),
        kind_(options.kind),
        count_include_pad_(options.count_include_pad) {}

  // Of one row: kernels join the rows of a window before they copy it.
  static window_layout row_layout(const pooling_options& options, std::size_t lanes) noexcept {
    const window2d& w = options.window;
    const window2d row{.kernel = {1, w.kernel.width},
                       .stride = {1, w.stride.width},
                       .dilation = {1, w.dilation.width},
                       .padding = {0, w.padding.left, 0, w.padding.right}};
    const extent2d positions{1, pooled_positions(options.input, w, options.ceil_mode).width};
    return detail::aligned_rows_layout(row, {1, 1, 1, options.input.width}, positions, lanes);
  }

  const pooling_kernels<T>* kernels_;
  pooling kind_;
  bool count_include_pad_;
};

namespace detail {

// The average of every plane.
template <class T, executor Executor>
status global_average(const pooling_kernels<T>& kernels, std::span<const T> input, const image_shape& shape,
                      std::span<T> output, Executor&& threads) noexcept {
  const std::size_t planes = shape.batch * shape.channels, pixels = shape.pixels();
  if (const status s = check_images(input.size(), planes * pixels, output.size(), planes); !s) return s;
  if (planes != 0 && pixels == 0) return {errc::invalid_argument, "There is no average of planes without pixels."};
  if (planes == 0) return {};
  const std::size_t tasks = threads.concurrency() < planes ? threads.concurrency() : planes;
  threads.run(tasks, [&](std::size_t number) noexcept {
    const std::size_t begin = planes * number / tasks, end = planes * (number + 1) / tasks;
    kernels.means(input.data() + begin * pixels, end - begin, pixels, output.data() + begin);
  });
  return {};
}

}  // namespace detail
}  // namespace bcr
