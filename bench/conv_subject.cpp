#include "conv_subject.hpp"

#include <bcr/bcr.hpp>
#include <bcr/core/executor_thread.hpp>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include "pattern_of.hpp"

namespace bench {
namespace {

template <class Block>
class bcr_conv final : public conv_contender {
 public:
  bcr_conv(const block_mask& mask, bcr::image_layout layout) : mask_(mask), layout_(layout) {}

  std::string name() const override {
    return plan_->kernel_name() + std::string(layout_ == bcr::image_layout::nhwc ? "_nhwc" : "");
  }

  std::string prepare(const conv_problem& p) override {
    const bcr::status done = plan(p);
    return done ? std::string() : done.message();
  }

  void run() override {
    const bcr::status done =
        plan_->run(std::span<const float>(image_.data(), pixels_in_ * channels_),
                   std::span<float>(output_.data(), pixels_out_ * outputs_), workspace_, {}, *pool_);
    if (!done) output_[0] = std::numeric_limits<float>::quiet_NaN();  // no right result: the check will see it
  }

  void read(float* output) const override { copy(output_.data(), outputs_, pixels_out_, output, false); }

 private:
  bcr::status plan(const conv_problem& p) {
    const shapes::conv& s = p.shape;
    auto pattern = pattern_of<Block>(mask_, p.product.m, p.product.k);
    if (!pattern) return pattern.status();
    auto packed = bcr::pack<float>(*pattern, bcr::matrix_view<const float>(p.product.w, p.product.m, p.product.k),
                                   {.kernel_width = s.kernel});
    if (!packed) return packed.status();
    packed_.emplace(std::move(*packed));
    const auto threads = static_cast<std::size_t>(p.product.threads);
    auto made = bcr::conv2d_plan<float>::create(*packed_, {.input = {1, s.channels, s.size, s.size},
                                                           .window = {.kernel = {s.kernel, s.kernel},
                                                                      .stride = {s.stride, s.stride},
                                                                      .padding = bcr::pad_all(s.kernel / 2)},
                                                           .input_layout = layout_,
                                                           .output_layout = layout_,
                                                           .threads = threads});
    if (!made) return made.status();
    plan_.emplace(std::move(*made));
    channels_ = s.channels;
    outputs_ = s.outputs;
    pixels_in_ = s.size * s.size;
    pixels_out_ = plan_->output_shape().pixels();
    image_ = floats(channels_ * pixels_in_);
    output_ = floats(outputs_ * pixels_out_);
    copy(p.image, channels_, pixels_in_, image_.data(), true);
    auto workspace = bcr::buffer<std::byte>::allocate(plan_->workspace_bytes());
    if (!workspace) return workspace.status();
    workspace_ = std::move(*workspace);
    auto pool = bcr::thread_pool::create(threads);
    if (!pool) return pool.status();
    pool_.emplace(std::move(*pool));
    return {};
  }

  // Between an image whose pixels lie beside each other and one in the layout of the plan.
  void copy(const float* from, std::size_t channels, std::size_t pixels, float* to, bool into) const {
    const bool same = layout_ == bcr::image_layout::nchw;
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t i = 0; i < pixels; ++i) {
        const std::size_t plain = c * pixels + i, own = same ? plain : i * channels + c;
        to[into ? own : plain] = from[into ? plain : own];
      }
    }
  }

  const block_mask& mask_;
  bcr::image_layout layout_;
  std::optional<bcr::packed_weights<float, Block>> packed_;
  std::optional<bcr::conv2d_plan<float>> plan_;
  std::size_t channels_ = 0, outputs_ = 0, pixels_in_ = 0, pixels_out_ = 0;
  bcr::buffer<float> image_, output_;
  bcr::buffer<std::byte> workspace_;
  std::optional<bcr::thread_pool> pool_;
};

}  // namespace

std::unique_ptr<conv_contender> make_conv_subject(const block_mask& mask, bcr::image_layout layout) {
  const block_size block = mask.block();
  if (block == block_size{8, 16}) return std::make_unique<bcr_conv<bcr::block<8, 16>>>(mask, layout);
  if (block == block_size{16, 64}) return std::make_unique<bcr_conv<bcr::block<16, 64>>>(mask, layout);
  return nullptr;
}

}  // namespace bench
