#include "recurrent_subject.hpp"

#include <bcr/bcr.hpp>
#include <bcr/core/executor_thread.hpp>
#include <cstdint>
#include <cstdio>
#include <limits>
#include <optional>
#include <type_traits>
#include <utility>

#include "pattern_of.hpp"

namespace bench {
namespace {

// Whether this program's kernels look up bytes.
#ifdef __AVX512VBMI__
constexpr bcr::strip_cut strips = bcr::strip_cut::looked_up;
#else
constexpr bcr::strip_cut strips = bcr::strip_cut::automatic;
#endif

template <class Block>
bcr::pattern<Block> existing_pattern(const block_mask& mask, std::size_t m, std::size_t k) {
  auto made = pattern_of<Block>(mask, m, k);
  if (!made) std::fprintf(stderr, "%s\n", made.message()), std::exit(1);
  return std::move(*made);
}

// What a kernel reads: of weights in both layouts, one of them.
template <class W, class Block, bcr::blob_layout Layout>
packed_size size_of(const bcr::packed_weights<W, Block, Layout>& packed, bool on_bands) {
  const auto& bands = packed.bands();
  const auto& panels = packed.panels();
  const std::size_t read =
      on_bands ? bands.bands.size_bytes() + bands.runs.size_bytes() + bands.indices.size_bytes() +
                     bands.weights.size_bytes() + bands.scales.size_bytes() + bands.sums.size_bytes()
               : panels.groups.size_bytes() + panels.panels.size_bytes() + panels.segments.size_bytes() +
                     panels.column_index.size_bytes() + panels.row_index.size_bytes() + panels.weights.size_bytes();
  return {packed.kept() * sizeof(W), read};
}

bcr::thread_pool threads_for(int count) {
  auto made = bcr::thread_pool::create(static_cast<std::size_t>(count));
  if (!made) std::fprintf(stderr, "%s\n", made.message()), std::exit(1);
  return std::move(*made);
}

template <class Block, class W>
class bcr_gemv final : public gemv_subject {
 public:
  explicit bcr_gemv(const block_mask& mask) : mask_(mask) {}

  std::string name() const override { return plan_->kernel_name(); }
  packed_size size() const override { return size_of(*packed_, true); }

  std::string prepare(const problem& p) override {
    bind(p);
    auto packed = bcr::pack<W, bcr::blob_layout::bands>(existing_pattern<Block>(mask_, p.m, p.k), {p.w, p.m, p.k},
                                                        {.strips = strips});
    if (!packed) return packed.message();
    packed_.emplace(std::move(*packed));
    auto plan = linear_plan::create(*packed_, {.tokens = 1, .threads = static_cast<std::size_t>(p.threads)});
    if (!plan) return plan.message();
    plan_.emplace(std::move(*plan));
    pool_.emplace(threads_for(p.threads));
    workspace_.resize(plan_->workspace_bytes());
    return {};
  }
  void run() override {
    const bcr::status done = plan_->run({p_.b, 1, p_.k}, {c_.data(), 1, p_.m}, workspace_, {}, *pool_);
    if (!done) c_[0] = std::numeric_limits<float>::quiet_NaN();  // no right result: the check will see it
  }

 private:
  using linear_plan = bcr::linear_plan<float, bcr::epilogue::none, W>;

  const block_mask& mask_;
  std::optional<bcr::packed_weights<W, Block, bcr::blob_layout::bands>> packed_;
  std::optional<linear_plan> plan_;
  std::optional<bcr::thread_pool> pool_;
  std::vector<std::byte> workspace_;
};

template <class Block, bcr::blob_layout Layout, class W>
class bcr_cell final : public cell_subject {
 public:
  bcr_cell(const cell_problem& p, bcr::packed_cell<W, Block, Layout> cell, const bcr::cell_plan<float, W>& plan)
      : p_(p), cell_(std::move(cell)), plan_(plan), pool_(threads_for(p.threads)), workspace_(plan.workspace_bytes()) {
    h_.resize(p.batch * p.hidden);
    c_.resize(p.batch * p.hidden);
  }

