// Convolution with pruned weights: a plan binds packed weights to the shape of an image, a window that slides over it,
// a target's kernels and an epilogue. The image is copied, strip by strip, into the workspace with its padding, or lies
// in memory with margins for it; there every column of the weights is an offset, so that the kernels of gemm multiply
// and nothing like im2col is ever stored.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "bcr/core/buffer.hpp"
#include "bcr/core/cold.hpp"
#include "bcr/core/executor.hpp"
#include "bcr/core/image.hpp"
#include "bcr/core/status.hpp"
#include "bcr/format/packed_weights.hpp"
#include "bcr/kernel/conv2d_kernels.hpp"
#include "bcr/op/channel_margins.hpp"
#include "bcr/op/epilogue.hpp"
#include "bcr/op/gemm.hpp"
#include "bcr/op/image_checks.hpp"
#include "bcr/op/kernel_name.hpp"
#include "bcr/op/lone_vector.hpp"
#include "bcr/op/partition.hpp"
#include "bcr/op/strip_copy.hpp"
#include "bcr/op/strip_cost.hpp"
#include "bcr/op/window_planes.hpp"
#include "bcr/op/workspace.hpp"

namespace bcr {

struct conv2d_options {
  image_shape input = {};  // batch, channels, height, width
  window2d window = {};
  std::size_t groups = 1;
  image_layout input_layout = image_layout::nchw, output_layout = image_layout::nchw;
  std::size_t threads = 1;  // tasks to prepare for at most: the executor's concurrency
  int tile_vectors = 0;     // vectors in a tile at most; 0 lets the library choose
  // How much of the image is copied at a time; a cost model chooses where nothing is said.
  std::size_t strip_rows = 0;    // rows of the output that are computed from one copy
  std::size_t strip_images = 0;  // or images, if these are more than one
  // Where the channels of an nchw image are apart: see margins_for. A plan reads its input in place where its margins
  // are as wide as the window's padding, and nothing speaks against it, see reads_in_place(); it fills its output's.
  channel_margins input_margins = {}, output_margins = {};
};

// Weights are of type W: T, or f16 or bf16 for activations and arithmetic in float. A row of them is an output channel,
// a column an element of the window: input channels of the group, then rows of the window, then its columns, as in the
// weights of PyTorch and ONNX.
template <class T, epilogue_for<T> Epilogue, class W = T>
class basic_conv2d_plan {
  static_assert(weights_for<W, T>,
                "bcr: the weights of a plan are of the same type as its activations, or f16 or bf16 where those are "
                "float");
  static_assert(!has_narrow_input<W>,
                "bcr: both<bf16> is for gemm_plan and linear_plan; a convolution's activations are float");

 public:
  // What these options cannot ask for. Fails with invalid_argument, and with unsupported where an image is too large.
  BCR_COLD static status can_implement(const conv2d_options& o) noexcept {
    if (const status s = check_plan_options(o.threads, o.tile_vectors); !s) return s;
    if (const status s = check_window(o.window); !s) return s;
    if (o.groups == 0 || o.input.channels % o.groups != 0) {
      return {errc::invalid_argument, "The channels of a convolution do not divide into its groups."};
    }
    if (const status s = detail::check_conv2d_size(o.input, o.window); !s) return s;
    if (const status s = detail::check_margins(o.input_margins, o.input, o.input_layout); !s) return s;
    // As many channels as weights have rows, which are not known yet.
    return detail::check_margins(o.output_margins, {}, o.output_layout);
  }

  // A plan for `weights`, which must outlive it, on the kernels of one target. Fails as can_implement says, and if the
  // weights are not M x (channels * kernel height * kernel width).
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static result<basic_conv2d_plan> create(const conv2d_kernels<T, Epilogue, W>& kernels,
                                                   const packed_weights<W, Block, Layout>& weights,
                                                   const conv2d_options& options) noexcept {
    return create(kernels, std::span(&weights, 1), options);
  }

