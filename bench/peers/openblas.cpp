// OpenBLAS: sgemm, and sgemv for a single column. It offers no prepacking.
#include <cblas.h>

#include "peers/peers.hpp"

namespace bench {
namespace {

class openblas_gemm final : public row_major_contender {
 public:
  std::string name() const override { return "openblas_sgemm"; }

  std::string prepare(const problem& p) override {
    bind(p);
    openblas_set_num_threads(p.threads);
    return {};
  }

  void run() override {
    const auto m = static_cast<blasint>(p_.m), n = static_cast<blasint>(p_.n), k = static_cast<blasint>(p_.k);
    if (n == 1) {
      cblas_sgemv(CblasRowMajor, CblasNoTrans, m, k, 1, p_.w, k, p_.b, 1, 0, c_.data(), 1);
    } else {
      cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, m, n, k, 1, p_.w, k, p_.b, n, 0, c_.data(), n);
    }
  }
};

}  // namespace

std::unique_ptr<contender> make_openblas() { return std::make_unique<openblas_gemm>(); }

}  // namespace bench
