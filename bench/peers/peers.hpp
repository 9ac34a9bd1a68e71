// One maker for each way of using a peer. Every peer has its own source file, which is compiled if CMake found the
// library; the declarations are weak, so that the makers of the others are null.
#pragma once

#include <memory>

#include "contender.hpp"

namespace bench {

[[gnu::weak]] std::unique_ptr<contender> make_openblas();
[[gnu::weak]] std::unique_ptr<contender> make_onednn_matmul_packed();
[[gnu::weak]] std::unique_ptr<contender> make_onednn_matmul_plain();
[[gnu::weak]] std::unique_ptr<contender> make_onednn_inner_product();
[[gnu::weak]] std::unique_ptr<contender> make_onednn_convolution();
[[gnu::weak]] std::unique_ptr<contender> make_eigen_dense();

[[gnu::weak]] std::unique_ptr<contender> make_csr_tiled();
[[gnu::weak]] std::unique_ptr<contender> make_eigen_sparse();
[[gnu::weak]] std::unique_ptr<contender> make_xnnpack_sparse();
[[gnu::weak]] std::unique_ptr<contender> make_libxsmm_spmdm();
[[gnu::weak]] std::unique_ptr<contender> make_libxsmm_fsspmdm();

}  // namespace bench
