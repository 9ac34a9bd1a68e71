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

// Runs both plans and compares. Returns what differs, or nothing.
template <class Static, class Dispatched, class Options, class Epilogue, class T, class W>
std::string compare(const bcr::packed_weights<W, block>& packed, const Options& options, const Epilogue& epilogue,
                    bcr::matrix_view<const T> in, std::size_t rows, std::size_t columns) {
  const auto run = [&](const auto& plan, std::vector<T>& out) {
    std::vector<std::byte> workspace(plan->workspace_bytes());
    return plan->run(in, {out.data(), rows, columns}, workspace, epilogue);
  };
  const auto first = Static::create(packed, options);
  const auto second = Dispatched::create(packed, options, here::target_name());
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
  const auto weights = bcr::test::random_weights<W>(pattern, 6);
  const auto packed = bcr::pack<W>(pattern, weights.view());
  if (!packed) return packed.message();
  const auto b = bcr::test::random_matrix<T>(k, n, 7), x = bcr::test::random_matrix<T>(n, k, 8);
  const std::string gemm = compare<here::gemm_plan<T, epilogue, W>, bcr::gemm_plan<T, epilogue, W>, bcr::gemm_options>(
      *packed, {.columns = n}, make_epilogue(n), b.view(), m, n);
  if (!gemm.empty()) return gemm;
  return compare<here::linear_plan<T, epilogue, W>, bcr::linear_plan<T, epilogue, W>, bcr::linear_options>(
      *packed, {.tokens = n}, make_epilogue(m), x.view(), n, m);
}

}  // namespace

const char* target_of_flags() { return here::target_name(); }

std::string difference_to_dispatched() {
  for (const std::size_t n : {1u, 7u, 64u, 301u}) {
    const std::vector<float> bias(m, 0.3f), residual(m * n, 0.7f);
    std::string found = compare_both<float>(
        [&](std::size_t columns) {
          return ep::chain(ep::bias<float>{bias.data()}, ep::gelu(), ep::residual<float>{residual.data(), columns});
        },
        n);
    const auto no_epilogue = [](std::size_t) { return ep::none(); };
    if (found.empty()) found = compare_both<double>(no_epilogue, n);
    if (found.empty()) found = compare_both<float, bcr::bf16>(no_epilogue, n);
    if (found.empty()) found = compare_both<float, bcr::f16>(no_epilogue, n);
    if (!found.empty()) return found + ", N = " + std::to_string(n);
  }
  return "";
}
