// Whole networks by oneDNN: a primitive for each layer, with activations and residuals as post-ops, in whatever layouts
// it likes best.
#include <cstddef>
#include <oneapi/dnnl/dnnl.hpp>
#include <optional>
#include <unordered_map>

#include "networks/model.hpp"
#include "peers/onednn_memory.hpp"

namespace bench {
namespace {

using bcr::net::operation;
using dnnl::memory;
using tag = memory::format_tag;

memory::dim dim(std::size_t n) { return static_cast<memory::dim>(n); }
memory::dims dims(const bcr::image_shape& s) { return {1, dim(s.channels), dim(s.height), dim(s.width)}; }
memory::desc described(const memory::dims& extents, tag layout) { return {extents, memory::data_type::f32, layout}; }

class onednn_network final : public network_contender {
 public:
  onednn_network(std::span<const network_layer> layers, onednn_algorithm how) : layers_(layers), how_(how) {
    input_ = memory(described(dims(layers[0].input), tag::nchw), engine_);
    for (std::size_t i = 0; i < layers.size(); ++i) {
      const network_layer& l = layers[i];
      switch (l.kind) {
        case operation::convolution:
          convolve(i, l);
          break;
        case operation::linear:
          multiply(i, l);
          break;
        case operation::max_pool:
          pool(l, dnnl::algorithm::pooling_max, l.window);
          break;
        case operation::global_average:
          pool(l, dnnl::algorithm::pooling_avg_exclude_padding, {.kernel = {l.input.height, l.input.width}});
          break;
        default:
          supported_ = false;
          return;
      }
    }
    output_ = as(results_.back(), described({1, dim(layers.back().output.channels)}, tag::nc));
  }

  bool supported() const { return supported_; }

  bool run(std::span<const float> input, std::span<float> output) override {
    std::memcpy(input_.get_data_handle(), input.data(), input.size_bytes());
    for (const auto& [primitive, arguments] : steps_) primitive.execute(stream_, arguments);
    stream_.wait();
    std::memcpy(output.data(), output_.get_data_handle(), output.size_bytes());
    return true;
  }

 private:
  struct step {
    dnnl::primitive primitive;
    std::unordered_map<int, memory> arguments;
  };

  memory result(int number) const { return number < 0 ? input_ : results_[static_cast<std::size_t>(number)]; }

  // The same in another layout, by a step where it is not there already.
  memory as(const memory& from, const memory::desc& wanted) {
    if (from.get_desc() == wanted) return from;
    memory to(wanted, engine_);
    steps_.push_back({dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}}});
    return to;
  }

  static dnnl::primitive_attr attributes_of(const network_layer& l) {
    dnnl::post_ops after;
    if (l.residual != -2) after.append_sum(1);
    if (l.activation == bcr::net::function::relu) after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
    if (l.activation == bcr::net::function::relu6) after.append_eltwise(1, dnnl::algorithm::eltwise_clip, 0, 6);
    dnnl::primitive_attr made;
    made.set_post_ops(after);
    return made;
  }

  // What is added lies where the sum will: in its own place, if nobody wants it after layer `number`.
  memory target(std::size_t number, const network_layer& l, const memory::desc& wanted) {
    if (l.residual == -2) return memory(wanted, engine_);
    bool wanted_later = false;
    for (const network_layer& later : layers_.subspan(number + 1)) {
      for (const int i : later.inputs) wanted_later |= i == l.residual;
      wanted_later |= later.residual == l.residual;
    }
    const memory added = as(result(l.residual), wanted);
    if (added.get_desc() != result(l.residual).get_desc() || !wanted_later) return added;
    memory copy(wanted, engine_);
    steps_.push_back({dnnl::reorder(added, copy), {{DNNL_ARG_FROM, added}, {DNNL_ARG_TO, copy}}});
    return copy;
  }

  template <class Primitive, class Desc>
  void add(std::size_t number, const network_layer& l, const Desc& made, const memory::desc& weights) {
    const memory from = as(result(l.inputs[0]), made.src_desc());
    const memory to = target(number, l, made.dst_desc());
    const memory::desc bias = described({dim(l.output.channels)}, tag::x);
    steps_.push_back({Primitive(made),
                      {{DNNL_ARG_SRC, from},
                       {DNNL_ARG_WEIGHTS, onednn_memory(engine_, made.weights_desc(), weights, l.loaded.dense.data())},
                       {DNNL_ARG_BIAS, onednn_memory(engine_, bias, bias, l.loaded.bias.data())},
                       {DNNL_ARG_DST, to}}});
    results_.push_back(to);
  }

