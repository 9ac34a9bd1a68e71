// One convolution with all its operands between guards, and what it should be: a direct convolution in double
// precision.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "op/operands.hpp"

namespace bcr::test {

struct conv2d_setting {
  conv2d_options options = {};
  std::size_t outputs = 4;                                                // of a group
  bool by_taps = false;                                                   // packed with the kernel's width
  std::size_t input_offset = 0, output_offset = 0, workspace_offset = 0;  // elements, elements, bytes
  guard_side side = guard_side::after;

  image_shape output_shape() const {
    const extent2d positions = options.window.positions(options.input);
    return {options.input.batch, outputs * options.groups, positions.height, positions.width};
  }
};

inline doctest::String describe(const conv2d_setting& s) {
  const auto n = [](auto number) { return doctest::toString(number) + " "; };
  const conv2d_options& o = s.options;
  const window2d& w = o.window;
  return "image " + n(o.input.batch) + n(o.input.channels) + n(o.input.height) + n(o.input.width) + "outputs " +
         n(s.outputs) + (s.by_taps ? "by taps " : "") + "groups " + n(o.groups) + "kernel " + n(w.kernel.height) +
         n(w.kernel.width) + "stride " + n(w.stride.height) + n(w.stride.width) + "dilation " + n(w.dilation.height) +
         n(w.dilation.width) + "padding " + n(w.padding.top) + n(w.padding.left) + n(w.padding.bottom) +
         n(w.padding.right) + "layouts " + n(static_cast<int>(o.input_layout)) + n(static_cast<int>(o.output_layout)) +
         "strip " + n(o.strip_rows) + n(o.strip_images) + "tile " + n(o.tile_vectors) + "threads " + n(o.threads) +
         "margins " + n(o.input_margins.front) + n(o.input_margins.gap) + n(o.output_margins.front) +
         n(o.output_margins.gap) + "offsets " + n(s.input_offset) + n(s.output_offset) + n(s.workspace_offset) +
         (s.side == guard_side::before ? "<" : ">");
}

// Where an element of an image is.
inline std::size_t place_in(const image_shape& shape, image_layout layout, std::size_t n, std::size_t c, std::size_t y,
                            std::size_t x) {
  return layout == image_layout::nchw ? ((n * shape.channels + c) * shape.height + y) * shape.width + x
                                      : ((n * shape.height + y) * shape.width + x) * shape.channels + c;
}

// Weights of each group, of type W, and an image. Pruned weights are not numbers: one that took part would show.
template <class T, class Block, class W = T>
struct conv2d_operands {
  conv2d_setting setting;
  std::vector<pattern<Block>> kept;
  std::vector<dense_matrix<W>> weights;
  std::vector<packed_weights<W, Block>> packed;
  std::vector<T> image;  // as nchw

  conv2d_operands(const conv2d_setting& s, const pattern_options& how, std::uint64_t seed) : setting(s) {
    const image_shape& in = s.options.input;
    const extent2d kernel = s.options.window.kernel;
    const std::size_t inner = in.channels / s.options.groups * kernel.height * kernel.width;
    for (std::size_t g = 0; g < s.options.groups; ++g) {
      kept.push_back(random_pattern<Block>(s.outputs, inner, how, seed + 2 * g));
      weights.push_back(converted<W>(random_matrix<T>(s.outputs, inner, seed + 2 * g + 1)));
      for (std::size_t i = 0; i < s.outputs; ++i) {
        for (std::size_t k = 0; k < inner; ++k) {
          if (!kept[g].keeps(i, k)) weights[g](i, k) = static_cast<W>(std::numeric_limits<T>::quiet_NaN());
        }
      }
      const pack_options by_taps{.kernel_width = s.by_taps ? kernel.width : 1};
      packed.push_back(std::move(*pack<W>(kept[g], weights[g].view(), by_taps)));
    }
    random_source random(seed + 1000);
    for (std::size_t i = 0; i < in.elements(); ++i) image.push_back(random_value<T>(random));
  }