  std::string name() const override { return plan_.kernel_name(); }
  packed_size size() const override {
    const bool on_bands = name().find("_t128x") != std::string::npos;
    const packed_size a = size_of(cell_.input(), on_bands), b = size_of(cell_.recurrent(), on_bands);
    return {a.weights + b.weights, a.all + b.all};
  }
  void run() override {
    const bcr::cell_state<float> state{{h_.data(), p_.batch, p_.hidden}, {c_.data(), p_.batch, p_.hidden}};
    const bcr::status done = plan_.step({p_.x, p_.batch, p_.inputs}, state, workspace_, pool_);
    if (!done) h_[0] = std::numeric_limits<float>::quiet_NaN();
  }
  std::vector<float> state() const override { return h_; }

 private:
  cell_problem p_;
  bcr::packed_cell<W, Block, Layout> cell_;
  bcr::cell_plan<float, W> plan_;
  bcr::thread_pool pool_;
  std::vector<std::byte> workspace_;
  std::vector<float> h_, c_;
};

template <class Block, bcr::blob_layout Layout, class W>
std::unique_ptr<cell_subject> make_cell(const cell_problem& p, const block_mask& input, const block_mask& recurrent) {
  const auto kept_input = existing_pattern<Block>(input, p.rows(), p.inputs);
  const auto kept_recurrent = existing_pattern<Block>(recurrent, p.rows(), p.hidden);
  const bool is_lstm = p.kind == bcr::cell_kind::lstm;
  auto cell = bcr::pack_cell<W, Block, Layout>(
      {.kind = p.kind, .order = is_lstm ? bcr::gate_order::pytorch : bcr::gate_order::onnx, .strips = strips},
      {.input = kept_input, .recurrent = kept_recurrent},
      {.input = {p.input_weights, p.rows(), p.inputs},
       .recurrent = {p.recurrent_weights, p.rows(), p.hidden},
       .input_bias = p.bias});
  if (!cell) return std::fprintf(stderr, "%s\n", cell.message()), nullptr;
  auto plan =
      bcr::cell_plan<float, W>::create(*cell, {.batch = p.batch, .threads = static_cast<std::size_t>(p.threads)});
  if (!plan) return std::fprintf(stderr, "%s\n", plan.message()), nullptr;
  return std::make_unique<bcr_cell<Block, Layout, W>>(p, std::move(*cell), *plan);
}

// Calls make(Block) for the block of that size.
template <class Make>
auto for_block(block_size size, Make&& make) -> decltype(make(bcr::block<8, 32>())) {
  if (size == block_size{8, 32}) return make(bcr::block<8, 32>());
  if (size == block_size{16, 16}) return make(bcr::block<16, 16>());
  if (size == block_size{16, 64}) return make(bcr::block<16, 64>());
  if (size == block_size{64, 64}) return make(bcr::block<64, 64>());
  return nullptr;
}

// Calls make(std::type_identity<W>) for the type of weights.
template <class Make>
auto for_weights(bcr::value_type type, Make&& make) -> decltype(make(std::type_identity<float>())) {
  switch (type) {
    case bcr::value_type::f32:
      return make(std::type_identity<float>());
    case bcr::value_type::f16:
      return make(std::type_identity<bcr::f16>());
    case bcr::value_type::bf16:
      return make(std::type_identity<bcr::bf16>());
    case bcr::value_type::i8:
      return make(std::type_identity<std::int8_t>());
    case bcr::value_type::f64:
      break;
  }
  return nullptr;
}

}  // namespace

std::unique_ptr<gemv_subject> make_gemv_subject(const block_mask& mask, bcr::value_type weights) {
  return for_block(mask.block(), [&]<class Block>(Block) {
    return for_weights(weights, [&]<class W>(std::type_identity<W>) -> std::unique_ptr<gemv_subject> {
      return std::make_unique<bcr_gemv<Block, W>>(mask);
    });
  });
}

std::unique_ptr<cell_subject> make_cell_subject(const cell_problem& p, const block_mask& input,
                                                const block_mask& recurrent, bcr::value_type weights) {
  using bcr::blob_layout;
  return for_block(input.block(), [&]<class Block>(Block) {
    return for_weights(weights, [&]<class W>(std::type_identity<W>) -> std::unique_ptr<cell_subject> {
      if constexpr (!bcr::quantised<W>) {
        if (p.batch > 1) return make_cell<Block, blob_layout::panels_and_bands, W>(p, input, recurrent);
      }
      return make_cell<Block, blob_layout::bands, W>(p, input, recurrent);
    });
  });
}

}  // namespace bench
