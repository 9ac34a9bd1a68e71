// The library on WebAssembly, where the tests that the other targets share do not compile: there are neither exceptions
// nor threads, and Highway 1.0 has no vectors of double. Products of all shapes against double precision, with pointers
// and leading dimensions of every alignment, through a save and an open.
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <type_traits>
#include <vector>

#include "bcr/bcr.hpp"
#include "support/reference.hpp"
#include "support/tampered.hpp"

namespace {

namespace ep = bcr::epilogue;
using bcr::test::dense_matrix;
using block = bcr::block<4, 16>;
using packed_layer = bcr::packed_weights<float, block>;

std::size_t products = 0, failures = 0;

void fail(const char* why) {
  std::printf("FAILED: %s\n", why);
  ++failures;
}

// A matrix that begins `offset` elements into its memory, between elements that have to stay as they are.
struct placed_matrix {
  static constexpr float outside = 77;
  std::vector<float> memory;
  bcr::matrix_view<float> view;

  placed_matrix(std::size_t rows, std::size_t columns, std::size_t offset)
      : memory((rows + 1) * (columns + offset) + offset, outside),
        view(memory.data() + offset, rows, columns, columns + offset) {}
  bool is_intact() const {
    std::size_t untouched = 0;
    for (const float x : memory) untouched += std::memcmp(&x, &outside, sizeof x) == 0;
    return untouched >= memory.size() - view.rows * view.columns;
  }
};

// One layer: weights, an input of k x n, and what their product should be.
struct layer {
  bcr::pattern<block> kept;
  dense_matrix<float> weights, input;
  bcr::test::exact_product<float> expected;

  layer(std::size_t m, std::size_t k, std::size_t n, const bcr::test::pattern_options& how, std::uint64_t seed)
      : kept(bcr::test::random_pattern<block>(m, k, how, seed)),
        weights(bcr::test::random_weights<float>(kept, seed + 1)),
        input(bcr::test::random_matrix<float>(k, n, seed + 2)),
        expected(kept, weights, n, [&](std::size_t i, std::size_t j) { return input(i, j); }) {}

  // How far `found` is from relu(sum + 1 / 4), in units of what rounding may do.
  double excess(std::size_t i, std::size_t j, float found) const {
    bcr::test::exact_value e = expected(i, j);
    e.value = std::fmax(e.value + 0.25, 0);
    e.magnitude += 0.25;
    return expected.excess(i, found, e);
  }
};

// gemm if the input lies as the layer has it, linear if it is transposed: tokens x features.
template <class Plan, class Options>
void check_product(const layer& l, const packed_layer& packed, const Options& options, std::size_t offset) {
  constexpr bool transposed = std::is_same_v<Options, bcr::linear_options>;
  const std::size_t m = l.weights.rows, k = l.weights.columns, n = l.input.columns;
  const placed_matrix in = transposed ? placed_matrix(n, k, offset) : placed_matrix(k, n, offset);
  const placed_matrix out = transposed ? placed_matrix(n, m, offset) : placed_matrix(m, n, offset);
  for (std::size_t i = 0; i < k; ++i) {
    for (std::size_t j = 0; j < n; ++j) (transposed ? in.view(j, i) : in.view(i, j)) = l.input(i, j);
  }
  const auto plan = Plan::create(packed, options);
  if (!plan) return fail(plan.message());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const std::vector<float> bias(m, 0.25f);
  const auto epilogue = ep::chain(ep::bias<float>{bias.data()}, ep::relu());
  const bcr::status done = plan->run(bcr::matrix_view<const float>(in.view), out.view, workspace, epilogue);
  if (!done) return fail(done.message());
  ++products;
  if (!out.is_intact()) fail("something was written outside of the output");
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      if (l.excess(i, j, transposed ? out.view(j, i) : out.view(i, j)) <= 1) continue;
      std::printf("%s, %zu x %zu x %zu, element %zu, %zu: ", plan->kernel_name(), m, k, n, i, j);
      return fail("it is wrong by more than rounding");
    }
  }
}

void check_layer(std::size_t m, std::size_t k, std::size_t n, const bcr::test::pattern_options& how) {
  const layer l(m, k, n, how, m * 7919 + k * 131 + n);
  const auto packed = bcr::pack<float>(l.kept, l.weights.view());
  if (!packed) return fail(packed.message());
  const auto opened = packed_layer::open(packed->bytes());
  if (!opened) return fail(opened.message());
  using epilogue = ep::chain_of<ep::bias<float>, ep::relu>;
  for (const std::size_t offset : {0u, 1u, 3u}) {
    check_product<bcr::gemm_plan<float, epilogue>, bcr::gemm_options>(l, *opened, {.columns = n}, offset);
    check_product<bcr::linear_plan<float, epilogue>, bcr::linear_options>(l, *opened, {.tokens = n}, offset);
  }
}

// On a machine of 32 bits, numbers of 64 that agree in their lower halves are still not the same.
void check_hostile() {
  const auto kept = bcr::test::random_pattern<block>(300, 64, {.density = 0.2}, 1);
  const auto packed = bcr::pack<float>(kept, bcr::test::random_weights<float>(kept, 2).view());
  if (!packed) return fail(packed.message());
  const auto refused = [&](auto&& change) {
    bcr::test::tampered t(packed->bytes());
    change(t);
    if (packed_layer::open(t.sealed()).status().code() != bcr::errc::corrupt) fail("damaged weights were opened");
  };
  constexpr std::uint64_t too_much = std::uint64_t{1} << 32;
  const std::size_t groups = bcr::test::tampered(packed->bytes()).groups().size();
  if (groups < 3) fail("there is no row group in the middle");
  for (std::size_t g = 0; g < groups; ++g) {
    refused([&](bcr::test::tampered& t) { t.groups()[g].column_begin += too_much; });
    refused([&](bcr::test::tampered& t) { t.groups()[g].weight_begin += too_much; });
  }
  refused([](bcr::test::tampered& t) { t.matrix().rows += too_much; });
  refused([](bcr::test::tampered& t) { t.matrix().columns += too_much; });
  refused([](bcr::test::tampered& t) { t.matrix().kept += too_much; });
}

}  // namespace

int main() {
  check_hostile();
  for (const bcr::test::pattern_options& how :
       {bcr::test::pattern_options{.density = 0.1}, bcr::test::pattern_options{.density = 0.3, .rows_kept = 0.6},
        bcr::test::pattern_options{.density = 1}, bcr::test::pattern_options{.density = 0}}) {
    for (const std::size_t m : {1u, 3u, 4u, 7u, 16u, 17u, 70u}) {
      for (const std::size_t k : {0u, 1u, 3u, 16u, 17u, 130u}) {
        for (const std::size_t n : {1u, 2u, 3u, 4u, 5u, 7u, 16u, 25u, 34u}) check_layer(m, k, n, how);
      }
    }
  }
  std::printf("%s: %zu products, %zu failures\n", bcr::BCR_TARGET_NS::target_name(), products, failures);
  return failures == 0 && products > 0 ? 0 : 1;
}
