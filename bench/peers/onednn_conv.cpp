// oneDNN's convolutions (2.x and 3.x), direct and by Winograd's algorithm, with every layout left to the library.
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "conv_contender.hpp"
#include "peers/onednn_memory.hpp"

namespace bench {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

memory::desc tensor(memory::dims extents, tag layout) { return {std::move(extents), memory::data_type::f32, layout}; }

class onednn_conv final : public conv_contender {
 public:
  onednn_conv(const char* name, dnnl::algorithm how) : name_(name), how_(how) {}

  std::string name() const override { return name_; }

  std::string prepare(const conv_problem& p) override {
    threads_ = p.product.threads;
    omp_set_num_threads(threads_);
    const shapes::conv& s = p.shape;
    const auto number = [](std::size_t n) { return static_cast<memory::dim>(n); };
    const memory::dim out = number(output_size(s)), size = number(s.size), kernel = number(s.kernel);
    const memory::dims source{1, number(s.channels), size, size}, target{1, number(s.outputs), out, out};
    const memory::dims weights{number(s.outputs), number(s.channels), kernel, kernel};
    const memory::dims stride{number(s.stride), number(s.stride)}, before{kernel / 2, kernel / 2};
    const memory::dim behind = (out - 1) * stride[0] + kernel - size - before[0];
    try {
      const auto d = describe(tensor(source, tag::any), tensor(weights, tag::any), tensor(target, tag::any), stride,
                              before, {behind, behind});
      convolution_ = dnnl::convolution_forward(d);
      target_ = memory(d.dst_desc(), engine_);
      plain_target_ = tensor(target, tag::nchw);
      arguments_ = {
          {DNNL_ARG_SRC, onednn_memory(engine_, d.src_desc(), tensor(source, tag::nchw), p.image)},
          {DNNL_ARG_WEIGHTS, onednn_memory(engine_, d.weights_desc(), tensor(weights, tag::oihw), p.product.w)},
          {DNNL_ARG_DST, target_}};
    } catch (const dnnl::error& e) {
      return std::string("oneDNN says: ") + e.what();
    }
    return {};
  }

  void run() override {
    omp_set_num_threads(threads_);
    convolution_.execute(stream_, arguments_);
    stream_.wait();
  }

  void read(float* output) const override { onednn_read(engine_, target_, plain_target_, output); }

 private:
  dnnl::convolution_forward::primitive_desc describe(const memory::desc& source, const memory::desc& weights,
                                                     const memory::desc& target, const memory::dims& stride,
                                                     const memory::dims& before, const memory::dims& behind) const {
    constexpr auto kind = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    return {engine_, kind, how_, source, weights, target, stride, before, behind};
#else
    return {{kind, how_, source, weights, target, stride, before, behind}, engine_};
#endif
  }

  const char* name_;
  dnnl::algorithm how_;
  int threads_ = 1;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  dnnl::convolution_forward convolution_;
  memory target_;
  memory::desc plain_target_;
  std::unordered_map<int, memory> arguments_;
};

}  // namespace

std::unique_ptr<conv_contender> make_onednn_direct() {
  return std::make_unique<onednn_conv>("onednn_direct", dnnl::algorithm::convolution_direct);
}
std::unique_ptr<conv_contender> make_onednn_winograd() {
  return std::make_unique<onednn_conv>("onednn_winograd", dnnl::algorithm::convolution_winograd);
}

}  // namespace bench
