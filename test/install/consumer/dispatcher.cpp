#include <bcr/dispatch.hpp>
#include <cstdio>
#include <vector>

int main() {
  const float weights[4] = {1, 2, 0, 4}, input[2] = {10, 20};
  float output[2];
  const bcr::matrix_view<const float> dense(weights, 2, 2);
  const auto found = bcr::cover_nonzeros<bcr::block<2, 2>>(dense);
  const auto packed = bcr::pack<float>(found->pattern, dense);
  const auto plan = bcr::gemm_plan<float>::create(*packed, {.columns = 1}, bcr::active_target());
  if (!plan) return std::puts(plan.message());
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const bcr::status done = plan->run({input, 2, 1}, {output, 2, 1}, workspace);
  std::printf("%s: %s\n", plan->kernel_name(), done.message());
  return done && output[0] == 50 && output[1] == 80 ? 0 : 1;
}
