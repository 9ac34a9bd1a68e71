// The smallest useful program: a matrix with zeros is packed once, and multiplied by.
#include <bcr/bcr.hpp>
#include <cmath>
#include <cstdio>
#include <vector>

int main() {
  constexpr std::size_t M = 64, K = 100, N = 49;
  std::vector<float> W(M * K), B(K * N), C(M * N), bias(M, 1.0f);
  for (std::size_t i = 0; i < M; ++i) {
    for (std::size_t j = i / 4 % 10; j < K; j += 10) W[i * K + j] = 0.5f;  // every tenth column of each 4 x 16 block
  }
  for (std::size_t i = 0; i < K * N; ++i) B[i] = static_cast<float>(i % 5);

  // Once: which weights are kept, packed for the kernels, planned for this N.
  const bcr::matrix_view<const float> weights(W.data(), M, K);
  const auto covering = bcr::cover_nonzeros<bcr::block<4, 16>>(weights);
  if (!covering) return std::puts(covering.message()), 1;
  const auto packed = bcr::pack<float>(covering->pattern, weights);
  if (!packed) return std::puts(packed.message()), 1;
  const auto epilogue = bcr::epilogue::chain(bcr::epilogue::bias{bias.data()}, bcr::epilogue::relu{});
  const auto plan = bcr::gemm_plan<float, decltype(epilogue)>::create(*packed, {.columns = N});
  if (!plan) return std::puts(plan.message()), 1;
  std::vector<std::byte> workspace(plan->workspace_bytes());

  // As often as one likes: C = relu(W B + bias). Nothing here allocates or throws.
  const bcr::status done = plan->run({B.data(), K, N}, {C.data(), M, N}, workspace, epilogue);
  if (!done) return std::puts(done.message()), 1;

  float expected = bias[0];
  for (std::size_t k = 0; k < K; ++k) expected += W[k] * B[k * N];
  std::printf("%s, density %.2f: C[0][0] is %g and should be %g.\n", plan->kernel_name(), packed->density(),
              static_cast<double>(C[0]), static_cast<double>(expected));
  return std::fabs(C[0] - expected) < 1e-4f ? 0 : 1;
}
