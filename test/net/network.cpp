// What is known of a network before it runs: shapes, errors, which layers are taken into others, where results lie.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <string_view>

#include "bcr/net/builder.hpp"
#include "bcr/net/check.hpp"
#include "bcr/net/memory.hpp"
#include "bcr/net/steps.hpp"

namespace {

using namespace bcr::net;

// Two residual blocks, the second of which halves the image: the shortcut has a convolution of its own.
constexpr auto residual = [] {
  builder<> net("residual");
  const auto x = net.input({.channels = 3, .height = 32, .width = 32});
  const auto a = x.conv("conv1", {.outputs = 16, .window = square(7, 2, 3)}).batch_norm("bn1").relu();
  const auto b = a.max_pool("pool", {.window = square(3, 2, 1)});
  const auto c = b.conv("1.conv1", {.outputs = 16, .window = square(3, 1, 1)}).batch_norm("1.bn1").relu();
  const auto d =
      c.conv("1.conv2", {.outputs = 16, .window = square(3, 1, 1)}).batch_norm("1.bn2").add("1.sum", b).relu();
  const auto e = d.conv("2.conv1", {.outputs = 32, .window = square(3, 2, 1)}).batch_norm("2.bn1").relu();
  const auto f = e.conv("2.conv2", {.outputs = 32, .window = square(3, 1, 1)}).batch_norm("2.bn2");
  const auto shortcut = d.conv("2.down", {.outputs = 32, .window = square(1, 2)}).batch_norm("2.down_bn");
  return net.finish(f.add("2.sum", shortcut).relu().global_average("mean").linear("fc", {.outputs = 10}));
}();
constexpr auto residual_steps = steps_of(residual);

template <std::size_t N>
constexpr std::size_t step_named(const network<N>& net, const program<N>& run, std::string_view name) {
  for (std::size_t i = 0; i < run.count; ++i) {
    if (net[run.steps[i].main].name == name) return i;
  }
  return N;
}

TEST_CASE("a builder infers shapes") {
  static_assert(check<residual>());
  static_assert(residual[1].shape == bcr::image_shape{1, 16, 16, 16});
  static_assert(residual.output_shape() == bcr::image_shape{1, 10, 1, 1});
  static_assert(residual.weight_columns(1) == 147);
  constexpr auto wide = [] {
    builder<8> net("wide");
    const auto x = net.input({.batch = 2, .channels = 6, .height = 5, .width = 9});
    const auto y = x.conv("depthwise", {.outputs = 6, .window = square(3, 1, 1), .groups = 6});
    const auto z = y.concat("both", x).average_pool("pool", {.window = square(2, 2), .ceil_mode = true});
    return net.finish(z.linear("fc", {.outputs = 4}).softmax("softmax"));
  }();
  static_assert(wide[3].shape == bcr::image_shape{2, 12, 3, 5});
  static_assert(wide.weight_columns(4) == 180);
  static_assert(wide.weight_columns(1) == 9);
  CHECK(std::string_view(name_of(wide[3].kind)) == "average_pool");
}

TEST_CASE("normalisations, sums and activations are taken into the layers before them") {
  static_assert(residual_steps.count == 9);
  const step& first = residual_steps.steps[0];
  CHECK(first.norm == 2);
  CHECK(first.activation == function::relu);
  CHECK(first.result == 3);
  // The sum goes to whichever of its operands comes last.
  const step& second = residual_steps.steps[step_named(residual, residual_steps, "1.conv2")];
  CHECK(std::string_view(residual[second.result].name) == "relu");
  CHECK(second.residual == residual_steps.steps[1].result);
  const step& down = residual_steps.steps[step_named(residual, residual_steps, "2.down")];
  CHECK(down.residual == residual_steps.steps[step_named(residual, residual_steps, "2.conv2")].result);
  CHECK(down.activation == function::relu);
  CHECK(residual_steps.steps[step_named(residual, residual_steps, "2.conv2")].residual == no_layer);
}

TEST_CASE("a result that others use stays") {
  constexpr auto used_twice = [] {
    builder<> net("used twice");
    const auto x = net.input({.channels = 4, .height = 4, .width = 4});
    const auto y = x.conv("conv", {.outputs = 4, .window = square(1)});
    return net.finish(y.relu().add("sum", y));
  }();
  constexpr auto run = steps_of(used_twice);
  static_assert(run.count == 3);
  CHECK(run.steps[0].activation == function::none);
  // A sum of something with itself is no residual of it.
  constexpr auto twice = [] {
    builder<> net("twice");
    const auto y =
        net.input({.channels = 4, .height = 4, .width = 4}).conv("conv", {.outputs = 4, .window = square(1)});
    return net.finish(y.add("sum", y).relu6());
  }();
  static_assert(steps_of(twice).count == 2);
  CHECK(steps_of(twice).steps[1].activation == function::relu6);
}

// Results that are needed at the same time have places apart.
template <std::size_t N>
void check_memory(const network<N>& net, bool reads_in_place = false) {
  CAPTURE(net.name);
  const auto run = steps_of(net);
  const auto memory = plan_memory(net, run, reads_in_place);
  const auto end = [&](layer_number r) { return memory.offset[r] + memory.margins[r].elements(net[r].shape); };
  for (std::size_t i = 0; i < run.count; ++i) {
    for (std::size_t j = 0; j < run.count; ++j) {
      const layer_number a = run.steps[i].result, b = run.steps[j].result;
      if (i >= j || a == net.output || b == net.output) continue;
      CHECK(end(b) <= memory.peak);
      // b is written while a is still needed: by a later step, or by that step otherwise than in its place.
      const bool later = last_use(run, a) > j,
                 now = last_use(run, a) == j && overwritten(net, run, j, memory.margins) != a;
      if (later || now) CHECK((end(a) <= memory.offset[b] || end(b) <= memory.offset[a]));
    }
  }
  CHECK(static_cast<double>(memory.peak) <= 1.15 * static_cast<double>(memory.lower_bound));
}

// As MobileNet-V2's blocks are: wide in the middle, with a shortcut around.
constexpr auto inverted = [] {
  builder<> net("inverted");
  auto x = net.input({.channels = 3, .height = 224, .width = 224})
               .conv("first", {.outputs = 32, .window = square(3, 2, 1)})
               .relu6();
  constexpr const char* names[][3] = {{"0e", "0d", "0p"}, {"1e", "1d", "1p"}, {"2e", "2d", "2p"}, {"3e", "3d", "3p"}};
  constexpr std::size_t outputs[] = {24, 24, 32, 32}, strides[] = {2, 1, 2, 1};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::size_t wide = 6 * x.shape().channels;
    const auto y = x.conv(names[i][0], {.outputs = wide, .window = square(1)})
                       .relu6()
                       .conv(names[i][1], {.outputs = wide, .window = square(3, strides[i], 1), .groups = wide})
                       .relu6()
                       .conv(names[i][2], {.outputs = outputs[i], .window = square(1)});
    x = y.shape() == x.shape() ? y.add("sum", x) : y;
  }
  return net.finish(x.global_average("mean"));
}();
// As Inception's and DenseNet's: branches of several sizes put together.
constexpr auto branches = [] {
  builder<> net("branches");
  auto x = net.input({.channels = 8, .height = 20, .width = 20}).conv("first", {.outputs = 48, .window = square(3)});
  constexpr const char* names[] = {"a", "b", "c", "d", "e"};
  for (std::size_t i = 0; i < 5; ++i) {
    x = x.concat("both", x.conv(names[i], {.outputs = 12 + 4 * i, .window = square(3, 1, 1)}).relu());
  }
  return net.finish(x.global_average("mean"));
}();

