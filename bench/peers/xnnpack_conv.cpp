// XNNPACK's dense convolution, whose channels lie beside each other.
#include <xnnpack.h>

#include <limits>

#include "conv_contender.hpp"

namespace bench {
namespace {

class xnnpack_conv final : public conv_contender {
 public:
  ~xnnpack_conv() override {
    if (operator_ != nullptr) xnn_delete_operator(operator_);
    if (pool_ != nullptr) pthreadpool_destroy(pool_);
  }

  std::string name() const override { return "xnnpack_dense"; }

  std::string prepare(const conv_problem& p) override {
    if (xnn_initialize(nullptr) != xnn_status_success) return "XNNPACK does not start on this machine.";
    if (p.product.threads > 1) pool_ = pthreadpool_create(static_cast<std::size_t>(p.product.threads));
    const shapes::conv& s = shape_ = p.shape;
    const std::size_t taps = s.kernel * s.kernel, pixels = s.size * s.size;
    bcr::buffer<float> weights = floats(s.outputs * s.channels * taps);
    turn(p.product.w, s.outputs, s.channels, taps, weights.data());
    image_ = floats(s.channels * pixels);
    turn(p.image, 1, s.channels, pixels, image_.data());
    output_ = floats(s.outputs * output_size(s) * output_size(s));
    constexpr float infinity = std::numeric_limits<float>::infinity();
    const auto number = [](std::size_t n) { return static_cast<std::uint32_t>(n); };
    const std::uint32_t before = number(s.kernel / 2), kernel = number(s.kernel), stride = number(s.stride);
    const xnn_status made = xnn_create_convolution2d_nhwc_f32(
        before, before, before, before, kernel, kernel, stride, stride, 1, 1, 1, s.channels, s.outputs, s.channels,
        s.outputs, weights.data(), nullptr, -infinity, infinity, 0, &operator_);
    if (made != xnn_status_success) return "XNNPACK fails with status " + std::to_string(made) + ".";
    const xnn_status ready =
        xnn_setup_convolution2d_nhwc_f32(operator_, 1, s.size, s.size, image_.data(), output_.data(), pool_);
    return ready == xnn_status_success ? std::string() : "XNNPACK fails with status " + std::to_string(ready) + ".";
  }

  void run() override { xnn_run_operator(operator_, pool_); }

  void read(float* output) const override {
    turn(output_.data(), 1, output_size(shape_) * output_size(shape_), shape_.outputs, output);
  }

 private:
  // The matrices of `rows` x `columns` that `from` is made of, each turned.
  static void turn(const float* from, std::size_t matrices, std::size_t rows, std::size_t columns, float* to) {
    for (std::size_t m = 0; m < matrices; ++m, from += rows * columns, to += rows * columns) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
      }
    }
  }

  shapes::conv shape_{};
  bcr::buffer<float> image_, output_;
  xnn_operator_t operator_ = nullptr;
  pthreadpool_t pool_ = nullptr;
};

}  // namespace

std::unique_ptr<conv_contender> make_xnnpack_dense() { return std::make_unique<xnnpack_conv>(); }

}  // namespace bench
