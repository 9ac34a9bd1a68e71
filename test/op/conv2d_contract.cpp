// What conv2d promises besides numbers: epilogues by channel and place, sentences, names, and what it takes for a
// product.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "op/conv2d_case.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::image_layout;
using bcr::test::conv2d_operands;
using bcr::test::conv2d_setting;
using bcr::test::exact_value;
using block = bcr::block<4, 16>;
constexpr auto no_epilogue = [](auto*) { return ep::none(); };
using plan_type = bcr::test::conv2d_plan<float, ep::chain_of<ep::bias<float>, ep::gelu, ep::residual<float>>>;

// A bias, a bend, and a residual that is another image or the output itself. Panels store themselves what is cheap.
template <class Bend>
void check_epilogue(const conv2d_setting& s, bool residual_is_output, std::uint64_t seed) {
  const bcr::image_shape out = s.output_shape();
  const std::size_t columns = s.options.output_layout == image_layout::nchw ? out.pixels() : out.channels;
  const std::size_t output_step = columns + s.options.output_margins.gap;
  bcr::test::random_source random(seed);
  bcr::test::guarded_array<float> bias(out.channels, 1, bcr::test::guard_side::after);
  bcr::test::guarded_array<float> residual(out.elements(), 0, bcr::test::guard_side::after);
  for (std::size_t c = 0; c < out.channels; ++c) bias[c] = bcr::test::random_value<float>(random);
  for (std::size_t i = 0; i < out.elements(); ++i) residual[i] = bcr::test::random_value<float>(random);
  const conv2d_operands<float, block> in(s, bcr::test::every_density[seed % 5], seed);
  in.check(
      [&](float* output) {
        return ep::chain(ep::bias<float>{bias.data()}, Bend(),
                         ep::residual<float>{residual_is_output ? output : residual.data(),
                                             residual_is_output ? output_step : columns});
      },
      [&](const exact_value& sum, std::size_t channel, std::size_t at) {
        const double added = static_cast<double>(bias[channel]);
        const double other = residual_is_output
                                 ? static_cast<double>(static_cast<float>(bcr::test::output_before(at / 7, at)))
                                 : static_cast<double>(residual[at]);
        const double x = sum.value + added;
        const double bent =
            std::is_same_v<Bend, ep::gelu> ? x * (1 + std::erf(x / std::sqrt(2.))) / 2 : std::max(x, 0.);
        return exact_value{bent + other, sum.magnitude + std::abs(added) + std::abs(other)};
      });
}

TEST_CASE_TEMPLATE("conv2d: bias by channel, bend, residual by place", Bend, ep::gelu, ep::relu) {
  bcr::test::random_source random(21);
  for (std::uint64_t seed = 0; seed < 80; ++seed) {
    conv2d_setting s = bcr::test::any_conv2d_setting(random);
    s.options.threads = 1 + seed % 2;
    check_epilogue<Bend>(s, seed % 3 == 0, seed);
  }
  // With a last pixel that is computed alone.
  conv2d_setting s{.outputs = 12, .by_taps = true};
  s.options.input = {2, 6, 3 * bcr::test::lanes_of<float>() + 1, 1};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  for (std::uint64_t seed = 0; seed < 10; ++seed) check_epilogue<Bend>(s, seed % 2 == 0, seed);
}

// Which plans compute no positions between the rows, and that an image's edge takes nothing from the row beyond it.
TEST_CASE("conv2d_plan: positions without gaps") {
  conv2d_setting s{.outputs = 6, .by_taps = true};
  s.options.input = {1, 2, 6, 9};
  const auto gapless = [&](std::size_t kernel, std::size_t stride, std::size_t padding) {
    s.options.window = {{kernel, kernel}, {stride, stride}, {1, 1}, bcr::pad_all(padding)};
    const conv2d_operands<float, block> in(s, {.density = 0.5}, 3);
    return bcr::test::conv2d_plan<float>::create(in.packed[0], s.options)->gapless();
  };
  const bool masks = gapless(3, 1, 1);
#if defined(BCR_PERMUTES_512) && !defined(BCR_DISPATCH_LIBRARY)
  CHECK(masks == (BCR_PERMUTES_512 != 0));
#endif
  CHECK(gapless(5, 1, 2) == masks);
  CHECK(gapless(3, 2, 1) == masks);
  CHECK(gapless(2, 1, 1) == masks);  // more positions than columns
  CHECK(!gapless(3, 1, 0));          // fewer
  s.by_taps = false;
  CHECK(!gapless(3, 1, 1));

  s.by_taps = true;
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  conv2d_operands<float, block> in(s, {.density = 1}, 3);
  const std::size_t last = 8, next = 9;  // the last element of a row, and the first of the next one
  in.image[2 * 9 + last] = std::numeric_limits<float>::infinity();
  in.image[3 * 9 + next] = std::numeric_limits<float>::quiet_NaN();
  const std::vector<float> found = in.run(s.options, no_epilogue);
  const auto finite = [&](std::size_t y, std::size_t x) { return bcr::test::is_finite(found[y * 9 + x]); };
  for (const std::size_t y : {1u, 2u, 3u}) {
    CHECK(!finite(y, last));
    CHECK(!finite(y, last - 1));
    CHECK(finite(y, last - 2));
  }
  CHECK(finite(2, 0));  // beyond the edge of the row in memory before it
  CHECK(!finite(3, 0));
  CHECK(finite(3, 2));
}

