#include <bcr/dispatch.hpp>

#include "gemm_subject.hpp"
#include "gemm_subject_of.hpp"

namespace bench {
namespace {

// On the target of the compiler's flags, so that the same instructions are compared; with input in bf16 on the best.
struct dispatched_plans {
  template <class W>
  using plan = bcr::gemm_plan<float, bcr::epilogue::none, W>;

  template <class W, class Packed>
  static auto create(const Packed& packed, const bcr::gemm_options& options) {
    return plan<W>::create(packed, options, bcr::has_narrow_input<W> ? "" : static_target());
  }
};

}  // namespace

std::unique_ptr<subject> make_dispatched_subject(const block_mask& mask, std::size_t n) {
  return make_subject_for<dispatched_plans, float>(mask, n);
}
std::unique_ptr<subject> make_dispatched_bf16_subject(const block_mask& mask, std::size_t n) {
  return make_subject_for<dispatched_plans, bcr::both<bcr::bf16>>(mask, n);
}

}  // namespace bench
