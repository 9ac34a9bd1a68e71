#include "conv_subject.hpp"

#include <algorithm>
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
  bcr_conv(const block_mask& mask, image_form form) : mask_(mask), form_(form) {}

  std::string name() const override {
    return plan_->kernel_name() + (form_ == image_form::nchw ? std::string() : std::string("_") + bench::name(form_));
  }

  std::string prepare(const conv_problem& p) override {
    const bcr::status done = plan(p);
    return done ? std::string() : done.message();
  }

  void run() override {
    const bcr::status done =
        plan_->run(std::span<const float>(image_.data(), in_.margins.elements(in_.shape)),
                   std::span<float>(output_.data(), out_.margins.elements(out_.shape)), workspace_, {}, *pool_);
    if (!done)
      output_[out_.margins.front] = std::numeric_limits<float>::quiet_NaN();  // no right result: the check will see it
  }

  void read(float* output) const override {
    out_.for_each_pixel([&](std::size_t plain, std::size_t own) { output[plain] = output_[own]; });
  }

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
    const bcr::window2d window{
        .kernel = {s.kernel, s.kernel}, .stride = {s.stride, s.stride}, .padding = bcr::pad_all(s.kernel / 2)};
    in_ = image({1, s.channels, s.size, s.size}, window);
    const std::size_t size = window.positions(in_.shape).height;
    out_ = image({1, s.outputs, size, size}, window);
    auto made = bcr::conv2d_plan<float>::create(*packed_, {.input = in_.shape,
                                                           .window = window,
                                                           .input_layout = in_.layout,
                                                           .output_layout = out_.layout,
                                                           .threads = threads,
                                                           .input_margins = in_.margins,
                                                           .output_margins = out_.margins});
    if (!made) return made.status();
    plan_.emplace(std::move(*made));
    image_ = floats(in_.margins.elements(in_.shape));
    output_ = floats(out_.margins.elements(out_.shape));
    std::fill(image_.begin(), image_.end(), 0.0f);
    in_.for_each_pixel([&](std::size_t plain, std::size_t own) { image_[own] = p.image[plain]; });
    auto workspace = bcr::buffer<std::byte>::allocate(plan_->workspace_bytes());
    if (!workspace) return workspace.status();
    workspace_ = std::move(*workspace);
    auto pool = bcr::thread_pool::create(threads);
    if (!pool) return pool.status();
    pool_.emplace(std::move(*pool));
    return {};
  }

  // An image as the plan has it.
  struct placed_image {
    bcr::image_shape shape;
    bcr::image_layout layout;
    bcr::channel_margins margins;

    // Calls visit(its place in an image whose pixels and channels follow each other, its place here).
    template <class Visit>
    void for_each_pixel(const Visit& visit) const {
      const std::size_t pixels = shape.pixels(), step = margins.channel_step(shape);
      for (std::size_t c = 0; c < shape.channels; ++c) {
        for (std::size_t i = 0; i < pixels; ++i) {
          const bool pixels_last = layout == bcr::image_layout::nchw;
          visit(c * pixels + i, pixels_last ? margins.front + c * step + i : i * shape.channels + c);
        }
      }
    }
  };
  placed_image image(const bcr::image_shape& shape, const bcr::window2d& window) const {
    return {shape, form_ == image_form::nhwc ? bcr::image_layout::nhwc : bcr::image_layout::nchw,
            form_ == image_form::margins ? bcr::margins_for(shape, window) : bcr::channel_margins{}};
  }

  const block_mask& mask_;
  image_form form_;
  placed_image in_ = {}, out_ = {};
  std::optional<bcr::packed_weights<float, Block>> packed_;
  std::optional<bcr::conv2d_plan<float>> plan_;
  bcr::buffer<float> image_, output_;
  bcr::buffer<std::byte> workspace_;
  std::optional<bcr::thread_pool> pool_;
};

}  // namespace

std::unique_ptr<conv_contender> make_conv_subject(const block_mask& mask, image_form form) {
  const block_size block = mask.block();
  if (block == block_size{8, 16}) return std::make_unique<bcr_conv<bcr::block<8, 16>>>(mask, form);
  if (block == block_size{16, 64}) return std::make_unique<bcr_conv<bcr::block<16, 64>>>(mask, form);
  return nullptr;
}

}  // namespace bench