  // The same with packed weights for each group, all of as many rows: M / groups x (channels / groups * kernel).
  template <block_shape Block, blob_layout Layout>
  BCR_COLD static result<basic_conv2d_plan> create(const conv2d_kernels<T, Epilogue, W>& kernels,
                                                   std::span<const packed_weights<W, Block, Layout>> weights,
                                                   const conv2d_options& options) noexcept {
    static_assert(has_layout(Layout, blob_layout::panels),
                  "bcr: a convolution multiplies by weights that are packed into panels");
    if (const status s = can_implement(options); !s) return s;
    if (weights.size() != options.groups) {
      return {errc::invalid_argument, "A convolution in groups takes packed weights for each of them."};
    }
    const extent2d kernel = options.window.kernel;
    for (const auto& w : weights) {
      if (w.columns() != options.input.channels / options.groups * kernel.height * kernel.width ||
          w.rows() != weights[0].rows()) {
        return {errc::invalid_argument,
                "The weights do not have the convolution's shape, output channels x (input channels * kernel height * "
                "kernel width) of a group."};
      }
    }
    basic_conv2d_plan made(kernels, options, weights[0].rows() * options.groups);
    if (const status s = detail::check_margins(options.output_margins, made.output_, options.output_layout); !s)
      return s;
    if (made.is_product()) {
      auto product = basic_gemm_plan<T, Epilogue, W>::create(
          *kernels.gemm, weights[0],
          {.columns = made.output_.pixels(), .threads = options.threads, .tile_vectors = options.tile_vectors});
      if (!product) return product.status();
      made.product_.emplace(*product);
      return made;
    }
    auto panels = buffer<panels_view<W>>::allocate(weights.size());
    if (!panels) return panels.status();
    for (std::size_t g = 0; g < weights.size(); ++g) (*panels)[g] = weights[g].panels();
    made.weights_ = std::move(*panels);
    if (const status s = made.prepare(Block::rows, Block::columns); !s) return s;
    return made;
  }

  // Bytes of memory, of any alignment, that each run needs for itself.
  std::size_t workspace_bytes() const noexcept {
    return product_ ? product_->workspace_bytes() : detail::workspace_bytes(grid_.tasks(), bytes_per_task_);
  }
  // "conv2d_f32_b8x16_t4x6_avx3": operation, type, block, widest tile, target. Where the convolution is a product, that
  // one's name.
  const char* kernel_name() const noexcept { return product_ ? product_->kernel_name() : label_.text(); }
  // Tasks that a run hands to its executor.
  std::size_t tasks() const noexcept { return product_ ? product_->tasks() : grid_.tasks(); }
  image_shape output_shape() const noexcept { return output_; }
  // Whether only pixels are computed, and no positions between the rows of an image: where the target's vectors can
  // leave out lanes, the weights were packed with pack_options::kernel_width, and padding makes up for the window's
  // width.
  bool gapless() const noexcept { return product_ || planes_.gapless; }
  // Whether the input is read where it is, and not copied: a window of one element does that, and others where the plan
  // is gapless, the window moves by one and keeps the image's width, and the input has margins for it.
  bool reads_in_place() const noexcept { return product_ || in_place_; }

