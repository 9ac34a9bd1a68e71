// Plans on several threads: the tasks of one run, and runs of one plan at the same time.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstring>
#include <thread>
#include <utility>
#include <vector>

#include "bcr/bcr.hpp"
#include "bcr/core/executor_thread.hpp"

#ifdef _OPENMP
#include "bcr/core/executor_openmp.hpp"
#endif

namespace {

constexpr std::size_t m = 70, k = 90, n = 85;
using block = bcr::block<8, 16>;

struct layer {
  std::vector<float> weights = std::vector<float>(m * k);
  std::vector<float> input = std::vector<float>(k * n);
  bcr::packed_weights<float, block> packed = pack();

  bcr::packed_weights<float, block> pack() {
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 13) / 7 - 1;
    for (std::size_t i = 0; i < weights.size(); i += 3) weights[i] = static_cast<float>(i % 11) / 5 - 1;
    const bcr::matrix_view<const float> dense(weights.data(), m, k);
    return std::move(*bcr::pack<float>(bcr::cover_nonzeros<block>(dense)->pattern, dense));
  }
};

// What `plan` makes of the input, whose shape the views have, on `threads`.
template <class Plan, class Executor>
std::vector<float> output_of(const Plan& plan, bcr::matrix_view<const float> in, std::size_t rows, std::size_t columns,
                             Executor&& threads) {
  std::vector<float> out(rows * columns);
  std::vector<std::byte> workspace(plan.workspace_bytes());
  const bcr::matrix_view<float> view(out.data(), rows, columns);
  REQUIRE(plan.run(in, view, workspace, bcr::epilogue::none{}, threads).ok());
  return out;
}

template <class Plan>
void check_threads(const Plan& plan, const Plan& alone, bcr::matrix_view<const float> in, std::size_t rows,
                   std::size_t columns) {
  const std::vector<float> expected = output_of(alone, in, rows, columns, bcr::serial_executor{});
  auto pool = std::move(*bcr::thread_pool::create(4));
  for (int round = 0; round < 20; ++round) CHECK(output_of(plan, in, rows, columns, pool) == expected);

  std::vector<float> other;
  std::thread runner([&] { other = output_of(plan, in, rows, columns, pool); });
  CHECK(output_of(plan, in, rows, columns, pool) == expected);
  runner.join();
  CHECK(other == expected);

#ifdef _OPENMP
  for (int round = 0; round < 20; ++round) {
    CHECK(output_of(plan, in, rows, columns, bcr::openmp_executor{4}) == expected);
  }
#endif
}

TEST_CASE("gemm_plan is shared by threads") {
  const layer l;
  const auto plan = bcr::gemm_plan<float>::create(l.packed, {.columns = n, .threads = 4});
  const auto alone = bcr::gemm_plan<float>::create(l.packed, {.columns = n});
  REQUIRE(plan->tasks() > 1);
  check_threads(*plan, *alone, {l.input.data(), k, n}, m, n);
}

TEST_CASE("linear_plan is shared by threads") {
  const layer l;
  const auto plan = bcr::linear_plan<float>::create(l.packed, {.tokens = n, .threads = 4});
  const auto alone = bcr::linear_plan<float>::create(l.packed, {.tokens = n});
  REQUIRE(plan->tasks() > 1);
  check_threads(*plan, *alone, {l.input.data(), n, k}, n, m);
}

TEST_CASE("cell_plan is shared by threads") {
  constexpr std::size_t hidden = 90, batch = 2, time = 6;
  for (const bcr::cell_kind kind : {bcr::cell_kind::lstm, bcr::cell_kind::gru_reset_before}) {
    const std::size_t rows = hidden * bcr::gates_of(kind);
    std::vector<float> weights(rows * hidden), x(time * batch * hidden);
    for (std::size_t i = 0; i < weights.size(); i += 3) weights[i] = static_cast<float>(i % 11) / 50 - 0.1f;
    for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i % 13) / 7 - 1;
    const bcr::matrix_view<const float> dense(weights.data(), rows, hidden);
    const auto kept = bcr::cover_gates<block>(kind, dense);
    const auto packed = bcr::pack_cell<float, block>(
        {.kind = kind}, {.input = kept->pattern, .recurrent = kept->pattern}, {.input = dense, .recurrent = dense});
    REQUIRE(packed.ok());
    const auto plan = bcr::cell_plan<float>::create(*packed, {.batch = batch, .threads = 4, .steps = 3});
    REQUIRE(plan->tasks() > 1);
    const auto outputs = [&](auto&& threads) {
      std::vector<float> y(time * batch * hidden), h(batch * hidden), c(batch * hidden);
      std::vector<std::byte> workspace(plan->workspace_bytes());
      REQUIRE(plan->sequence({x.data(), time * batch, hidden}, {y.data(), time * batch, hidden},
                             {{h.data(), batch, hidden}, {c.data(), batch, hidden}}, {}, workspace, threads)
                  .ok());
      return y;
    };
    const std::vector<float> expected = outputs(bcr::serial_executor());
    auto pool = std::move(*bcr::thread_pool::create(4));
    std::vector<float> other;
    std::thread runner([&] { other = outputs(bcr::serial_executor()); });
    for (int round = 0; round < 20; ++round) CHECK(outputs(pool) == expected);
    runner.join();
    CHECK(other == expected);
  }
}

}  // namespace
