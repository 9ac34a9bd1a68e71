// Networks of all kinds of layers against double precision, on any number of threads, in memory that ends at a guard.
//
// A result is off by what rounding does to its sum (test/support/reference.hpp) and by what it inherits, which grows by
// the sum of the magnitudes of a layer's weights at most. With the parameters drawn here results are about 1, and the
// tolerance is 1e-5 of the largest of the output; with AVX-512 the errors came to 2.2e-7 of it.
#include "bcr/net.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include "bcr/core/executor_thread.hpp"
#include "net/reference.hpp"
#include "support/guarded.hpp"
#include "support/kernels_once.hpp"

namespace {

using namespace bcr::net;
using bcr::test::guard_side;
using bcr::test::guarded_array;

constexpr auto residual = [] {
  builder<> net("residual");
  const auto x = net.input({.batch = 2, .channels = 3, .height = 30, .width = 23});
  const auto a = x.conv("conv1", {.outputs = 8, .window = square(7, 2, 3)}).batch_norm("bn1").relu();
  const auto p = a.max_pool("pool", {.window = square(3, 2, 1)});
  const auto b = p.conv("0.conv", {.outputs = 8, .window = square(3, 1, 1)}).add("0.sum", p).relu();  // its own input
  const auto c = b.conv("1.conv1", {.outputs = 8, .window = square(3, 1, 1)}).batch_norm("1.bn1").relu();
  const auto d = c.conv("1.conv2", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)})
                     .batch_norm("1.bn2")
                     .add("1.sum", b)
                     .relu();
  const auto e = d.conv("2.conv1", {.outputs = 16, .window = square(3, 2, 1), .bias = true}).relu();
  const auto f = d.conv("2.down", {.outputs = 16, .window = square(1, 2)});
  const auto g = e.conv("2.conv2", {.outputs = 16, .window = square(3, 1, 1)}).batch_norm("2.bn2");
  return net.finish(g.add("2.sum", f).relu().global_average("mean").linear("fc", {.outputs = 10}).softmax("softmax"));
}();

constexpr auto mixed = [] {
  builder<> net("mixed");
  const auto x = net.input({.batch = 2, .channels = 6, .height = 9, .width = 18});
  const auto a = x.conv("depthwise", {.outputs = 6, .window = square(3, 1, 1), .groups = 6})
                     .batch_norm("norm")
                     .activate(function::hard_swish);
  const auto b = x.conv("groups", {.outputs = 6, .window = square(3, 1, 1), .groups = 2}).activate(function::silu);
  const auto f = b.conv("dense", {.outputs = 6, .window = square(1)}).add("sum", b).relu();
  const auto c = a.concat("both", f).average_pool("average", {.window = square(2, 2), .count_include_pad = false});
  const auto d =
      c.conv("one", {.outputs = 12, .window = square(1), .bias = true, .weights = pruned(4, 16)}).add("sum", c).relu();
  const auto e = d.add("sum", d).activate(function::tanh).add("sum", c).activate(function::gelu);
  return net.finish(e.linear("fc", {.outputs = 5, .bias = false, .weights = pruned(16, 64)}));
}();

// Convolutions that read in place, where the target can, after all that writes margins.
constexpr auto in_place = [] {
  builder<> net("in place");
  const auto x = net.input({.batch = 2, .channels = 4, .height = 30, .width = 26});
  const auto a = x.conv("first", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)}).relu();
  const auto p = a.max_pool("pool", {.window = square(2, 2)});
  const auto b = p.conv("1.conv1", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)}).relu();
  const auto c =
      b.conv("1.conv2", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)}).add("1.sum", p).relu();
  const auto d =
      c.conv("1.conv3", {.outputs = 8, .window = square(1), .weights = pruned(4, 16)}).add("2.sum", b).relu6();
  const auto e = d.conv("2.conv1", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)});
  const auto f = d.conv("2.down", {.outputs = 8, .window = square(1, 2), .weights = pruned(4, 16)});
  const auto g = f.conv("depthwise", {.outputs = 8, .window = square(3, 1, 1), .groups = 8});
  const auto h = g.conv("3.conv1", {.outputs = 8, .window = square(3, 1, 1), .weights = pruned(4, 16)});
  return net.finish(
      h.add("3.sum", f).add("4.sum", e.max_pool("end", {.window = square(2, 2), .ceil_mode = true})).relu());
}();

template <const auto& Net>
std::vector<float> run_guarded(const network_runner<Net>& runner, const std::vector<float>& input, std::size_t offset,
                               bcr::thread_pool& pool) {
  guarded_array<float> x(input.size(), offset, guard_side::after),
      y(Net.output_shape().elements(), offset, guard_side::before);
  guarded_array<std::byte> workspace(runner.workspace_bytes(), offset, guard_side::after);
  std::copy(input.begin(), input.end(), x.data());
  REQUIRE(runner.run(x.span(), y.span(), workspace.span(), pool).message() == std::string("Success."));
  CHECK(y.surroundings_intact());
  CHECK(workspace.surroundings_intact());
  return {y.data(), y.data() + y.size()};
}

