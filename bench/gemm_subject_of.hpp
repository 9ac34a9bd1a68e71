// The library's GEMM as a contender, for plans of either kind: a file has those of bcr/bcr.hpp or of bcr/dispatch.hpp,
// never both. `Plans` says what a plan for weights of type W is, and makes it.
#pragma once

#include <algorithm>
#include <bcr/core/executor_thread.hpp>
#include <bcr/core/matrix_view.hpp>
#include <bcr/op/gemm.hpp>
#include <bcr/pack/pack.hpp>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "gemm_subject.hpp"
#include "pattern_of.hpp"

namespace bench {

template <class Plans, class Block, class W, bcr::blob_layout Layout>
class bcr_gemm final : public subject {
  using input = bcr::input_for<float, W>;
  static constexpr bool narrow_input = bcr::has_narrow_input<W>;

 public:
  explicit bcr_gemm(const block_mask& mask) : mask_(mask) {}

  std::string name() const override { return plan_->kernel_name(); }
  std::size_t packed_bytes() const override { return packed_->bytes().size(); }

  std::string prepare(const problem& p) override {
    bind(p);
    if constexpr (narrow_input) {
      auto made = bcr::buffer<input>::allocate(p.k * p.n);
      if (!made) return made.message();
      input_ = std::move(*made);
      std::transform(p.b, p.b + p.k * p.n, input_.data(), [](float x) { return input(x); });
    }
    const bcr::status done = plan(static_cast<std::size_t>(p.threads), static_cast<std::size_t>(p.tasks));
    return done ? std::string() : done.message();
  }

  void run() override {
    const bcr::status done = plan_->run(bcr::matrix_view<const input>(b(), p_.k, p_.n),
                                        bcr::matrix_view<float>(c_.data(), p_.m, p_.n), workspace_, {}, *pool_);
    if (!done) c_[0] = std::numeric_limits<float>::quiet_NaN();  // no right result: the check will see it
  }

 private:
  bcr::status plan(std::size_t threads, std::size_t tasks) {
    auto pattern = pattern_of<Block>(mask_, p_.m, p_.k);
    if (!pattern) return pattern.status();
    auto packed = bcr::pack<bcr::stored_weight<W>, Layout>(*pattern, bcr::matrix_view<const float>(p_.w, p_.m, p_.k));
    if (!packed) return packed.status();
    packed_.emplace(std::move(*packed));
    auto made = Plans::template create<W>(*packed_, {.columns = p_.n, .threads = threads * tasks});
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

  const input* b() const {
    if constexpr (narrow_input) {
      return input_.data();
    } else {
      return p_.b;
    }
  }

  const block_mask& mask_;
  bcr::buffer<input> input_;  // what p_.b is in another type
  std::optional<bcr::packed_weights<bcr::stored_weight<W>, Block, Layout>> packed_;
  std::optional<typename Plans::template plan<W>> plan_;
  bcr::buffer<std::byte> workspace_;
  std::optional<bcr::thread_pool> pool_;
};

template <class Plans, class W, bcr::blob_layout Layout>
std::unique_ptr<subject> make_subject_of(const block_mask& mask) {
  const block_size block = mask.block();
  if (block == block_size{4, 16}) return std::make_unique<bcr_gemm<Plans, bcr::block<4, 16>, W, Layout>>(mask);
  if (block == block_size{8, 32}) return std::make_unique<bcr_gemm<Plans, bcr::block<8, 32>, W, Layout>>(mask);
  if (block == block_size{16, 64}) return std::make_unique<bcr_gemm<Plans, bcr::block<16, 64>, W, Layout>>(mask);
  return nullptr;
}

template <class Plans, class W>
std::unique_ptr<subject> make_subject_for(const block_mask& mask, std::size_t n) {
  constexpr std::size_t few = 4;  // so that packed_bytes() is of one layout
  if constexpr (!bcr::has_narrow_input<W>) {
    if (n <= few) return make_subject_of<Plans, W, bcr::blob_layout::bands>(mask);
  }
  return make_subject_of<Plans, W, bcr::blob_layout::panels>(mask);
}

}  // namespace bench
