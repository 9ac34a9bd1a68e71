// Convolutions of every kind, against a direct one in double precision.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "op/conv2d_case.hpp"

namespace {

using bcr::image_layout;
using bcr::test::any_conv2d_setting;
using bcr::test::conv2d_operands;
using bcr::test::conv2d_setting;
using bcr::test::exact_value;

using block = bcr::block<4, 16>;
constexpr auto no_epilogue = [](auto*) { return bcr::epilogue::none(); };
constexpr auto unchanged = [](const exact_value& sum, std::size_t, std::size_t) { return sum; };

template <class T>
void check(const conv2d_setting& s, const bcr::test::pattern_options& how, std::uint64_t seed) {
  conv2d_operands<T, block>(s, how, seed).check(no_epilogue, unchanged);
}

TEST_CASE_TEMPLATE("conv2d: kernels, strides, dilations and padding", T, float, double) {
  std::uint64_t seed = 0;
  for (const std::size_t kernel : {1u, 2u, 3u, 4u}) {
    for (const std::size_t stride : {1u, 2u, 3u}) {
      for (const std::size_t dilation : {1u, 2u}) {
        for (const std::size_t padding : {0u, 1u, 2u}) {
          conv2d_setting s{.outputs = 5};
          s.options.input = {2, 3, 9, 10 + seed % 9};
          s.options.window = {{kernel, kernel}, {stride, stride}, {dilation, dilation}, bcr::pad_all(padding)};
          s.by_taps = seed % 3 != 0;
          check<T>(s, bcr::test::every_density[1 + seed % 4], seed);
          ++seed;
        }
      }
    }
  }
}

TEST_CASE_TEMPLATE("conv2d: anything together", T, float, double) {
  bcr::test::random_source random(sizeof(T));
  for (std::uint64_t seed = 0; seed < 400; ++seed) {
    check<T>(any_conv2d_setting(random), bcr::test::every_density[seed % 5], 7 * seed);
  }
}

TEST_CASE("conv2d: weights of sixteen bits") {
  bcr::test::random_source random(3);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    conv2d_operands<float, block, bcr::bf16>(any_conv2d_setting(random), bcr::test::every_density[1 + seed % 4], seed)
        .check(no_epilogue, unchanged);
  }
}

TEST_CASE("conv2d: every width of the image, in strips and stacks") {
  bcr::test::random_source random(5);
  for (std::size_t width = 1; width <= 3 * bcr::test::lanes_of<float>() + 2; ++width) {
    conv2d_setting s{.outputs = 9};
    s.options.input = {3, 2, 1 + width % 8, width};
    s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
    s.options.strip_rows = random.below(4);
    s.options.strip_images = random.below(4);
    s.options.input_layout = static_cast<image_layout>(random.below(2));
    s.options.output_layout = static_cast<image_layout>(random.below(2));
    s.by_taps = width % 2 == 0 || random.chance(0.5);
    check<float>(s, {.density = 0.3, .rows_kept = 0.75}, width);
  }
}

TEST_CASE("conv2d: more output channels than a group of rows, and more columns than a slab") {
  conv2d_setting s{.outputs = 150};
  s.options.input = {1, 40, 7, 7};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  check<float>(s, {.density = 0.1, .rows_kept = 0.5}, 1);
  s.options.threads = 4;
  s.options.output_layout = image_layout::nhwc;
  check<float>(s, {.density = 0.1}, 2);
  s.by_taps = true;
  check<float>(s, {.density = 0.1, .rows_kept = 0.5}, 2);
  s.outputs = 3;
  s.options.input = {1, 3700, 3, 4};
  check<float>(s, {.density = 0.02}, 3);
}

// 49 pixels are three vectors of 16 and one more, which is computed alone.
TEST_CASE_TEMPLATE("conv2d: a last pixel after whole vectors", T, float, double) {
  const std::size_t pixels = 3 * bcr::test::lanes_of<T>() + 1;
  std::uint64_t seed = 0;
  for (const bcr::extent2d image : {bcr::extent2d{7, 7}, {1, pixels}, {pixels, 1}}) {
    for (const std::size_t stride : {1u, 2u}) {
      for (const bcr::test::pattern_options& how : bcr::test::every_density) {
        conv2d_setting s{.outputs = 24, .by_taps = true};
        s.options.groups = 1 + seed % 2;
        s.options.input = {2, 6, stride * image.height, stride * image.width};
        s.options.window = {{3, 3}, {stride, stride}, {1, 1}, bcr::pad_all(1)};
        s.options.threads = 1 + seed % 3;
        check<T>(s, how, ++seed);
      }
    }
  }
}