  std::size_t terms(std::size_t channel) const {
    std::size_t n = 0;
    const auto& p = kept[channel / setting.outputs];
    for (std::size_t k = 0; k < p.columns(); ++k) n += p.keeps(channel % setting.outputs, k);
    return n;
  }

  exact_value exact(std::size_t n, std::size_t channel, std::size_t oy, std::size_t ox) const {
    const image_shape& in = setting.options.input;
    const window2d& w = setting.options.window;
    const std::size_t g = channel / setting.outputs, row = channel % setting.outputs;
    const std::size_t span = in.channels / setting.options.groups;
    exact_value sum;
    for (std::size_t k = 0; k < weights[g].columns; ++k) {
      if (!kept[g].keeps(row, k)) continue;
      const std::size_t c = g * span + k / (w.kernel.height * w.kernel.width);
      const std::size_t y = oy * w.stride.height + k / w.kernel.width % w.kernel.height * w.dilation.height;
      const std::size_t x = ox * w.stride.width + k % w.kernel.width * w.dilation.width;
      if (y < w.padding.top || x < w.padding.left || y - w.padding.top >= in.height || x - w.padding.left >= in.width)
        continue;
      const double product =
          to_double(weights[g](row, k)) *
          to_double(image[place_in(in, image_layout::nchw, n, c, y - w.padding.top, x - w.padding.left)]);
      sum.value += product;
      sum.magnitude += std::abs(product);
    }
    return sum;
  }

  // Runs and returns the output as it lies in memory, without its margins. `make_epilogue` gets the output's first
  // pixel, so that a residual may be it.
  template <class MakeEpilogue, class Executor = serial_executor>
  std::vector<T> run(const conv2d_options& o, MakeEpilogue&& make_epilogue, Executor&& threads = {}) const {
    using epilogue_type = decltype(make_epilogue(static_cast<T*>(nullptr)));
    auto plan = conv2d_plan<T, epilogue_type, W>::create(std::span<const packed_weights<W, Block>>(packed), o);
    REQUIRE(plan.message() == doctest::String("Success."));
    REQUIRE(plan->output_shape() == setting.output_shape());
    REQUIRE(plan->tasks() <= o.threads);
    const image_shape& in = o.input;
    const image_shape out = setting.output_shape();
    guarded_array<T> input(o.input_margins.elements(in), setting.input_offset, setting.side);
    guarded_array<T> output(o.output_margins.elements(out), setting.output_offset, setting.side);
    const auto place = [](const channel_margins& margins, const image_shape& shape, std::size_t e) {
      return e + margins.front + (shape.pixels() == 0 ? 0 : e / shape.pixels() * margins.gap);
    };
    const bool margins_filled = out.elements() != 0;
    guarded_array<std::byte> workspace(plan->workspace_bytes(), setting.workspace_offset, setting.side);
    for (std::byte& x : workspace.span()) x = std::byte{0xff};  // no numbers
    for (T& x : input.span()) x = T(0);
    for (T& y : output.span()) y = std::numeric_limits<T>::quiet_NaN();
    std::size_t i = 0;
    for (std::size_t n = 0; n < in.batch; ++n) {
      for (std::size_t c = 0; c < in.channels; ++c) {
        for (std::size_t y = 0; y < in.height; ++y) {
          for (std::size_t x = 0; x < in.width; ++x) {
            input[place(o.input_margins, in, place_in(in, o.input_layout, n, c, y, x))] = image[i++];
          }
        }
      }
    }
    for (std::size_t e = 0; e < out.elements(); ++e) {
      output[place(o.output_margins, out, e)] = static_cast<T>(output_before(e / 7, e));
    }
    const status done = plan->run(input.span(), output.span(), workspace.span(),
                                  make_epilogue(output.data() + o.output_margins.front), threads);
    CHECK(done.message() == doctest::String("Success."));
    CHECK(input.surroundings_intact());
    CHECK(output.surroundings_intact());
    CHECK(workspace.surroundings_intact());
    // Pixels, and then nothing but zeros is left.
    std::vector<T> pixels(out.elements());
    for (std::size_t e = 0; e < out.elements(); ++e) {
      pixels[e] = std::exchange(output[place(o.output_margins, out, e)], T(0));
    }
    CHECK((!margins_filled || std::all_of(output.span().begin(), output.span().end(), [](T x) { return x == T(0); })));
    return pixels;
  }

