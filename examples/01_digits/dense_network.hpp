// The dense network on oneDNN, at its best: weights packed beforehand, bias and ReLU fused.
#pragma once

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>
#include <vector>

#include "network.hpp"

// Activations are images x features, so each layer is Y = relu(X W^T + b).
class dense_network {
  using memory = dnnl::memory;
  using tag = memory::format_tag;

 public:
  dense_network(const network& layers, std::size_t images) : images_(static_cast<memory::dim>(images)) {
    omp_set_num_threads(1);
    for (const layer& l : layers) {
      activations_.emplace_back(images * l.outputs);
      weight_bytes_ += l.weights.size() * sizeof(float);
      add_step(l, &l != &layers.back(), &l == &layers.front() ? nullptr : activations_.end()[-2].data());
    }
  }

  // `pixels` is images x 64; what comes back, images x 10, stays valid until the next call.
  const std::vector<float>& run(const float* pixels) {
    steps_[0].arguments.at(DNNL_ARG_SRC).set_data_handle(const_cast<float*>(pixels));  // only ever read
    for (const step& s : steps_) s.primitive.execute(stream_, s.arguments);
    stream_.wait();
    return activations_.back();
  }

  std::size_t weight_bytes() const { return weight_bytes_; }

 private:
  struct step {
    dnnl::inner_product_forward primitive;
    std::unordered_map<int, memory> arguments;
  };

  // Appends a layer that reads `source` and writes the last of the activations.
  void add_step(const layer& l, bool relu, float* source) {
    const auto m = static_cast<memory::dim>(l.outputs), k = static_cast<memory::dim>(l.inputs);
    const auto describe = [](memory::dims extents, tag layout) {
      return memory::desc(std::move(extents), memory::data_type::f32, layout);
    };
    const memory::desc x = describe({images_, k}, tag::ab), y = describe({images_, m}, tag::ab);
    const memory::desc w = describe({m, k}, tag::any), b = describe({m}, tag::a);
    dnnl::post_ops after;
#if DNNL_VERSION_MAJOR >= 3
    if (relu) after.append_eltwise(dnnl::algorithm::eltwise_relu, 0, 0);
#else
    if (relu) after.append_eltwise(1, dnnl::algorithm::eltwise_relu, 0, 0);
#endif
    dnnl::primitive_attr attributes;
    attributes.set_post_ops(after);
    constexpr auto inference = dnnl::prop_kind::forward_inference;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl::inner_product_forward::primitive_desc best(engine_, inference, x, w, b, y, attributes);
#else
    const dnnl::inner_product_forward::primitive_desc best({inference, x, w, b, y}, attributes, engine_);
#endif
    memory plain(describe({m, k}, tag::ab), engine_, const_cast<float*>(l.weights.data()));
    memory packed(best.weights_desc(), engine_);
    dnnl::reorder(plain, packed).execute(stream_, plain, packed);
    steps_.push_back({dnnl::inner_product_forward(best),
                      {{DNNL_ARG_SRC, memory(x, engine_, source)},
                       {DNNL_ARG_WEIGHTS, packed},
                       {DNNL_ARG_BIAS, memory(b, engine_, const_cast<float*>(l.bias.data()))},
                       {DNNL_ARG_DST, memory(y, engine_, activations_.back().data())}}});
  }

  dnnl::engine engine_{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream_{engine_};
  memory::dim images_;
  std::size_t weight_bytes_ = 0;
  std::vector<std::vector<float>> activations_;
  std::vector<step> steps_;
};