TEST_CASE("conv2d: a window of one element is a product") {
  conv2d_setting s{.outputs = 9, .input_offset = 1, .output_offset = 2};
  s.options.input = {3, 7, 5, 6};
  for (std::uint64_t seed = 0; seed < 6; ++seed) {
    s.options.threads = 1 + seed % 3;
    check_epilogue<ep::gelu>(s, seed % 2 == 0, seed);
  }
  const conv2d_operands<float, block> in(s, {.density = 0.5}, 1);
  const auto name = [&](const bcr::conv2d_options& options) {
    return std::string(plan_type::create(in.packed[0], options)->kernel_name());
  };
  const std::string target = bcr::test::target_name();
  CHECK(name(s.options).starts_with("gemm_f32_b4x16_t4x"));
  s.options.window.padding = bcr::pad_all(1);
  CHECK(name(s.options).starts_with("conv2d_f32_b4x16_t4x"));
  CHECK(name(s.options).ends_with(target));
}

void says(const bcr::status& s, bcr::errc code, const char* sentence) {
  CHECK(s.code() == code);
  CHECK(s.message() == doctest::String(sentence));
}

TEST_CASE("conv2d_plan: what no plan can be made of") {
  conv2d_setting s{.outputs = 6};
  s.options.input = {1, 4, 8, 9};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  const conv2d_operands<float, block> in(s, {.density = 0.5}, 1);
  const auto refused = [&](auto&& change, bcr::errc code, const char* sentence) {
    bcr::conv2d_options options = s.options;
    change(options);
    says(plan_type::can_implement(options), code, sentence);
    says(plan_type::create(in.packed[0], options).status(), code, sentence);
  };
  constexpr auto invalid = bcr::errc::invalid_argument;
  refused([](auto& o) { o.threads = 0; }, invalid, "A plan needs at least one thread.");
  refused([](auto& o) { o.tile_vectors = 7; }, invalid, "A tile has 1 to 6 vectors, or 0 to let the library choose.");
  refused([](auto& o) { o.window.stride.width = 0; }, invalid,
          "A window's kernel, stride and dilation are at least 1.");
  constexpr const char* too_large = "The image or the window of a convolution is too large.";
  constexpr std::size_t huge = std::numeric_limits<std::size_t>::max();
  refused([](auto& o) { o.input.width = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.input.batch = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.input.channels = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.window.padding.bottom = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.window.dilation.width = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.window.stride.height = huge; }, bcr::errc::unsupported, too_large);
  refused([](auto& o) { o.window.kernel.height = huge; }, bcr::errc::unsupported, too_large);

  const auto not_created = [&](auto&& change, const char* sentence) {
    bcr::conv2d_options options = s.options;
    change(options);
    says(plan_type::create(std::span<const bcr::packed_weights<float, block>>(in.packed), options).status(), invalid,
         sentence);
  };
  bcr::conv2d_options groups = s.options;
  groups.groups = 3;
  says(plan_type::can_implement(groups), invalid, "The channels of a convolution do not divide into its groups.");
  groups.groups = 0;
  says(plan_type::can_implement(groups), invalid, "The channels of a convolution do not divide into its groups.");
  constexpr const char* each_group = "A convolution in groups takes packed weights for each of them.";
  groups.groups = 2;
  says(plan_type::create(in.packed[0], groups).status(), invalid, each_group);
  not_created([](auto& o) { o.groups = 2; }, each_group);
  constexpr const char* shape =
      "The weights do not have the convolution's shape, output channels x (input channels * kernel height * kernel "
      "width) of a group.";
  not_created([](auto& o) { o.input.channels = 5; }, shape);
  not_created([](auto& o) { o.window.kernel.width = 1; }, shape);
}

TEST_CASE("conv2d_plan: a run that cannot be, and writes nothing") {
  conv2d_setting s{.outputs = 6};
  s.options.input = {1, 4, 8, 9};
  s.options.window = {{3, 3}, {1, 1}, {1, 1}, bcr::pad_all(1)};
  const conv2d_operands<float, block> in(s, {.density = 0.5}, 1);
  const auto plan = plan_type::create(in.packed[0], s.options);
  REQUIRE(plan.ok());
  CHECK(plan->output_shape() == bcr::image_shape{1, 6, 8, 9});
  std::vector<float> output(6 * 8 * 9, 5.0f), bias(6);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const std::span<const float> image(in.image);
  const auto epilogue = [&](const float* per_row, std::size_t columns) {
    return ep::chain(ep::bias<float>{per_row}, ep::gelu(), ep::residual<float>{output.data(), columns});
  };
  const auto refused = [&](const bcr::status& done, const char* sentence) {
    says(done, bcr::errc::invalid_argument, sentence);
  };
  const auto good = epilogue(bias.data(), 72);
  refused(plan->run(image.first(1), output, workspace, good),
          "The input of the convolution does not have as many elements as the plan's image.");
  refused(plan->run(image, std::span(output).first(1), workspace, good),
          "The output of the convolution does not have the plan's output_shape().");
  refused(plan->run(image, output, std::span(workspace).first(workspace.size() - 1), good),
          "The workspace is smaller than the plan's workspace_bytes().");
  refused(plan->run(image, output, workspace, epilogue(nullptr, 72)),
          "The epilogue's bias has no data: per_row is null.");
  refused(plan->run(image, output, workspace, epilogue(bias.data(), 71)),
          "The epilogue's residual has a leading dimension shorter than a row of the output.");
  for (const float value : output) CHECK(value == 5.0f);
  CHECK(plan->run(image, output, workspace, good).ok());
}

}  // namespace
