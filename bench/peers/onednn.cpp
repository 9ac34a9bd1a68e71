// oneDNN (2.x and 3.x), four ways: matmul on activations stored token by token with the weights packed as the library
// likes them, matmul on W and B as they are, and the same product as an inner product and as a 1x1 convolution with
// every layout left to the library. All are the same four steps, so one class holds them and each way only fills it.
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "peers/onednn_memory.hpp"
#include "peers/peers.hpp"

namespace bench {
namespace {

using dnnl::memory;
using tag = memory::format_tag;

memory::desc matrix(memory::dims extents, tag layout) { return {std::move(extents), memory::data_type::f32, layout}; }

// What one way of calling needs: the primitive, and how its three arrays and their plain forms are laid out.
struct recipe {
  dnnl::primitive primitive;
  memory::desc source, weights, target;                    // as the primitive wants them
  memory::desc plain_source, plain_weights, plain_target;  // as views of row-major B, W and C
};

#if DNNL_VERSION_MAJOR >= 3
template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine, const Arguments&... arguments) {
  return {engine, arguments...};
}
#else
template <class Primitive, class... Arguments>
typename Primitive::primitive_desc describe(const dnnl::engine& engine, const Arguments&... arguments) {
  return {typename Primitive::desc(arguments...), engine};
}
#endif

recipe matmul_packed(const dnnl::engine& engine, memory::dim m, memory::dim n, memory::dim k) {
  const auto d =
      describe<dnnl::matmul>(engine, matrix({n, k}, tag::ab), matrix({k, m}, tag::any), matrix({n, m}, tag::ab));
  return {dnnl::matmul(d),         d.src_desc(),           d.weights_desc(), d.dst_desc(), matrix({n, k}, tag::ba),
          matrix({k, m}, tag::ba), matrix({n, m}, tag::ba)};
}

recipe matmul_plain(const dnnl::engine& engine, memory::dim m, memory::dim n, memory::dim k) {
  // Here W is what oneDNN calls the source, and B its weights; `fill` below knows nothing of that.
  const auto w = matrix({m, k}, tag::ab), b = matrix({k, n}, tag::ab), c = matrix({m, n}, tag::ab);
  const auto d = describe<dnnl::matmul>(engine, w, b, c);
  return {dnnl::matmul(d), w, b, c, w, b, c};
}

recipe inner_product(const dnnl::engine& engine, memory::dim m, memory::dim n, memory::dim k) {
  const auto d =
      describe<dnnl::inner_product_forward>(engine, dnnl::prop_kind::forward_inference, matrix({n, k}, tag::any),
                                            matrix({m, k}, tag::any), matrix({n, m}, tag::any));
  return {
      dnnl::inner_product_forward(d), d.src_desc(),           d.weights_desc(), d.dst_desc(), matrix({n, k}, tag::ba),
      matrix({m, k}, tag::ab),        matrix({n, m}, tag::ba)};
}

recipe convolution(const dnnl::engine& engine, memory::dim m, memory::dim n, memory::dim k) {
  const memory::dims one{1, 1}, none{0, 0};
  const auto d = describe<dnnl::convolution_forward>(
      engine, dnnl::prop_kind::forward_inference, dnnl::algorithm::convolution_direct, matrix({1, k, 1, n}, tag::any),
      matrix({m, k, 1, 1}, tag::any), matrix({1, m, 1, n}, tag::any), one, none, none);
  return {dnnl::convolution_forward(d),
          d.src_desc(),
          d.weights_desc(),
          d.dst_desc(),
          matrix({1, k, 1, n}, tag::nchw),
          matrix({m, k, 1, 1}, tag::oihw),
          matrix({1, m, 1, n}, tag::nchw)};
}

using recipe_maker = recipe (*)(const dnnl::engine&, memory::dim, memory::dim, memory::dim);

class onednn_contender final : public contender {
 public:
  onednn_contender(const char* name, recipe_maker maker, bool weights_first)
      : name_(name), maker_(maker), weights_first_(weights_first) {}

  std::string name() const override { return name_; }

  std::string prepare(const problem& p) override {
    omp_set_num_threads(p.threads);
    threads_ = p.threads;
    try {
      r_ = maker_(engine_, static_cast<memory::dim>(p.m), static_cast<memory::dim>(p.n), static_cast<memory::dim>(p.k));
      target_ = memory(r_.target, engine_);
      arguments_ = {
          {DNNL_ARG_SRC, onednn_memory(engine_, r_.source, r_.plain_source, weights_first_ ? p.w : p.b)},
          {DNNL_ARG_WEIGHTS, onednn_memory(engine_, r_.weights, r_.plain_weights, weights_first_ ? p.b : p.w)},
          {DNNL_ARG_DST, target_}};
    } catch (const dnnl::error& e) {
      return std::string("oneDNN says: ") + e.what();
    }
    return {};
  }

  void run() override {
    omp_set_num_threads(threads_);
    r_.primitive.execute(stream_, arguments_);
    stream_.wait();
  }

  void read(float* c) const override { onednn_read(engine_, target_, r_.plain_target, c); }

 private:
  const char* name_;
  recipe_maker maker_;
  bool weights_first_;
  int threads_ = 1;
  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  recipe r_;
  memory target_;
  std::unordered_map<int, memory> arguments_;
};

}  // namespace

std::unique_ptr<contender> make_onednn_matmul_packed() {
  return std::make_unique<onednn_contender>("onednn_matmul_packed", matmul_packed, false);
}
std::unique_ptr<contender> make_onednn_matmul_plain() {
  return std::make_unique<onednn_contender>("onednn_matmul_plain", matmul_plain, true);
}
std::unique_ptr<contender> make_onednn_inner_product() {
  return std::make_unique<onednn_contender>("onednn_inner_product", inner_product, false);
}
std::unique_ptr<contender> make_onednn_convolution() {
  return std::make_unique<onednn_contender>("onednn_convolution_1x1", convolution, false);
}

}  // namespace bench