  // The same, compared with `exact_epilogue` of the exact sums, which gets an output's channel and place in memory.
  template <class MakeEpilogue, class ExactEpilogue>
  void check(MakeEpilogue&& make_epilogue, ExactEpilogue&& exact_epilogue) const {
    INFO(describe(setting));
    const std::vector<T> found = run(setting.options, make_epilogue);
    const image_shape out = setting.output_shape();
    double worst = 0;
    for (std::size_t c = 0; c < out.channels; ++c) {
      const double rounding =
          (static_cast<double>(terms(c)) + 8) * static_cast<double>(std::numeric_limits<T>::epsilon());
      for (std::size_t n = 0; n < out.batch; ++n) {
        for (std::size_t y = 0; y < out.height; ++y) {
          for (std::size_t x = 0; x < out.width; ++x) {
            const std::size_t at = place_in(out, setting.options.output_layout, n, c, y, x);
            const exact_value expected = exact_epilogue(exact(n, c, y, x), c, at);
            const double error = std::abs(static_cast<double>(found[at]) - expected.value);
            if (error != 0) worst = std::max(worst, error / (rounding * expected.magnitude));
            if (!is_finite(found[at])) worst = std::numeric_limits<double>::max();
          }
        }
      }
    }
    CHECK(worst <= 1);
  }
};

// A small convolution of any kind.
inline conv2d_setting any_conv2d_setting(random_source& random) {
  conv2d_setting s;
  conv2d_options& o = s.options;
  const auto one_of = [&](std::initializer_list<std::size_t> some) { return some.begin()[random.below(some.size())]; };
  o.groups = one_of({1, 1, 1, 2, 3});
  o.input = {1 + random.below(3), o.groups * (1 + random.below(4)), 1 + random.below(12), 1 + random.below(40)};
  if (random.chance(0.3)) o.input.width = o.input.height;
  s.outputs = one_of({1, 3, 4, 5, 16, 19});
  s.by_taps = random.chance(0.5);
  o.window = {{one_of({1, 2, 3, 3, 5}), one_of({1, 2, 3, 3, 5})},
              {one_of({1, 1, 2, 3}), one_of({1, 1, 2, 2, 3})},
              {one_of({1, 1, 1, 2, 3}), one_of({1, 1, 1, 2, 3})},
              {random.below(3), random.below(3), random.below(3), random.below(3)}};
  if (random.chance(0.3)) o.window.padding = pad_all(one_of({0, 1, 2, 6}));
  o.input_layout = random.chance(0.4) ? image_layout::nhwc : image_layout::nchw;
  o.output_layout = random.chance(0.4) ? image_layout::nhwc : image_layout::nchw;
  o.strip_rows = one_of({0, 0, 1, 2, 3});
  o.strip_images = one_of({0, 0, 0, 1, 2, 3});
  o.tile_vectors = static_cast<int>(one_of({0, 0, 1, 2, 3, 4, 5, 6}));
  o.threads = one_of({1, 1, 2, 5});
  const auto some_margins = [&]() -> channel_margins {
    if (random.chance(0.3)) return {random.below(40), random.below(70)};
    return random.chance(0.5) ? margins_for(o.input, o.window) : channel_margins{};
  };
  if (o.input_layout == image_layout::nchw) o.input_margins = some_margins();
  if (o.output_layout == image_layout::nchw) o.output_margins = some_margins();
  s.input_offset = random.below(4);
  s.output_offset = random.below(4);
  s.workspace_offset = random.below(70);
  s.side = random.chance(0.5) ? guard_side::before : guard_side::after;
  return s;
}

}  // namespace bcr::test