// Of four and a half tiles, say, the last strip may be one tile wider than those of the strips before.
TEST_CASE_TEMPLATE("conv2d: an image with margins is read in place", T, float, double) {
  std::uint64_t seed = 0;
  for (const bcr::extent2d kernel : {bcr::extent2d{3, 3}, {1, 3}, {3, 1}, {5, 5}, {2, 3}}) {
    for (const std::size_t width : {1u, 2u, 7u, 14u, 16u, 17u, 31u, 33u}) {
      for (const std::size_t threads : {1u, 3u}) {
        conv2d_setting s{.outputs = 5 + seed % 4, .by_taps = true};
        bcr::conv2d_options& o = s.options;
        const std::size_t dilation = 1 + seed % 3 / 2, reach = (kernel.width - 1) * dilation;
        o.groups = 1 + seed % 2;
        o.input = {1 + seed % 5 / 4, 3 * o.groups, 1 + seed % 11, width};
        o.window = {kernel,
                    {},
                    {dilation, dilation},
                    {kernel.height / 2 * dilation, reach / 2, kernel.height, reach - reach / 2}};
        o.threads = threads;
        o.input_margins = bcr::margins_for(o.input, o.window);
        if (seed % 3 != 0) o.output_margins = bcr::margins_for(s.output_shape(), o.window);
        s.input_offset = seed % 4;
        s.side = seed % 2 == 0 ? bcr::test::guard_side::before : bcr::test::guard_side::after;
        const conv2d_operands<T, block> in(s, bcr::test::every_density[1 + seed % 4], seed);
        in.check(no_epilogue, unchanged);
        if (o.input.batch == 1) {
          using plan = bcr::test::conv2d_plan<T, bcr::epilogue::none>;
          const auto made = plan::create(std::span<const bcr::packed_weights<T, block>>(in.packed), o);
          REQUIRE(made.message() == doctest::String("Success."));
          INFO(describe(s));
          CHECK(made->reads_in_place() == made->gapless());
        }
        ++seed;
      }
    }
  }
}

// Rows of every length around a vector and two, whose elements two planes take in turns, or three; of some images the
// first element is in the one, of others in the other plane.
TEST_CASE_TEMPLATE("conv2d: every width of an image, with strides", T, float, double) {
  std::uint64_t seed = 0;
  for (const std::size_t stride : {2u, 3u}) {
    for (std::size_t width = 1; width <= 4 * bcr::test::lanes_of<T>() + 3; ++width) {
      conv2d_setting s{.outputs = 6, .by_taps = seed % 4 != 0};
      bcr::conv2d_options& o = s.options;
      o.groups = 1 + seed % 2;
      o.input = {1 + seed % 3 / 2, 2 * o.groups, 3 + seed % 8, width};
      o.window = {{3, 1 + seed % 5},
                  {1 + seed / 2 % 2, stride},
                  {1, 1 + seed % 7 / 5},
                  bcr::pad_all(seed % 8 == 0 ? 6 : seed % 3)};
      o.strip_rows = seed % 5 == 0 ? 2 : 0;
      if (seed % 3 == 0) o.input_margins = {seed % 4, 1 + seed % 6};
      s.input_offset = seed % 4;
      s.side = seed % 2 == 0 ? bcr::test::guard_side::before : bcr::test::guard_side::after;
      check<T>(s, {.density = 0.6}, ++seed);
    }
  }
}

// Channels of which several are copied together, plane by plane, and more planes than the kernel takes at once.
TEST_CASE("conv2d: many small channels with strides") {
  conv2d_setting s{.outputs = 4, .by_taps = true};
  for (const std::size_t stride : {2u, 3u}) {
    s.options.input = {1, 70, 14, 15};
    s.options.window = {{3, 3}, {stride, stride}, {1, 1}, bcr::pad_all(1)};
    check<float>(s, {.density = 0.2}, stride);
    s.options.input = {1, 3, 71, 66};
    check<float>(s, {.density = 0.8}, stride);
  }
}

