// Dense convolution, depthwise and not, against double precision: windows, strides, dilations, paddings, groups, widths
// around the vector, misaligned operands, any number of threads; and what the plans refuse.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "op/image_case.hpp"

namespace {

using bcr::test::convolution_case;
using bcr::test::convolution_operands;
template <class T>
using epilogue_of = bcr::test::bias_residual_relu<T>;

template <class T>
void check_dense(const convolution_case& layer) {
  bcr::test::check_convolution<T>(layer, [&](const convolution_operands<T>& in, std::size_t threads) {
    return bcr::dense_conv2d_plan<T, epilogue_of<T>>::create(
        {in.weights.data(), layer.outputs, layer.inner()},
        {.input = layer.input, .window = layer.window, .groups = layer.groups, .threads = threads});
  });
}

template <class T>
void check_depthwise(const convolution_case& layer) {
  bcr::test::check_convolution<T>(layer, [&](const convolution_operands<T>& in, std::size_t threads) {
    return bcr::depthwise_plan<T, epilogue_of<T>>::create(
        {in.weights.data(), layer.outputs, layer.inner()},
        {.input = layer.input, .window = layer.window, .threads = threads});
  });
}

// Kernels, strides, dilations and paddings that differ by direction as well.
const bcr::window2d windows[] = {
    {},
    {.kernel = {3, 3}, .padding = bcr::pad_all(1)},
    {.kernel = {3, 3}, .stride = {2, 2}, .padding = bcr::pad_all(1)},
    {.kernel = {5, 5}, .padding = bcr::pad_all(2)},
    {.kernel = {5, 5}, .stride = {2, 2}, .padding = {1, 2, 2, 1}},
    {.kernel = {7, 7}, .stride = {2, 2}, .padding = bcr::pad_all(3)},
    {.kernel = {1, 1}, .stride = {2, 2}},
    {.kernel = {3, 5}, .stride = {1, 2}, .padding = {.right = 4}},
    {.kernel = {3, 3}, .stride = {2, 1}, .dilation = {1, 2}, .padding = {0, 3, 1, 0}},
    {.kernel = {3, 2}, .stride = {3, 4}, .dilation = {2, 3}, .padding = {6, 0, 0, 7}},
    {.kernel = {5, 3}, .dilation = {3, 2}, .padding = bcr::pad_all(4)},
    {.kernel = {4, 4}, .stride = {4, 4}},
};

TEST_CASE("dense_conv2d_plan: every window") {
  for (const bcr::window2d& window : windows) {
    check_dense<float>({{1, 3, 13, 19}, 6, window});
    check_dense<float>({{2, 4, 9, 7}, 5, window});
  }
  check_dense<double>({{2, 3, 13, 19}, 6, windows[2]});
  check_dense<double>({{1, 3, 13, 19}, 9, windows[8]});
}

TEST_CASE("dense_conv2d_plan: widths and heights around vectors and bands, groups") {
  for (const std::size_t width : {1u, 2u, 7u, 15u, 16u, 17u, 31u, 33u, 64u, 100u}) {
    check_dense<float>({{1, 2, 3, width}, 4, windows[1]});
    check_dense<float>({{1, 2, width, 3}, 3, windows[2]});
  }
  for (const std::size_t groups : {1u, 2u, 3u, 6u}) check_dense<float>({{2, 6, 8, 9}, 12, windows[1], groups});
  // More than one band, and channels that have no rows of a register tile to themselves.
  check_dense<float>({{1, 40, 60, 58}, 1, windows[1]});
  check_dense<float>({{1, 3, 120, 220}, 5, windows[2]});
}

TEST_CASE("depthwise_plan: every window") {
  for (const bcr::window2d& window : windows) {
    check_depthwise<float>({{2, 3, 13, 19}, 3, window, 3});
    check_depthwise<float>({{1, 5, 9, 7}, 5, window, 5});
  }
  check_depthwise<double>({{2, 3, 13, 19}, 3, windows[2], 3});
  check_depthwise<double>({{2, 3, 13, 19}, 3, windows[9], 3});
}

TEST_CASE("depthwise_plan: widths and heights around vectors, tiles and bands") {
  for (const std::size_t window : {1u, 2u, 3u, 4u}) {
    for (const std::size_t width : {2u, 7u, 15u, 16u, 17u, 31u, 33u, 64u, 100u}) {
      check_depthwise<float>({{1, 2, 5, width}, 2, windows[window], 2});
    }
    for (const std::size_t height : {2u, 3u, 4u, 7u, 8u, 9u}) {
      check_depthwise<float>({{1, 2, height, 18}, 2, windows[window], 2});
    }
    check_depthwise<float>({{1, 1, 150, 130}, 1, windows[window], 1});
  }
}

TEST_CASE("images without elements") {
  check_dense<float>({{0, 3, 5, 5}, 4, windows[1]});
  check_dense<float>({{2, 0, 5, 5}, 4, windows[1]});
  check_dense<float>({{2, 3, 5, 5}, 0, windows[1]});
  check_depthwise<float>({{0, 3, 5, 5}, 3, windows[1], 3});
}

TEST_CASE("an epilogue that is not cheap, and none") {
  const convolution_case layer{{1, 3, 6, 21}, 3, windows[1], 3};
  const convolution_operands<float> in(layer);
  std::vector<float> plain(in.residual.size()), activated(plain.size()), grouped(plain.size());
  const bcr::matrix_view<const float> weights(in.weights.data(), 3, 9);
  const auto none = bcr::depthwise_plan<float>::create(weights, {.input = layer.input, .window = layer.window});
  const auto silu =
      bcr::depthwise_plan<float, bcr::epilogue::silu>::create(weights, {.input = layer.input, .window = layer.window});
  const auto dense = bcr::dense_conv2d_plan<float, bcr::epilogue::silu>::create(
      weights, {.input = layer.input, .window = layer.window, .groups = 3});
  std::vector<std::byte> workspace(none->workspace_bytes() + dense->workspace_bytes());
  REQUIRE(none->run(in.input, plain, workspace).ok());
  REQUIRE(silu->run(in.input, activated, workspace).ok());
  REQUIRE(dense->run(in.input, grouped, workspace).ok());
  for (std::size_t i = 0; i < plain.size(); ++i) {
    const double x = static_cast<double>(plain[i]);
    CHECK(static_cast<double>(activated[i]) == doctest::Approx(x / (1 + std::exp(-x))));
    CHECK(static_cast<double>(grouped[i]) == doctest::Approx(static_cast<double>(activated[i])));
  }
}

template <class Plan, class Options>
void check_sentences(const Options& good, std::size_t rows, std::size_t columns) {
  const std::vector<float> weights(rows * columns + 1, 1.0f);
  const auto refused = [&](const char* sentence, auto&& change) {
    Options options = good;
    change(options);
    bcr::test::says(Plan::can_implement(options), sentence);
    bcr::test::says(Plan::create({weights.data(), rows, columns}, options).status(), sentence);
  };
  refused("A plan needs at least one thread.", [](Options& o) { o.threads = 0; });
  refused("A window's kernel, stride and dilation are at least 1.", [](Options& o) { o.window.stride = {0, 1}; });
  refused("A window's sizes are at most 65535.", [](Options& o) { o.window.padding.left = 65536; });
  refused("The window does not fit into the padded image.", [](Options& o) { o.window.kernel = {100, 3}; });
  refused("The image has more elements than this machine can count.",
          [](Options& o) { o.input.batch = std::size_t{1} << 60; });

  const auto plan = Plan::create({weights.data(), rows, columns}, good);
  REQUIRE(plan.ok());
  const std::size_t in = good.input.elements(), out = plan->output_shape().elements();
  const std::vector<float> x(in);
  std::vector<float> y(out, 5.0f);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  bcr::test::says(plan->run(std::span(x).first(in - 1), y, workspace),
                  "The input image does not have as many elements as its shape.");
  bcr::test::says(plan->run(x, std::span(y).first(out - 1), workspace),
                  "The output image does not have as many elements as its shape.");
  bcr::test::says(plan->run(x, y, std::span(workspace).first(workspace.size() - 1)),
                  "The workspace is smaller than the plan's workspace_bytes().");
  CHECK(std::all_of(y.begin(), y.end(), [](float e) { return e == 5.0f; }));
}

TEST_CASE("what dense_conv2d_plan refuses") {
  using plan = bcr::dense_conv2d_plan<float>;
  const bcr::dense_conv2d_options good{.input = {1, 4, 5, 6}, .window = windows[1], .groups = 2};
  check_sentences<plan>(good, 6, 18);
  const std::vector<float> weights(1000);
  bcr::dense_conv2d_options options = good;
  options.groups = 3;
  bcr::test::says(plan::can_implement(options), "The channels of the input do not divide into the groups.");
  options.groups = 0;
  bcr::test::says(plan::can_implement(options), "The channels of the input do not divide into the groups.");
  bcr::test::says(plan::create({weights.data(), 6, 17}, good).status(),
                  "The weights of a convolution have a column for each element of the kernel and channel of a group.");
  bcr::test::says(plan::create({weights.data(), 5, 18}, good).status(),
                  "The channels of the output do not divide into the groups.");
  const std::string name = plan::create({weights.data(), 6, 18}, good)->kernel_name();
  CHECK(name.substr(0, 17) == "dense_conv_f32_t4");
  CHECK(name.ends_with(bcr::target_name()));
  const bcr::dense_conv2d_options far{.input = {1, 65536, 5, 70000}};
  const auto too_far = plan::create({weights.data(), 0, 65536}, far);
  CHECK(too_far.status().code() == bcr::errc::unsupported);
  CHECK(too_far.message() == std::string("A few rows of all channels of the input are more than the convolution can "
                                         "address."));
}

TEST_CASE("depthwise_plan: the usual window of 3 x 3, and more planes than are copied at once") {
  for (const std::size_t stride : {1u, 2u}) {
    const bcr::window2d window{.kernel = {3, 3}, .stride = {stride, stride}, .padding = bcr::pad_all(1)};
    for (const std::size_t width : {2u, 6u, 14u, 34u, 70u}) {
      for (const std::size_t height : {1u, 2u, 7u}) check_depthwise<float>({{1, 3, height, width}, 3, window, 3});
    }
    check_depthwise<float>({{2, 70, 8, 14}, 70, window, 70});
    check_depthwise<double>({{1, 3, 7, 6}, 3, window, 3});
  }
}

TEST_CASE("depthwise_plan: what is not a number stays in its window") {
  const bcr::window2d window{.kernel = {3, 3}, .padding = bcr::pad_all(1)};
  std::vector<float> image(2 * 7 * 7, 1.0f), weights(2 * 9, 1.0f), output(image.size());
  // At the end of a row, whose neighbour in memory is the beginning of the next one; and in the other plane's corner.
  image[2 * 7 + 6] = image[49] = std::numeric_limits<float>::infinity();
  const auto plan =
      bcr::depthwise_plan<float>::create({weights.data(), 2, 9}, {.input = {1, 2, 7, 7}, .window = window});
  REQUIRE(plan.ok());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  REQUIRE(plan->run(image, output, workspace).ok());
  for (std::size_t i = 0; i < output.size(); ++i) {
    const std::size_t y = i % 49 / 7, x = i % 7;
    const bool met = i < 49 ? y >= 1 && y <= 3 && x >= 5 : y <= 1 && x <= 1;
    CAPTURE(i);
    CHECK(std::isinf(output[i]) == met);
    CHECK_FALSE(std::isnan(output[i]));
  }
}

TEST_CASE("what depthwise_plan refuses") {
  using plan = bcr::depthwise_plan<float>;
  const bcr::depthwise_options good{.input = {1, 4, 5, 6}, .window = windows[1]};
  check_sentences<plan>(good, 4, 9);
  const std::vector<float> weights(1000);
  const auto far = plan::create({weights.data(), 1, 9}, {.input = {1, 1, 3, 0xffffffff}, .window = windows[1]});
  CHECK(far.status().code() == bcr::errc::unsupported);
  CHECK(far.message() == std::string("A few rows of the input are more than the plan can address."));
  constexpr const char* sentence =
      "The weights of a depthwise convolution have a row a channel, and a column for each element of the kernel.";
  using view = bcr::matrix_view<const float>;
  for (const view& bad : {view(weights.data(), 3, 9), view(weights.data(), 4, 8), view(nullptr, 4, 9)}) {
    bcr::test::says(plan::create(bad, good).status(), sentence);
  }
  CHECK(std::string(plan::create({weights.data(), 4, 9}, good)->kernel_name()) ==
        std::string("depthwise_f32_t4x2_") + bcr::target_name());
}

}  // namespace
