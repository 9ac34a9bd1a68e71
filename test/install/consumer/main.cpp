// A row of weights with one pruned, times a column.
#include <bcr/bcr.hpp>
#include <cstddef>
#include <cstdio>

int main() {
  const float weights[4] = {1, 2, 0, 4}, input[2] = {3, 5};
  float output[2] = {};
  const bcr::matrix_view<const float> dense(weights, 2, 2);
  const auto found = bcr::cover_nonzeros<bcr::block<1, 1>>(dense);
  if (!found) return std::puts(found.message());
  const auto packed = bcr::pack<float>(found->pattern, dense);
  if (!packed) return std::puts(packed.message());
  const auto plan = bcr::gemm_plan<float>::create(*packed, {.columns = 1});
  if (!plan) return std::puts(plan.message());
  auto workspace = bcr::buffer<std::byte>::allocate(plan->workspace_bytes());
  if (!workspace) return std::puts(workspace.message());
  const bcr::status done = plan->run({input, 2, 1}, {output, 2, 1}, *workspace);
  std::printf("bcr %d.%d.%d, %s: %s\n", BCR_VERSION_MAJOR, BCR_VERSION_MINOR, BCR_VERSION_PATCH, plan->kernel_name(),
              done.message());
  return packed->kept() == 3 && output[0] == 13 && output[1] == 20 ? 0 : 1;
}
