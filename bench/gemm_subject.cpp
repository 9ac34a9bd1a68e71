#include "gemm_subject.hpp"

#include <bcr/bcr.hpp>
#include <bcr/core/executor_thread.hpp>
#include <limits>
#include <optional>
#include <utility>

#include "pattern_of.hpp"

namespace bench {
namespace {

template <class Block, class W, bcr::blob_layout Layout>
class bcr_gemm final : public subject {
 public:
  explicit bcr_gemm(const block_mask& mask) : mask_(mask) {}

  std::string name() const override { return plan_->kernel_name(); }
  std::size_t packed_bytes() const override { return packed_->bytes().size(); }

  std::string prepare(const problem& p) override {
    bind(p);
    const bcr::status done = plan(static_cast<std::size_t>(p.threads));
    return done ? std::string() : done.message();
  }

  void run() override {
    const bcr::status done = plan_->run(bcr::matrix_view<const float>(p_.b, p_.k, p_.n),
                                        bcr::matrix_view<float>(c_.data(), p_.m, p_.n), workspace_, {}, *pool_);
    if (!done) c_[0] = std::numeric_limits<float>::quiet_NaN();  // no right result: the check will see it
  }

 private:
  bcr::status plan(std::size_t threads) {
    auto pattern = pattern_of<Block>(mask_, p_.m, p_.k);
    if (!pattern) return pattern.status();
    auto packed = bcr::pack<W, Layout>(*pattern, bcr::matrix_view<const float>(p_.w, p_.m, p_.k));
    if (!packed) return packed.status();
    packed_.emplace(std::move(*packed));
    auto made = bcr::gemm_plan<float, bcr::epilogue::none, W>::create(*packed_, {.columns = p_.n, .threads = threads});
    if (!made) return made.status();
    plan_.emplace(std::move(*made));
    auto workspace = bcr::buffer<std::byte>::allocate(plan_->workspace_bytes());
    if (!workspace) return workspace.status();
    workspace_ = std::move(*workspace);
    auto pool = bcr::thread_pool::create(threads);
    if (!pool) return pool.status();
    pool_.emplace(std::move(*pool));
    return {};
  }

  const block_mask& mask_;
  std::optional<bcr::packed_weights<W, Block, Layout>> packed_;
  std::optional<bcr::gemm_plan<float, bcr::epilogue::none, W>> plan_;
  bcr::buffer<std::byte> workspace_;
  std::optional<bcr::thread_pool> pool_;
};

template <class W, bcr::blob_layout Layout>
std::unique_ptr<subject> make_subject_of(const block_mask& mask) {
  const block_size block = mask.block();
  if (block == block_size{4, 16}) return std::make_unique<bcr_gemm<bcr::block<4, 16>, W, Layout>>(mask);
  if (block == block_size{8, 32}) return std::make_unique<bcr_gemm<bcr::block<8, 32>, W, Layout>>(mask);
  if (block == block_size{16, 64}) return std::make_unique<bcr_gemm<bcr::block<16, 64>, W, Layout>>(mask);
  return nullptr;
}

template <class W>
std::unique_ptr<subject> make_subject_for(const block_mask& mask, std::size_t n) {
  constexpr std::size_t few = 4;  // so that packed_bytes() is of one layout
  return n <= few ? make_subject_of<W, bcr::blob_layout::bands>(mask)
                  : make_subject_of<W, bcr::blob_layout::panels>(mask);
}

}  // namespace

std::unique_ptr<subject> make_subject(const block_mask& mask, std::size_t n, bcr::value_type weights) {
  if (weights == bcr::value_type::f32) return make_subject_for<float>(mask, n);
  if (weights == bcr::value_type::f16) return make_subject_for<bcr::f16>(mask, n);
  if (weights == bcr::value_type::bf16) return make_subject_for<bcr::bf16>(mask, n);
  return nullptr;
}

}  // namespace bench