  // output = epilogue(convolution of input): whole images of input's and output_shape()'s elements, with their margins
  // but without other gaps, which must not overlap. What the input's margins hold has to be zero. A bias is indexed by
  // output channel. A residual has the output's layout: with nchw it is a matrix of batch * channels rows of pixels,
  // with nhwc one of batch * pixels rows of channels; it may be the output itself. Allocates nothing and starts no
  // thread but through `threads`. Bitwise the same result for any number of threads. Fails with invalid_argument, and
  // then nothing was written.
  template <executor Executor = serial_executor>
  status run(std::span<const T> input, std::span<T> output, std::span<std::byte> workspace,
             const Epilogue& epilogue = {}, Executor&& threads = {}) const noexcept {
    if (input.size() != options_.input_margins.elements(input_)) {
      return {errc::invalid_argument,
              "The input of the convolution does not have as many elements as the plan's image."};
    }
    if (output.size() != options_.output_margins.elements(output_)) {
      return {errc::invalid_argument, "The output of the convolution does not have the plan's output_shape()."};
    }
    const bool pixels_last = options_.output_layout == image_layout::nchw;
    const std::size_t rows = output_.batch * (pixels_last ? output_.channels : output_.pixels());
    const std::size_t columns = pixels_last ? output_.pixels() : output_.channels;
    if (const status s = bcr::epilogue::check(epilogue, rows, columns); !s) return s;
    if (const status s = detail::check_workspace(workspace, workspace_bytes()); !s) return s;
    if (output_.elements() == 0) return {};
    const channel_margins& margins = options_.output_margins;
    const T* const from = input.data() + options_.input_margins.front;
    T* const to = output.data() + margins.front;
    if (product_) {
      detail::clear_margins(margins, output_, 0, 1, output.data());
      return run_products(from, to, workspace, epilogue, threads);
    }
    threads.run(grid_.tasks(), [&](std::size_t task) noexcept {
      detail::clear_margins(margins, output_, task, grid_.tasks(), output.data());
      T* const memory = reinterpret_cast<T*>(detail::workspace_piece(workspace, task, bytes_per_task_));
      run_task(task, from, to, memory, epilogue);
    });
    return {};
  }

 private:
  basic_conv2d_plan(const conv2d_kernels<T, Epilogue, W>& kernels, const conv2d_options& options,
                    std::size_t outputs) noexcept
      : kernels_(&kernels),
        options_(options),
        input_(options.input),
        lanes_(kernels.target.lanes()),
        steps_(detail::image_steps::of(options.input, options.input_layout, options.input_margins)) {
    const extent2d positions = options.window.positions(input_);
    output_ = {input_.batch, outputs, positions.height, positions.width};
  }

  // A window of one element that meets every pixel: each image is the input of a product.
  bool is_product() const noexcept {
    constexpr extent2d one{};
    return options_.window == window2d{} && options_.window.kernel == one && options_.groups == 1 &&
           options_.input_layout == image_layout::nchw && options_.output_layout == image_layout::nchw;
  }

  template <class Executor>
  status run_products(const T* input, T* output, std::span<std::byte> workspace, const Epilogue& epilogue,
                      Executor& threads) const noexcept {
    const std::size_t pixels = output_.pixels(), step = options_.output_margins.channel_step(output_);
    for (std::size_t n = 0; n < output_.batch; ++n) {
      const status done = product_->run({input + n * steps_.image, input_.channels, pixels, steps_.channel},
                                        {output + n * output_.channels * step, output_.channels, pixels, step},
                                        workspace, bcr::epilogue::part(epilogue, 0, n * output_.channels, 0), threads);
      if (!done) return done;
    }
    return {};
  }

  // Of a group.
  std::size_t channels() const noexcept { return input_.channels / options_.groups; }
  std::size_t outputs() const noexcept { return output_.channels / options_.groups; }
  detail::strip_planes planes_of(std::size_t rows, std::size_t images) const noexcept {
    const bool no_gaps = gapless_ && images == 1;
    detail::strip_planes made(input_, options_.window, channels(), rows, images, no_gaps, lanes_,
                              buffer_alignment / sizeof(T));
    if (in_place_) made.plane_elements = made.channel_elements = steps_.channel;
    return made;
  }
  // Whether an input with margins is as good as its copy, which has nothing else: neither columns nor rows left out,
  // and the margins where the copy has zeros.
  BCR_COLD bool may_read_in_place() const noexcept {
    const window2d& w = options_.window;
    const channel_margins& margins = options_.input_margins;
    if (!gapless_ || options_.input_layout != image_layout::nchw || w.stride != extent2d{1, 1} ||
        output_.width != input_.width || options_.strip_rows != 0) {
      return false;
    }
    const std::size_t beside = std::max(planes_of(1, 1).front, lanes_);
    return margins.front >= w.padding.top * input_.width + beside &&
           margins.gap >= std::max(w.padding.top, w.padding.bottom) * input_.width + beside;
  }

