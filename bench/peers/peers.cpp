#include "peers/peers.hpp"

namespace bench {

std::vector<peer> peers() {
  return {
      {"openblas_sgemm", false, make_openblas},
      {"onednn_matmul_packed", false, make_onednn_matmul_packed},
      {"onednn_matmul_plain", false, make_onednn_matmul_plain},
      {"onednn_inner_product", false, make_onednn_inner_product},
      {"onednn_convolution_1x1", false, make_onednn_convolution},
      {"eigen_dense", false, make_eigen_dense},
      {"csr_tiled", true, make_csr_tiled},
      {"eigen_sparse", true, make_eigen_sparse},
      {"xnnpack_sparse_1x1", true, make_xnnpack_sparse},
      {"libxsmm_spmdm", true, make_libxsmm_spmdm},
      {"libxsmm_fsspmdm", true, make_libxsmm_fsspmdm},
  };
}

}  // namespace bench
