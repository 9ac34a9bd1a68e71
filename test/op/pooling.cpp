// Pooling against PyTorch, which golden/make_pooling.py has asked, and against double precision for other windows; with
// operands between guards and any number of threads.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

#include "op/golden/tensors.hpp"
#include "op/image_case.hpp"

namespace {

using bcr::test::guard_side;
using bcr::test::guarded_array;
using bcr::test::tensor;

const bcr::test::tensor_file& golden() {
  static const bcr::test::tensor_file file(BCR_TEST_FOLDER "/op/golden/pooling.bin");
  return file;
}

template <class T>
std::vector<T> run_guarded(const bcr::pooling_options& options, const std::vector<T>& input, std::size_t offset,
                           guard_side side) {
  const auto plan = bcr::pooling_plan<T>::create(options);
  REQUIRE(plan.message() == doctest::String("Success."));
  guarded_array<T> x(input.size(), offset, side), y(plan->output_shape().elements(), (offset + 1) % 4, side);
  guarded_array<std::byte> workspace(plan->workspace_bytes(), offset, side);
  std::copy(input.begin(), input.end(), x.data());
  auto pool = bcr::thread_pool::create(options.threads);
  const bcr::status done = plan->run(x.span(), y.span(), workspace.span(), *pool);
  CHECK(done.message() == doctest::String("Success."));
  CHECK(y.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return {y.data(), y.data() + y.size()};
}

// Within `epsilons` of what is expected, which is about 1 or less; exactly for none.
template <class T>
void check_near(const std::vector<T>& found, const std::vector<double>& expected, double epsilons) {
  REQUIRE(found.size() == expected.size());
  double worst = 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double error = std::abs(static_cast<double>(found[i]) - expected[i]);
    worst = std::max(worst, bcr::test::is_finite(found[i]) ? error : std::numeric_limits<double>::max());
  }
  CHECK(worst <= epsilons * static_cast<double>(std::numeric_limits<T>::epsilon()));
}

bcr::image_shape shape_of(const tensor& t) { return {t.shape[0], t.shape[1], t.shape[2], t.shape[3]}; }

template <class T>
void check_golden(const bcr::pooling_options& options, const std::string& input, const std::string& output) {
  INFO(output);
  const tensor& expected = golden()[output];
  CHECK(bcr::pooling_plan<T>::create(options)->output_shape() == shape_of(expected));
  // An average of up to 25 elements, none above 5.
  const double epsilons = options.kind == bcr::pooling::maximum ? 0 : 30;
  for (const guard_side side : {guard_side::before, guard_side::after}) {
    check_near(run_guarded<T>(options, golden()[input].as<T>(), options.threads % 4, side), expected.elements,
               epsilons);
  }
}

template <class T>
void check_every_golden() {
  constexpr std::size_t windows[][3] = {{2, 2, 0}, {3, 2, 1}, {3, 2, 0}, {3, 1, 1}, {5, 3, 2}, {2, 3, 1}, {4, 4, 2}};
  for (const std::string image : {"odd", "even"}) {
    bcr::pooling_options options{.input = shape_of(golden()[image + "/x"])};
    for (const auto& [kernel, stride, padding] : windows) {
      options.window = {.kernel = {kernel, kernel}, .stride = {stride, stride}, .padding = bcr::pad_all(padding)};
      for (const bool ceil : {false, true}) {
        const std::string at = image + "/" + std::to_string(kernel) + "_" + std::to_string(stride) + "_" +
                               std::to_string(padding) + "_" + (ceil ? "1" : "0");
        options.ceil_mode = ceil;
        options.threads = 1 + (kernel + stride) % 3;
        options.kind = bcr::pooling::maximum;
        check_golden<T>(options, image + "/x", at + "/max");
        options.kind = bcr::pooling::average;
        for (const bool counts : {false, true}) {
          options.count_include_pad = counts;
          check_golden<T>(options, image + "/x", at + (counts ? "/average_1" : "/average_0"));
        }
      }
    }
    check_golden<T>({.input = options.input,
                     .window = {.kernel = {3, 3}, .stride = {2, 2}, .dilation = {2, 2}, .padding = bcr::pad_all(1)}},
                    image + "/x", image + "/dilated");
  }
}

TEST_CASE("pooling_plan: as PyTorch's, with ceil_mode and count_include_pad") {
  SUBCASE("f32") { check_every_golden<float>(); }
  SUBCASE("f64") { check_every_golden<double>(); }
}

TEST_CASE("pooling_plan: windows that differ by direction, and planes of several bands") {
  const bcr::image_shape images[] = {{2, 3, 7, 33}, {1, 2, 40, 5}, {1, 1, 130, 100}, {1, 2, 5, 64}, {2, 1, 4, 70}};
  const bcr::window2d windows[] = {{.kernel = {2, 3}, .stride = {1, 2}, .padding = {1, 0, 0, 2}},
                                   {.kernel = {5, 1}, .stride = {3, 1}, .padding = {2, 0, 4, 0}},
                                   {.kernel = {1, 4}, .stride = {2, 5}},
                                   {.kernel = {2, 2}, .stride = {2, 2}}};
  for (const bcr::image_shape& image : images) {
    const auto x = bcr::test::random_elements<float>(image.elements(), 3);
    for (const bcr::window2d& window : windows) {
      const bcr::extent2d at = window.positions(image);
      for (const bcr::pooling kind : {bcr::pooling::maximum, bcr::pooling::average}) {
        std::vector<double> expected;
        for (std::size_t plane = 0; plane < image.batch * image.channels; ++plane) {
          for (std::size_t i = 0; i < at.height * at.width; ++i) {
            double most = -2, sum = 0, count = 0;
            bcr::test::for_window(image, window, i / at.width, i % at.width, [&](std::size_t, std::size_t e) {
              const double element = static_cast<double>(x[plane * image.pixels() + e]);
              most = std::max(most, element);
              sum += element;
              count += 1;
            });
            expected.push_back(kind == bcr::pooling::maximum ? most : sum / count);
          }
        }
        check_near(run_guarded<float>(
                       {.input = image, .window = window, .kind = kind, .count_include_pad = false, .threads = 2}, x, 1,
                       guard_side::after),
                   expected, kind == bcr::pooling::maximum ? 0 : 12);
      }
    }
  }
}

TEST_CASE("pooling_plan: a maximum keeps what is not a number, and infinity") {
  const float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();
  std::vector<float> x(40, -infinity);
  x[3] = nan;
  x[10] = infinity;
  x[20] = 1;
  const auto y = run_guarded<float>({.input = {1, 1, 1, 40}, .window = {.kernel = {1, 2}, .stride = {1, 2}}}, x, 0,
                                    guard_side::after);
  for (std::size_t i = 0; i < y.size(); ++i) {
    if (i == 1) CHECK(y[i] != y[i]);
    if (i == 5) CHECK(y[i] == infinity);
    if (i == 10) CHECK(y[i] == 1.0f);
    if (i != 1 && i != 5 && i != 10) CHECK(y[i] == -infinity);
  }
}

TEST_CASE("global_average: as PyTorch's, and of planes around the vector") {
  for (const std::string image : {"odd", "even"}) {
    const auto x = golden()[image + "/x"].as<float>();
    const bcr::image_shape shape = shape_of(golden()[image + "/x"]);
    std::vector<float> y(shape.batch * shape.channels);
    REQUIRE(bcr::global_average<float>(x, shape, y).ok());
    check_near(y, golden()[image + "/global"].elements, 8);
  }
  auto pool = bcr::thread_pool::create(2);
  for (std::size_t pixels = 1; pixels < 150; pixels += pixels < 40 ? 1 : 17) {
    const bcr::image_shape shape{1, 5, 1, pixels};
    guarded_array<float> x(shape.elements(), pixels % 3, guard_side::after), y(5, 1, guard_side::before);
    std::vector<double> expected(5);
    const auto elements = bcr::test::random_elements<float>(x.size(), pixels);
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = elements[i];
      expected[i / pixels] += static_cast<double>(x[i]) / static_cast<double>(pixels);
    }
    REQUIRE(bcr::global_average<float>(x.span(), shape, y.span(), *pool).ok());
    check_near(std::vector<float>(y.data(), y.data() + 5), expected, 4);
    CHECK(y.surroundings_intact());
  }
}