  // Rows of a strip that is read in place. All of them, where a cache holds the image; else about an eighth, which
  // tasks can share, if some rows fill whole tiles.
  BCR_COLD std::size_t rows_in_place() const noexcept {
    constexpr std::size_t strips = 8;
    const std::size_t height = output_.height, tile = tile_vectors_ * lanes_;
    const std::size_t filling = tile / std::gcd(tile, output_.width);
    const std::size_t rows = std::max<std::size_t>(height / strips / filling, 1) * filling;
    const bool near = channels() * steps_.channel * sizeof(T) <= detail::strip_cost::near_cache;
    return near || rows > height / 2 ? height : rows;
  }

  // Whether input and output are too large to stay in a cache from layer to layer, and panels have so many columns that
  // asking for lines ahead is little beside them (Zen 4: 0.85 to 1.0 of the time). Without a copy, which asks for all
  // of the image at once, it is worth its while with fewer columns as well.
  BCR_COLD bool is_large() const noexcept {
    constexpr std::size_t least_bytes = std::size_t{4} << 20, least_columns = 32;
    const panels_view<W>& w = weights_[0];
    return (input_.elements() + output_.elements()) * sizeof(T) >= least_bytes * input_.batch &&
           (in_place_ || w.weights.size() >= least_columns * panel_rows * w.panels.size());
  }

  // Decides on strips, tiles and tasks, and finds out where every column of the weights has its input.
  BCR_COLD status prepare(std::size_t block_rows, std::size_t block_columns) noexcept {
    constexpr double most = 4294967296.0;  // offsets are counted in 32 bits
    tile_vectors_ = best_tile_vectors(kernels_->target, 0, options_.tile_vectors);
    gapless_ = kernels_->masks_lanes() && planes_of(1, 1).x.fits_positions() && segments_keep_to_taps();
    lone_vectors_ = gapless_ && options_.output_layout == image_layout::nchw && options_.tile_vectors == 0 &&
                    std::all_of(weights_.begin(), weights_.end(), [&](const panels_view<W>& w) {
                      return detail::multiplies_alone<T>(w, lanes_, detail::lone_columns_of_window);
                    });
    planes_ = choose_planes();
    in_place_ = planes_.strip_images == 1 && may_read_in_place();
    if (in_place_) planes_ = planes_of(rows_in_place(), 1);
    const double elements = static_cast<double>(planes_.channel_elements) * static_cast<double>(channels());
    if (elements >= most) return {errc::unsupported, "The image or the window of a convolution is too large."};
    // A last strip of fewer rows may have wider tiles than the others.
    const std::size_t widest = tiles_of(planes_.strip_images, planes_.strip_rows).widest();
    const std::size_t room = widest == 0 ? 0 : tile_vectors_;
    if (output_.elements() != 0) {
      items_ = blocks_covering(input_.batch, planes_.strip_images) * options_.groups * planes_.strips_of_image();
      grid_ = best_grid(weights_[0].group_count(), items_, options_.threads);
    }
    asks_ahead_ = planes_.gapless && is_large();
    scratch_elements_ = std::max(panel_scratch_elements(room, lanes_),
                                 lone_vectors_ ? gemv_scratch_elements(lanes_) + weights_[0].columns : 0);
    staging_elements_ =
        options_.output_layout == image_layout::nhwc ? conv2d_staging_elements(room, lanes_) : std::size_t{0};
    bytes_per_task_ = (scratch_elements_ + staging_elements_ + (in_place_ ? 0 : planes_.elements())) * sizeof(T);
    label_ = kernel_label("conv2d", {value_type_of<T>::value, value_type_of<W>::value}, block_rows, block_columns,
                          panel_rows, widest, kernels_->target.name);
    return find_offsets();
  }

