// Kernels on weights that were tampered with: whatever the check lets through computes something, somewhere inside of
// the operands.
#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <utility>

#include "op/operands.hpp"
#include "support/tampered.hpp"

namespace {

using bcr::test::tampered;

// Operands for weights of one shape, between guards.
struct arena {
  bool workspace_at_end;
  std::size_t m, k, n;  // n columns of gemm, or tokens of linear
  bcr::test::guarded_matrix<float> b, c, x, y;
  bcr::test::guarded_array<std::byte> workspace;

  template <class Weights>
  arena(const Weights& good, std::size_t results, bcr::test::guard_side side)
      : workspace_at_end(side == bcr::test::guard_side::after),
        m(good.rows()),
        k(good.columns()),
        n(results),
        b(k, n, {.padding = 1, .offset = 0, .side = side}),
        c(m, n, {.padding = 1, .offset = 0, .side = side}),
        x(n, k, {.padding = 0, .offset = 0, .side = side}),
        y(n, m, {.padding = 0, .offset = 0, .side = side}),
        workspace(std::size_t{1} << 18, 0, side) {}

  template <class Weights>
  bool run(const Weights& w) {
    const bcr::matrix_view<float> views[] = {b.view(), x.view()};
    for (const bcr::matrix_view<float>& in : views) {
      for (std::size_t i = 0; i < in.rows; ++i) {
        for (std::size_t j = 0; j < in.columns; ++j) in(i, j) = 1;
      }
    }
    using value = typename Weights::value;
    using none = bcr::epilogue::none;
    const auto gemm = bcr::test::gemm_plan<float, none, value>::create(w, {.columns = n, .threads = 2});
    const auto linear = bcr::test::linear_plan<float, none, value>::create(w, {.tokens = n, .threads = 2});
    // As an engine would: as much as the plan asks for, against the guard on either side.
    const auto piece = [&](std::size_t bytes) {
      const auto all = workspace.span();
      return workspace_at_end ? all.last(bytes) : all.first(bytes);
    };
    return gemm->run(b.view(), c.view(), piece(gemm->workspace_bytes())).ok() &&
           linear->run(x.view(), y.view(), piece(linear->workspace_bytes())).ok() && b.surroundings_intact() &&
           c.surroundings_intact() && x.surroundings_intact() && y.surroundings_intact();
  }
};

template <class Weights>
void check_plans(const Weights& good) {
  arena arenas[] = {{good, bcr::test::lanes_of<float>() + 1, bcr::test::guard_side::after},
                    {good, bcr::test::lanes_of<float>() + 1, bcr::test::guard_side::before},
                    {good, 1, bcr::test::guard_side::after},
                    {good, 1, bcr::test::guard_side::before}};
  std::size_t ran = 0, failed = 0;
  const auto try_weights = [&](tampered& t) {
    const auto opened = Weights::view(t.sealed());
    if (!opened || opened->rows() != good.rows() || opened->columns() != good.columns()) return;
    ++ran;
    for (arena& a : arenas) failed += !a.run(*opened);
  };
  bcr::test::for_each_tampering(good.bytes(), try_weights);
  bcr::test::random_source random(1);
  for (int round = 0; round < 20000; ++round) {
    tampered t(good.bytes());
    bcr::test::tamper_at_random(t, t.fields(), random);
    try_weights(t);
  }
  CHECK(ran > 50);
  CHECK(failed == 0);
}

TEST_CASE("plans on weights with any field at any edge") {
  using bcr::blob_layout, bcr::panel_cut, bcr::strip_cut, bcr::test::victim;
  check_plans(victim({.cut = panel_cut::whole_rows}));
  check_plans(victim({.cut = panel_cut::per_block}));
  check_plans(victim<blob_layout::bands>({.strips = strip_cut::shared_columns}));
  check_plans(victim<blob_layout::bands>({.strips = strip_cut::own_columns}));
  check_plans(victim<blob_layout::bands, std::int8_t>({}));
  check_plans(victim<blob_layout::bands, std::int8_t>({.strips = strip_cut::own_columns}));
}

}  // namespace
