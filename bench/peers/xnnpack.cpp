// XNNPACK's sparse 1x1 convolution: planes of pixels, kernel values stored without their zeros. On x86 machines with
// AVX the library declines it (dense is expected to win); then the table says so.
#include <xnnpack.h>

#include <limits>

#include "peers/peers.hpp"

namespace bench {
namespace {

class xnnpack_gemm final : public row_major_contender {
 public:
  ~xnnpack_gemm() override {
    if (operator_ != nullptr) xnn_delete_operator(operator_);
    if (pool_ != nullptr) pthreadpool_destroy(pool_);
  }

  std::string name() const override { return "xnnpack_sparse_1x1"; }

  std::string prepare(const problem& p) override {
    bind(p);
    if (xnn_initialize(nullptr) != xnn_status_success) return "XNNPACK does not start on this machine.";
    if (p.threads > 1) pool_ = pthreadpool_create(static_cast<std::size_t>(p.threads));
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const xnn_status made = xnn_create_convolution2d_nchw_f32(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, p.k, p.m, p.k, p.m, p.w,
                                                              nullptr, -infinity, infinity, 0, &operator_);
    if (made != xnn_status_success) return refusal(made);
    const xnn_status ready = xnn_setup_convolution2d_nchw_f32(operator_, 1, 1, p.n, p.b, c_.data(), pool_);
    return ready == xnn_status_success ? std::string() : refusal(ready);
  }

  void run() override { xnn_run_operator(operator_, pool_); }

 private:
  static std::string refusal(xnn_status status) {
    return status == xnn_status_unsupported_hardware ? "XNNPACK has no sparse convolution for this machine."
                                                     : "XNNPACK fails with status " + std::to_string(status) + ".";
  }

  xnn_operator_t operator_ = nullptr;
  pthreadpool_t pool_ = nullptr;
};

}  // namespace

std::unique_ptr<contender> make_xnnpack_sparse() { return std::make_unique<xnnpack_gemm>(); }

}  // namespace bench
