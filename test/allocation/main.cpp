#include <cstddef>
#include <cstdio>
#include <new>
#include <span>
#include <string_view>
#include <type_traits>
#include <vector>

#include "bcr/bcr.hpp"
#include "bcr/core/executor_thread.hpp"
#include "bcr/net.hpp"

int allocations();  // how often operator new was called so far

namespace {

int failures = 0;

void expect(bool condition, const char* what) {
  if (condition) return;
  std::printf("FAILED: %s\n", what);
  ++failures;
}

// Runs the plan on one thread and on three and looks at what the counter says of it.
template <class T, class Plan, class Epilogue>
void check_plan(const Plan& plan, bcr::matrix_view<const T> in, bcr::matrix_view<T> out, const Epilogue& epilogue,
                bcr::thread_pool& pool) {
  std::vector<std::byte> workspace(plan.workspace_bytes());
  bcr::serial_executor serial;
  static_assert(noexcept(plan.run(in, out, workspace, epilogue, serial)));
  static_assert(noexcept(plan.run(in, out, workspace, epilogue, pool)));
  const int before = allocations();
  const bcr::status alone = plan.run(in, out, workspace, epilogue, serial);
  expect(allocations() == before, "a run on the caller's thread allocates nothing");
  const bcr::status together = plan.run(in, out, workspace, epilogue, pool);
  expect(allocations() == before, "a run on a thread pool allocates nothing");
  expect(alone.ok(), alone.message());
  expect(together.ok(), together.message());
}

// Of a cell, a step and a sequence. Weights are of type W, and all else of type T.
template <class T, class W, bcr::blob_layout Layout>
void check_cell(bcr::cell_kind kind, bcr::thread_pool& pool) {
  constexpr std::size_t batch = 3, inputs = 20, hidden = 67, time = 5;
  const std::size_t rows = hidden * bcr::gates_of(kind);
  std::vector<T> weights(rows * hidden), x(time * batch * inputs, T(1)), y(time * batch * hidden), h(batch * hidden),
      c = h;
  for (std::size_t i = 0; i < weights.size(); i += 5) weights[i] = T(0.1);
  const bcr::matrix_view<const T> input(weights.data(), rows, inputs), recurrent(weights.data(), rows, hidden);
  const auto kept_input = bcr::cover_gates<bcr::block<8, 32>>(kind, input);
  const auto kept_recurrent = bcr::cover_gates<bcr::block<8, 32>>(kind, recurrent);
  expect(kept_input.ok() && kept_recurrent.ok(), kept_input.message());
  const auto packed = bcr::pack_cell<W, bcr::block<8, 32>, Layout>(
      {.kind = kind}, {.input = kept_input->pattern, .recurrent = kept_recurrent->pattern},
      {.input = input, .recurrent = recurrent});
  expect(packed.ok(), packed.message());
  const auto plan = bcr::cell_plan<T, W>::create(*packed, {.batch = batch, .threads = 3, .steps = 2});
  expect(plan.ok(), plan.message());
  const std::vector<bcr::cell_plan<T, W>> plans{*plan};
  const auto stack = bcr::cell_stack<bcr::cell_plan<T, W>>::create(plans);
  std::vector<std::byte> workspace(stack->workspace_bytes(time));
  const std::vector<bcr::cell_state<T>> states{{{h.data(), batch, hidden}, {c.data(), batch, hidden}}};
  const bcr::matrix_view<const T> first(x.data(), batch, inputs), all(x.data(), time * batch, inputs);
  static_assert(noexcept(plan->step(first, states[0], workspace, pool)));
  static_assert(noexcept(plan->sequence(all, {y.data(), time * batch, hidden}, states[0], {}, workspace, pool)));
  static_assert(noexcept(stack->run(all, {y.data(), time * batch, hidden}, states, {}, workspace, pool)));
  const int before = allocations();
  const bcr::status step = plan->step(first, states[0], workspace, pool);
  const bcr::status run = stack->run(all, {y.data(), time * batch, hidden}, states, {}, workspace, pool);
  expect(allocations() == before, "cells allocate nothing");
  expect(step.ok(), step.message());
  expect(run.ok(), run.message());
}

void check_convolution(bcr::thread_pool& pool) {
  constexpr std::size_t channels = 6, outputs = 20, columns = channels * 9;
  std::vector<float> weights(outputs * columns);
  for (std::size_t i = 0; i < weights.size(); i += 5) weights[i] = 1;
  const bcr::matrix_view<const float> dense(weights.data(), outputs, columns);
  const auto packed = bcr::pack<float>(bcr::cover_nonzeros<bcr::block<8, 16>>(dense)->pattern, dense);
  expect(packed.ok(), packed.message());
  const auto plan = bcr::conv2d_plan<float>::create(
      *packed, {.input = {2, channels, 9, 11}, .window = {{3, 3}, {2, 1}, {1, 1}, bcr::pad_all(1)}, .threads = 3});
  expect(plan.ok(), plan.message());
  const std::vector<float> image(2 * channels * 9 * 11, 1.0f);
  std::vector<float> output(plan->output_shape().elements());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  static_assert(noexcept(plan->run(image, output, workspace, {}, pool)));
  const int before = allocations();
  const bcr::status alone = plan->run(image, output, workspace);
  const bcr::status together = plan->run(image, output, workspace, {}, pool);
  expect(allocations() == before, "a convolution allocates nothing");
  expect(alone.ok(), alone.message());
  expect(together.ok(), together.message());
}

// Weights are of type W, and all else of type T.
template <class T, class W = T, bcr::blob_layout Layout = bcr::blob_layout::panels>
void check_type(bcr::thread_pool& pool) {
  constexpr std::size_t m = 67, k = 130, n = 93;
  std::vector<T> weights(m * k), input(k * n, T(1)), output(m * n), bias(m, T(2));
  for (std::size_t i = 0; i < weights.size(); i += 5) weights[i] = T(1);
  const bcr::matrix_view<const T> dense(weights.data(), m, k);
  const auto found = bcr::cover_nonzeros<bcr::block<8, 32>>(dense);
  expect(found.ok(), found.message());
  const auto packed = bcr::pack<W, Layout>(found->pattern, dense);
  expect(packed.ok(), packed.message());

  const auto epilogue = bcr::epilogue::chain(bcr::epilogue::bias<T>{bias.data()}, bcr::epilogue::gelu{});
  using epilogue_type = std::remove_const_t<decltype(epilogue)>;
  const auto gemm = bcr::gemm_plan<T, epilogue_type, W>::create(*packed, {.columns = n, .threads = 3});
  expect(gemm.ok(), gemm.message());
  check_plan<T>(*gemm, {input.data(), k, n}, {output.data(), m, n}, epilogue, pool);
  const auto linear = bcr::linear_plan<T, epilogue_type, W>::create(*packed, {.tokens = n, .threads = 3});
  expect(linear.ok(), linear.message());
  check_plan<T>(*linear, {input.data(), n, k}, {output.data(), n, m}, epilogue, pool);
  check_cell<T, W, Layout>(bcr::cell_kind::lstm, pool);
  check_cell<T, W, Layout>(bcr::cell_kind::gru_reset_after, pool);
  check_cell<T, W, Layout>(bcr::cell_kind::gru_reset_before, pool);
}

constexpr auto network = [] {
  bcr::net::builder<> net("network");
  const auto x = net.input({.channels = 3, .height = 20, .width = 20});
  const auto y = x.conv("conv", {.outputs = 6, .window = bcr::net::square(3, 2, 1)}).relu();
  const auto z = y.conv("depthwise", {.outputs = 6, .window = bcr::net::square(3, 1, 1), .groups = 6}).add("sum", y);
  const auto pooled = z.max_pool("pool", {.window = bcr::net::square(2, 2)})
                          .concat("both", z.max_pool("pool", {.window = bcr::net::square(2, 2)}));
  return net.finish(pooled.global_average("mean").linear("fc", {.outputs = 5, .bias = false}).softmax("softmax"));
}();

// A network of all layers that have kernels of their own.
void check_network(bcr::thread_pool& pool) {
  static const std::vector<float> weights(1000, 0.1f);
  const auto parameters = [](std::string_view layer, std::string_view parameter) -> std::span<const float> {
    if (parameter != "weight") return {};
    return std::span(weights).first(layer == "conv" ? 162 : layer == "fc" ? 60 : 54);
  };
  const auto runner = bcr::net::network_runner<network>::create(parameters, {.threads = 3});
  expect(runner.ok(), runner.message());
  const std::vector<float> x(network.input_shape().elements(), 1.0f);
  std::vector<float> y(5);
  std::vector<std::byte> workspace(runner->workspace_bytes());
  static_assert(noexcept(runner->run(x, y, workspace, pool)));
  const int before = allocations();
  const bcr::status done = runner->run(x, y, workspace, pool);
  expect(allocations() == before, "a network allocates nothing");
  expect(done.ok(), done.message());

  const auto packed = bcr::net::pack<network>(parameters);
  expect(packed.ok(), packed.message());
  const int before_view = allocations();
  const auto viewed = bcr::net::network_runner<network>::view(*packed, {.threads = 3});
  expect(viewed.ok(), viewed.message());
  // The weights of "conv" in the order of the kernel, and a table of offsets.
  expect(allocations() == before_view + 2, "a view of a network copies the weights of dense convolutions alone");
}

}  // namespace

int main() {
  const int before = allocations();
  ::operator delete(::operator new(1, std::nothrow));
  expect(allocations() == before + 1, "the counter counts");
  bcr::result<bcr::thread_pool> pool = bcr::thread_pool::create(3);
  expect(pool.ok(), pool.message());
  check_type<float>(*pool);
  check_type<double>(*pool);
  check_type<float, bcr::bf16>(*pool);
  check_type<float, std::int8_t, bcr::blob_layout::bands>(*pool);
  check_convolution(*pool);
  check_network(*pool);
  return failures;
}