  // Whether no segment of the weights has elements of two columns of the window.
  BCR_COLD bool segments_keep_to_taps() const noexcept {
    return std::all_of(weights_.begin(), weights_.end(), [&](const panels_view<W>& w) {
      return detail::segments_keep_to(w, options_.window.kernel.width);
    });
  }

  BCR_COLD status find_offsets() noexcept {
    const extent2d kernel = options_.window.kernel;
    // One more, which kernels read ahead.
    auto offsets = buffer<std::uint32_t>::allocate(channels() * kernel.height * kernel.width + 1);
    if (!offsets) return offsets.status();
    std::uint32_t* to = offsets->data();
    for (std::size_t c = 0; c < channels(); ++c) {
      for (std::size_t y = 0; y < kernel.height; ++y) {
        for (std::size_t x = 0; x < kernel.width; ++x) *to++ = static_cast<std::uint32_t>(planes_.offset(c, y, x));
      }
    }
    offsets_ = std::move(*offsets);
    return planes_.gapless ? find_lanes() : status();
  }

  // The bits of each column of the window, for all positions of a strip, and where each column of the weights has its.
  BCR_COLD status find_lanes() noexcept {
    const std::size_t width = options_.window.kernel.width, columns = offsets_.size() - 1;
    const std::size_t bytes = (planes_.strip_rows * planes_.pitch + tile_vectors_ * lanes_) / 8 + 8;
    auto bits = buffer<std::uint8_t>::allocate(width * bytes);
    auto bits_at = buffer<std::uint32_t>::allocate(columns);
    if (!bits) return bits.status();
    if (!bits_at) return bits_at.status();
    std::fill(bits->begin(), bits->end(), std::uint8_t{0});
    for (std::size_t tap = 0; tap < width; ++tap) planes_.mark_inside(tap, bits->data() + tap * bytes);
    for (std::size_t k = 0; k < columns; ++k) (*bits_at)[k] = static_cast<std::uint32_t>(k % width * bytes);
    lane_bits_ = std::move(*bits);
    lane_bits_at_ = std::move(*bits_at);
    return {};
  }

  // The cheapest of all ways that the options leave open.
  BCR_COLD detail::strip_planes choose_planes() noexcept {
    const std::size_t height = output_.height, batch = output_.batch;
    const auto at_most = [](std::size_t wanted, std::size_t most) { return wanted < most ? wanted : most; };
    if (output_.elements() == 0) return planes_of(1, 1);
    if (options_.strip_images > 1) return planes_of(height, at_most(options_.strip_images, batch));
    if (options_.strip_rows != 0) return planes_of(at_most(options_.strip_rows, height), 1);
    const detail::strip_cost cost{
        weights_[0].weights.size(), outputs(), lanes_, tile_vectors_, sizeof(T), lone_vectors_};
    return detail::cheapest_strips(cost, height, batch,
                                   [&](std::size_t rows, std::size_t images) { return planes_of(rows, images); });
  }

  column_tiles tiles_of(std::size_t images, std::size_t rows) const noexcept {
    if (output_.elements() == 0) return {};
    const std::size_t positions = planes_.count_positions(images, rows);
    return {positions - (has_lone(positions) ? 1 : 0), lanes_, tile_vectors_};
  }
  // Whether the last position of a strip is in none of its tiles.
  bool has_lone(std::size_t positions) const noexcept {
    return lone_vectors_ && planes_.gapless && detail::leaves_one(positions, lanes_);
  }

  // A strip of one group.
  struct strip {
    std::size_t image, images;
    std::size_t group;
    std::size_t row, rows;
  };
  strip strip_of(std::size_t item) const noexcept {
    const std::size_t strips = planes_.strips_of_image(),
                      image = item / strips / options_.groups * planes_.strip_images;
    const std::size_t row = item % strips * planes_.strip_rows;
    const auto least = [](std::size_t a, std::size_t b) { return a < b ? a : b; };
    return {image, least(planes_.strip_images, input_.batch - image), item / strips % options_.groups, row,
            least(planes_.strip_rows, output_.height - row)};
  }