TEST_CASE("what pooling refuses") {
  using plan = bcr::pooling_plan<float>;
  const bcr::pooling_options good{.input = {1, 2, 6, 6}, .window = {.kernel = {2, 2}, .stride = {2, 2}}};
  const auto refused = [&](const char* sentence, auto&& change) {
    bcr::pooling_options options = good;
    change(options);
    bcr::test::says(plan::can_implement(options), sentence);
    bcr::test::says(plan::create(options).status(), sentence);
  };
  refused("A plan needs at least one thread.", [](auto& o) { o.threads = 0; });
  refused("A window's kernel, stride and dilation are at least 1.", [](auto& o) { o.window.dilation = {0, 1}; });
  refused("The window does not fit into the padded image.", [](auto& o) { o.window.kernel = {7, 2}; });
  refused("A pooling window's padding is smaller than its kernel.", [](auto& o) { o.window.padding.bottom = 2; });
  refused("Average pooling has no dilation.", [](auto& o) {
    o.kind = bcr::pooling::average;
    o.window.dilation = {2, 1};
  });
  const auto far = plan::create({.input = {1, 1, 3, 0xffffffff}, .window = {.kernel = {3, 3}}});
  CHECK(far.status().code() == bcr::errc::unsupported);
  CHECK(far.message() == std::string("A few rows of the input are more than the plan can address."));
  CHECK(plan::create({.input = {0, 2, 6, 6}, .window = good.window})->run({}, {}, {}).ok());
  const std::vector<float> x(72);
  std::vector<float> y(18);
  bcr::test::says(plan::create(good)->run(x, y, {}), "The workspace is smaller than the plan's workspace_bytes().");
  bcr::test::says(plan::create(good)->run(x, {}, {}), "The output image does not have as many elements as its shape.");
  bcr::test::says(bcr::global_average<float>({}, good.input, std::span(y).first(2)),
                  "The input image does not have as many elements as its shape.");
  bcr::test::says(bcr::global_average<float>({}, {1, 2, 0, 6}, std::span(y).first(2)),
                  "There is no average of planes without pixels.");
  CHECK(std::string(plan::create(good)->kernel_name()) == std::string("max_pool_f32_t1x1_") + bcr::target_name());
}

}  // namespace
