#include "gemm_subject.hpp"

#include <bcr/bcr.hpp>

#include "gemm_subject_of.hpp"

namespace bench {
namespace {

struct static_plans {
  template <class W>
  using plan = bcr::gemm_plan<float, bcr::epilogue::none, W>;

  template <class W, class Packed>
  static auto create(const Packed& packed, const bcr::gemm_options& options) {
    return plan<W>::create(packed, options);
  }
};

}  // namespace

std::unique_ptr<subject> make_subject(const block_mask& mask, std::size_t n, bcr::value_type weights) {
  if (weights == bcr::value_type::f32) return make_subject_for<static_plans, float>(mask, n);
  if (weights == bcr::value_type::f16) return make_subject_for<static_plans, bcr::f16>(mask, n);
  if (weights == bcr::value_type::bf16) return make_subject_for<static_plans, bcr::bf16>(mask, n);
  return nullptr;
}

std::unique_ptr<subject> make_bf16_subject(const block_mask& mask, std::size_t n) {
  return make_subject_for<static_plans, bcr::both<bcr::bf16>>(mask, n);
}

const char* static_target() { return bcr::target_name(); }

}  // namespace bench