  // Tasks that share a strip, each with some of its output channels, each copy it: then none waits for another.
  void run_task(std::size_t task, const T* input, T* output, T* memory, const Epilogue& epilogue) const noexcept {
    const std::size_t row_part = task / grid_.columns, item_part = task % grid_.columns;
    for (std::size_t item = items_ * item_part / grid_.columns; item < items_ * (item_part + 1) / grid_.columns;
         ++item) {
      const strip part = strip_of(item);
      const T* const first = input + part.image * steps_.image + part.group * channels() * steps_.channel;
      T* const copy = memory + scratch_elements_ + staging_elements_;
      if (!in_place_) {
        detail::copy_strip(kernels_->fill, planes_, steps_, first, part.images, part.row, part.rows, copy);
      }
      // Above and in front of the image are its margins.
      const T* const copied =
          in_place_ ? first + part.row * input_.width - options_.window.padding.top * input_.width - planes_.front
                    : copy;
      conv2d_task<T, W> work{};
      work.product.weights = &weights_[part.group];
      work.product.group_begin = first_group(weights_[part.group].groups, row_part, grid_.rows);
      work.product.group_end = first_group(weights_[part.group].groups, row_part + 1, grid_.rows);
      work.product.offsets = offsets_.data();
      work.product.scratch = memory;
      work.staging = memory + scratch_elements_;
      asked_ahead ahead;
      if (asks_ahead_) {
        if (!in_place_ && item + 1 < items_ * (item_part + 1) / grid_.columns) {
          ahead.input = ahead_of(item + 1, part, work.product, input);
        }
        work.product.ahead = &ahead;
      }
      run_strip(part, work, copied, output, epilogue);
    }
  }

  // What the item after `part` reads first, asked for by the panels that compute `part`.
  read_ahead ahead_of(std::size_t item, const strip& part, const panel_task<T, W>& product,
                      const T* input) const noexcept {
    const strip next = strip_of(item);
    return detail::ahead_of_strip(
        planes_, steps_, input + next.image * steps_.image + next.group * channels() * steps_.channel, next.row,
        next.rows, next.row == 0, panels_of(product) * tiles_of(part.images, part.rows).count());
  }
  // What the tile after this one reads first, unless it is of a copy, and writes, in rows of pixels.
  void ask_for_positions(const conv2d_task<T, W>& work, const T* image) const noexcept {
    const panel_task<T, W>& product = work.product;
    const std::size_t here = work.end - work.begin, left = output_.pixels() - work.pixel - work.end;
    const std::size_t count = std::min(here, left), panels = panels_of(product);
    if (in_place_) product.ahead->input = detail::ahead_of_positions(planes_, image, work.end, count, panels);
    if (options_.output_layout != image_layout::nchw) return;
    const auto& groups = product.weights->groups;
    const std::size_t row = groups[product.group_begin].row_begin, rows = groups[product.group_end].row_begin - row;
    product.ahead->output =
        detail::ahead_of_rows(product.c + row * product.ldc + here, count, rows, product.ldc, panels);
  }
  static std::size_t panels_of(const panel_task<T, W>& product) noexcept {
    const auto& groups = product.weights->groups;
    return groups[product.group_end].panel_begin - groups[product.group_begin].panel_begin;
  }

