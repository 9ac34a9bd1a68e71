// Convolution whose weights are all there: first layers, and layers that were not pruned. A plan holds its weights in
// the order of the kernel, bound to shapes and a target's kernels; it is immutable, may be shared by threads, and runs
// without allocating.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/image.hpp"
#include "bcr/core/matrix_view.hpp"
#include "bcr/core/status.hpp"
#include "bcr/kernel/image_kernels.hpp"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/image_checks.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

struct dense_conv2d_options {
  image_shape input = {};
  window2d window = {};
  std::size_t groups = 1;   // channels of the input and of the output are cut into so many that do not see each other
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
};

template <class T, epilogue_for<T> Epilogue>
class basic_dense_conv2d_plan {
 public:
  // What these options cannot ask for. Fails with invalid_argument.
  static status can_implement(const dense_conv2d_options& options) noexcept {
    if (const status s = detail::check_image_window(options.input, options.window,
                                                    options.window.positions(options.input), options.threads);
        !s) {
      return s;
    }
    if (options.groups == 0 || options.input.channels % options.groups != 0) {
      return {errc::invalid_argument, "The channels of the input do not divide into the groups."};
    }
    return {};
  }

  // A plan for weights of output channels x (channels / groups x kernel height x kernel width), as PyTorch's Conv2d has
  // them; they are copied. Fails as can_implement says, with invalid_argument if the weights are of another shape, and
  // with out_of_memory.
  BCR_COLD static result<basic_dense_conv2d_plan> create(const dense_conv_kernels<T, Epilogue>& kernels,
                                                         matrix_view<const T> weights,
                                                         const dense_conv2d_options& options) noexcept {
    if (const status s = can_implement(options); !s) return s;
    const std::size_t channels = options.input.channels / options.groups;
    const extent2d& kernel = options.window.kernel;
    if (weights.columns != channels * kernel.height * kernel.width || !weights.valid()) {
      return {errc::invalid_argument,
              "The weights of a convolution have a column for each element of the kernel and channel of a group."};
    }
    if (weights.rows % options.groups != 0) {
      return {errc::invalid_argument, "The channels of the output do not divide into the groups."};
    }
    basic_dense_conv2d_plan made(kernels, weights.rows, options);
    if (made.staged_elements() > std::numeric_limits<std::uint32_t>::max()) {
      return {errc::unsupported, "A few rows of all channels of the input are more than the convolution can address."};
    }
    if (const status s = made.pack(weights); !s) return s;
    return made;
  }

