// Eigen, dense and sparse, compiled for the same instruction set as the library.
#include <Eigen/Dense>
#include <Eigen/Sparse>

#include "peers/peers.hpp"

namespace bench {
namespace {

using row_major = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using input = Eigen::Map<const row_major>;
using output = Eigen::Map<row_major>;
using input_column = Eigen::Map<const Eigen::VectorXf>;
using output_column = Eigen::Map<Eigen::VectorXf>;

// Weights is a matrix, dense or sparse, that Eigen multiplies from the left.
template <class Weights>
class eigen_contender : public row_major_contender {
 public:
  std::string prepare(const problem& p) override {
    bind(p);
    Eigen::setNbThreads(p.threads);
    const input dense(p.w, static_cast<Eigen::Index>(p.m), static_cast<Eigen::Index>(p.k));
    if constexpr (std::is_same_v<Weights, row_major>) {
      weights_ = dense;
    } else {
      weights_ = dense.sparseView();
      weights_.makeCompressed();
    }
    return {};
  }

  void run() override {
    const auto m = static_cast<Eigen::Index>(p_.m), n = static_cast<Eigen::Index>(p_.n);
    if (n == 1) {
      output_column(c_.data(), m).noalias() = weights_ * input_column(p_.b, weights_.cols());
    } else {
      output(c_.data(), m, n).noalias() = weights_ * input(p_.b, weights_.cols(), n);
    }
  }

 private:
  Weights weights_;
};

class eigen_dense_gemm final : public eigen_contender<row_major> {
  std::string name() const override { return "eigen_dense"; }
};
class eigen_sparse_gemm final : public eigen_contender<Eigen::SparseMatrix<float, Eigen::RowMajor>> {
  std::string name() const override { return "eigen_sparse"; }
};

}  // namespace

std::unique_ptr<contender> make_eigen_dense() { return std::make_unique<eigen_dense_gemm>(); }
std::unique_ptr<contender> make_eigen_sparse() { return std::make_unique<eigen_sparse_gemm>(); }

}  // namespace bench