template <const auto& Net>
void check_network() {
  const bcr::test::parameters with(Net, 1);
  const auto input = bcr::test::random_elements<float>(Net.input_shape().elements(), 2);
  const bcr::test::network_reference reference(Net, with, input);
  double largest = 0;
  for (const double y : reference.output()) largest = std::max(largest, std::abs(y));
  std::vector<float> first;
  for (const std::size_t threads : {1u, 3u}) {
    auto pool = bcr::thread_pool::create(threads);
    const auto runner = network_runner<Net>::create(with, {.threads = threads});
    REQUIRE(runner.message() == std::string("Success."));
    CHECK(runner->activation_bytes() <= runner->workspace_bytes());
    for (const std::size_t offset : {0u, 3u}) {
      const std::vector<float> y = run_guarded<Net>(*runner, input, offset, *pool);
      if (first.empty()) first = y;
      CHECK(std::memcmp(y.data(), first.data(), y.size() * sizeof(float)) == 0);
    }
  }
  REQUIRE(first.size() == reference.output().size());
  double worst = 0;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double error = std::abs(static_cast<double>(first[i]) - reference.output()[i]);
    worst = std::max(worst, error >= 0 ? error : std::numeric_limits<double>::max());
  }
  CHECK(worst <= 1e-5 * largest);
}

TEST_CASE("network_runner: a network with residuals") { check_network<residual>(); }
TEST_CASE("network_runner: a network whose convolutions read in place") {
  check_network<in_place>();
  CHECK(network_runner<in_place>::activation_bytes() >= network_runner<in_place>::least_activation_bytes());
}
TEST_CASE("network_runner: a network of everything else") { check_network<mixed>(); }

TEST_CASE("network_runner: tells what it runs, and how long it takes") {
  const bcr::test::parameters with(residual, 1);
  const auto runner = network_runner<residual>::create(with);
  const auto input = bcr::test::random_elements<float>(residual.input_shape().elements(), 2);
  std::vector<float> y(20);
  std::vector<double> seconds(runner->steps());
  std::vector<std::byte> workspace(runner->workspace_bytes());
  REQUIRE(runner->profile(input, y, workspace, seconds).ok());
  for (const double s : seconds) CHECK(s > 0);
  std::vector<std::string> lines;
  runner->describe([&](std::string_view line) { lines.emplace_back(line); }, seconds);
  REQUIRE(lines.size() == runner->steps() + 1);
  CHECK(lines[0].starts_with("layer "));
  CHECK(lines[1].find("conv1") == 0);
  CHECK(lines[1].find("2x8x15x12") != std::string::npos);
  CHECK(lines[1].find("dense_conv_f32") != std::string::npos);
  CHECK(lines[5].find("conv2d_f32_b4x16") != std::string::npos);
  CHECK(lines[5].find("0.500") != std::string::npos);
}

TEST_CASE("network_runner: what it refuses, and the layer that is to blame") {
  using runner_type = network_runner<residual>;
  const auto refused = [](const char* parameter, std::size_t size, const char* sentence, const char* layer) {
    bcr::test::parameters with(residual, 1);
    with.all()[parameter].resize(size);
    const char* failed = nullptr;
    const auto made = runner_type::create(with, {.failed_layer = &failed});
    bcr::test::says(made.status(), sentence);
    CHECK(std::string_view(failed == nullptr ? "" : failed) == layer);
  };
  refused("1.conv1/weight", 0, "The weight of a layer is missing, or not of the layer's size.", "1.conv1");
  refused("2.conv1/bias", 15, "The bias of a layer is missing, or there where the layer has none.", "2.conv1");
  refused("2.down/bias", 16, "The bias of a layer is missing, or there where the layer has none.", "2.down");
  refused("2.bn2/running_mean", 15, "A parameter of a normalisation is missing, or not of the layer's channels.",
          "2.conv2");

  const auto runner = runner_type::create(bcr::test::parameters(residual, 1));
  REQUIRE(runner.ok());
  std::vector<float> x(residual.input_shape().elements()), y(20, 5.0f);
  std::vector<std::byte> workspace(runner->workspace_bytes());
  bcr::test::says(runner->run(std::span(x).first(7), y, workspace),
                  "The input does not have as many elements as the network's input_shape().");
  bcr::test::says(runner->run(x, std::span(y).first(7), workspace),
                  "The output does not have as many elements as the network's output_shape().");
  bcr::test::says(runner->run(x, y, std::span(workspace).first(workspace.size() - 1)),
                  "The workspace is smaller than the network's workspace_bytes().");
  std::vector<double> seconds(2);
  bcr::test::says(runner->profile(x, y, workspace, seconds), "A network has a time for each of its steps().");
  for (const float e : y) CHECK(e == 5.0f);
}

}  // namespace
