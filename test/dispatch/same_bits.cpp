// Compiled with the flags of one target: the plans of bcr/kernels-inl.h, for these flags, and those of
// bcr/dispatch.hpp, made to take the same target, give the same bits.
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "bcr/dispatch.hpp"
#include "bcr/kernels-inl.h"
#include "dispatch/same_bits.hpp"
#include "support/random_pattern.hpp"

namespace {

namespace here = bcr::BCR_TARGET_NS;
namespace ep = bcr::epilogue;
using block = bcr::block<16, 64>;
constexpr std::size_t m = 150, k = 333;

// The target of activations in bf16: with dot products of them or without.
using both = bcr::both<bcr::bf16>;
const char* narrow_target() { return here::kPanelKernels<float, ep::none, both>.target.name; }

// Runs both plans and compares. Returns what differs, or nothing.
template <class T, class Static, class Dispatched, class Options, class Epilogue, class Input, class W>
std::string compare(const bcr::packed_weights<W, block>& packed, const char* target, const Options& options,
                    const Epilogue& epilogue, bcr::matrix_view<const Input> in, std::size_t rows, std::size_t columns) {
  const auto run = [&](const auto& plan, std::vector<T>& out) {
    std::vector<std::byte> workspace(plan->workspace_bytes());
    return plan->run(in, {out.data(), rows, columns}, workspace, epilogue);
  };
  const auto first = Static::create(packed, options);
  const auto second = Dispatched::create(packed, options, target);
  if (!first || !second) return std::string("no plan: ") + first.message() + " " + second.message();
  if (std::strcmp(first->kernel_name(), second->kernel_name()) != 0) {
    return std::string(first->kernel_name()) + " is not " + second->kernel_name();
  }
  std::vector<T> expected(rows * columns), found(rows * columns, T(1));
  if (!run(first, expected) || !run(second, found)) return "a run failed";
  const bool same = std::memcmp(expected.data(), found.data(), found.size() * sizeof(T)) == 0;
  return same ? "" : std::string(first->kernel_name()) + " gives other bits";
}

// gemm and linear for n columns or tokens; `make_epilogue` gets the columns of the output.
template <class T, class W = T, class MakeEpilogue>
std::string compare_both(MakeEpilogue&& make_epilogue, std::size_t n) {
  using epilogue = decltype(make_epilogue(n));
  const auto pattern = bcr::test::random_pattern<block>(m, k, {.density = 0.2, .rows_kept = 0.6}, n);
  const auto weights = bcr::test::random_weights<bcr::stored_weight<W>>(pattern, 6);
  const auto packed = bcr::pack<bcr::stored_weight<W>>(pattern, weights.view());
  if (!packed) return packed.message();
  using input = bcr::input_for<T, W>;
  const auto b = bcr::test::random_matrix<input>(k, n, 7), x = bcr::test::random_matrix<input>(n, k, 8);
  const char* const target = bcr::has_narrow_input<W> ? narrow_target() : here::target_name();
  const std::string gemm =
      compare<T, here::gemm_plan<T, epilogue, W>, bcr::gemm_plan<T, epilogue, W>, bcr::gemm_options>(
          *packed, target, {.columns = n}, make_epilogue(n), b.view(), m, n);
  if (!gemm.empty()) return gemm;
  return compare<T, here::linear_plan<T, epilogue, W>, bcr::linear_plan<T, epilogue, W>, bcr::linear_options>(
      *packed, target, {.tokens = n}, make_epilogue(m), x.view(), n, m);
}

// A sequence of a cell for a batch of `batch`.
template <class T>
std::string compare_cells(bcr::cell_kind kind, std::size_t batch) {
  constexpr std::size_t hidden = 96, inputs = 40, time = 3;
  const std::size_t rows = bcr::gates_of(kind) * hidden;
  const auto kept_input = bcr::test::random_pattern<block>(rows, inputs, {.density = 0.2, .rows_kept = 0.6}, 1);
  const auto kept_recurrent = bcr::test::random_pattern<block>(rows, hidden, {.density = 0.2, .rows_kept = 0.6}, 2);
  const auto input = bcr::test::random_weights<T>(kept_input, 3),
             recurrent = bcr::test::random_weights<T>(kept_recurrent, 4);
  const auto packed = bcr::pack_cell<T, block>({.kind = kind}, {.input = kept_input, .recurrent = kept_recurrent},
                                               {.input = input.view(), .recurrent = recurrent.view()});
  if (!packed) return packed.message();
  const auto first = here::cell_plan<T>::create(*packed, {.batch = batch, .steps = 2});
  const auto second = bcr::cell_plan<T>::create(*packed, {.batch = batch, .steps = 2}, here::target_name());
  if (!first || !second) return std::string("no plan: ") + first.message() + " " + second.message();
  if (std::strcmp(first->kernel_name(), second->kernel_name()) != 0) return "the cells' names differ";
  const auto x = bcr::test::random_matrix<T>(time * batch, inputs, 5);
  const auto run = [&](const auto& plan) {
    std::vector<T> y(time * batch * hidden, T(1)), h(batch * hidden), c = h;
    std::vector<std::byte> workspace(plan->workspace_bytes());
    const bcr::status done = plan->sequence(x.view(), {y.data(), time * batch, hidden},
                                            {{h.data(), batch, hidden}, {c.data(), batch, hidden}}, {}, workspace);
    if (!done) y.clear();
    return y;
  };
  const std::vector<T> expected = run(first), found = run(second);
  if (expected.empty() || expected.size() != found.size()) return "a cell's run failed";
  const bool same = std::memcmp(expected.data(), found.data(), found.size() * sizeof(T)) == 0;
  return same ? "" : std::string(first->kernel_name()) + " gives other bits";
}

}  // namespace

const char* target_of_flags() { return narrow_target(); }

std::string difference_to_dispatched() {
  for (const std::size_t n : {1u, 7u, 64u, 301u}) {
    const std::vector<float> bias(m, 0.3f), residual(m * n, 0.7f);
    std::string found = compare_both<float>(
        [&](std::size_t columns) {
          return ep::chain(ep::bias<float>{bias.data()}, ep::gelu(), ep::residual<float>{residual.data(), columns});
        },
        n);
    const auto no_epilogue = [](std::size_t) { return ep::none(); };
    if (found.empty()) found = compare_both<float, both>(no_epilogue, n);
#ifdef BCR_TEST_EVERY_TYPE
    if (found.empty()) found = compare_both<double>(no_epilogue, n);
    if (found.empty()) found = compare_both<float, bcr::bf16>(no_epilogue, n);
    if (found.empty()) found = compare_both<float, bcr::f16>(no_epilogue, n);
#endif
    if (!found.empty()) return found + ", N = " + std::to_string(n);
  }
  for (const auto kind : {bcr::cell_kind::lstm, bcr::cell_kind::gru_reset_after, bcr::cell_kind::gru_reset_before,
                          bcr::cell_kind::rnn_tanh, bcr::cell_kind::rnn_relu}) {
    for (const std::size_t batch : {1u, 5u}) {
      std::string found = compare_cells<float>(kind, batch);
#ifdef BCR_TEST_EVERY_TYPE
      if (found.empty()) found = compare_cells<double>(kind, batch);
#endif
      if (!found.empty()) return found + ", batch " + std::to_string(batch);
    }
  }
  return "";
}