TEST_CASE("results that are needed at the same time lie apart, close to the least memory there could be") {
  static_assert(check<inverted>() && check<branches>());
  check_memory(residual);
  check_memory(inverted);
  check_memory(branches);
  // A residual is overwritten by the sum.
  constexpr auto memory = plan_memory(residual, residual_steps);
  const std::size_t conv2 = step_named(residual, residual_steps, "1.conv2");
  CHECK(memory.offset[residual_steps.steps[conv2].result] == memory.offset[residual_steps.steps[conv2].residual]);
  CHECK(memory.lower_bound == (16 * 16 * 16 + 16 * 8 * 8));
}

// Pruned layers, of which some read in place, some can, and some cannot.
constexpr auto in_place = [] {
  builder<> net("in place");
  const auto x = net.input({.channels = 3, .height = 64, .width = 64});
  const auto a = x.conv("first", {.outputs = 16, .window = square(3, 1, 1)}).relu();
  const auto p = a.max_pool("pool", {.window = square(2, 2)});
  const auto b = p.conv("1.conv1", {.outputs = 16, .window = square(3, 1, 1), .weights = pruned(4, 16)}).relu();
  const auto c =
      b.conv("1.conv2", {.outputs = 16, .window = square(3, 1, 1), .weights = pruned(4, 16)}).add("1.sum", p).relu();
  const auto d = c.conv("2.conv1", {.outputs = 32, .window = square(3, 2, 1), .weights = pruned(4, 16)}).relu();
  const auto e = d.conv("2.conv2", {.outputs = 32, .window = square(5, 1, 2), .weights = pruned(4, 16)});
  const auto f = c.conv("2.down", {.outputs = 32, .window = square(1, 2), .weights = pruned(4, 16)});
  return net.finish(e.add("2.sum", f).relu().global_average("mean"));
}();