  const image_shape& input_shape() const noexcept { return input_; }
  image_shape output_shape() const noexcept {
    return {input_.batch, outputs_, layout_.positions.height, layout_.positions.width};
  }
  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept {
    return tasks_ == 0 ? 0 : detail::workspace_bytes(tasks_, bytes_per_task());
  }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return tasks_; }
  // "dense_conv_f32_t4x6_avx3": operation, type, tile, target.
  const char* kernel_name() const noexcept { return label_.text(); }

  // output = epilogue(convolution), both images batch x channels x height x width without gaps. A bias is indexed by
  // output channel; a residual is an image like the output, a row a channel of a batch's item, and may be the output.
  // The input must not overlap the output. Allocates nothing and starts no thread but through `threads`. Bitwise the
  // same result for any number of threads. Fails with invalid_argument, and then nothing was written.
  template <executor Executor = serial_executor>
  status run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
             const Epilogue& epilogue = {}, Executor&& threads = {}) const noexcept {
    const image_shape shape = output_shape();
    if (const status s = detail::check_images(input.size(), input_.elements(), output.size(), shape.elements()); !s)
      return s;
    if (const status s = bcr::epilogue::check(epilogue, shape.batch * shape.channels, shape.pixels()); !s) return s;
    if (const status s = detail::check_workspace(workspace, workspace_bytes()); !s) return s;
    if (shape.elements() == 0) return {};
    threads.run(tasks_, [&](std::size_t number) noexcept {
      const std::size_t begin = units() * number / tasks_, end = units() * (number + 1) / tasks_;
      for (std::size_t unit = begin; unit < end; ++unit)
        run_unit(unit, number, input.data(), output.data(), workspace, epilogue);
    });
    return {};
  }

 private:
  basic_dense_conv2d_plan(const dense_conv_kernels<T, Epilogue>& kernels, std::size_t outputs,
                          const dense_conv2d_options& options) noexcept
      : kernels_(&kernels),
        input_(options.input),
        outputs_(outputs),
        groups_(options.groups),
        lanes_(kernels.target.lanes()),
        layout_(dense_rows_layout(options.window, options.input, options.window.positions(options.input))),
        label_("dense_conv", value_type_of<T>::value, dense_conv_rows,
               static_cast<std::size_t>(kernels.target.tile_vectors), kernels.target.name) {
    // The copies of a band stay in the second cache level, and the sums of four channels in the first.
    constexpr std::size_t second_cache = std::size_t{1} << 18, first_cache = std::size_t{1} << 15;
    const std::size_t items = input_.batch * groups_;
    const std::size_t cuts = items == 0 ? 1 : (options.threads + items - 1) / items;
    const std::size_t rows = best_band_rows(layout_, channels(), sizeof(T), second_cache, cuts);
    const std::size_t row_bytes = dense_conv_rows * layout_.pitch * sizeof(T);
    const std::size_t most = row_bytes >= first_cache ? 1 : first_cache / row_bytes;
    const std::size_t least_bands = (layout_.positions.height + most - 1) / most;
    layout_.band_rows = rows < most ? rows : (layout_.positions.height + least_bands - 1) / least_bands;
    tasks_ = units() < options.threads ? units() : options.threads;
    if (outputs_ == 0) tasks_ = 0;
  }

  std::size_t channels() const noexcept { return input_.channels / groups_; }
  std::size_t kernel_elements() const noexcept { return layout_.window.kernel.height * layout_.window.kernel.width; }
  // Rows of packed weights of a group.
  std::size_t packed_rows() const noexcept {
    return (outputs_ / groups_ + dense_conv_rows - 1) / dense_conv_rows * dense_conv_rows;
  }
  // A band of a group of an item of the batch.
  std::size_t units() const noexcept { return input_.batch * groups_ * layout_.bands(); }

  std::size_t sums_stride() const noexcept {
    const std::size_t positions = (layout_.band_rows - 1) * layout_.pitch + layout_.positions.width;
    return (positions + lanes_ - 1) / lanes_ * lanes_;
  }
  // What a tile reads beyond the last row's end is at most a vector.
  std::size_t staged_elements() const noexcept {
    return channels() * layout_.plane_elements() + layout_.overhang() + spare_elements(lanes_, 1) +
           layout_.phase_columns();
  }
  std::size_t sums_elements() const noexcept { return dense_conv_rows * sums_stride() + lanes_; }
  std::size_t bytes_per_task() const noexcept {
    return detail::aligned_bytes(staged_elements() * sizeof(T)) + sums_elements() * sizeof(T);
  }

  status pack(matrix_view<const T> weights) noexcept {
    const std::size_t taps = channels() * kernel_elements();
    auto packed = buffer<T>::allocate(groups_ * packed_rows() * taps);
    auto offsets = buffer<std::uint32_t>::allocate(taps);
    if (!packed) return packed.status();
    if (!offsets) return offsets.status();
    for (std::size_t i = 0; i < weights.rows && weights.columns != 0; ++i) {
      const std::size_t group = i / (outputs_ / groups_), row = i % (outputs_ / groups_);
      T* const to = packed->data() + (group * packed_rows() + row / dense_conv_rows * dense_conv_rows) * taps;
      for (std::size_t k = 0; k < taps; ++k) to[k * dense_conv_rows + row % dense_conv_rows] = weights(i, k);
    }
    std::size_t next = 0;
    for (std::size_t c = 0; c < channels(); ++c) {
      for (std::size_t ky = 0; ky < layout_.window.kernel.height; ++ky) {
        for (std::size_t kx = 0; kx < layout_.window.kernel.width; ++kx) {
          (*offsets)[next++] = static_cast<std::uint32_t>(c * layout_.plane_elements() + layout_.tap(ky, kx));
        }
      }
    }
    weights_ = std::move(*packed);
    taps_ = std::move(*offsets);
    return {};
  }

  void run_unit(std::size_t unit, std::size_t number, const T* input, T* output, std::span<std::byte> workspace,
                const Epilogue& epilogue) const noexcept {
    const std::size_t bands = layout_.bands(), band = unit % bands, group = unit / bands % groups_;
    const std::size_t item = unit / bands / groups_, first_row = band * layout_.band_rows;
    std::byte* const memory = detail::workspace_piece(workspace, number, bytes_per_task());
    dense_conv_task<T> task{};
    task.layout = &layout_;
    task.channels = channels();
    task.first_output = group * (outputs_ / groups_);
    task.outputs = outputs_ / groups_;
    task.weights = weights_.data() + group * packed_rows() * channels() * kernel_elements();
    task.taps = taps_.data();
    task.input = input + (item * input_.channels + group * channels()) * input_.pixels();
    task.output = output + item * outputs_ * layout_.positions.height * layout_.positions.width;
    task.first_row = first_row;
    task.rows = layout_.positions.height - first_row < layout_.band_rows ? layout_.positions.height - first_row
                                                                         : layout_.band_rows;
    task.staged = reinterpret_cast<T*>(memory);
    task.sums = reinterpret_cast<T*>(memory + detail::aligned_bytes(staged_elements() * sizeof(T)));
    kernels_->run(task, bcr::epilogue::part(epilogue, 0, item * outputs_, 0));
  }

  const dense_conv_kernels<T, Epilogue>* kernels_;
  image_shape input_;
  std::size_t outputs_, groups_, lanes_, tasks_ = 0;
  window_layout layout_;
  kernel_label label_;
  buffer<T> weights_;
  buffer<std::uint32_t> taps_;
};

}  // namespace bcr
