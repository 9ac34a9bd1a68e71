// Depthwise convolution: every channel of an image with a window of its own, any kernel, stride, dilation and padding.
// A plan binds weights to shapes and a target's kernels; it is immutable, may be shared by threads, and runs without
// allocating.
#pragma once

#include <cstddef>
#include <span>

#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/image.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/plane_plan.hpp"

namespace bcr {

struct depthwise_options {
  image_shape input = {};  // batch, channels, height, width; the output has as many channels
  window2d window = {};
  std::size_t threads = 1;              // tasks to prepare for at most: the executor's concurrency
  channel_margins output_margins = {};  // which are filled with zeros, for a convolution that reads in place
};

template <class T, epilogue_for<T> Epilogue>
class basic_depthwise_plan : public detail::plane_plan<T> {
  using base = detail::plane_plan<T>;

 public:
  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const depthwise_options& options) noexcept {
    return detail::check_image_window(options.input, options.window, options.window.positions(options.input),
                                      options.threads, options.output_margins);
  }

  // A plan for weights of channels x (kernel height x kernel width), as PyTorch's Conv2d has them where groups are the
  // channels. They are used where they are and must outlive the plan. Fails as can_implement says, with
  // invalid_argument if the weights are of another shape, and with unsupported where rows are too long to address.
  BCR_COLD static result<basic_depthwise_plan> create(const depthwise_kernels<T, Epilogue>& kernels,
                                                      matrix_view<const T> weights,
                                                      const depthwise_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    const extent2d& kernel = options.window.kernel;
    if (weights.rows != options.input.channels || weights.columns != kernel.height * kernel.width || !weights.valid()) {
      return {errc::invalid_argument,
              "The weights of a depthwise convolution have a row a channel, and a column for each element of the "
              "kernel."};
    }
    const basic_depthwise_plan made(kernels, weights, options);
    if (const status s = made.check_size(); !s) return s;
    return made;
  }

  // output = epilogue(convolution), both images batch x channels x height x width, without gaps but for the output's
  // margins. A bias is indexed by
  // channel; a residual is an image like the output, a row a channel of a batch's item, and may be the output. The
  // input must not overlap the output. Allocates nothing and starts no thread but through `threads`. Bitwise the same
  // result for any number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
             const Epilogue& epilogue = {}, Executor&& threads = {}) const noexcept {
    const image_shape shape = this->output_shape();
    if (const status s = this->check_run(input.size(), output.size(), workspace); !s) return s;
    if (const status s = bcr::epilogue::check(epilogue, shape.batch * shape.channels, shape.pixels()); !s) return s;
    if (shape.elements() == 0) return {};
    threads.run(this->tasks(), [&](std::size_t number) noexcept {
      plane_task<T> task = this->task(number, input.data(), output.data(), workspace);
      task.weights = weights_.data;
      task.weight_stride = weights_.leading_dimension;
      kernels_->run(task, epilogue);
    });
    return {};
  }

 private:
  basic_depthwise_plan(const depthwise_kernels<T, Epilogue>& kernels, matrix_view<const T> weights,
                       const depthwise_options& options) noexcept
      : base("depthwise", kernels.target, options.input, options.window, options.window.positions(options.input),
             detail::aligned_rows_layout(options.window, options.input, options.window.positions(options.input),
                                         kernels.target.lanes()),
             depthwise_rows, options.threads, options.output_margins),
        kernels_(&kernels),
        weights_(weights) {}

  const depthwise_kernels<T, Epilogue>* kernels_;
  matrix_view<const T> weights_;
};

}  // namespace bcr