  void run_strip(const strip& part, conv2d_task<T, W>& work, const T* copied, T* output,
                 const Epilogue& epilogue) const noexcept {
    const bool pixels_last = options_.output_layout == image_layout::nchw;
    const std::size_t first_output = part.group * outputs();
    const Epilogue own =
        bcr::epilogue::part(epilogue, first_output, pixels_last ? first_output : 0, pixels_last ? 0 : first_output);
    work.channel_step = options_.output_margins.channel_step(output_);
    work.output = output + first_output * (pixels_last ? work.channel_step : 1);
    work.layout = options_.output_layout;
    work.rows = planes_.positions(part.rows);
    work.image = part.image;
    work.pixel = part.row * output_.width;
    work.channels = output_.channels;
    work.pixels = output_.pixels();
    panel_task<T, W>& product = work.product;
    product.ldc = work.channel_step;
    product.lane_bits_at = lane_bits_at_.data();
    const auto& run = planes_.gapless ? kernels_->run_gapless : kernels_->run;
    const column_tiles tiles = tiles_of(part.images, part.rows);
    for (std::size_t tile = 0; tile < tiles.count(); ++tile) {
      work.begin = tiles.begin(tile);
      work.end = tiles.end(tile);
      product.b = copied + work.begin;
      product.last_vector = (tiles.vectors(tile) - 1) * lanes_;
      if (planes_.gapless) {  // positions are pixels
        product.last_lane = work.end - work.begin - product.last_vector;
        product.lane_bits = lane_bits_.data() + work.begin / 8;
        product.column = work.pixel + work.begin;
        product.c = work.output + work.image * work.channels * work.channel_step + product.column;
      }
      if (product.ahead != nullptr) ask_for_positions(work, copied);
      run[tiles.vectors(tile) - 1](work, own);
    }
    const std::size_t positions = planes_.count_positions(part.images, part.rows);
    if (has_lone(positions)) run_position(work, positions - 1, copied, own);
  }

  // One position alone, in a strip without gaps: what the window meets there is a vector.
  void run_position(const conv2d_task<T, W>& work, std::size_t position, const T* copied,
                    const Epilogue& epilogue) const noexcept {
    const panel_task<T, W>& product = work.product;
    T* const x = product.scratch + gemv_scratch_elements(lanes_);
    const std::size_t columns = product.weights->columns, width = options_.window.kernel.width;
    for (std::size_t tap = 0; tap < width; ++tap) {
      const auto inside = planes_.positions_inside(tap);
      const std::size_t at = position % planes_.pitch;
      const bool met = at >= inside.begin && at < inside.end;
      for (std::size_t k = tap; k < columns; k += width) x[k] = met ? copied[offsets_[k] + position] : T(0);
    }
    gemv_task<T, W> task{};
    task.weights = product.weights;
    task.group_begin = product.group_begin;
    task.group_end = product.group_end;
    task.x = x;
    task.vector = work.pixel + position;
    task.y = work.output + work.image * work.channels * work.channel_step + task.vector;
    task.y_stride = work.channel_step;
    task.sums = product.scratch;
    kernels_->gemm->vectors.on_panels(task, bcr::epilogue::part(epilogue, 0, work.image * work.channels, 0));
  }

  const conv2d_kernels<T, Epilogue, W>* kernels_;
  conv2d_options options_;
  image_shape input_, output_;
  std::size_t lanes_;
  std::optional<basic_gemm_plan<T, Epilogue, W>> product_;
  // What follows is for all that is no product.
  buffer<panels_view<W>> weights_;  // of each group
  buffer<std::uint32_t> offsets_;   // of each column of the weights
  bool gapless_ = false;            // whether strips of one image can have no gaps between their rows
  bool in_place_ = false;           // and then, whether the input is read where it is
  bool asks_ahead_ = false;         // and whether lines are asked for ahead
  bool lone_vectors_ = false;       // and whether their last position may be computed alone
  buffer<std::uint8_t> lane_bits_;  // and then, for each column of the window, which positions it meets the image at
  buffer<std::uint32_t> lane_bits_at_;
  detail::strip_planes planes_;
  detail::image_steps steps_;  // of the input
  std::size_t tile_vectors_ = 1, items_ = 0;
  task_grid grid_;
  std::size_t scratch_elements_ = 0, staging_elements_ = 0, bytes_per_task_ = 0;
  kernel_label label_;
};

}  // namespace bcr
