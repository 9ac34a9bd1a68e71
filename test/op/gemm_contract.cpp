// What gemm promises besides numbers: sentences, names, what infinity does, and matrices that are not there.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "op/gemm_case.hpp"

namespace {

using bcr::test::operands;
using block = bcr::block<4, 16>;
using bias_relu = bcr::epilogue::chain_of<bcr::epilogue::bias<float>, bcr::epilogue::relu>;
using plan_type = bcr::test::gemm_plan<float, bias_relu>;

constexpr float infinity = std::numeric_limits<float>::infinity();
constexpr std::size_t rows = 10, inner = 20, columns = 30;

void says(const bcr::status& s, const char* sentence) {
  CHECK(s.code() == bcr::errc::invalid_argument);
  CHECK(s.message() == doctest::String(sentence));
}

TEST_CASE("gemm_plan: options that no plan has") {
  const operands<float, block> in(rows, inner, columns, {}, 1);
  const auto packed = in.packed();
  const auto refused = [&](const bcr::gemm_options& options, const char* sentence) {
    says(plan_type::can_implement(options), sentence);
    says(plan_type::create(packed, options).status(), sentence);
  };
  refused({.columns = 3, .threads = 0}, "A plan needs at least one thread.");
  refused({.columns = 3, .tile_vectors = 7}, "A tile has 1 to 6 vectors, or 0 to let the library choose.");
  refused({.columns = 3, .tile_vectors = -1}, "A tile has 1 to 6 vectors, or 0 to let the library choose.");
  CHECK(plan_type::can_implement({}).ok());
  CHECK(plan_type::can_implement({.columns = 3, .threads = 1000, .tile_vectors = 6}).ok());
}

TEST_CASE("gemm_plan: a run that cannot be, and writes nothing") {
  const operands<float, block> in(rows, inner, columns, {}, 1);
  const auto packed = in.packed();
  const auto plan = plan_type::create(packed, {.columns = columns});
  std::vector<float> b(inner * columns), c(rows * columns, 5.0f), bias(rows);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  using input = bcr::matrix_view<const float>;
  using output = bcr::matrix_view<float>;
  const input good_b(b.data(), inner, columns);
  const output good_c(c.data(), rows, columns);
  const bias_relu good_epilogue = bcr::epilogue::chain(bcr::epilogue::bias<float>{bias.data()}, bcr::epilogue::relu());

  constexpr const char* bad_input = "The input of the product does not have the plan's shape, K x N.";
  for (const input& bad : {input(b.data(), inner - 1, columns), input(b.data(), inner, columns - 1),
                           input(nullptr, inner, columns), input(b.data(), inner, columns, columns - 1), input()}) {
    says(plan->run(bad, good_c, workspace, good_epilogue), bad_input);
  }
  constexpr const char* bad_output = "The output of the product does not have the plan's shape, M x N.";
  for (const output& bad : {output(c.data(), rows + 1, columns), output(c.data(), rows, columns - 1),
                            output(nullptr, rows, columns), output(c.data(), rows, columns, columns - 1), output()}) {
    says(plan->run(good_b, bad, workspace, good_epilogue), bad_output);
  }
  says(plan->run(good_b, good_c, std::span(workspace).first(workspace.size() - 1), good_epilogue),
       "The workspace is smaller than the plan's workspace_bytes().");
  says(plan->run(good_b, good_c, {}, good_epilogue), "The workspace is smaller than the plan's workspace_bytes().");
  says(plan->run(good_b, good_c, workspace), "The epilogue's bias has no data: per_row is null.");
  for (const float value : c) CHECK(value == 5.0f);
  CHECK(plan->run(good_b, good_c, workspace, good_epilogue).ok());
  CHECK(c[0] != 5.0f);
}

TEST_CASE("gemm_plan: matrices without elements may be null") {
  const auto run = [](std::size_t m, std::size_t k, std::size_t n, bcr::input_copy copy) {
    CAPTURE(m);
    CAPTURE(k);
    CAPTURE(n);
    const operands<float, block> in(m, k, n, {.density = 1}, 1);
    const auto packed = in.packed();
    const auto plan = plan_type::create(packed, {.columns = n, .threads = 3, .copy = copy});
    REQUIRE(plan.ok());
    std::vector<std::byte> workspace(plan->workspace_bytes());
    std::vector<float> bias(m, 2.0f), c(m * n, infinity);
    const bcr::status done =
        plan->run({k * n == 0 ? nullptr : in.input.elements.data(), k, n}, {m * n == 0 ? nullptr : c.data(), m, n},
                  workspace, {{m * n == 0 ? nullptr : bias.data()}, {}});
    CHECK(done.message() == doctest::String("Success."));
    for (const float value : c) CHECK((k != 0 || value == 2.0f));
  };
  for (const bcr::input_copy copy : {bcr::input_copy::automatic, bcr::input_copy::never, bcr::input_copy::always}) {
    for (const std::size_t n : {0u, 1u, 5u, 100u, 111u}) run(9, 0, n, copy);
    for (const std::size_t n : {0u, 3u, 100u}) run(0, 9, n, copy);
    run(9, 9, 0, copy);
    run(0, 0, 9, copy);
    run(0, 0, 0, copy);
  }
}

// Rows 4096 bytes apart are more than the second cache level has room for: what is copied then gives the same bits.
TEST_CASE("gemm_plan: tiles of an input whose rows collide in the cache are copied, and others are not") {
  constexpr std::size_t m = 160, k = 300, n = 1024;
  const operands<float, block> in(m, k, n + 16, {.density = 0.9}, 1);
  const auto packed = in.packed();
  const auto plan_of = [&](std::size_t width, bcr::input_copy copy) {
    return bcr::test::gemm_plan<float, bcr::epilogue::none>::create(packed, {.columns = width, .copy = copy});
  };
  const auto bytes = [&](std::size_t width, bcr::input_copy copy) { return plan_of(width, copy)->workspace_bytes(); };
  const std::size_t never = bytes(n, bcr::input_copy::never);
  CHECK(bytes(n, bcr::input_copy::automatic) == bytes(n, bcr::input_copy::always));
  CHECK(bytes(n, bcr::input_copy::always) > never + k * 16 * sizeof(float));
  for (const std::size_t distance : {n, n + 16}) {
    std::vector<float> b(k * distance, infinity);
    for (std::size_t i = 0; i < k; ++i) std::copy_n(&in.input.elements[i * (n + 16)], n, &b[i * distance]);
    std::vector<std::vector<float>> c(2, std::vector<float>(m * n));
    for (const bool automatic : {false, true}) {
      const auto plan = plan_of(n, automatic ? bcr::input_copy::automatic : bcr::input_copy::never);
      std::vector<std::byte> workspace(plan->workspace_bytes());
      CHECK(plan->run({b.data(), k, n, distance}, {c[automatic ? 1 : 0].data(), m, n}, workspace).ok());
    }
    CHECK(c[0] == c[1]);
  }
}

TEST_CASE("gemm_plan: kernel_name is operation, type, block, tile, target") {
  const auto name = [](std::size_t n, int tile) {
    const operands<float, bcr::block<16, 64>> in(rows, inner, 1, {}, 1);
    const auto packed = in.packed();
    return doctest::String(plan_type::create(packed, {.columns = n, .tile_vectors = tile})->kernel_name());
  };
  const std::size_t lanes = bcr::test::lanes_of<float>();
  const auto expected = [](std::size_t tile) {
    return doctest::String(("gemm_f32_b16x64_t4x" + std::to_string(tile) + "_" + bcr::test::target_name()).c_str());
  };
  CHECK(name(lanes, 1) == expected(1));
  CHECK(name(1, 1) == expected(1));
  CHECK(name(1, 0) == doctest::String((std::string("gemv_f32_b16x64_t4x1_") + bcr::test::target_name()).c_str()));
  CHECK(name(3 * lanes, 0) == expected(3));
  CHECK(name(60 * lanes, 2) == expected(2));
  const auto widest = static_cast<std::size_t>(bcr::test::kernels_under_test<float>().tile_vectors);
  CHECK(name(60 * lanes, 0) == expected(widest));
  CHECK(name(60 * lanes, 6) == expected(widest));
}

// Row i keeps columns 8 and up of its block, so that infinity in one below never counts: an absent weight is no zero.
TEST_CASE("gemm: a pruned weight times infinity is nothing") {
  auto kept = bcr::pattern<block>::create(rows, inner);
  for (std::size_t bi = 0; bi < kept->block_rows(); ++bi) {
    for (std::size_t r = 0; r < kept->block_height(bi); r += 2) kept->keep_row(bi, 0, r);
    for (std::size_t c = 8; c < 16; ++c) kept->keep_column(bi, 0, c);
  }
  bcr::test::dense_matrix<float> weights(rows, inner, inner, 1.0f);
  bcr::test::dense_matrix<float> b(inner, columns, columns, infinity);
  for (std::size_t k = 8; k < 16; ++k) {
    for (std::size_t j = 0; j < columns; ++j) b(k, j) = static_cast<float>(j % 3);
  }
  b(8, 1) = infinity;
  b(9, 2) = std::numeric_limits<float>::quiet_NaN();
  operands<float, block> in(rows, inner, 0, {}, 1);
  in.kept = std::move(*kept);
  in.weights = std::move(weights);
  in.for_each_packing([&](const auto& packed) {
    const auto plan = plan_type::create(packed, {.columns = columns});
    std::vector<std::byte> workspace(plan->workspace_bytes(), std::byte{0xff});
    const std::vector<float> bias(rows, -1.0f);
    bcr::test::dense_matrix<float> c(rows, columns);
    REQUIRE(plan->run(std::as_const(b).view(), c.view(), workspace, {{bias.data()}, {}}).ok());
    for (std::size_t i = 0; i < rows; ++i) {
      CAPTURE(i);
      const bool row_kept = i % 4 % 2 == 0;
      for (std::size_t j = 0; j < columns; ++j) {
        if (!row_kept) CHECK(c(i, j) == 0.0f);
        if (row_kept && j != 1 && j != 2) CHECK(c(i, j) == (j % 3 == 0 ? 0.0f : 8.0f * static_cast<float>(j % 3) - 1));
      }
      if (row_kept) CHECK(c(i, 1) == infinity);
      if (row_kept) CHECK(c(i, 2) != c(i, 2));
    }
  });
}

TEST_CASE("gemm_plan: weights may be moved while a plan refers to them") {
  const operands<float, block> in(rows, inner, columns, {.density = 0.5}, 7);
  auto packed = in.packed();
  const auto plan = plan_type::create(packed, {.columns = columns});
  const auto elsewhere = std::move(packed);
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const std::vector<float> bias(rows, 100.0f);
  bcr::test::dense_matrix<float> c(rows, columns);
  REQUIRE(plan->run(in.input.view(), c.view(), workspace, {{bias.data()}, {}}).ok());
  CHECK(c(3, 4) == doctest::Approx(in.exact(3, 4).value + 100));
}

}  // namespace
