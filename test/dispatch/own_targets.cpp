// A file of a user's own, compiled by Highway once a target: bcr/kernels-inl.h has all plans for each of them.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "dispatch/own_targets.cpp"
#include "bcr/simd/highway_options.hpp"
//
#include <hwy/foreach_target.h>
//
#include <cstddef>
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "bcr/kernels-inl.h"
#include "bcr/pack/cover.hpp"
#include "bcr/pack/pack.hpp"
#include "bcr/simd/cpu.hpp"

BCR_BEGIN_TARGET;
namespace own {
namespace BCR_TARGET_NS {

const char* Target() { return bcr::BCR_TARGET_NS::target_name(); }

// Says which kernel ran, and gives output[0], 0.25 for every eighth of 64 ones.
std::string Run(float& first) {
  constexpr std::size_t m = 8, k = 64, n = 40;
  std::vector<float> weights(m * k), input(k * n, 1.0f), output(m * n);
  for (std::size_t i = 0; i < weights.size(); i += 8) weights[i] = 0.25f;
  const bcr::matrix_view<const float> dense(weights.data(), m, k);
  const auto found = bcr::cover_nonzeros<bcr::block<4, 16>>(dense);
  const auto packed = bcr::pack<float>(found->pattern, dense);
  const auto plan = bcr::BCR_TARGET_NS::gemm_plan<float, bcr::epilogue::relu>::create(*packed, {.columns = n});
  if (!plan) return plan.message();
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const bcr::status done = plan->run({input.data(), k, n}, {output.data(), m, n}, workspace);
  first = output[0];
  return done ? plan->kernel_name() : done.message();
}

}  // namespace BCR_TARGET_NS
}  // namespace own
BCR_END_TARGET;

#if HWY_ONCE
namespace own {

constexpr auto* Target = HWY_STATIC_DISPATCH(Target);
constexpr decltype(Target) every_target[] = {HWY_CHOOSE_TARGET_LIST(Target)};
constexpr decltype(&HWY_STATIC_DISPATCH(Run)) every_run[] = {HWY_CHOOSE_TARGET_LIST(Run)};

}  // namespace own

int main() {
  std::set<std::string> kernels;
  std::size_t runs = 0;
  for (std::size_t i = 0; i < std::size(own::every_run); ++i) {
    if (own::every_run[i] == nullptr || !bcr::detail::cpu_runs(own::every_target[i]())) continue;
    float first = 0;
    const std::string kernel = own::every_run[i](first);
    std::printf("%s: %g\n", kernel.c_str(), static_cast<double>(first));
    if (first != 2.0f || kernel != std::string("gemm_f32_b4x16_t4x") + kernel[18] + "_" + own::every_target[i]())
      return 1;
    kernels.insert(kernel);
    ++runs;
  }
  if (runs == 0) std::printf("Skipped: this processor has none of the targets.\n");
  return kernels.size() == runs ? 0 : 1;
}
#endif  // HWY_ONCE