TEST_CASE("results that convolutions read in place have margins") {
  constexpr auto run = steps_of(in_place);
  const auto result = [&](std::string_view name) { return run.steps[step_named(in_place, run, name)].result; };
  constexpr auto memory = plan_memory(in_place, run, true);
  CHECK(!memory.margins[result("first")].any());  // a pool reads it
  CHECK(memory.margins[result("pool")] == bcr::margins_for({1, 16, 32, 32}, square(3, 1, 1)));
  CHECK(memory.margins[result("1.conv1")] == memory.margins[result("pool")]);
  CHECK(!memory.margins[result("1.conv2")].any());  // all that read it leave out rows
  CHECK(memory.margins[result("2.conv1")] == bcr::margins_for({1, 32, 16, 16}, square(5, 1, 2)));
  CHECK(!memory.margins[result("2.down")].any());
  CHECK(!memory.margins[result("2.conv2")].any());
  // The sum cannot lie where a residual with other margins is.
  CHECK(overwritten(in_place, run, step_named(in_place, run, "1.conv2"), memory.margins) == no_layer);
  check_memory(in_place, true);
  check_memory(in_place);
}

TEST_CASE("a sum is not written on what its layer reads") {
  constexpr auto own_input = [] {
    builder<> net("own input");
    const auto x = net.input({.channels = 4, .height = 8, .width = 8}).max_pool("pool", {.window = square(2, 2)});
    return net.finish(x.conv("conv", {.outputs = 4, .window = square(3, 1, 1)}).add("sum", x).max_pool("end", {}));
  }();
  constexpr auto run = steps_of(own_input);
  static_assert(run.count == 3 && run.steps[1].residual == 1);
  constexpr auto memory = plan_memory(own_input, run);
  CHECK(memory.offset[run.steps[1].result] != memory.offset[1]);
  CHECK(memory.peak == 2 * 64);
}

template <class Write>
constexpr std::string_view error_of(const Write& write) {
  builder<12> net("wrong");
  const auto x = net.input({.batch = 2, .channels = 6, .height = 8, .width = 8});
  const network<12> made = net.finish(write(net, x));
  const std::size_t bad = first_error(made);
  return bad == no_layer ? "" : made[bad].error;
}

TEST_CASE("what a network cannot be, in a sentence") {
  const auto says = [](std::string_view sentence, const auto& write) { CHECK(error_of(write) == sentence); };
  says("", [](auto&, auto x) { return x.relu(); });
  says("A layer has outputs.", [](auto&, auto x) { return x.conv("c", {.window = square(1)}); });
  says("A layer has outputs.", [](auto&, auto x) { return x.linear("c", {}); });
  says("The window does not fit into the padded image.",
       [](auto&, auto x) { return x.conv("c", {.outputs = 1, .window = square(9)}); });
  says("The window does not fit into the padded image.",
       [](auto&, auto x) { return x.max_pool("c", {.window = square(9)}); });
  says("The channels of the input do not divide into the groups.",
       [](auto&, auto x) { return x.conv("c", {.outputs = 8, .window = square(1), .groups = 4}); });
  says("The channels of the output do not divide into the groups.",
       [](auto&, auto x) { return x.conv("c", {.outputs = 8, .window = square(1), .groups = 3}); });
  says("Pruned weights have blocks of at least one row and column.",
       [](auto&, auto x) { return x.conv("c", {.outputs = 8, .window = square(1), .weights = pruned(4, 0)}); });
  says("Pruned weights have no groups.", [](auto&, auto x) {
    return x.conv("c", {.outputs = 6, .window = square(1), .groups = 2, .weights = pruned(4, 16)});
  });
  says("A batch normalisation follows a convolution or a linear layer.",
       [](auto&, auto x) { return x.batch_norm("bn"); });
  says("What is to be added is not of the same shape.",
       [](auto&, auto x) { return x.add("sum", x.max_pool("p", {.window = square(2)})); });
  says("Images whose channels are put together have the same height and width.",
       [](auto&, auto x) { return x.concat("both", x.max_pool("p", {.window = square(2)})); });
  says("A pooling window's padding is smaller than its kernel.",
       [](auto&, auto x) { return x.max_pool("p", {.window = square(2, 2, 2)}); });
  says("Average pooling has no dilation.",
       [](auto&, auto x) { return x.average_pool("p", {.window = {.kernel = {2, 2}, .dilation = {1, 2}}}); });
  says("A softmax is over the channels of images of one pixel.", [](auto&, auto x) { return x.softmax("s"); });
  says("Another layer with parameters has the same name.", [](auto&, auto x) {
    return x.conv("c", {.outputs = 8, .window = square(1)}).conv("c", {.outputs = 8, .window = square(1)});
  });
  says("A network has one input.", [](auto& net, auto) { return net.input({.channels = 1, .height = 1, .width = 1}); });
  says("The network has more layers than its builder has room for.", [](auto&, auto x) {
    for (int i = 0; i < 12; ++i) x = x.relu();
    return x;
  });
  builder<2> empty("empty");
  CHECK(first_error(empty.finish(empty.input({}))) == 0);
}

}  // namespace
