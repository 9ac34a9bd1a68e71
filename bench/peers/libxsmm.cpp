// LIBXSMM's two products of a sparse with a dense matrix: spmdm (slices of compressed rows) and fsspmdm (code generated
// for the very matrix, meant for small operators with few distinct values).
#include <libxsmm.h>

#include "peers/peers.hpp"

namespace bench {
namespace {

class spmdm final : public row_major_contender {
 public:
  ~spmdm() override {
    if (slices_ != nullptr) libxsmm_spmdm_destroy(&handle_);
  }

  std::string name() const override { return "libxsmm_spmdm"; }

  std::string prepare(const problem& p) override {
    bind(p);
    if (p.threads > 1) return "LIBXSMM leaves threads to its caller; the benchmark uses one.";
    libxsmm_spmdm_init(static_cast<int>(p.m), static_cast<int>(p.n), static_cast<int>(p.k), 1, &handle_, &slices_);
    const int blocks = libxsmm_spmdm_get_num_createSparseSlice_blocks(&handle_);
    for (int i = 0; i < blocks; ++i) {
      libxsmm_spmdm_createSparseSlice_fp32_thread(&handle_, 'N', p.w, slices_, i, 0, 1);
    }
    return {};
  }

  void run() override {
    const float alpha = 1, beta = 0;
    const int blocks = libxsmm_spmdm_get_num_compute_blocks(&handle_);
    for (int i = 0; i < blocks; ++i) {
      libxsmm_spmdm_compute_fp32_thread(&handle_, 'N', 'N', &alpha, slices_, p_.b, 'N', &beta, c_.data(), i, 0, 1);
    }
  }

 private:
  libxsmm_spmdm_handle handle_{};
  libxsmm_CSR_sparseslice* slices_ = nullptr;
};

class fsspmdm final : public row_major_contender {
 public:
  ~fsspmdm() override {
    if (handle_ != nullptr) libxsmm_sfsspmdm_destroy(handle_);
  }

  std::string name() const override { return "libxsmm_fsspmdm"; }

  std::string prepare(const problem& p) override {
    bind(p);
    if (p.threads > 1) return "LIBXSMM leaves threads to its caller; the benchmark uses one.";
    if (p.n % chunk != 0) return "fsspmdm wants whole vectors of columns.";
    if (p.m * p.k > largest) return "fsspmdm is for small matrices: code generation does not end in a bearable time.";
    const auto n = static_cast<libxsmm_blasint>(p.n), k = static_cast<libxsmm_blasint>(p.k);
    handle_ = libxsmm_sfsspmdm_create(static_cast<libxsmm_blasint>(p.m), chunk, k, k, n, n, 1, 0, 0, p.w);
    return handle_ != nullptr ? std::string() : "fsspmdm has no code for this matrix.";
  }

  void run() override {
    for (std::size_t j = 0; j < p_.n; j += chunk) libxsmm_sfsspmdm_execute(handle_, p_.b + j, c_.data() + j);
  }

 private:
  static constexpr int chunk = 16;
  static constexpr std::size_t largest = 64 * 64;
  libxsmm_sfsspmdm* handle_ = nullptr;
};

}  // namespace

std::unique_ptr<contender> make_libxsmm_spmdm() { return std::make_unique<spmdm>(); }
std::unique_ptr<contender> make_libxsmm_fsspmdm() { return std::make_unique<fsspmdm>(); }

}  // namespace bench
