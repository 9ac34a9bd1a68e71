// XNNPACK's convolutions: the dense one, whose channels lie beside each other, and the sparse one of 1 x 1, whose
// planes are apart, and which this version has on every processor.
#include <xnnpack.h>

#include <algorithm>
#include <limits>

#include "conv_contender.hpp"

namespace bench {
namespace {

constexpr float infinity = std::numeric_limits<float>::infinity();

std::uint32_t number(std::size_t n) { return static_cast<std::uint32_t>(n); }

std::string sentence_of(xnn_status s) {
  return s == xnn_status_success ? std::string() : "XNNPACK fails with status " + std::to_string(s) + ".";
}

class xnnpack_conv : public conv_contender {
 public:
  ~xnnpack_conv() override {
    if (operator_ != nullptr) xnn_delete_operator(operator_);
    if (pool_ != nullptr) pthreadpool_destroy(pool_);
  }

  std::string prepare(const conv_problem& p) final {
    if (xnn_initialize(nullptr) != xnn_status_success) return "XNNPACK does not start on this machine.";
    if (p.product.threads > 1) pool_ = pthreadpool_create(static_cast<std::size_t>(p.product.threads));
    shape_ = p.shape;
    image_ = floats(shape_.channels * shape_.size * shape_.size);
    output_ = floats(shape_.outputs * output_size(shape_) * output_size(shape_));
    return create(p);
  }

  void run() final { xnn_run_operator(operator_, pool_); }

 protected:
  virtual std::string create(const conv_problem&) = 0;

  shapes::conv shape_{};
  bcr::buffer<float> image_, output_;
  xnn_operator_t operator_ = nullptr;
  pthreadpool_t pool_ = nullptr;
};

class xnnpack_dense final : public xnnpack_conv {
 public:
  std::string name() const override { return "xnnpack_dense"; }

  void read(float* output) const override {
    turn(output_.data(), 1, output_size(shape_) * output_size(shape_), shape_.outputs, output);
  }

 private:
  std::string create(const conv_problem& p) override {
    const shapes::conv& s = shape_;
    const std::size_t taps = s.kernel * s.kernel;
    bcr::buffer<float> weights = floats(s.outputs * s.channels * taps);
    turn(p.product.w, s.outputs, s.channels, taps, weights.data());
    turn(p.image, 1, s.channels, s.size * s.size, image_.data());
    const std::uint32_t before = number(s.kernel / 2), kernel = number(s.kernel), stride = number(s.stride);
    const xnn_status made = xnn_create_convolution2d_nhwc_f32(
        before, before, before, before, kernel, kernel, stride, stride, 1, 1, 1, s.channels, s.outputs, s.channels,
        s.outputs, weights.data(), nullptr, -infinity, infinity, 0, &operator_);
    if (made != xnn_status_success) return sentence_of(made);
    return sentence_of(
        xnn_setup_convolution2d_nhwc_f32(operator_, 1, s.size, s.size, image_.data(), output_.data(), pool_));
  }

  // The matrices of `rows` x `columns` that `from` is made of, each turned.
  static void turn(const float* from, std::size_t matrices, std::size_t rows, std::size_t columns, float* to) {
    for (std::size_t m = 0; m < matrices; ++m, from += rows * columns, to += rows * columns) {
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) to[j * rows + i] = from[i * columns + j];
      }
    }
  }
};

class xnnpack_sparse final : public xnnpack_conv {
 public:
  std::string name() const override { return "xnnpack_sparse"; }

  void read(float* output) const override {
    std::copy_n(output_.data(), shape_.outputs * shape_.size * shape_.size, output);
  }

 private:
  std::string create(const conv_problem& p) override {
    const shapes::conv& s = shape_;
    if (s.kernel != 1 || s.stride != 1) return "XNNPACK has sparse convolutions of 1 x 1 only.";
    const std::size_t pixels = s.size * s.size;
    std::copy_n(p.image, s.channels * pixels, image_.data());
    const xnn_status made =
        xnn_create_convolution2d_nchw_f32(0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, s.channels, s.outputs, s.channels, s.outputs,
                                          p.product.w, nullptr, -infinity, infinity, 0, &operator_);
    if (made != xnn_status_success) return sentence_of(made);
    return sentence_of(
        xnn_setup_convolution2d_nchw_f32(operator_, 1, s.size, s.size, image_.data(), output_.data(), pool_));
  }
};

}  // namespace

std::unique_ptr<conv_contender> make_xnnpack_dense() { return std::make_unique<xnnpack_dense>(); }
std::unique_ptr<conv_contender> make_xnnpack_sparse_conv() { return std::make_unique<xnnpack_sparse>(); }

}  // namespace bench
