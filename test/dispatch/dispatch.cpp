// What bcr/dispatch.hpp adds to the plans: which targets there are, which one is taken, and what is refused.
#include "bcr/dispatch.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdlib>
#include <iterator>
#include <set>
#include <string>
#include <vector>

// A file may include the header twice.
#include "bcr/dispatch.hpp"

namespace {

using block = bcr::block<4, 16>;
constexpr std::size_t m = 20, k = 48;

bcr::packed_weights<float, block> any_weights() {
  std::vector<float> weights(m * k);
  for (std::size_t i = 0; i < weights.size(); i += 4) weights[i] = static_cast<float>(i % 7);
  const bcr::matrix_view<const float> dense(weights.data(), m, k);
  const auto found = bcr::cover_nonzeros<block>(dense);
  auto packed = bcr::pack<float>(found->pattern, dense);
  REQUIRE(packed.ok());
  return std::move(*packed);
}

bcr::packed_cell<float, block> any_cell() {
  std::vector<float> weights(3 * m * m, 0.25f);
  const bcr::matrix_view<const float> dense(weights.data(), 3 * m, m);
  const bcr::cell_kind kind = bcr::cell_kind::gru_reset_after;
  const auto found = bcr::cover_gates<block>(kind, dense);
  auto packed = bcr::pack_cell<float, block>({.kind = kind}, {.input = found->pattern, .recurrent = found->pattern},
                                             {.input = dense, .recurrent = dense});
  REQUIRE(packed.ok());
  return std::move(*packed);
}

bool ends_with(const std::string& name, const std::string& target) {
  return name.size() > target.size() && name.substr(name.size() - target.size() - 1) == "_" + target;
}

TEST_CASE("targets: each once, the best first, and the last runs everywhere") {
  const auto all = bcr::targets();
  REQUIRE(all.size() >= 1);
  std::set<std::string> names;
  for (const bcr::dispatch_target& t : all) names.insert(t.name);
  CHECK(names.size() == all.size());
  CHECK(all[all.size() - 1].runs_here);
#ifdef BCR_TEST_EXPECTED
  std::string in_order;
  for (const bcr::dispatch_target& t : all) in_order += std::string(t.name) + " ";
  CHECK(in_order.find(BCR_TEST_EXPECTED) == 0);
#endif
}

// As above, but for the target of processors that multiply bf16, which comes first where there is one.
TEST_CASE("targets of activations in bf16: those of others, and one of their own") {
  using both = bcr::both<bcr::bf16>;
  const auto all = bcr::targets<float>(), narrow = bcr::targets<float, both>();
#if defined(__x86_64__)
  const std::string own = std::string(all[0].name).starts_with("xsimd_") ? "xsimd_avx512bw_bf16" : "avx3_bf16";
  REQUIRE(narrow.size() == all.size() + 1);
  CHECK(narrow[0].name == own);
  CHECK(narrow[0].runs_here == bcr::detail::cpu_runs(own));
#else
  REQUIRE(narrow.size() == all.size());
#endif
  const std::size_t first = narrow.size() - all.size();
  for (std::size_t i = 0; i < all.size(); ++i) CHECK(std::string(narrow[first + i].name) == all[i].name);

  const auto pattern = bcr::pattern<block>::create(m, k);
  const std::vector<float> weights(m * k);
  const auto packed = bcr::pack<bcr::bf16>(*pattern, bcr::matrix_view<const float>(weights.data(), m, k));
  const std::string active = bcr::active_target<float, both>();
  CHECK((active == bcr::active_target() || (first == 1 && active == narrow[0].name)));
  using gemm = bcr::gemm_plan<float, bcr::epilogue::none, both>;
  using linear = bcr::linear_plan<float, bcr::epilogue::none, both>;
  CHECK(ends_with(gemm::create(*packed, {.columns = 9})->kernel_name(), active));
  CHECK(ends_with(linear::create(*packed, {.tokens = 9})->kernel_name(), active));
  for (const bcr::dispatch_target& t : narrow) {
    const auto made = gemm::create(*packed, {.columns = 9}, t.name);
    CHECK(made.ok() == t.runs_here);
    if (made) CHECK(ends_with(made->kernel_name(), t.name));
  }
  // Of other types there are no such kernels.
  if (first == 1) {
    CHECK(bcr::gemm_plan<float>::create(any_weights(), {.columns = 9}, narrow[0].name).message() ==
          doctest::String("The dispatch library has no kernels for a target of this name."));
  }
}

TEST_CASE("active_target: the first that runs here, and what plans take of themselves") {
  const std::string active = bcr::active_target();
  for (const bcr::dispatch_target& t : bcr::targets()) {
    if (t.name == active) break;
    CHECK(!t.runs_here);
  }
  const auto packed = any_weights();
  CHECK(ends_with(bcr::gemm_plan<float>::create(packed, {.columns = 9})->kernel_name(), active));
  CHECK(ends_with(bcr::linear_plan<float>::create(packed, {.tokens = 9})->kernel_name(), active));
  CHECK(ends_with(bcr::cell_plan<float>::create(any_cell(), {})->kernel_name(), active));
}

TEST_CASE("active_target: what whoever runs the tests says of the processor") {
  const char* const expected = std::getenv("BCR_TEST_ACTIVE");
  if (expected != nullptr) CHECK(std::string(bcr::active_target()) == expected);
}

TEST_CASE("every target can be forced, or is refused in words") {
  const auto packed = any_weights();
  const auto cell = any_cell();
  const auto check = [](const auto& plan, const bcr::dispatch_target& t) {
    CAPTURE(t.name);
    if (t.runs_here) {
      REQUIRE(plan.ok());
      CHECK(ends_with(plan->kernel_name(), t.name));
    } else {
      CHECK(plan.status().code() == bcr::errc::unsupported);
      CHECK(plan.message() == doctest::String("This processor does not run the instructions of the target."));
    }
  };
  for (const bcr::dispatch_target& t : bcr::targets()) {
    check(bcr::gemm_plan<float>::create(packed, {.columns = 9}, t.name), t);
    check(bcr::linear_plan<float>::create(packed, {.tokens = 9}, t.name), t);
    check(bcr::cell_plan<float>::create(cell, {.batch = 3}, t.name), t);
  }
  constexpr const char* unknown = "The dispatch library has no kernels for a target of this name.";
  for (const char* name : {"vsx", "AVX2", "avx", "avx22"}) {
    CHECK(bcr::gemm_plan<float>::create(packed, {.columns = 9}, name).message() == doctest::String(unknown));
    CHECK(bcr::linear_plan<float>::create(packed, {.tokens = 9}, name).message() == doctest::String(unknown));
    CHECK(bcr::cell_plan<float>::create(cell, {}, name).message() == doctest::String(unknown));
  }
  CHECK(bcr::gemm_plan<float>::create(packed, {.columns = 9, .threads = 0}, bcr::active_target()).message() ==
        doctest::String("A plan needs at least one thread."));
}

// A library for processors that nobody has.
TEST_CASE("find_table: what the processor lacks is passed over, or refused") {
  using table = bcr::dispatch_table<float, float, bcr::epilogue::none>;
  const table future{{}, "avx1024"}, basic{{}, "abacus"};
  const table* const every[] = {nullptr, &future, nullptr, &basic, &basic};
  const bcr::dispatch_tables<table> tables(every);
  CHECK(*bcr::find_table(tables, {}) == &basic);
  CHECK(*bcr::find_table(tables, "abacus") == &basic);
  const auto refused = bcr::find_table(tables, "avx1024");
  CHECK(refused.status().code() == bcr::errc::unsupported);
  CHECK(refused.message() == doctest::String("This processor does not run the instructions of the target."));
  const bcr::dispatch_target_list list(tables);
  REQUIRE(list.size() == 2);
  CHECK(!list[0].runs_here);
  CHECK(list[1].runs_here);
}

TEST_CASE("cpu_runs: each level only with the one below it, and no other names") {
#if defined(__x86_64__)
  CHECK((bcr::detail::cpu_runs("sse4") || !bcr::detail::cpu_runs("avx2")));
  CHECK((bcr::detail::cpu_runs("avx2") || !bcr::detail::cpu_runs("avx3")));
  CHECK((bcr::detail::cpu_runs("avx3") || !bcr::detail::cpu_runs("avx3_dl")));
  CHECK((bcr::detail::cpu_runs("avx3") || !bcr::detail::cpu_runs("avx3_bf16")));
  CHECK(bcr::detail::cpu_runs("avx3_bf16") ==
        (bcr::detail::cpu_runs("avx3") && __builtin_cpu_supports("avx512bf16") != 0));
  CHECK(bcr::detail::cpu_runs("xsimd_avx512bw_bf16") == bcr::detail::cpu_runs("avx3_bf16"));
  // The compiler's own detection; it has no word for all that AVX3_DL needs.
  CHECK(bcr::detail::cpu_runs("sse4") == (__builtin_cpu_supports("sse4.2") != 0));
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
  CHECK(bcr::detail::cpu_runs("avx2") == avx2);
  CHECK(bcr::detail::cpu_runs("avx3") == (avx2 && __builtin_cpu_supports("avx512bw") &&
                                          __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")));
#elif defined(__aarch64__)
  CHECK(bcr::detail::cpu_runs("neon"));
  CHECK((bcr::detail::cpu_runs("sve") || !bcr::detail::cpu_runs("sve2")));
#endif
  for (const char* name : {"", "scalar", "xsimd_", "avx512"}) CHECK(!bcr::detail::cpu_runs(name));
}

}  // namespace
