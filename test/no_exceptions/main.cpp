// From a dense matrix to a product, and through a save and an open, without exceptions or type information.
#include <cstdio>

#ifdef BCR_DISPATCH_LIBRARY
#include "bcr/dispatch.hpp"
#else
#include "bcr/bcr.hpp"
#endif
#include "bcr/core/executor_thread.hpp"

#if defined(__cpp_exceptions) || defined(__cpp_rtti)
#error "This test is to be compiled with -fno-exceptions -fno-rtti."
#endif

namespace {

int fail(const char* why) {
  std::printf("FAILED: %s\n", why);
  return 1;
}

}  // namespace

int main() {
  static float weights[8 * 32], input[32 * 20], output[8 * 20];
  for (int i = 0; i < 8 * 32; i += 4) weights[i] = 0.5f;
  for (float& x : input) x = 1.0f;
  const bcr::matrix_view<const float> dense(weights, 8, 32);

  const auto found = bcr::cover_nonzeros<bcr::block<4, 16>>(dense);
  if (!found) return fail(found.message());
  const auto packed = bcr::pack<float>(found->pattern, dense);
  if (!packed) return fail(packed.message());
  const auto opened = bcr::packed_weights<float, bcr::block<4, 16>>::open(packed->bytes());
  if (!opened) return fail(opened.message());
  const auto plan = bcr::gemm_plan<float, bcr::epilogue::relu>::create(*opened, {.columns = 20, .threads = 2});
  if (!plan) return fail(plan.message());
  auto pool = bcr::thread_pool::create(2);
  if (!pool) return fail(pool.message());

  auto workspace = bcr::buffer<std::byte>::allocate(plan->workspace_bytes());
  if (!workspace) return fail(workspace.message());
  const bcr::status done = plan->run({input, 32, 20}, {output, 8, 20}, *workspace, bcr::epilogue::relu{}, *pool);
  if (!done) return fail(done.message());
  for (float y : output) {
    if (y != 4.0f) return fail("the product is wrong");
  }
  return 0;
}