TEST_CASE("conv2d: images that no cache holds, of which panels ask for lines ahead") {
  conv2d_setting s{.outputs = 6, .by_taps = true};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  s.options.input = {2, 4, 331, 333};
  for (const std::size_t threads : {1u, 3u}) {
    s.options.threads = threads;
    s.options.input_layout = threads == 1 ? image_layout::nchw : image_layout::nhwc;
    s.side = threads == 1 ? bcr::test::guard_side::before : bcr::test::guard_side::after;
    check<float>(s, {.density = 1}, threads);
  }
  s.options.window.stride = {2, 1};
  s.options.input.height = 641;
  check<float>(s, {.density = 1}, 7);
}

// In strips of rows that fill tiles, if there are such, for tasks to share; the last strip has fewer.
TEST_CASE("conv2d: images that no cache holds are read in place") {
  conv2d_setting s{.outputs = 6, .by_taps = true};
  bcr::conv2d_options& o = s.options;
  o.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  for (const std::size_t width : {320u, 333u}) {
    o.input = {2, 5, 331, width};
    o.input_margins = o.output_margins = bcr::margins_for(o.input, o.window);
    std::vector<float> alone;
    for (const std::size_t threads : {1u, 5u}) {
      o.threads = threads;
      s.side = threads == 1 ? bcr::test::guard_side::before : bcr::test::guard_side::after;
      const conv2d_operands<float, block> in(s, {.density = 1}, width);
      in.check(no_epilogue, unchanged);
      using plan = bcr::test::conv2d_plan<float, bcr::epilogue::none>;
      const auto made = plan::create(std::span<const bcr::packed_weights<float, block>>(in.packed), o);
      REQUIRE(made.ok());
      CHECK(made->reads_in_place() == made->gapless());
      if (made->reads_in_place() && width == 320 && threads == 5) CHECK(made->tasks() == 5);
      const std::vector<float> found = in.run(o, no_epilogue);
      if (threads == 1) alone = found;
      CHECK(std::memcmp(found.data(), alone.data(), found.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("conv2d: a last strip whose tiles are wider") {
  const std::size_t lanes = bcr::test::lanes_of<float>();
  for (const std::size_t vectors : {1u, 2u, 3u, 4u, 5u, 6u}) {
    conv2d_setting s{.outputs = 130};
    s.options.strip_rows = 8;
    s.options.input = {1, 3, 8 + vectors, lanes};
    s.options.window = {.kernel = {2, 1}, .padding = {.bottom = 1}};  // rows of positions follow each other
    for (const auto layout : {image_layout::nchw, image_layout::nhwc}) {
      s.options.output_layout = layout;
      check<float>(s, {.density = 1}, vectors);
    }
  }
}

TEST_CASE("conv2d: images, windows and channels of nothing") {
  conv2d_setting s{.outputs = 4};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  const auto shape = [&](bcr::image_shape input) {
    s.options.input = input;
    check<float>(s, {.density = 0.5}, 1);
  };
  shape({0, 2, 5, 5});
  shape({1, 0, 5, 5});
  shape({1, 2, 0, 5});  // one row of zeros, of which there is no output
  shape({1, 2, 5, 0});
  s.options.window.padding = bcr::pad_all(3);
  shape({1, 2, 0, 0});  // zeros alone
  s.options.window = {{5, 1}, {1, 1}, {1, 1}, {}};
  shape({1, 2, 4, 9});  // the window does not fit
  s.outputs = 0;
  shape({1, 2, 9, 9});
}

// What is computed in strips, stacks or tasks may not depend on who computes them.
TEST_CASE_TEMPLATE("conv2d: the same bits for any number of threads", T, float, double) {
  bcr::test::random_source random(11);
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    conv2d_setting s = any_conv2d_setting(random);
    s.outputs = 40;
    s.options.threads = 1;
    const conv2d_operands<T, block> in(s, bcr::test::every_density[1 + seed % 4], seed);
    INFO(describe(s));
    const std::vector<T> alone = in.run(s.options, no_epilogue);
    for (const std::size_t threads : {2u, 3u, 7u, 100u}) {
      s.options.threads = threads;
      auto pool = bcr::thread_pool::create(std::min<std::size_t>(threads, 7));
      REQUIRE(pool.ok());
      CHECK(in.run(s.options, no_epilogue, *pool) == alone);
      CHECK(in.run(s.options, no_epilogue, bcr::test::backward_executor()) == alone);
    }
  }
}

}  // namespace
