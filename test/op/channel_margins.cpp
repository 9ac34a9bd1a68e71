// Images whose channels lie apart: what is around them is filled with zeros, and the pixels are the same.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <limits>
#include <span>
#include <vector>

#include "bcr/core/executor_thread.hpp"
#include "op/conv2d_case.hpp"
#include "op/image_case.hpp"

namespace {

using bcr::channel_margins;
using bcr::image_shape;
using bcr::window2d;
using bcr::test::says;

constexpr const char* not_nchw = "Margins are for images whose channels follow each other, of layout nchw.";
constexpr const char* too_large = "The image and its margins have more elements than this machine can count.";

// What a plan writes: the pixels of its output without margins, after seeing that those are zeros.
template <class Plan>
std::vector<float> pixels_of(const Plan& plan, const std::vector<float>& input, const channel_margins& margins) {
  const image_shape shape = plan.output_shape();
  bcr::test::guarded_array<float> output(margins.elements(shape), 1, bcr::test::guard_side::after);
  for (float& y : output.span()) y = std::numeric_limits<float>::quiet_NaN();
  std::vector<std::byte> workspace(plan.workspace_bytes());
  auto pool = bcr::thread_pool::create(plan.tasks());
  if constexpr (requires { plan.run(input, output.span(), workspace, bcr::epilogue::none(), *pool); }) {
    CHECK(plan.run(input, output.span(), workspace, bcr::epilogue::none(), *pool).ok());
  } else {
    CHECK(plan.run(input, output.span(), workspace, *pool).ok());
  }
  CHECK(output.surroundings_intact());
  std::vector<float> pixels;
  for (std::size_t plane = 0; plane < shape.batch * shape.channels; ++plane) {
    float* const from = output.data() + margins.front + plane * margins.channel_step(shape);
    pixels.insert(pixels.end(), from, from + shape.pixels());
    std::fill_n(from, shape.pixels(), 0.0f);
  }
  CHECK(std::all_of(output.span().begin(), output.span().end(), [](float y) { return y == 0.0f; }));
  return pixels;
}

// The same pixels for any margins and number of threads. `create` makes a plan.
template <class Create>
void check_margins(const image_shape& image, const Create& create) {
  const std::vector<float> input = bcr::test::random_elements<float>(image.elements(), 5);
  const std::vector<float> expected = pixels_of(*create(channel_margins{}, std::size_t{1}), input, {});
  for (const channel_margins& margins : {channel_margins{5, 0}, {0, 3}, {64, 77}}) {
    for (const std::size_t threads : {1u, 3u}) {
      const std::vector<float> found = pixels_of(*create(margins, threads), input, margins);
      REQUIRE(found.size() == expected.size());
      CHECK(std::memcmp(found.data(), expected.data(), found.size() * sizeof(float)) == 0);
    }
  }
}

TEST_CASE("output margins: of pooling and of depthwise convolution") {
  const window2d windows[] = {{.kernel = {2, 2}, .stride = {2, 2}},
                              {.kernel = {3, 3}, .stride = {2, 2}, .padding = bcr::pad_all(1)},
                              {.kernel = {3, 3}, .padding = bcr::pad_all(1)},
                              {.kernel = {5, 5}, .stride = {2, 2}, .padding = bcr::pad_all(2)}};
  for (const image_shape& image : {image_shape{2, 3, 9, 18}, {1, 2, 14, 14}, {1, 4, 7, 7}, {1, 2, 40, 35}}) {
    const std::vector<float> weights = bcr::test::random_elements<float>(image.channels * 25, 6);
    for (const window2d& window : windows) {
      for (const bcr::pooling kind : {bcr::pooling::maximum, bcr::pooling::average}) {
        check_margins(image, [&](const channel_margins& margins, std::size_t threads) {
          return bcr::pooling_plan<float>::create(
              {.input = image, .window = window, .kind = kind, .threads = threads, .output_margins = margins});
        });
      }
      const std::size_t taps = window.kernel.height * window.kernel.width;
      check_margins(image, [&](const channel_margins& margins, std::size_t threads) {
        return bcr::depthwise_plan<float>::create(
            {weights.data(), image.channels, taps},
            {.input = image, .window = window, .threads = threads, .output_margins = margins});
      });
    }
  }
}

TEST_CASE("margins_for: whole lines, an odd number of them from channel to channel") {
  for (const std::size_t width : {1u, 7u, 14u, 28u, 56u}) {
    const image_shape image{1, 3, width + 2, width};
    const window2d window{.kernel = {3, 5}, .padding = {1, 2, 0, 2}};
    const channel_margins margins = bcr::margins_for(image, window);
    CHECK(margins.front % 16 == 0);
    CHECK(margins.channel_step(image) % 32 == 16);
    CHECK(margins.front >= width + 2 + 16);
    CHECK(margins.gap >= margins.front);
    CHECK(margins.elements(image) == margins.front + 3 * (image.pixels() + margins.gap));
  }
}

TEST_CASE("margins that cannot be") {
  using block = bcr::block<4, 16>;
  bcr::test::conv2d_setting s{.outputs = 4};
  s.options.input = {1, 2, 6, 6};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  const bcr::test::conv2d_operands<float, block> in(s, {.density = 0.5}, 1);
  using conv2d = bcr::test::conv2d_plan<float, bcr::epilogue::none>;
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  bcr::conv2d_options o = s.options;
  o.input_layout = bcr::image_layout::nhwc;
  o.input_margins.gap = 1;
  says(conv2d::can_implement(o), not_nchw);
  o = s.options;
  o.output_layout = bcr::image_layout::nhwc;
  o.output_margins.front = 1;
  says(conv2d::can_implement(o), not_nchw);
  says(conv2d::create(in.packed[0], o).status(), not_nchw);
  o = s.options;
  o.output_margins.gap = huge / 8;
  says(conv2d::create(in.packed[0], o).status(), too_large);
  o = s.options;
  o.input_margins.front = huge;
  says(conv2d::can_implement(o), too_large);

  bcr::pooling_options pooling{.input = {1, 2, 6, 6}, .window = {.kernel = {2, 2}}};
  pooling.output_margins.gap = huge;
  says(bcr::pooling_plan<float>::can_implement(pooling), too_large);
  bcr::depthwise_options depthwise{.input = {1, 2, 6, 6}, .window = {.kernel = {2, 2}}};
  depthwise.output_margins.front = huge / 2;
  says(bcr::depthwise_plan<float>::can_implement(depthwise), too_large);

  // A run that brings no room for them.
  o = s.options;
  o.input_margins = o.output_margins = {16, 32};
  const auto plan = conv2d::create(in.packed[0], o);
  REQUIRE(plan.ok());
  std::vector<float> x(16 + 2 * 68), y(16 + 4 * 68);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  says(plan->run(std::span(x).first(72), y, workspace),
       "The input of the convolution does not have as many elements as the plan's image.");
  says(plan->run(x, std::span(y).first(144), workspace),
       "The output of the convolution does not have the plan's output_shape().");
  CHECK(plan->run(x, y, workspace).ok());
}

}  // namespace
