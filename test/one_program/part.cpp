// Compiled once for every back end, and for other flags, as the function that BCR_TEST_PART names.
#include "part.hpp"

#include <cstddef>
#include <vector>

#include "bcr/bcr.hpp"

product BCR_TEST_PART() {
  constexpr std::size_t m = 20, k = 48, n = 37;
  std::vector<float> weights(m * k), input(k * n);
  for (std::size_t i = 0; i < weights.size(); i += 4) weights[i] = static_cast<float>(i % 7);
  for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<float>(i % 5);  // all sums are exact
  const bcr::matrix_view<const float> dense(weights.data(), m, k);

  product made{"", std::vector<float>(m * n)};
  const auto found = bcr::cover_nonzeros<bcr::block<4, 16>>(dense);
  if (!found) return {found.message(), {}};
  const auto packed = bcr::pack<float>(found->pattern, dense);
  if (!packed) return {packed.message(), {}};
  const auto plan = bcr::gemm_plan<float>::create(*packed, {.columns = n});
  if (!plan) return {plan.message(), {}};
  std::vector<std::byte> workspace(plan->workspace_bytes());
  const bcr::status done = plan->run({input.data(), k, n}, {made.values.data(), m, n}, workspace);
  made.kernel = done ? plan->kernel_name() : done.message();
  return made;
}