  static dnnl::algorithm algorithm_of(onednn_algorithm how) {
    if (how == onednn_algorithm::automatic) return dnnl::algorithm::convolution_auto;
    return how == onednn_algorithm::winograd ? dnnl::algorithm::convolution_winograd
                                             : dnnl::algorithm::convolution_direct;
  }

  void convolve(std::size_t number, const network_layer& l) {
    const bool grouped = l.groups != 1;
    const std::size_t channels = l.input.channels / l.groups, outputs = l.output.channels / l.groups;
    memory::dims weights{dim(outputs), dim(channels), dim(l.window.kernel.height), dim(l.window.kernel.width)};
    if (grouped) weights.insert(weights.begin(), dim(l.groups));
    const bcr::padding2d& p = l.window.padding;
    const memory::dims strides{dim(l.window.stride.height), dim(l.window.stride.width)};
    const auto made = [&](onednn_algorithm how) {
      const dnnl::convolution_forward::desc what(
          dnnl::prop_kind::forward_inference, algorithm_of(how), described(dims(l.input), tag::any),
          described(weights, tag::any), described({dim(l.output.channels)}, tag::x),
          described(dims(l.output), tag::any), strides, {dim(p.top), dim(p.left)}, {dim(p.bottom), dim(p.right)});
      return dnnl::convolution_forward::primitive_desc(what, attributes_of(l), engine_, true);
    };
    dnnl::convolution_forward::primitive_desc found = made(how_);
    if (!found) found = made(onednn_algorithm::direct);
    add<dnnl::convolution_forward>(number, l, found, described(weights, grouped ? tag::goihw : tag::oihw));
  }

  void multiply(std::size_t number, const network_layer& l) {
    const memory::dims weights{dim(l.output.channels), dim(l.input.channels), dim(l.input.height), dim(l.input.width)};
    const memory::dims flat{dim(l.output.channels), dim(l.input.channels)};
    const bool image = result(l.inputs[0]).get_desc().dims().size() == 4;
    const dnnl::inner_product_forward::desc what(
        dnnl::prop_kind::forward_inference,
        image ? described(dims(l.input), tag::any) : described({1, flat[1]}, tag::any),
        described(image ? weights : flat, tag::any), described({dim(l.output.channels)}, tag::x),
        described({1, dim(l.output.channels)}, tag::any));
    add<dnnl::inner_product_forward>(number, l,
                                     dnnl::inner_product_forward::primitive_desc(what, attributes_of(l), engine_),
                                     described(image ? weights : flat, image ? tag::oihw : tag::oi));
  }

  void pool(const network_layer& l, dnnl::algorithm how, const bcr::window2d& w) {
    const memory from = result(l.inputs[0]);
    const dnnl::pooling_forward::desc what(
        dnnl::prop_kind::forward_inference, how, from.get_desc(), described(dims(l.output), tag::any),
        {dim(w.stride.height), dim(w.stride.width)}, {dim(w.kernel.height), dim(w.kernel.width)},
        {dim(w.padding.top), dim(w.padding.left)}, {dim(w.padding.bottom), dim(w.padding.right)});
    const dnnl::pooling_forward::primitive_desc made(what, engine_);
    results_.push_back(memory(made.dst_desc(), engine_));
    steps_.push_back({dnnl::pooling_forward(made), {{DNNL_ARG_SRC, from}, {DNNL_ARG_DST, results_.back()}}});
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  std::span<const network_layer> layers_;
  onednn_algorithm how_;
  bool supported_ = true;
  memory input_, output_;
  std::vector<memory> results_;
  std::vector<step> steps_;
};

}  // namespace

std::unique_ptr<network_contender> make_onednn_network(std::span<const network_layer> layers, onednn_algorithm how) {
  auto made = std::make_unique<onednn_network>(layers, how);
  return made->supported() ? std::move(made) : nullptr;
}

}  // namespace bench
